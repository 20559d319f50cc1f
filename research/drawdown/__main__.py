"""`python -m research.drawdown`: how far beyond its budget a firm falls, for every quarter in which it may begin."""

import argparse
import itertools
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from bus.footprint import calmed_collector
from bus.main import default_config
from research.drawdown.fall import Fall, configured, drawdown, fall

FIRST_YEAR: Final = 1999
LAST_YEAR: Final = 2016
BARS: Final = 600
_QUARTERS: Final = (1, 4, 7, 10)


class Course(NamedTuple):
    """One start: whether it could buy, the deepest tier, whether it halted, and the worst drawdown and bar."""

    first: date
    has_bought: bool
    tier: int
    is_halted: bool
    worst: float
    worst_bar: float


def course(first: date, found: Fall) -> Course:
    """Sum up one run."""
    closes = found.closes
    bars = [1.0 - float(after.equity / before.equity) for before, after in itertools.pairwise(closes)]
    return Course(
        first=first,
        has_bought=bool(found.executions),
        tier=max(report.tier for report in found.reports),
        is_halted=bool(found.leases[-1].halt),
        worst=max(drawdown(book) for book in closes),
        worst_bar=max(bars),
    )


def courses(folder: Path, symbol: str) -> Iterator[Course]:
    """Yield the course from the first day of each quarter."""
    for first in (date(year, month, 1) for year in range(FIRST_YEAR, LAST_YEAR + 1) for month in _QUARTERS):
        market = {"source": "demo", "symbols": [symbol], "first": first.isoformat(), "bars": BARS, "speed": 1.0}
        with TemporaryDirectory() as run_dir, calmed_collector():
            yield course(first, fall(configured(folder, Path(run_dir), market)))


def main() -> None:
    """Print a line per start, then how far beyond the budget the worst one fell."""
    parser = argparse.ArgumentParser(prog="python -m research.drawdown", description=__doc__)
    parser.add_argument("--config", type=Path, default=default_config(), help="folder of the configuration")
    parser.add_argument("--symbol", default="SPX", help="SPX or NDQ")
    given = parser.parse_args()
    found = []
    for each in courses(given.config, given.symbol):
        found.append(each)
        print(f"{each.first}: {_words(each)}", flush=True)
    halted = [each for each in found if each.is_halted]
    bought = sum(each.has_bought for each in found)
    print(f"{len(found)} starts, {bought} of them bought, {len(halted)} ended in a halt")
    if halted:
        worst = max(halted, key=lambda each: each.worst)
        print(f"the deepest drawdown is {worst.worst:.2%}, from {worst.first} on")


def _words(each: Course) -> str:
    if not each.has_bought:
        return "the gates let it buy nothing"
    end = "halted" if each.is_halted else "ran on"
    return f"tier {each.tier}, {end}, drawdown {each.worst:.2%}, worst bar {each.worst_bar:.2%}"


if __name__ == "__main__":
    main()
