from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.bar import Bar, Flaw, flaw_of, opened_at, parse_opened, read_bar, show_opened

DAY_NS = 86_400 * 10**9
GOOD = ("2008-09-15", "10", "12", "9", "11", "1000")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-02", 86_400),
        ("1/2/1970", 86_400),
        ("01/02/1970", 86_400),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01 00:01", 60),
        (" 1970-01-01T00:00:02 ", 2),
        ("1969-12-31", -86_400),
        ("12/31/2018", 1_546_214_400),
    ],
)
def test_opening_time_is_read_in_every_stated_format(text: str, seconds: int) -> None:
    assert parse_opened(text) == seconds * 10**9


def test_opening_time_is_exact_to_the_microsecond() -> None:
    assert parse_opened("2021-12-31T23:01:00.000001Z") == 1_640_991_660_000_001_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "31/12/2018",
        "1/2",
        "1/2/3/4",
        "1/1/99",
        "2008-02-30",
        "20080915",
        "1221436800",
        "2008-09-15T00:00:00.1234567Z",
        "1699-12-31",
        "2201-01-01",
        "1_1/1/2008",
        "\u0662008-09-15",
    ],
)
def test_other_opening_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_opened(text)


@given(st.integers(min_value=-(10**12), max_value=7 * 10**12))
def test_shown_opening_time_reads_back(milliseconds: int) -> None:
    opened_ns = milliseconds * 10**6
    assert parse_opened(show_opened(opened_ns)) == opened_ns
    assert round(opened_at(opened_ns).timestamp() * 1000) == milliseconds


def test_bar_is_taken_exactly_as_written() -> None:
    bar = read_bar("1970-01-02", "1229.22998", "1248.810059", "1219.099976", "1228.10", "877000000")
    assert bar == Bar(
        DAY_NS,
        Decimal("1229.22998"),
        Decimal("1248.810059"),
        Decimal("1219.099976"),
        Decimal("1228.10"),
        Decimal(877_000_000),
    )
    assert isinstance(bar, Bar)
    assert str(bar.close) == "1228.10"


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        ({0: "someday"}, Flaw.TIMESTAMP),
        ({1: "ten"}, Flaw.NUMBER),
        ({4: ""}, Flaw.NUMBER),
        ({5: "1,000"}, Flaw.NUMBER),
        ({2: "NaN"}, Flaw.NOT_FINITE),
        ({2: "sNaN"}, Flaw.NOT_FINITE),
        ({3: "-inf"}, Flaw.NOT_FINITE),
        ({5: "Infinity"}, Flaw.NOT_FINITE),
        ({3: "0"}, Flaw.PRICE),
        ({1: "-10"}, Flaw.PRICE),
        ({5: "-1"}, Flaw.VOLUME),
        ({2: "1e16"}, Flaw.RANGE),
        ({3: "1e-13"}, Flaw.RANGE),
        ({5: "1e19"}, Flaw.RANGE),
        ({2: "8.99", 3: "9"}, Flaw.HIGH_BELOW_LOW),
        ({1: "12.01"}, Flaw.OPEN_OUTSIDE),
        ({1: "8.99"}, Flaw.OPEN_OUTSIDE),
        ({4: "12.01"}, Flaw.CLOSE_OUTSIDE),
        ({4: "8.99"}, Flaw.CLOSE_OUTSIDE),
    ],
)
def test_each_flaw_is_named(changes: dict[int, str], flaw: Flaw) -> None:
    fields = [changes.get(position, text) for position, text in enumerate(GOOD)]
    assert read_bar(*fields) is flaw


@pytest.mark.parametrize("changes", [{1: "12"}, {1: "9"}, {4: "12"}, {4: "9"}, {5: "0"}, {2: "1e15"}, {3: "1e-12"}])
def test_values_at_the_limit_are_sound(changes: dict[int, str]) -> None:
    fields = [changes.get(position, text) for position, text in enumerate(GOOD)]
    assert isinstance(read_bar(*fields), Bar)


def test_a_flat_bar_is_sound() -> None:
    assert isinstance(read_bar("2008-09-15", "5", "5", "5", "5", "0"), Bar)


def test_the_first_flaw_of_the_list_is_the_one_told() -> None:
    assert read_bar("someday", "NaN", "0", "0", "0", "-1") is Flaw.TIMESTAMP
    assert read_bar("2008-09-15", "NaN", "-1", "x", "0", "-1") is Flaw.NUMBER
    assert read_bar("2008-09-15", "NaN", "-1", "2", "0", "-1") is Flaw.NOT_FINITE
    assert read_bar("2008-09-15", "0", "1", "2", "0", "-1") is Flaw.PRICE


@given(st.tuples(*[st.decimals(allow_nan=True, allow_infinity=True)] * 5))
def test_a_bar_without_flaw_keeps_every_invariant(values: tuple[Decimal, Decimal, Decimal, Decimal, Decimal]) -> None:
    bar = Bar(0, *values)
    if flaw_of(bar) is None:
        assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert bar.volume >= 0
        assert 0.0 < float(bar.low) <= float(bar.high) < float("inf")


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_gives_a_bar_or_a_flaw(stamp: str, number: str) -> None:
    assert isinstance(read_bar(stamp, number, number, number, number, number), Bar | Flaw)
    assert isinstance(read_bar("2008-09-15", number, number, number, number, number), Bar | Flaw)
