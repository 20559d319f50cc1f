"""Where a simulated round's time goes: every handler of every agent under a stopwatch, the bus being what is left."""

import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bus.agent import DEFER, Agent, Answer, Handler
from bus.config import Settings
from bus.errors import Fatal
from bus.footprint import calm_collector
from bus.keys import make_keys
from bus.message import Message
from bus.messages import DecisionRequest, DecisionResponse
from bus.simulation import Simulation
from research.firm import build_agent, simulate
from research.sessions import make_sessions

BUS: Final = "bus"
_SEAT: Final = "seat"
_INPUTS: Final = 250
_WARM_CALLS: Final = 100
"""Answers of each seat that are not counted: kernels load, caches fill."""


class Spent(NamedTuple):
    """What an agent, or the bus, spends on one kind of message; times are of a round's share and of a median call."""

    agent: str
    kind: str
    calls_a_round: float
    call_us: float
    round_us: float


class Watched(NamedTuple):
    """A run under the stopwatch: rounds a second with it on, what each part took, the median answer of each seat."""

    rounds_per_s: float
    spent: list[Spent]
    decide_us: dict[str, float]


class Stage(NamedTuple):
    """A firm on its simulated bus."""

    agents: dict[str, Agent]
    simulation: Simulation

    def run(self) -> int:
        """Run until the market has nothing more to show; return the rounds."""
        market = self.agents["market"]
        while not market.report()["done"]:
            if not self.simulation.run(most=_INPUTS):
                raise Fatal(f"the simulated firm fell silent before the data ended: {market.report()}")
        return int(market.report()["concluded"])


class Stopwatch:
    """Notes how long each call of a watched agent's handlers takes."""

    def __init__(self, agents: Iterable[Agent]) -> None:
        self.calls_s: dict[tuple[str, str], list[float]] = {}
        self.answers_s: dict[str, list[float]] = {}
        for agent in agents:
            timed = {kind: self._timed(agent.name, kind, handler) for kind, handler in agent.handlers.items()}
            vars(agent)["handlers"] = timed

    def _timed(self, agent: str, kind: type[Message], handler: Handler) -> Handler:
        calls = self.calls_s.setdefault((agent, kind.KIND), [])
        answers = self.answers_s.setdefault(agent, []) if kind is DecisionRequest else None

        def call(owner: Agent, message: Message) -> Answer:
            started = time.perf_counter()
            answer = handler(owner, message)
            elapsed = time.perf_counter() - started
            if answer is not DEFER:
                calls.append(elapsed)
                if answers is not None and type(answer) is DecisionResponse and answer.belief is not None:
                    answers.append(elapsed)
            return answer

        return call


@contextmanager
def staged(settings: Settings) -> Iterator[Stage]:
    """Build the firm of ``settings`` on a simulated bus, ready to run, over a scratch directory."""
    with tempfile.TemporaryDirectory(prefix="bd-bench-") as folder:
        elsewhere = settings.elsewhere(Path(folder))
        make_keys(elsewhere.keys, 0)
        make_sessions(elsewhere)
        agents = {name: build_agent(elsewhere, name) for name in elsewhere.firm.enabled}
        yield Stage(agents, simulate(elsewhere, agents.values()))
        for agent in agents.values():
            close = getattr(agent, "close", None)
            if close is not None:
                close()


def watch(settings: Settings) -> Watched:
    """Run the firm of ``settings`` on the simulated bus with every handler under a stopwatch."""
    with staged(settings) as stage:
        stopwatch = Stopwatch(stage.agents.values())
        calm_collector()
        started = time.perf_counter()
        rounds = stage.run()
        seconds = time.perf_counter() - started
    return Watched(rounds / seconds, _spent(stopwatch, rounds, seconds), _decide_us(stopwatch))


def seats(settings: Settings) -> list[str]:
    """Return the seats that are switched on."""
    return [name for name, entry in settings.firm.enabled.items() if entry.role == _SEAT]


def _decide_us(stopwatch: Stopwatch) -> dict[str, float]:
    """Return the median time of an answer with a belief of each seat, the first ones left out."""
    warm = {name: answers[_WARM_CALLS:] for name, answers in stopwatch.answers_s.items()}
    return {name: statistics.median(answers) * 1e6 for name, answers in warm.items() if answers}


def _spent(stopwatch: Stopwatch, rounds: int, seconds: float) -> list[Spent]:
    found = [
        Spent(agent, kind, len(calls) / rounds, statistics.median(calls) * 1e6, sum(calls) / rounds * 1e6)
        for (agent, kind), calls in stopwatch.calls_s.items()
        if calls
    ]
    handled = sum(each.round_us for each in found)
    messages = sum(each.calls_a_round for each in found)
    rest = seconds / rounds * 1e6 - handled
    found.append(Spent(BUS, "headers, queue, timers, stopwatch", messages, rest / messages, rest))
    return sorted(found, key=lambda each: -each.round_us)
