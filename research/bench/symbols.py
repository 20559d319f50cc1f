"""What many symbols cost: each shows one bar a second, and a decision must follow every bar without a backlog.

`python -m research.bench.symbols` prints a table and what its slope says of more symbols than were tried.
"""

import argparse
import json
import os
import statistics
import time
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any, Final

import psutil
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from bus.main import default_config
from ops.harness import Firm
from ops.ledger import Ledger
from ops.schema import bars, decisions

COUNTS: Final = (1, 10, 50, 200)
SECONDS: Final = 30
WARM_BARS: Final = 130
"""Bars of each symbol before the clock is looked at: more than any model's window at the start."""
_NS_PER_MS: Final = 1_000_000
_SETTLE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Load:
    """One run: ``symbols`` at one bar a second each, for ``seconds``.

    ``latency_ms`` are median and 99th percentile from a bar's publication to its decision's, ``backlog`` the most bars
    that waited for a decision when another bar came, in the first and in the second half; ``cpu_cores`` the
    processor time of all processes per second, ``cpu_us`` that per round; ``rss_mb`` the sum over processes at the end.
    """

    symbols: int
    seconds: float
    rounds: int
    latency_ms: tuple[float, float]
    backlog: tuple[int, int]
    cpu_cores: float
    cpu_us: float
    rss_mb: float


def main() -> None:
    """Run the firm at each count of symbols, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m research.bench.symbols", description="Measure many symbols.")
    parser.add_argument("--symbols", type=int, nargs="+", default=list(COUNTS), help="counts of symbols to try")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="seconds measured at each count")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--warm", type=int, default=WARM_BARS, help="bars of each symbol before that")
    arguments = parser.parse_args()
    loads = [measure(count, arguments.seconds, arguments.warm) for count in arguments.symbols]
    if arguments.json:
        print(json.dumps([asdict(load) for load in loads], indent=1))
    else:
        _print(loads)


def measure(count: int, seconds: int, warm: int = WARM_BARS) -> Load:
    """Run the firm on ``count`` invented symbols at one bar a second each, once its models are warm."""
    with Firm(default_config(), _tables(count, seconds + warm)) as firm:
        processes = _processes(firm)
        firm.wait(lambda: _published(firm) >= count * warm, 120.0 + 2 * warm, "the end of the warm-up")
        before, began = _cpu_s(processes), time.perf_counter()
        firm.wait(lambda: firm.report("market").get("done") == 1, 60.0 + 2 * seconds, "the last bar")
        elapsed, used = time.perf_counter() - began, _cpu_s(processes) - before
        rss = sum(process.memory_info().rss for process in processes) / (1 << 20)
        firm.idle(_SETTLE_S)
        firm.stop()
        with closing(firm.ledger()) as ledger:
            rounds = _rounds(ledger, warm)
    centiles = statistics.quantiles([(decided - shown) / _NS_PER_MS for shown, decided in rounds], n=100)
    return Load(
        count, elapsed, len(rounds), (centiles[49], centiles[98]), _backlog(rounds), used / elapsed,
        used / elapsed / count * 1e6, rss,
    )  # fmt: skip


def _tables(count: int, bars: int) -> dict[str, Any]:
    symbols = [f"SYN{number:03d}" for number in range(count)]
    market = {"source": "synthetic", "first": None, "symbols": symbols, "bars": bars, "speed": float(count)}
    return {"market": market}


def _processes(firm: Firm) -> list[psutil.Process]:
    pids = [firm.supervisor.pid(name) for name in firm.supervisor.entries]
    return [psutil.Process(pid) for pid in (*pids, firm.supervisor.redis_pid) if pid is not None]


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    return sum(used.user + used.system for used in (process.cpu_times() for process in processes))


def _published(firm: Firm) -> int:
    return int(firm.report("market").get("published", 0))


def _rounds(ledger: Ledger, warm: int) -> list[tuple[int, int]]:
    """Return when each bar after the warm-up was published and when it was decided on, in nanoseconds, in order."""
    query = (
        select(bars.c.sent_ns, decisions.c.sent_ns)
        .join(decisions, (bars.c.symbol == decisions.c.symbol) & (bars.c.bar == decisions.c.bar))
        .where(bars.c.bar >= warm)
        .order_by(bars.c.sent_ns)
    )
    published = ledger.read(select(func.count()).select_from(bars).where(bars.c.bar >= warm))[0][0]
    found = [(int(shown), int(decided)) for shown, decided in ledger.read(query)]
    if len(found) < published:
        raise RuntimeError(f"{published - len(found)} of {published} bars have no decision; the firm did not keep up")
    return found


def _backlog(rounds: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the most bars that waited for a decision when another one came, in each half of the run."""
    decided = sorted(when for _, when in rounds)
    waiting = [count - bisect_right(decided, shown) for count, (shown, _) in enumerate(rounds)]
    half = len(waiting) // 2
    return max(waiting[:half], default=0), max(waiting[half:], default=0)


def _print(loads: Sequence[Load]) -> None:
    console = Console(width=110)
    table = Table(
        *("symbols", "rounds", "latency p50 ms", "p99 ms", "most waiting, 1st half", "2nd half", "cores", "us/round"),
        "MB", title=f"one bar a second and symbol, {os.cpu_count()} cores", title_justify="left",
    )  # fmt: skip
    for load in loads:
        table.add_row(
            f"{load.symbols}", f"{load.rounds:,}", *(f"{value:.1f}" for value in load.latency_ms),
            *(f"{value}" for value in load.backlog), f"{load.cpu_cores:.2f}", f"{load.cpu_us:,.0f}",
            f"{load.rss_mb:,.0f}",
        )  # fmt: skip
    console.print(table)
    if len(loads) > 1:
        slope, intercept = statistics.linear_regression(
            [load.symbols for load in loads], [load.cpu_cores for load in loads]
        )
        reach = (os.cpu_count() or 1) / slope if slope > 0 else float("inf")
        console.print(
            f"cores = {intercept:.2f} + {slope * 1000:.2f} per 1,000 symbols: these cores are full at about "
            f"{reach:,.0f} symbols, and 10,000 would take about {intercept + slope * 10_000:.0f} cores",
            highlight=False, soft_wrap=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
