"""Orders and the hours of exchanges: a bar of a day belongs to its date, a shorter one ends within a session."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

import pytest

from bus.messages import Side
from compliance.rules.market import TradingHours
from compliance.tape import Tape
from market.sessions import Sessions
from research.sessions import compute
from tests.compliance.counter import asked, found, limits_of
from tests.gates.driver import DAY_NS, bar_of

NEW_YORK = limits_of(calendars={"AAA": "XNYS"})
MINUTE_NS = 60 * 1_000_000_000


@cache
def sessions() -> Mapping[str, Sessions]:
    first, last, days, opens, closes = compute("XNYS", 2027)
    span = (ns(f"{first}-01-01") // DAY_NS, ns(f"{last}-12-31") // DAY_NS)
    return {"XNYS": Sessions("XNYS", days, opens, closes, *span)}


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


def tape_of(*opened: str) -> Tape:
    tape = Tape(20, 250)
    for bar, text in enumerate(opened):
        tape.append(bar_of("AAA", bar, 100, ns(text)))
    return tape


@pytest.mark.parametrize(("day", "is_open"), [
    ("2007-07-03", True), ("2007-07-04", False), ("2008-11-27", False), ("2008-11-28", True), ("2009-01-03", False),
])  # fmt: skip
@pytest.mark.parametrize("side", list(Side))
def test_a_bar_of_a_day_belongs_to_its_date(side: Side, day: str, is_open: bool) -> None:
    tape = tape_of("2007-05-30", "2007-05-31", day)
    finding = found(TradingHours(), NEW_YORK, asked(side, bar=2), tape=tape, sessions=sessions())
    assert (finding.passes, finding.value) == (is_open, int(not is_open))
    assert finding.detail == f"XNYS is {'open' if is_open else 'closed'} on {day}"


@pytest.mark.parametrize(("opened", "is_open"), [
    ("2008-11-28T14:28", False), ("2008-11-28T14:29", True), ("2008-11-28T17:58", True), ("2008-11-28T17:59", False),
    ("2008-03-10T13:28", False), ("2008-03-10T13:29", True), ("2008-03-10T19:58", True), ("2008-03-10T19:59", False),
])  # fmt: skip
def test_a_bar_of_a_minute_must_end_within_a_session(opened: str, is_open: bool) -> None:
    """It ends a minute after it opens: at the open the exchange trades, at the close no longer."""
    tape = tape_of("2008-03-07T15:00", "2008-03-07T15:01", opened)
    finding = found(TradingHours(), NEW_YORK, asked(bar=2), tape=tape, sessions=sessions())
    assert finding.passes is is_open
    end = datetime.fromtimestamp((ns(opened) + MINUTE_NS) // 10**9, UTC)
    assert finding.detail.endswith(f"at {end:%Y-%m-%dT%H:%M:%S}Z")


def test_a_bar_whose_end_is_not_known_is_refused() -> None:
    one = found(TradingHours(), NEW_YORK, asked(bar=0), tape=tape_of("2007-07-03"), sessions=sessions())
    gone = found(TradingHours(), NEW_YORK, asked(bar=7), tape=tape_of("2007-07-02", "2007-07-03"), sessions=sessions())
    for finding in (one, gone):
        assert (finding.passes, finding.value) == (False, None)


def test_a_time_beyond_the_calendar_cannot_be_judged() -> None:
    tape = tape_of("2100-01-04", "2100-01-05")
    with pytest.raises(LookupError, match="no session of XNYS is known for 2100-01-05"):
        found(TradingHours(), NEW_YORK, asked(bar=1), tape=tape, sessions=sessions())


def test_a_symbol_without_a_calendar_trades_at_any_time() -> None:
    tape = tape_of("2007-07-03", "2007-07-04")
    assert found(TradingHours(), limits_of(), asked(bar=1), tape=tape).passes
