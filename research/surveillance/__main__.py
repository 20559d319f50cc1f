"""`python -m research.surveillance`: the ROC of every detector, as the tables of docs/surveillance.md.

Bars come from the arch package and, where ``../shared/data`` is, from there; quotes from there alone. Everything random
has a fixed seed, so the same data gives the same tables.
"""

import csv
import gzip
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from kernels.arrays import Floats
from kernels.surveillance import DETECTORS
from market.sources.packaged import PACKAGED, read_packaged
from qbmia.surveillance.event import Orders, Suspicion, Trades
from qbmia.surveillance.front_running import front_running
from qbmia.surveillance.layering import layering
from qbmia.surveillance.spoofing import spoofing
from qbmia.surveillance.wash_trading import wash_trading
from research.surveillance.bars import PATTERNS, Cases, alert_rates, cases
from research.surveillance.roc import Roc, roc
from research.surveillance.stream import MANIPULATOR, TRADERS, Stream
from research.surveillance.stream import PATTERNS as ORDER_PATTERNS

SHARED: Final = Path("../shared/data")
STOCKS: Final = ("AAPL_1d", "AIG_1d", "BAC_1d", "IBM_1d", "SPY_1d")
MINUTES: Final = "BTC-PERP_1m"
QUOTES: Final = "BTC-USD_1m_quote"
SEED: Final = 20
_CASES: Final = 400
_COLUMNS: Final = ("open", "high", "low", "close", "volume")
_ORDER_DETECTORS: Final[dict[str, Callable[[Orders, Trades], Suspicion]]] = {
    "spoofing": spoofing,
    "layering": layering,
    "wash trading": wash_trading,
    "front-running": front_running,
}


def main() -> None:
    """Print all tables that the data at hand allows."""
    for title, series in markets():
        print_bars(title, series)
    path = SHARED / f"{QUOTES}.csv.gz"
    if path.is_file():
        print_orders(quotes(path))
    else:
        print(f"{path} is not there: no quotes to simulate orders around", file=sys.stderr)


def markets() -> Iterator[tuple[str, list[Floats]]]:
    """Yield every market at hand: its title and its series of bars."""
    yield "S&P 500 and NASDAQ, daily", [packaged(symbol) for symbol in PACKAGED]
    if (SHARED / f"{STOCKS[0]}.csv.gz").is_file():
        yield "five US stocks, daily", [table(SHARED / f"{name}.csv.gz", _COLUMNS) for name in STOCKS]
    if (SHARED / f"{MINUTES}.csv.gz").is_file():
        yield "BTC-PERP, one minute", [table(SHARED / f"{MINUTES}.csv.gz", _COLUMNS)]


def packaged(symbol: str) -> Floats:
    """Return a series of the arch package, shape (n, 5)."""
    source = read_packaged(symbol)
    return np.array([[float(fields[column]) for column in source.columns[1:]] for _, fields in source.rows])


def table(path: Path, columns: Sequence[str]) -> Floats:
    """Return named columns of a gzipped CSV file, shape (n, columns)."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return np.array([[float(row[column]) for column in columns] for row in csv.DictReader(file)])


def quotes(path: Path) -> Floats:
    """Return bid and ask at each minute, shape (n, 2)."""
    return table(path, ("bid_close", "ask_close"))


def print_bars(title: str, series: Sequence[Floats]) -> None:
    """Print how each detector tells its own pattern, and how often it sounds on the market as it was."""
    rates = np.mean([alert_rates(rows) for rows in series], axis=0)
    print(f"\n{title}\n")
    print("| pattern | detector | area (95 %) | of any detector | caught | clean stretches | clean bars |")
    print("|---|---|---|---|---|---|---|")
    for pattern in PATTERNS:
        draw = np.random.default_rng(SEED)
        parts = [cases(rows, pattern, _CASES // len(series), draw) for rows in series]
        found = Cases(np.vstack([each.bent for each in parts]), np.vstack([each.clean for each in parts]))
        own = roc(found.bent[:, pattern.detector], found.clean[:, pattern.detector], draw)
        any_one = roc(found.bent.max(axis=1), found.clean.max(axis=1), draw)
        print(
            f"| {pattern.name} | {DETECTORS[pattern.detector]} | {_area(own)} | {any_one.area:.2f} | "
            f"{own.caught:.0%} | {own.alarmed:.1%} | {rates[pattern.detector]:.2%} |"
        )
    print(f"\nAny detector sounds at {rates[-1]:.2%} of the bars as they were.")


def print_orders(pairs: Floats) -> None:
    """Print how each order-level detector tells a manipulator from honest traders."""
    print("\nOrders simulated around BTC-USD quotes\n")
    print("| pattern | area (95 %) | caught | honest traders above 0.7 | bent | honest |")
    print("|---|---|---|---|---|---|")
    for name in ORDER_PATTERNS:
        draw = np.random.default_rng(SEED)
        found = roc(*order_cases(pairs, name, draw), draw)
        print(f"| {name} | {_area(found)} | {found.caught:.0%} | {found.alarmed:.2%} | {found.bent} | {found.clean} |")


def order_cases(pairs: Floats, pattern: str, draw: np.random.Generator) -> tuple[Floats, Floats]:
    """Return scores of manipulators and of honest traders, one manipulator in each half hour of quotes."""
    detect = _ORDER_DETECTORS[pattern]
    bent: list[float] = []
    clean: list[Floats] = []
    for first in range(0, len(pairs) - 30, 30):
        stream = Stream(pairs[first : first + 30], draw)
        stream.bend(pattern)
        suspicion = detect(*stream.events())
        scores = np.zeros(TRADERS)
        scores[suspicion.traders] = suspicion.scores
        bent.append(float(scores[MANIPULATOR]))
        accomplice = MANIPULATOR + 1
        clean.append(np.delete(scores, [MANIPULATOR, accomplice]))
    return np.array(bent), np.concatenate(clean)


def _area(found: Roc) -> str:
    return f"{found.area:.2f} ({found.low:.2f} to {found.high:.2f})"


if __name__ == "__main__":
    main()
