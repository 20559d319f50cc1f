import importlib.util
import subprocess
import sys
from datetime import date
from importlib.machinery import ModuleSpec
from itertools import pairwise
from pathlib import Path

import pytest

from bus.errors import ConfigError
from bus.messages import Rejection
from market.bar import Bar, flaw_of, parse_opened, show_opened
from market.catalog import read_series
from market.config import MarketConfig
from market.sources import packaged

needs_arch = pytest.mark.skipif(
    importlib.util.find_spec("arch") is None, reason="the optional extra demo (arch) is not installed"
)
GAPS = Rejection(
    reason="gap before",
    rows=3,
    example="{}:680: 2001-09-17 follows 2001-09-10, 4 weekdays missing",
)


@needs_arch
def test_both_series_are_read_whole_and_refuse_no_row() -> None:
    nasdaq, sp500 = read_series(MarketConfig(source="demo"), Path())
    assert (nasdaq.symbol, sp500.symbol) == ("NDQ", "SPX")
    for one, name in ((nasdaq, "nasdaq"), (sp500, "sp500")):
        assert (one.rows, one.accepted, one.rejected) == (5031, 5031, ())
        assert one.source.startswith(f"arch {name}.csv.gz sha256 ")
        assert show_opened(one.bars[0].opened_ns) == "1999-01-04"
        assert show_opened(one.bars[-1].opened_ns) == "2018-12-31"
        assert all(flaw_of(bar) is None for bar in one.bars)
        assert all(before.opened_ns < after.opened_ns for before, after in pairwise(one.bars))
    assert [bar.opened_ns for bar in nasdaq.bars] == [bar.opened_ns for bar in sp500.bars]


@needs_arch
def test_what_is_odd_about_them_is_noted() -> None:
    nasdaq, sp500 = read_series(MarketConfig(source="demo"), Path())
    zero = Rejection(reason="zero volume", rows=2, example="nasdaq.csv.gz:4116: 2015-05-12")
    assert sp500.noted == (GAPS.model_copy(update={"example": GAPS.example.format("sp500.csv.gz")}),)
    assert nasdaq.noted == (GAPS.model_copy(update={"example": GAPS.example.format("nasdaq.csv.gz")}), zero)


@needs_arch
def test_lehman_monday_is_there_to_the_last_digit() -> None:
    config = MarketConfig(source="demo", symbols=("SPX",), first=date(2008, 9, 15), bars=1)
    (sp500,) = read_series(config, Path())
    bar = sp500.bars[0]
    assert bar.opened_ns == parse_opened("2008-09-15")
    assert isinstance(bar, Bar)
    assert [str(value) for value in bar[1:6]] == [
        "1250.920044",
        "1250.920044",
        "1192.699951",
        "1192.699951",
        "8279510000",
    ]


@needs_arch
def test_500_bars_around_2008_have_history_enough() -> None:
    config = MarketConfig(source="demo", first=date(2007, 6, 1), bars=500, history_bars=1250)
    for one in read_series(config, Path()):
        assert len(one.bars) == 1750
        assert one.history == 1250
        assert show_opened(one.bars[1250].opened_ns) == "2007-06-01"
        assert show_opened(one.bars[-1].opened_ns) == "2009-05-26"


@needs_arch
def test_neither_arch_nor_pandas_is_imported() -> None:
    program = (
        "import sys; from pathlib import Path; from market.agent import Market; from market.catalog import read_series;"
        "from market.config import MarketConfig;"
        "config = MarketConfig(source='demo'); Market(read_series(config, Path()), config);"
        "print([name for name in ('arch', 'pandas', 'pyarrow', 'scipy') if name in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


def test_absent_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaged, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"arch, .* is not installed; pip install 'boardroom\[demo\]'"):
        read_series(MarketConfig(source="demo"), Path())


def test_another_package_of_that_name_is_not_taken_for_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = ModuleSpec("arch", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(packaged, "find_spec", lambda _: spec)
    with pytest.raises(ConfigError, match=r"nasdaq\.csv\.gz is missing; reinstall the package"):
        read_series(MarketConfig(source="demo"), Path())
