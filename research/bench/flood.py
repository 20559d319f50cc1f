"""`python -m research.bench.flood`: how long an alert takes to reach every agent, idle and through a flood of bars.

Nine processes stand in for the firm's, each on the whole live runtime with its journal. One publishes market updates
as fast as it can, another an alert every 20 ms; an alert has arrived when the agent's handler is called. Everything
else an agent of the firm would do with a bar is left out: what is measured is the bus.
"""

import argparse
import json
import os
import random
import signal
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table

from bus.agent import Agent, Answer, handles
from bus.message import Message, Priority
from bus.messages import AgentState, AgentStatus, Gap, MarketUpdate, RiskAlert, Silent, Started
from bus.process import Process
from research.bench.kinds import Begin
from research.bench.planes import SPAWN, drive, folder_with_redis, make_process

NAMES: Final = (
    "market", "risk", "qbmia", "quasar", "quantum_amos", "pads", "compliance", "execution", "recorder",
)  # fmt: skip
SOURCE: Final = "market"
ALARM: Final = "risk"
SYMBOLS: Final = 50
ALERT_EVERY_S: Final = 0.02
_TOGETHER: Final = 32
_PATIENCE_S: Final = 120.0
_IDLE_S: Final = 5.0
_REST_S: Final = 2.0
_JITTER: Final = 0.5


class Next(Message, kind="BENCH_NEXT", priority=Priority.NORMAL):
    """Timer: go on."""


class Heeder(Agent):
    """Notes when it was told of each alert, and counts what it was told is lost."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.alerts: list[tuple[int, float]] = []
        self.updates = 0
        self.newest: dict[str, int] = {}
        self.gapped = self.silences = 0

    @handles(RiskAlert)
    def heed(self, _: RiskAlert) -> Answer:
        """Note how long an alert took."""
        sent_ns = self.conversation.sent_ns
        self.alerts.append((sent_ns, (time.time_ns() - sent_ns) / 1e6))
        return None

    @handles(Silent)
    def worry(self, _: Silent) -> Answer:
        """Count who was not heard for too long."""
        self.silences += 1
        return None

    @handles(Gap)
    def miss(self, gap: Gap) -> Answer:
        """Count what was declared lost."""
        self.gapped += gap.last - gap.first + 1
        return None


class Listener(Heeder):
    """Counts market updates, and keeps the number of each symbol's newest."""

    @handles(MarketUpdate)
    def hear(self, update: MarketUpdate) -> Answer:
        """Count an update."""
        self.updates += 1
        self.newest[update.symbol] = update.bar
        return None


class Alarm(Listener):
    """Publishes an alert about every 20 ms."""

    @handles(Started)
    def begin(self, _: Started) -> Answer:
        """Begin."""
        self._chance = random.Random(1)
        self.after(ALERT_EVERY_S, Next())
        return None

    @handles(Next)
    def warn(self, _: Next) -> Answer:
        """Publish one alert, and the next after a while that falls in step with nothing."""
        self.publish(RiskAlert(symbol="*", severity=1.0, source=ALARM, reason="bench"))
        self.after(ALERT_EVERY_S * self._chance.uniform(1 - _JITTER, 1 + _JITTER), Next())
        return None


class Flooder(Heeder):
    """Publishes updates as fast as it can, a handful for each turn of its loop."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.wanted = self.published = 0

    def is_past(self, count: int) -> bool:
        """Tell whether so many have been published."""
        return self.published >= count

    @handles(Begin)
    def begin(self, begin: Begin) -> Answer:
        """Take the order to begin."""
        self.wanted += begin.count
        self.after(0.0, Next())
        return None

    @handles(Next)
    def go_on(self, _: Next) -> Answer:
        """Publish a handful."""
        for number in range(self.published, min(self.wanted, self.published + _TOGETHER)):
            self.publish(_update(number))
        self.published = min(self.wanted, self.published + _TOGETHER)
        if self.published < self.wanted:
            self.after(0.0, Next())
        return None


class Heard(NamedTuple):
    """What one agent tells at the end."""

    alerts: list[tuple[int, float]]
    updates: int
    newest: dict[str, int]
    gapped: int
    counters: dict[str, int]
    is_whole: bool
    rss_mb: tuple[float, float]
    """When it began, and the most it ever was."""
    cpu_s: float
    silences: int


class _Began(NamedTuple):
    """What a process had used before the first message."""

    rss_mb: float
    spent_s: float


class Flood(NamedTuple):
    """What a run has measured."""

    heard: dict[str, Heard]
    idle: tuple[int, int]
    floods: list[tuple[int, int]]
    published: int
    redis_mb: tuple[float, float]


def run(updates: int, floods: int, idle_s: float = _IDLE_S) -> Flood:
    """Let alerts run through an idle firm, then through ``floods`` floods of ``updates`` each."""
    windows = []
    with folder_with_redis(NAMES) as (folder, url), _children(folder, url) as listeners:
        source = Flooder(SOURCE)
        process = make_process(source, NAMES, folder, url)
        began = _Began(_memory_mb("VmRSS"), time.process_time())
        redis = _redis_pid(folder)
        redis_mb = _memory_mb("VmRSS", redis)
        idle = _rest(process, idle_s)
        for number in range(1, floods + 1):
            started_ns = time.time_ns()
            drive(process, updates, partial(source.is_past, number * updates), _PATIENCE_S)
            windows.append((started_ns, time.time_ns()))
            _rest(process, _REST_S)
        heard = listeners(process)
        heard[SOURCE] = _heard(source, process, began)
        redis_peak_mb = _memory_mb("VmHWM", redis)
        process.stop()
    return Flood(heard, idle, windows, source.published, (redis_mb, redis_peak_mb))


def latencies(heard: Heard, windows: Iterable[tuple[int, int]]) -> list[float]:
    """Return the milliseconds of the alerts sent in these windows of time, in order of size."""
    spans = list(windows)
    return sorted(ms for sent_ns, ms in heard.alerts if any(first <= sent_ns <= last for first, last in spans))


def quantile(ordered: list[float], share: float) -> float:
    """Return the smallest value that ``share`` of them do not exceed; not a number where there are none."""
    return ordered[max(0, -(-round(len(ordered) * share * 1e6) // 1_000_000) - 1)] if ordered else float("nan")


def unaccounted(heard: Heard, published: int) -> int:
    """Return how many updates were neither handled, nor conflated, nor told to be lost."""
    told = heard.updates + heard.counters.get("conflated", 0) + heard.gapped
    return published - told


def _update(number: int) -> MarketUpdate:
    symbol, bar = number % SYMBOLS, number // SYMBOLS
    price = Decimal(10_000 + (number * 7919) % 997) / 100
    return MarketUpdate(
        symbol=f"SYM{symbol:02d}", bar=bar, opened_ns=bar * 60_000_000_000, open=price, high=price + 1, low=price - 1,
        close=price, volume=Decimal(1 + number % 5_000),
    )  # fmt: skip


def _rest(process: Process, seconds: float) -> tuple[int, int]:
    """Go on for a while; return when that began and ended."""
    started_ns = time.time_ns()
    while time.time_ns() - started_ns < seconds * 1e9:
        process.turn()
    return started_ns, time.time_ns()


@contextmanager
def _children(folder: Path, url: str) -> Iterator[Callable[[Process], dict[str, Heard]]]:
    """Start the listeners; give a function that ends them and returns what they heard, while a process goes on."""
    running: dict[str, tuple[Any, Connection]] = {}
    for name in NAMES:
        if name != SOURCE:
            ours, theirs = SPAWN.Pipe()
            child = SPAWN.Process(target=_listen, args=(name, folder, url, theirs), daemon=True)
            child.start()
            running[name] = (child, ours)
    for _, pipe in running.values():
        pipe.recv()

    def end(process: Process) -> dict[str, Heard]:
        for child, _ in running.values():
            child.terminate()
        deadline = time.monotonic() + _PATIENCE_S
        while not all(pipe.poll() for _, pipe in running.values()):
            process.turn()
            if time.monotonic() > deadline:
                raise TimeoutError(f"a listener did not come to its end in {_PATIENCE_S:g} s")
        return {name: pipe.recv() for name, (_, pipe) in running.items()}

    try:
        yield end
    finally:
        for child, _ in running.values():
            child.terminate()
        for child, _ in running.values():
            child.join(5)
            child.kill()


def _listen(name: str, folder: Path, url: str, pipe: Connection) -> None:
    agent = Alarm(name) if name == ALARM else Listener(name)
    process = make_process(agent, NAMES, folder, url)
    began = _Began(_memory_mb("VmRSS"), time.process_time())
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    pipe.send(True)
    while not stopping:
        process.turn()
    process.drain(round(_PATIENCE_S * 1e9))
    pipe.send(_heard(agent, process, began))
    process.state = AgentState.STOPPING
    process.stop()


def _heard(agent: Heeder, process: Process, began: _Began) -> Heard:
    status: AgentStatus = process.status()
    is_whole = process.post.sequencer.is_whole and not len(process.post.inbox)
    rss_mb = (began.rss_mb, _memory_mb("VmHWM"))
    spent_s = time.process_time() - began.spent_s
    counters = dict(status.counters)
    return Heard(
        agent.alerts, agent.updates, agent.newest, agent.gapped, counters, is_whole, rss_mb, spent_s, agent.silences
    )


def _memory_mb(field: str, pid: int | None = None) -> float:
    text = Path(f"/proc/{pid or os.getpid()}/status").read_text(encoding="ascii")
    return int(text.split(f"{field}:")[1].split()[0]) / 1024


def _redis_pid(folder: Path) -> int:
    """Return the process whose command line names this folder: a server shows its socket there."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue  # it has ended meanwhile
        if str(folder).encode() in command:
            return int(path.parent.name)
    raise RuntimeError(f"no Redis runs in {folder}")


def table(flood: Flood) -> Table:
    """Lay out what each agent saw."""
    shown = Table(title="an alert through a flood of market updates, milliseconds from sending to handling")
    for heading in ("agent", "idle p50", "p99", "alerts", "flood p50", "p99", "worst", "handled", "conflated", "lost"):
        shown.add_column(heading, justify="left" if heading == "agent" else "right")
    for heading in ("unaccounted", "whole", "MB", "most MB", "CPU s", "silent"):
        shown.add_column(heading, justify="right")
    for name in NAMES:
        heard = flood.heard[name]
        idle, flooded = latencies(heard, [flood.idle]), latencies(heard, flood.floods)
        cells = [quantile(idle, 0.5), quantile(idle, 0.99), len(flooded), quantile(flooded, 0.5)]
        cells += [quantile(flooded, 0.99), quantile(flooded, 1.0)]
        shown.add_row(
            name, *(f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells),
            str(heard.updates), str(heard.counters.get("conflated", 0)), str(heard.gapped),
            str(unaccounted(heard, flood.published) if name != SOURCE else "-"), "yes" if heard.is_whole else "NO",
            *(f"{size:.0f}" for size in heard.rss_mb), f"{heard.cpu_s:.1f}", str(heard.silences),
        )  # fmt: skip
    return shown


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m research.bench.flood", description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, default=100_000, help="market updates of one flood")
    parser.add_argument("--floods", type=int, default=3, help="floods, one after the other")
    parser.add_argument("--json", action="store_true", help="print figures instead of a table")
    arguments = parser.parse_args()
    flood = run(arguments.updates, arguments.floods)
    lasted = [(last - first) / 1e9 for first, last in flood.floods]
    together = sorted(ms for heard in flood.heard.values() for ms in latencies(heard, flood.floods))
    rates = ", ".join(f"{arguments.updates / each:,.0f}" for each in lasted)
    figures = {
        "alert_p50_ms": quantile(together, 0.5),
        "alert_p99_ms": quantile(together, 0.99),
        "alert_p99_worst_agent_ms": max(quantile(latencies(h, flood.floods), 0.99) for h in flood.heard.values()),
        "updates_per_s": statistics.median(arguments.updates / each for each in lasted),
        "redis_mb": flood.redis_mb,
    }
    if arguments.json:
        print(json.dumps(figures))
        return
    console = Console(width=160)
    console.print(table(flood))
    console.print(
        f"updates published a second: {rates}; Redis {flood.redis_mb[0]:.0f} MB, {flood.redis_mb[1]:.0f} at most"
    )
    console.print(f"all agents: p50 {figures['alert_p50_ms']:.2f} ms, p99 {figures['alert_p99_ms']:.2f} ms")


if __name__ == "__main__":
    main()
