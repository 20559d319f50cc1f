"""When exchanges are open, against dates that anybody can look up."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from bus.config import Settings
from bus.errors import ConfigError
from market.series import collect
from market.sessions import Sessions, cache_folder, calendars, missing, newest
from market.sources.packaged import PACKAGED, read_packaged
from research.sessions import compute, make_sessions

DAY_NS = 86_400 * 1_000_000_000


def sessions(name: str) -> Sessions:
    first, last, days, opens, closes = compute(name, 2027)
    return Sessions(name, days, opens, closes, _day(first, 1, 1), _day(last, 12, 31))


@pytest.fixture(scope="module")
def new_york() -> Sessions:
    return sessions("XNYS")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache_folder()


def _day(year: int, month: int, day: int) -> int:
    return date(year, month, day).toordinal() - date(1970, 1, 1).toordinal()


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(("day", "is_open"), [
    ((2007, 7, 3), True), ((2007, 7, 4), False), ((2008, 11, 27), False), ((2008, 11, 28), True),
    ((2007, 1, 2), False),  # the day of mourning for President Ford
    ((2012, 10, 29), False), ((2012, 10, 30), False), ((2012, 10, 31), True),  # the storm Sandy
    ((2001, 9, 11), False), ((2001, 9, 17), True), ((2009, 1, 3), False),
])  # fmt: skip
def test_days_of_the_new_york_stock_exchange(new_york: Sessions, day: tuple[int, int, int], is_open: bool) -> None:
    assert new_york.is_trading_day(_day(*day)) is is_open


@pytest.mark.parametrize(("moment", "is_open"), [
    ("2008-11-28T14:29:59", False), ("2008-11-28T14:30", True), ("2008-11-28T17:59:59", True),
    ("2008-11-28T18:00", False), ("2008-11-28T20:00", False),  # the day after Thanksgiving: closed early
    ("2008-12-01T20:59:59", True), ("2008-12-01T21:00", False),
    ("2008-03-07T14:29:59", False), ("2008-03-07T14:30", True), ("2008-03-07T20:59:59", True),
    ("2008-03-10T13:29:59", False), ("2008-03-10T13:30", True), ("2008-03-10T20:00", False),  # summer time since
    ("2007-07-03T16:59:59", True), ("2007-07-03T17:00", False), ("2007-07-04T15:00", False),
    ("2008-03-08T15:00", False), ("2008-03-09T15:00", False),
])  # fmt: skip
def test_hours_of_the_new_york_stock_exchange(new_york: Sessions, moment: str, is_open: bool) -> None:
    assert new_york.is_open(at(moment)) is is_open


def test_a_lunch_break_divides_a_day() -> None:
    """Hong Kong in 2015: 9:30 to 12:00 and 13:00 to 16:00, eight hours ahead of UTC."""
    hong_kong = sessions("XHKG")
    moments = ("01:29", "01:30", "03:59", "04:00", "04:59", "05:00", "07:59", "08:00")
    open_at = [hong_kong.is_open(at(f"2015-06-03T{moment}")) for moment in moments]
    assert open_at == [False, True, True, False, False, True, True, False]
    assert hong_kong.is_trading_day(_day(2015, 6, 3))


def test_a_market_that_never_closes() -> None:
    always = sessions("24/7")
    assert always.is_trading_day(_day(2009, 1, 3))
    for moment in ("2009-01-03T00:00", "2009-01-03T23:59:59", "2009-01-04T00:00"):
        assert always.is_open(at(moment))


def test_beyond_what_is_known_there_is_no_answer(new_york: Sessions) -> None:
    assert new_york.is_trading_day(_day(1900, 1, 2))
    assert new_york.is_trading_day(_day(2027, 12, 31))
    for day in (_day(1899, 12, 29), _day(2028, 1, 3)):
        with pytest.raises(LookupError, match="no session of XNYS is known for"):
            new_york.is_trading_day(day)
        with pytest.raises(LookupError, match=r"python -m research\.sessions"):
            new_york.is_open(day * DAY_NS + 15 * 3_600 * 1_000_000_000)


@pytest.mark.parametrize("symbol", sorted(PACKAGED))
def test_every_bar_of_the_demo_belongs_to_a_session(new_york: Sessions, symbol: str) -> None:
    bars = collect(symbol, read_packaged(symbol)).bars
    assert len(bars) == 5_031
    assert all(new_york.is_trading_day(bar.opened_ns // DAY_NS) for bar in bars)


def firm(folder: Path, calendar: str = "XNYS", agents: str = "[agents.compliance]") -> Settings:
    (folder / "firm.toml").write_text(agents, encoding="utf-8")
    limits = f'[compliance]\ncalendars = {{ AAA = "{calendar}" }}\n'
    (folder / "limits.toml").write_text(limits if "compliance" in agents else "", encoding="utf-8")
    return Settings.load(folder, folder / "run")


def test_they_are_computed_once_and_kept(tmp_path: Path, cache: Path) -> None:
    settings = firm(tmp_path)
    with pytest.raises(
        ConfigError, match=r"no sessions of calendar XNYS are in .*: run `python -m research\.sessions`"
    ):
        Sessions.load("XNYS")
    assert make_sessions(settings, 2026) == ("XNYS",)
    assert make_sessions(settings, 2026) == ()
    assert make_sessions(settings, 2027) == ()
    first = newest("XNYS")
    assert make_sessions(settings, 2028) == ("XNYS",)
    assert first is not None
    assert not first.exists()
    assert [each.parent for each in (newest("XNYS"),) if each] == [cache]
    assert Sessions.load("XNYS").is_trading_day(_day(2008, 11, 28))


def test_a_damaged_file_is_named(tmp_path: Path, cache: Path) -> None:
    make_sessions(firm(tmp_path))
    path = newest("XNYS")
    assert path is not None
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ConfigError, match=r"XNYS-.*npz: not readable as sessions .*; remove it and run"):
        Sessions.load("XNYS")


def test_another_version_of_the_library_computes_anew(tmp_path: Path, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "XNYS-1.0-1900-2100.npz").write_bytes(b"")
    assert missing(("XNYS",), 2026) == ("XNYS",)


def test_an_unknown_calendar_is_one_clear_line(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        make_sessions(firm(tmp_path, "XNOW"))
    assert str(caught.value) == (
        "limits.toml: compliance.calendars: exchange_calendars has no calendar XNOW; take one such as XNYS, or leave "
        "the symbol out if it trades at any time"
    )


def test_a_firm_without_compliance_needs_none(tmp_path: Path, cache: Path) -> None:
    assert calendars(firm(tmp_path, agents="[agents.pads]")) == ()
    assert calendars(firm(tmp_path, agents="[agents.compliance]\nenabled = false")) == ()
    assert calendars(firm(tmp_path)) == ("XNYS",)
    assert make_sessions(firm(tmp_path, agents="[agents.pads]")) == ()
    assert not cache.exists()


def test_sessions_are_whole_and_in_order() -> None:
    for name in ("XNYS", "XHKG"):
        _, _, days, opens, closes = compute(name, 2027)
        assert np.all(np.diff(days) >= 0)
        assert np.all(opens < closes)
        assert np.all(closes[:-1] <= opens[1:])
        assert days.shape == opens.shape == closes.shape
