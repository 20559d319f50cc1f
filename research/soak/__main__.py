"""`python -m research.soak`: run the firm at speed for minutes or hours, and tell whether anything grows."""

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bus.errors import BoardroomError
from bus.main import default_config
from ops.harness import Firm
from research.soak.sample import Samples, take
from research.soak.verdict import Verdict, as_data, judge

MINUTES: Final = 10.0
RATE: Final = 250.0
_EVERY_S: Final = 3.0
_SYMBOLS: Final = ("SYN0", "SYN1")
_BAR_S: Final = 3_600
_REGIMES: Final = (
    {"name": "calm", "drift": 0.0, "volatility": 0.002, "mean_bars": 120, "weight": 6},
    {"name": "volatile", "drift": 0.0, "volatility": 0.005, "mean_bars": 40, "weight": 3},
)
"""Without drift: the prices of hours at speed stay in range."""
_READY_S: Final = 600.0
_RING: Final = 256
"""Broadcasts kept of a kind: few, so that the rings of rare kinds are full when the warm-up ends, and stop growing."""
_TOLD_EVERY: Final = 20
_WIDTH: Final = 140
_DAY_S: Final = 86_400


def main() -> None:
    """Soak, judge, print; exit status 1 when a criterion is not met."""
    parser = argparse.ArgumentParser(prog="python -m research.soak", description="Run the firm long, and measure it.")
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"how long (default {MINUTES:g})")
    parser.add_argument("--rate", type=float, default=RATE, help=f"rounds a second to have bars for (default {RATE:g})")
    parser.add_argument("--every", type=float, default=_EVERY_S, help=f"seconds between looks (default {_EVERY_S:g})")
    parser.add_argument("--seed", type=int, default=1, help="of the invented market (default 1)")
    parser.add_argument("--config", type=Path, help="folder with firm.toml and limits.toml")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the firm goes as after Ctrl-C
    try:
        verdict = soak(arguments.config or default_config(), arguments, Console(stderr=True))
    except (BoardroomError, TimeoutError) as error:
        print(f"soak: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)
    print(json.dumps(as_data(verdict), indent=1)) if arguments.json else _print(verdict)
    sys.exit(0 if verdict.is_good else 1)


def soak(config: Path, arguments: argparse.Namespace, errors: Console) -> Verdict:
    """Run a firm over an invented market in lockstep, which is as fast as it goes, and judge what it did."""
    seconds = 60.0 * arguments.minutes
    with Firm(config, tables(round(seconds * arguments.rate), arguments.seed)) as firm:
        samples = take(firm, seconds, arguments.every, lambda so_far: _tell(so_far, errors))
        return judge(samples, seconds)


def tables(rounds: int, seed: int) -> dict[str, Any]:
    """Return what makes a firm run over that many bars of an invented market."""
    bars = max(1, rounds // len(_SYMBOLS))
    market = {
        "source": "synthetic", "first": None, "symbols": list(_SYMBOLS), "bars": bars, "speed": "lockstep",
        "synthetic": {"seed": seed, "bar_s": _BAR_S, "regimes": list(_REGIMES)},
    }  # fmt: skip
    return {"market": market, "ops": {"ready_s": _READY_S}, "bus": {"ring_messages": _RING}}


def _tell(samples: Samples, errors: Console) -> None:
    if samples.seconds and len(samples.seconds) % _TOLD_EVERY == 1:
        memory = ", ".join(
            f"{name} {series.own_mb[-1]:.1f}" for name, series in samples.processes.items() if series.own_mb
        )
        errors.print(
            f"{samples.seconds[-1]:.0f} s, {samples.rounds[-1]} rounds, own MiB: {memory}",
            highlight=False,
            soft_wrap=True,
        )


def _print(verdict: Verdict) -> None:
    console = Console(width=max(_WIDTH, Console().width))
    means, trends = ("own MiB", "resident"), ("growth MiB/h (95 %)", "resident (95 %)")
    table = Table("process", *means, *trends, "descriptors", "threads", "inbox", "verdict")
    for column in table.columns[1:-1]:
        column.justify = "right"
    for each in verdict.grown:
        sizes = (f"{size:.1f}" for size in (each.own_mb, each.rss_mb))
        growth = (f"{way.per_hour:+.2f} ({way.low:+.2f} to {way.high:+.2f})" for way in (each.own, each.rss))
        ends = (f"{first:g} > {last:g}" for first, last in (each.fds, each.threads, each.inbox))
        table.add_row(each.name, *sizes, *growth, *ends, "not flat" if each.complaints else "flat")
    console.print(table)
    of_each = [f"{each.name}: {complaint}" for each in verdict.grown for complaint in each.complaints]
    for text in (*verdict.complaints, *of_each, *_sentences(verdict)):
        console.print(text, highlight=False, markup=False, soft_wrap=True)


def _sentences(verdict: Verdict) -> list[str]:
    disk = sum(verdict.disk_mb.values())
    parts = ", ".join(f"{part} {size:.2f}" for part, size in verdict.disk_mb.items())
    a_day = disk * verdict.rounds_per_s * _DAY_S / 1_000 / 1_024
    return [
        f"{verdict.rounds} rounds in {verdict.seconds:.0f} s, {verdict.rounds_per_s:.0f} a second",
        f"disk: {disk:.2f} MiB per 1,000 rounds ({parts}), {a_day:.1f} GiB a day at this speed: all of it is kept",
    ]


if __name__ == "__main__":
    main()
