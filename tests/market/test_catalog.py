from datetime import date
from pathlib import Path

import pytest

from bus.errors import ConfigError
from market.catalog import read_series
from market.config import MarketConfig

HEADER = "timestamp,open,high,low,close,volume\n"


def write(path: Path, days: int, bad_days: int = 0) -> None:
    rows = [f"2008-09-{day:02},10,12,9,11,{day}" for day in range(1, days + 1)]
    path.write_text(HEADER + "\n".join([*rows, *["x,1,1,1,1,1"] * bad_days]) + "\n")


def test_paths_begin_at_the_configuration_folder_or_are_absolute(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write(tmp_path / "data" / "b.csv", 3)
    write(tmp_path / "a.csv", 5)
    config = MarketConfig(source="csv", paths={"B": "data/b.csv", "A": str(tmp_path / "a.csv")})
    series = read_series(config, tmp_path)
    assert [(one.symbol, len(one.bars)) for one in series] == [("A", 5), ("B", 3)]
    assert series[1].source.startswith("csv data/b.csv sha256 ")


def test_a_symbol_that_was_not_chosen_is_not_read(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", 5)
    config = MarketConfig(source="csv", paths={"A": "a.csv", "B": "absent.csv"}, symbols=("A",))
    assert [one.symbol for one in read_series(config, tmp_path)] == ["A"]


def test_the_window_is_cut_per_symbol(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", 20)
    write(tmp_path / "b.csv", 12)
    config = MarketConfig(
        source="csv", paths={"A": "a.csv", "B": "b.csv"}, first=date(2008, 9, 10), bars=5, history_bars=4
    )
    assert [(len(one.bars), one.history) for one in read_series(config, tmp_path)] == [(9, 4), (7, 4)]


def test_synthetic_bars_come_with_their_history_and_their_label() -> None:
    config = MarketConfig(source="synthetic", symbols=("A",), bars=30, history_bars=20)
    (one,) = read_series(config, Path())
    assert (len(one.bars), one.history, one.rows, one.accepted) == (50, 20, 50, 50)
    assert one.report().source.startswith("synthetic")


def test_too_much_refused_is_not_traded_on(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", 18, bad_days=2)
    config = MarketConfig(source="csv", paths={"A": "a.csv"}, max_rejected_fraction=0.1)
    assert read_series(config, tmp_path)[0].accepted == 18
    strict = config.model_copy(update={"max_rejected_fraction": 0.09})
    complaint = (
        "market: A: 2 of 20 rows refused, market.max_rejected_fraction allows 0.09; "
        "the first: unreadable timestamp: a.csv:20: x,1,1,1,1,1; correct the file or the limit"
    )
    with pytest.raises(ConfigError) as caught:
        read_series(strict, tmp_path)
    assert str(caught.value) == complaint


def test_a_file_without_a_usable_row_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", 0, bad_days=2)
    config = MarketConfig(source="csv", paths={"A": "a.csv"}, max_rejected_fraction=1.0)
    with pytest.raises(ConfigError, match="market: A: 2 of 2 rows refused"):
        read_series(config, tmp_path)


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER)
    config = MarketConfig(source="csv", paths={"A": "a.csv"})
    with pytest.raises(ConfigError, match=r"market: A: csv a.csv sha256 \w+ has a header but no rows"):
        read_series(config, tmp_path)
