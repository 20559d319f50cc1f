"""Fixtures: PADS before its first bar, PADS with a history, and real closing prices."""

import importlib.util

import pytest

from market.bar import show_opened
from market.series import collect
from market.sources.packaged import read_packaged
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
def sp500() -> list[tuple[str, float]]:
    """Days and closes of the S&P 500 from 1999 to 2018, shipped with the arch package."""
    return packaged("SPX")


@pytest.fixture(scope="session")
def nasdaq() -> list[tuple[str, float]]:
    """Those of the NASDAQ composite, of the same days."""
    return packaged("NDQ")


@pytest.fixture(scope="session")
def sp500_closes(sp500: list[tuple[str, float]]) -> list[float]:
    """The last 600 closes of the S&P 500 before 2009."""
    return [close for day, close in sp500 if day < "2009-01-01"][-600:]


def packaged(symbol: str) -> list[tuple[str, float]]:
    if importlib.util.find_spec("arch") is None:
        pytest.skip("the package arch, which holds the series, is not installed; install the extra demo")
    bars = collect(symbol, read_packaged(symbol)).bars
    return [(show_opened(bar.opened_ns), float(bar.close)) for bar in bars]
