import random
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.errors import ConfigError
from bus.messages import DataReport, Rejection
from market.bar import flaw_of, parse_opened
from market.series import Series, Tally, collect
from market.sources.delimited import read_delimited

HEADER = "timestamp,open,high,low,close,volume"
MONDAY = "2008-09-15,10,12,9,11,1000"
TUESDAY = "2008-09-16,11,13,10,12,1100"
WEDNESDAY = "2008-09-17,12,14,11,13,1200"


@pytest.fixture
def series_of(tmp_path: Path) -> "SeriesOf":
    return SeriesOf(tmp_path / "spx.csv")


class SeriesOf:
    """Writes rows into a CSV file and collects it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, *rows: str, header: str = HEADER, spacing_s: float | None = None) -> Series:
        self.path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
        return collect("SPX", read_delimited(self.path, "spx.csv"), spacing_s)


def test_sound_rows_become_bars_in_order(series_of: SeriesOf) -> None:
    series = series_of(MONDAY, TUESDAY, WEDNESDAY)
    assert [str(bar.close) for bar in series.bars] == ["11", "12", "13"]
    assert [bar.opened_ns for bar in series.bars] == [parse_opened(f"2008-09-{day}") for day in (15, 16, 17)]
    assert (series.rows, series.accepted, series.rejected, series.noted) == (3, 3, (), ())


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("2008-09-16,11,13,10,12", "wrong column count"),
        ("2008-09-16,11,13,10,12,1100,9", "wrong column count"),
        ("16.9.2008,11,13,10,12,1100", "unreadable timestamp"),
        ("2008-09-16,11,13,10,-,1100", "not a number"),
        ("2008-09-16,11,13,10,,1100", "not a number"),
        ("2008-09-16,11,1_3,10,12,1100", "not a number"),
        ("2008-09-16,11,\uff11\uff13,10,12,1100", "not a number"),
        ("2008-09-16,11,nan,10,12,1100", "not finite"),
        ("2008-09-16,11,inf,10,12,1100", "not finite"),
        ("2008-09-16,11,13,0,12,1100", "non-positive price"),
        ("2008-09-16,-11,13,10,12,1100", "non-positive price"),
        ("2008-09-16,11,13,10,12,-1100", "negative volume"),
        ("2008-09-16,11,1e20,10,12,1100", "out of range"),
        ("2008-09-16,11,9,10,12,1100", "high below low"),
        ("2008-09-16,14,13,10,12,1100", "open outside low to high"),
        ("2008-09-16,11,13,10,13.000001,1100", "close outside low to high"),
        ("2008-09-15,11,13,10,12,1100", "duplicate timestamp"),
        ("2008-09-15T00:00:00Z,10,12,9,11,1000", "duplicate timestamp"),
        ("2008-09-12,11,13,10,12,1100", "timestamp out of order"),
    ],
)
def test_each_kind_of_bad_row_is_refused_and_named(series_of: SeriesOf, bad: str, reason: str) -> None:
    series = series_of(MONDAY, bad, WEDNESDAY)
    assert series.rejected == (Rejection(reason=reason, rows=1, example=f"spx.csv:3: {bad}"),)
    assert (series.rows, series.accepted) == (3, 2)
    assert [str(bar.close) for bar in series.bars] == ["11", "13"]


QUOTED = f"{HEADER},bid,ask,bid_size,ask_size"
SPLIT = f"{HEADER},split,dividend"


def test_a_quote_and_an_action_stand_with_their_bar(series_of: SeriesOf) -> None:
    quoted = series_of(f"{MONDAY},9.5,10.5,3,4", f"{TUESDAY},,,,", header=QUOTED)
    assert [bar.quote for bar in quoted.bars] == [tuple(map(Decimal, ("9.5", "10.5", "3", "4"))), None]
    acted = series_of(f"{MONDAY},1,0", f"{TUESDAY},2,0.5", f"{WEDNESDAY},,0.25", header=SPLIT)
    found = [bar.action for bar in acted.bars]
    assert found == [None, (Decimal(2), Decimal("0.5")), (Decimal(1), Decimal("0.25"))]


@pytest.mark.parametrize(
    ("header", "bad", "reason"),
    [
        (QUOTED, f"{TUESDAY},10.5,10.5,3,4", "bid not below ask, or a size below 0"),
        (QUOTED, f"{TUESDAY},9.5,10.5,-1,4", "bid not below ask, or a size below 0"),
        (QUOTED, f"{TUESDAY},9.5,,3,4", "not a number"),
        (QUOTED, f"{TUESDAY},9.5,NaN,3,4", "not a number"),
        (SPLIT, f"{TUESDAY},0,0", "split not above 0, or dividend below 0"),
        (SPLIT, f"{TUESDAY},2,-1", "split not above 0, or dividend below 0"),
        (SPLIT, f"{TUESDAY},two,0", "not a number"),
    ],
)
def test_a_bad_quote_or_action_refuses_its_row(series_of: SeriesOf, header: str, bad: str, reason: str) -> None:
    good = f"{MONDAY},," if header == SPLIT else f"{MONDAY},,,,"
    series = series_of(good, bad, header=header)
    assert series.rejected == (Rejection(reason=reason, rows=1, example=f"spx.csv:3: {bad}"),)


def test_some_columns_of_a_quote_are_not_enough(series_of: SeriesOf) -> None:
    with pytest.raises(ConfigError, match=r"spx\.csv:1: no column bid_size"):
        series_of(f"{MONDAY},9.5,10.5", header=f"{HEADER},bid,ask")


def test_a_late_copy_of_an_earlier_row_is_a_duplicate(series_of: SeriesOf) -> None:
    series = series_of(MONDAY, TUESDAY, WEDNESDAY, MONDAY)
    assert [(one.reason, one.example) for one in series.rejected] == [("duplicate timestamp", f"spx.csv:5: {MONDAY}")]


def test_reasons_are_counted_and_the_first_of_each_is_named(series_of: SeriesOf) -> None:
    series = series_of(MONDAY, "a,1,1,1,1,1", MONDAY, "b,1,1,1,1,1", TUESDAY)
    assert series.rejected == (
        Rejection(reason="unreadable timestamp", rows=2, example="spx.csv:3: a,1,1,1,1,1"),
        Rejection(reason="duplicate timestamp", rows=1, example=f"spx.csv:4: {MONDAY}"),
    )


def test_an_example_is_shortened(series_of: SeriesOf) -> None:
    series = series_of(MONDAY, f"2008-09-16,1,1,1,1,{'9' * 600}")
    assert series.rejected[0].reason == "not a number"
    assert len(series.rejected[0].example) == len("spx.csv:3: ") + 120


def test_a_bar_after_a_refused_one_is_compared_with_the_last_accepted(series_of: SeriesOf) -> None:
    series = series_of(MONDAY, "2030-01-01,11,9,10,12,1100", TUESDAY)
    assert series.accepted == 2


def test_gaps_and_zero_volume_are_noted_not_refused(series_of: SeriesOf) -> None:
    rows = [f"2008-09-15T00:0{minute}:00Z,10,12,9,11,{volume}" for minute, volume in ((0, 5), (1, 0), (2, 5), (5, 5))]
    series = series_of(*rows)
    gap = "spx.csv:5: 2008-09-15T00:05:00Z follows 2008-09-15T00:02:00Z, 2 bars of 60 s missing"
    assert series.noted == (
        Rejection(reason="gap before", rows=1, example=gap),
        Rejection(reason="zero volume", rows=1, example="spx.csv:3: 2008-09-15T00:01:00Z"),
    )
    assert series.accepted == 4


def test_expected_spacing_can_be_stated(series_of: SeriesOf) -> None:
    rows = [f"2008-09-15T0{hour}:00:00Z,10,12,9,11,1" for hour in range(4)]
    assert series_of(*rows).noted == ()
    assert series_of(*rows, spacing_s=1800.0).noted[0].rows == 3


def test_extra_columns_and_any_order_and_case_of_columns(series_of: SeriesOf) -> None:
    series = series_of("7,11,1000,12,9,10,2008-09-15", header="Adj Close, CLOSE ,Volume,High,Low,Open,Date")
    assert series.bars[0][1:6] == tuple(map(Decimal, ("10", "12", "9", "11", "1000")))


def test_report_is_a_message_with_the_whole_account(series_of: SeriesOf) -> None:
    series = series_of(MONDAY, "a,1,1,1,1,1")
    report = series.report()
    assert isinstance(report, DataReport)
    assert (report.symbol, report.rows, report.accepted) == ("SPX", 2, 1)
    assert report.source.startswith("csv spx.csv sha256 ")
    assert report.rejected == series.rejected


def test_tally_keeps_the_first_example() -> None:
    tally = Tally()
    for example in ("one", "two", "three"):
        tally.add("why", example)
    assert tally.result() == (Rejection(reason="why", rows=3, example="one"),)


def days(series_of: SeriesOf) -> Series:
    """Ten weekday bars from Monday 2008-09-15, closes 10 to 19."""
    dates = [day for day in range(15, 27) if day not in (20, 21)]
    return series_of(*(f"2008-09-{day},{10 + n},{10 + n},{10 + n},{10 + n},1" for n, day in enumerate(dates)))


@pytest.mark.parametrize(
    ("first", "last", "bars", "history_bars", "closes"),
    [
        (None, None, None, 0, range(10, 20)),
        (date(2008, 9, 17), None, None, 0, range(12, 20)),
        (None, date(2008, 9, 17), None, 0, range(10, 13)),
        (date(2008, 9, 20), date(2008, 9, 23), None, 0, range(15, 17)),
        (date(2008, 9, 17), None, 3, 0, range(12, 15)),
        (date(2008, 9, 17), None, 3, 2, range(10, 15)),
        (None, None, 3, 2, range(10, 15)),
        (None, None, 100, 0, range(10, 20)),
        (date(2008, 9, 17), date(2008, 9, 18), 5, 1, range(11, 14)),
    ],
)
def test_window_keeps_the_chosen_bars_with_their_history(
    series_of: SeriesOf, first: date | None, last: date | None, bars: int | None, history_bars: int, closes: range
) -> None:
    window = days(series_of).window(first, last, bars, history_bars)
    assert [int(bar.close) for bar in window.bars] == list(closes)
    assert window.history == history_bars
    assert window.rows == 10


@pytest.mark.parametrize(
    ("first", "last", "history_bars", "complaint"),
    [
        (date(2008, 9, 17), None, 3, "SPX has 2 bars before 2008-09-17, history_bars asks for 3"),
        (date(2009, 1, 1), None, 0, "no bar in the chosen window .the data: 2008-09-15 to 2008-09-26, 10 bars."),
        (None, date(2008, 9, 1), 0, "no bar in the chosen window"),
        (None, None, 10, "no bar in the chosen window"),
        (None, date(2008, 9, 16), 5, "no bar in the chosen window"),
    ],
)
def test_a_window_that_is_not_there_is_refused(
    series_of: SeriesOf, first: date | None, last: date | None, history_bars: int, complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        days(series_of).window(first, last, None, history_bars)


def corrupted(text: str, seed: int, hits: int) -> bytes:
    """Return the text with characters changed, removed, doubled, and lines swapped, by a seeded generator."""
    source = random.Random(seed)
    content = bytearray(text, "utf-8")
    for _ in range(hits):
        place = source.randrange(len(content))
        match source.randrange(4):
            case 0:
                content[place] = source.choice(b'0123456789,.-+eEnaif\n\r" /:_ZT\x00\xff\xc3')
            case 1:
                del content[place]
            case 2:
                content[place:place] = content[place : place + source.randrange(1, 80)]
            case _:
                lines = bytes(content).split(b"\n")
                tail = lines[1:]
                source.shuffle(tail)
                content = bytearray(b"\n".join((lines[0], *tail)))
    return bytes(content)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(seed=st.integers(0, 2**32), hits=st.integers(1, 12))
def test_a_corrupted_file_is_refused_clearly_or_gives_sound_bars(tmp_path: Path, seed: int, hits: int) -> None:
    rows = (f"2008-09-{day:02},{10 + day},{12 + day},{9 + day},{11 + day},{day}000" for day in range(1, 29))
    path = tmp_path / "fuzzed.csv"
    path.write_bytes(corrupted("\n".join((HEADER, *rows)), seed, hits))
    series, complaint = None, ""
    try:
        series = collect("SPX", read_delimited(path, "fuzzed.csv"))
    except ConfigError as error:
        complaint = str(error)
    if series is None:
        assert complaint.startswith("fuzzed.csv:")
        assert "\n" not in complaint
        return
    assert all(flaw_of(bar) is None for bar in series.bars)
    assert all(before.opened_ns < after.opened_ns for before, after in pairwise(series.bars))
    assert series.accepted == len(series.bars)
    assert series.rows == series.accepted + sum(one.rows for one in series.rejected)
    assert series.report().accepted == series.accepted
