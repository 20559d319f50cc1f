"""`python -m research.forecasts`: value at risk and expected shortfall of a whole history, forecast day by day.

The book is one unit of money in one symbol, so nothing but the estimators is on trial. Forecasts are those of
`portfolio.forecast` in their window, start and decay; the tests are those of the daily report, over all days at once
and over every 250.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Floats
from kernels.backtest import light, z2
from kernels.coverage import conditional_coverage, exceedances, kupiec
from kernels.law import quantile
from kernels.shortfall import filtered_returns, fit_student, refit_student
from kernels.tail import expected_shortfall, value_at_risk
from market.series import collect
from market.sources.packaged import PACKAGED, read_packaged
from portfolio.tail import DECAY, LEVEL, START
from risk.backtesting import DAYS
from risk.daily_report import FREEDOM_DAYS

WINDOW: Final = 483
"""Returns that a forecast rests on: those of 500 bars less what the daily report leaves for early ones."""
ESTIMATORS: Final = ("historical", "filtered", "student")


class Record(NamedTuple):
    """Losses, and value at risk and expected shortfall forecast for them the day before, each of shape (days,)."""

    losses: Floats
    at_risk: Floats
    shortfall: Floats


def returns_of(symbol: str) -> Floats:
    """Return the daily simple returns of a packaged series, shape (days,)."""
    closes = np.array([float(bar.close) for bar in collect(symbol, read_packaged(symbol)).bars])
    returns: Floats = closes[1:] / closes[:-1] - 1.0
    return returns


def records(returns: Floats) -> dict[str, Record]:
    """Return the record of each estimator over all days that have a full window before them."""
    found = np.array(list(_forecasts(returns)))
    losses = -returns[WINDOW:]
    return {name: Record(losses, found[:, i, 0].copy(), found[:, i, 1].copy()) for i, name in enumerate(ESTIMATORS)}


def _forecasts(returns: Floats) -> Iterator[list[tuple[float, float]]]:
    """Yield value at risk and expected shortfall by each estimator for each day."""
    freedom = 0.0
    for place, day in enumerate(range(WINDOW, returns.size)):
        window = returns[day - WINDOW : day]
        losses = -window[START:]
        filtered = -filtered_returns(window[None, :], decay=DECAY, start=START)[0]
        if place % FREEDOM_DAYS == 0:
            freedom = fit_student(losses).freedom
        student = refit_student(losses, freedom)
        yield [
            *((value_at_risk(each, LEVEL), expected_shortfall(each, LEVEL)) for each in (losses, filtered)),
            (student.location + student.scale * quantile(LEVEL, freedom), student.shortfall(LEVEL)),
        ]


def lights(record: Record) -> Counter[str]:
    """Count the colours of the light over every 250 days in a row."""
    count = record.losses.size - DAYS + 1
    parts = [Record(*(column[day : day + DAYS] for column in record)) for day in range(count)]
    return Counter(light(z2(*part, LEVEL)) for part in parts)


def table(symbol: str) -> str:
    """Return a line of a Markdown table for each estimator."""
    lines = []
    for name, record in records(returns_of(symbol)).items():
        exceeded = exceedances(record.losses, record.at_risk)
        count, days = int(exceeded.sum()), exceeded.size
        tests = kupiec(count, days, LEVEL).p_value, conditional_coverage(exceeded, LEVEL).p_value
        colours = lights(record)
        shares = [f"{colours[colour] / colours.total():.1%}" for colour in ("green", "yellow", "red")]
        cells = (symbol, name, days, f"{count / days:.2%}", *(f"{p:.1g}" for p in tests), f"{z2(*record, LEVEL):.2f}")
        lines.append(f"| {' | '.join(str(cell) for cell in (*cells, *shares))} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table of each symbol."""
    parser = argparse.ArgumentParser(prog="python -m research.forecasts", description=__doc__)
    parser.add_argument("symbols", nargs="*", default=sorted(PACKAGED), help="SPX, NDQ")
    print("| market | estimator | days | beyond VaR | Kupiec | Christoffersen | Z2 | green | yellow | red |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for symbol in parser.parse_args().symbols:
        print(table(symbol), flush=True)


if __name__ == "__main__":
    main()
