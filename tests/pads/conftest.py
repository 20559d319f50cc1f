"""Fixtures: PADS before its first bar, PADS with a history, and real closing prices."""

import gzip
import importlib.util
from pathlib import Path

import pytest

from tests.pads.desk import Desk


@pytest.fixture
def desk() -> Desk:
    """PADS with its default configuration, before its first bar."""
    return Desk()


@pytest.fixture
def warm() -> Desk:
    """PADS with its volatility defined."""
    desk = Desk()
    desk.warm_up()
    return desk


@pytest.fixture(scope="session")
def sp500_closes() -> list[float]:
    """The last 600 daily closes of 2008 and before of the S&P 500, shipped with the arch package."""
    found = importlib.util.find_spec("arch")
    path = None if found is None or found.origin is None else Path(found.origin).parent / "data/sp500/sp500.csv.gz"
    if path is None or not path.exists():
        pytest.skip("the S&P 500 series of the arch package is not installed; install the extra demo")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        header = next(lines).strip().split(",")
        rows = [line.strip().split(",") for line in lines]
    column = header.index("Adj Close")
    return [float(row[column]) for row in rows if row[0] < "2009-01-01"][-600:]
