from itertools import pairwise
from pathlib import Path

import pytest

from bus.errors import ConfigError
from market.bar import flaw_of, show_opened
from market.catalog import read_series
from market.config import MarketConfig
from market.series import Series

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no folder ../shared/data with real market data")


def read(symbol: str, name: str) -> Series:
    config = MarketConfig(source="csv", paths={symbol: name})
    return read_series(config, DATA)[0]


@pytest.mark.parametrize(
    ("symbol", "name", "rows", "first", "last"),
    [
        ("BTC-PERP", "BTC-PERP_1m.csv.gz", 45_031, "2021-12-31T23:01:00Z", "2022-02-01T05:31:00Z"),
        ("BTC-USD", "BTC-USD_1m_trade.csv.gz", 2_447, "2018-04-04", "2018-04-05T23:59:00Z"),
        ("SPY", "SPY_1d.csv.gz", 5_849, "1998-01-02", "2021-03-31"),
        ("AIG", "AIG_1d.csv.gz", 5_849, "1998-01-02", "2021-03-31"),
    ],
)
def test_every_row_is_accepted(symbol: str, name: str, rows: int, first: str, last: str) -> None:
    series = read(symbol, name)
    assert (series.rows, series.accepted, series.rejected) == (rows, rows, ())
    assert (show_opened(series.bars[0].opened_ns), show_opened(series.bars[-1].opened_ns)) == (first, last)
    assert all(flaw_of(bar) is None for bar in series.bars)
    assert all(before.opened_ns < after.opened_ns for before, after in pairwise(series.bars))


def test_gaps_are_told_where_there_are_some() -> None:
    assert read("BTC-PERP", "BTC-PERP_1m.csv.gz").noted == ()
    (gaps,) = read("BTC-USD", "BTC-USD_1m_trade.csv.gz").noted
    assert (gaps.reason, gaps.rows) == ("gap before", 2)
    september_2001 = read("SPY", "SPY_1d.csv.gz").noted[0]
    assert september_2001.reason == "gap before"
    assert september_2001.example.endswith("2001-09-17 follows 2001-09-10, 4 weekdays missing")


def test_a_file_of_quotes_is_no_file_of_bars() -> None:
    with pytest.raises(ConfigError, match=r"BTC-USD_1m_quote.csv.gz:1: no column open in the header"):
        read("BTC-USD", "BTC-USD_1m_quote.csv.gz")
