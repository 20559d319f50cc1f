import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bus.errors import ConfigError
from market.bar import Bar, parse_opened
from market.series import Series, collect
from market.sources.parquet import read_parquet

arrow: Any = pytest.importorskip("pyarrow", reason="the optional extra parquet (pyarrow) is not installed")
parquet: Any = pytest.importorskip("pyarrow.parquet", reason="the optional extra parquet (pyarrow) is not installed")

COLUMNS: Mapping[str, Sequence[Any]] = {
    "Open": [10.1, 11.0],
    "High": [12.5, 13.0],
    "Low": [9.25, 10.0],
    "Close": [11.3, 12.0],
    "Volume": [1000, 1100],
}


def write(path: Path, stamps: Any, name: str = "timestamp", **changes: Any) -> Path:
    parquet.write_table(arrow.table({name: stamps, **COLUMNS, **changes}), path)
    return path


def read(path: Path) -> Series:
    return collect("SPX", read_parquet(path, "bars.parquet"))


def test_prices_are_the_shortest_decimals_of_their_floats(tmp_path: Path) -> None:
    series = read(write(tmp_path / "a", [datetime(2008, 9, 15), datetime(2008, 9, 16)]))  # noqa: DTZ001
    assert series.bars[0] == Bar(
        parse_opened("2008-09-15"), Decimal("10.1"), Decimal("12.5"), Decimal("9.25"), Decimal("11.3"), Decimal(1000)
    )
    assert str(series.bars[0].open) == "10.1"
    assert (series.rows, series.accepted) == (2, 2)
    assert series.source.startswith("parquet bars.parquet sha256 ")


@pytest.mark.parametrize(
    "stamps",
    [
        ["2008-09-15T00:00:00Z", "2008-09-16T00:00:00Z"],
        ["9/15/2008", "9/16/2008"],
        [date(2008, 9, 15), date(2008, 9, 16)],
        [datetime(2008, 9, 15, tzinfo=UTC), datetime(2008, 9, 16, tzinfo=UTC)],
        pytest.param("seconds", id="timestamp[s]"),
        pytest.param("nanoseconds", id="timestamp[ns, New York]"),
    ],
)
def test_every_kind_of_time_column(tmp_path: Path, stamps: Any) -> None:
    seconds = [parse_opened("2008-09-15") // 10**9, parse_opened("2008-09-16") // 10**9]
    if stamps == "seconds":
        stamps = arrow.array(seconds, arrow.timestamp("s"))
    if stamps == "nanoseconds":
        stamps = arrow.array([s * 10**9 for s in seconds], arrow.timestamp("ns", "America/New_York"))
    series = read(write(tmp_path / "a", stamps, name="Date"))
    assert [bar.opened_ns for bar in series.bars] == [parse_opened("2008-09-15"), parse_opened("2008-09-16")]


def test_decimal_columns_are_exact(tmp_path: Path) -> None:
    low = arrow.array([Decimal("9.250000000000000001"), Decimal(10)], arrow.decimal128(38, 18))
    assert read(write(tmp_path / "a", ["2008-09-15", "2008-09-16"], Low=low)).bars[0].low == Decimal(
        "9.250000000000000001"
    )


def test_missing_and_bad_values_are_refused_by_row_number(tmp_path: Path) -> None:
    series = read(write(tmp_path / "a", ["2008-09-15", "2008-09-16"], Low=[None, float("nan")]))
    assert [(one.reason, one.rows, one.example) for one in series.rejected] == [
        ("not a number", 1, "bars.parquet:1: 2008-09-15,10.1,12.5,,11.3,1000"),
        ("not finite", 1, "bars.parquet:2: 2008-09-16,11.0,13.0,nan,12.0,1100"),
    ]


def test_times_finer_than_microseconds_are_refused(tmp_path: Path) -> None:
    stamps = arrow.array([1, 2], arrow.timestamp("ns"))
    with pytest.raises(ConfigError, match=r"bars.parquet: not a usable Parquet file: Casting .* would lose data"):
        read(write(tmp_path / "a", stamps))


def test_a_time_beyond_the_calendar_is_refused(tmp_path: Path) -> None:
    stamps = arrow.array([parse_opened("2008-09-15") // 1000, 2**62], arrow.timestamp("us"))
    series = read(write(tmp_path / "a", stamps))
    assert [one.reason for one in series.rejected] == ["unreadable timestamp"]
    assert series.accepted == 1


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    parquet.write_table(arrow.table({"date": ["2008-09-15"], "close": [1.0]}), tmp_path / "a")
    with pytest.raises(ConfigError, match=r"bars.parquet: no column open in the header .date, close."):
        read(tmp_path / "a")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not parquet at all"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(
        ConfigError, match=r"bars.parquet: not a usable Parquet file: .*; write the file again"
    ) as caught:
        read(tmp_path / "a")
    assert "\n" not in str(caught.value)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "a", ["2008-09-15", "2008-09-16"]).read_bytes()
    for length in range(8, len(whole), 97):
        (tmp_path / "b").write_bytes(whole[:length])
        with pytest.raises(ConfigError, match="not a usable Parquet file"):
            read(tmp_path / "b")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"bars.parquet: no such file"):
        read(tmp_path / "absent")


def test_absent_pyarrow_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"pyarrow is not installed; pip install 'boardroom\[parquet\]'"):
        read(tmp_path / "a")


def test_reading_imports_no_pandas(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [datetime(2008, 9, 15, tzinfo=UTC), datetime(2008, 9, 16, tzinfo=UTC)])
    program = (
        "import sys; from pathlib import Path; from market.series import collect;"
        "from market.sources.parquet import read_parquet;"
        f"print(len(collect('S', read_parquet(Path({str(path)!r}), 'a')).bars), 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=_root())
    assert done.stdout.split() == ["2", "False"]


def _root() -> Path:
    return Path(__file__).resolve().parents[2]
