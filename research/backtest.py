"""The whole firm over a market's history on the simulated bus: the same agents, gates and broker, in virtual time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bus.config import Settings
from bus.errors import Fatal
from bus.footprint import calmed_collector
from bus.keys import make_keys
from bus.message import Envelope
from bus.messages import DecisionMade
from research.firm import build_agent, simulate
from research.sessions import make_sessions

_CHUNK: Final = 250


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a run took: rounds decided, messages handled, and seconds of this machine's time."""

    rounds: int
    inputs: int
    seconds: float

    @property
    def rounds_per_s(self) -> float:
        """Rounds per second of machine time."""
        return self.rounds / self.seconds if self.seconds else 0.0


def backtest(
    settings: Settings,
    *,
    observe: Callable[[Envelope], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Backtest:
    """Run the firm until its market has nothing more to show.

    Parameters
    ----------
    settings
        Configuration; the ledger is written into its run directory.
    observe
        Called with every message that is sent.
    progress
        Called now and then with (bars concluded, bars in all).

    Raises
    ------
    Fatal
        The firm stopped before the data ended.
    """
    settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    make_keys(settings.keys, time.time_ns())
    make_sessions(settings)
    agents = {name: build_agent(settings, name) for name in settings.firm.enabled}
    if "market" not in agents:
        raise Fatal("a backtest needs the market agent; enable it in the process list")
    simulation = simulate(settings, agents.values())
    rounds = 0

    def count(envelope: Envelope) -> None:
        nonlocal rounds
        rounds += type(envelope.message) is DecisionMade

    simulation.observe(count)
    if observe is not None:
        simulation.observe(observe)
    market = agents["market"]
    started = time.perf_counter()
    with calmed_collector():
        while not market.report().get("done"):
            if simulation.run(most=_CHUNK, until=None) == 0:
                raise Fatal(f"the simulated firm fell silent before the data ended: {market.report()}")
            if progress is not None:
                report = market.report()
                progress(int(report.get("concluded", 0)), int(report.get("total", 0)))
    seconds = time.perf_counter() - started
    for agent in agents.values():
        close = getattr(agent, "close", None)
        if close is not None:
            close()
    return Backtest(rounds, simulation.inputs, seconds)
