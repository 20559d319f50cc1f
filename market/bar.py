"""A closed bar, and what a row of data must satisfy to become one.

A row is judged, never mended: it becomes a bar exactly as written, or the first flaw found in the order of ``Flaw``.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final, NamedTuple

MIN_PRICE: Final = Decimal("1e-12")
MAX_PRICE: Final = Decimal("1e15")
MAX_VOLUME: Final = Decimal("1e18")
"""Bounds within which every price and volume stays exact enough as float64, and whose logarithm is finite."""

MAX_ROW_CHARACTERS: Final = 512

_FIRST_YEAR: Final = 1700
_LAST_YEAR: Final = 2200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NS_PER_MICROSECOND: Final = 1_000
_FINER_THAN_MICROSECONDS: Final = re.compile(r"[.,]\d{7}")


class Flaw(StrEnum):
    """Why a row is refused; one row has one flaw, the first of this list."""

    COLUMNS = "wrong column count"
    TIMESTAMP = "unreadable timestamp"
    NUMBER = "not a number"
    NOT_FINITE = "not finite"
    PRICE = "non-positive price"
    VOLUME = "negative volume"
    RANGE = "out of range"
    HIGH_BELOW_LOW = "high below low"
    OPEN_OUTSIDE = "open outside low to high"
    CLOSE_OUTSIDE = "close outside low to high"
    QUOTE = "bid not below ask, or a size below 0"
    ACTION = "split not above 0, or dividend below 0"
    DUPLICATE = "duplicate timestamp"
    ORDER = "timestamp out of order"


class Bar(NamedTuple):
    """Prices and volume of one interval; ``opened_ns`` is its opening time in nanoseconds since the epoch, UTC.

    ``quote`` is (bid, ask, bid size, ask size) at the opening, ``action`` (split, dividend) before it; None without.
    """

    opened_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote: tuple[Decimal, Decimal, Decimal, Decimal] | None = None
    action: tuple[Decimal, Decimal] | None = None


def read_bar(stamp: str, opening: str, high: str, low: str, close: str, volume: str) -> Bar | Flaw:
    """Return the bar that six texts describe, or the flaw that forbids it."""
    try:
        opened_ns = parse_opened(stamp)
    except ValueError:
        return Flaw.TIMESTAMP
    try:
        bar = Bar(opened_ns, Decimal(opening), Decimal(high), Decimal(low), Decimal(close), Decimal(volume))
    except InvalidOperation:
        return Flaw.NUMBER
    return flaw_of(bar) or bar


def read_quote(bar: Bar, texts: Sequence[str]) -> Bar | Flaw:
    """Return the bar with the quote that four texts describe: bid, ask and their sizes; all empty is none."""
    if not any(texts):
        return bar
    amounts = _amounts(texts)
    if amounts is None:
        return Flaw.NUMBER
    bid, ask, bid_size, ask_size = amounts
    is_sound = MIN_PRICE <= bid < ask <= MAX_PRICE and min(bid_size, ask_size) >= 0 and max(amounts) <= MAX_VOLUME
    return bar._replace(quote=(bid, ask, bid_size, ask_size)) if is_sound else Flaw.QUOTE


def read_action(bar: Bar, texts: Sequence[str]) -> Bar | Flaw:
    """Return the bar with the action that two texts describe: split and dividend; an empty one is none."""
    split, dividend = texts
    amounts = _amounts((split or "1", dividend or "0"))
    if amounts is None:
        return Flaw.NUMBER
    if not (0 < amounts[0] <= MAX_PRICE and 0 <= amounts[1] <= MAX_PRICE):
        return Flaw.ACTION
    return bar if amounts[0] == 1 and not amounts[1] else bar._replace(action=(amounts[0], amounts[1]))


def _amounts(texts: Sequence[str]) -> tuple[Decimal, ...] | None:
    try:
        amounts = tuple(Decimal(text) for text in texts)
    except InvalidOperation:
        return None
    return amounts if all(amount.is_finite() for amount in amounts) else None


def flaw_of(bar: Bar) -> Flaw | None:
    """Return what is wrong with the prices and the volume of a bar, None for sound ones."""
    _, opening, high, low, close, volume = bar[:6]
    if not (opening.is_finite() and high.is_finite() and low.is_finite() and close.is_finite() and volume.is_finite()):
        return Flaw.NOT_FINITE
    if opening <= 0 or high <= 0 or low <= 0 or close <= 0:
        return Flaw.PRICE
    if volume < 0:
        return Flaw.VOLUME
    if min(opening, low, close) < MIN_PRICE or max(opening, high, close) > MAX_PRICE or volume > MAX_VOLUME:
        return Flaw.RANGE
    if high < low:
        return Flaw.HIGH_BELOW_LOW
    if not low <= opening <= high:
        return Flaw.OPEN_OUTSIDE
    return None if low <= close <= high else Flaw.CLOSE_OUTSIDE


def parse_opened(text: str) -> int:
    """Return nanoseconds since the epoch of ISO 8601, ``YYYY-MM-DD`` or ``M/D/YYYY``; without an offset it is UTC.

    Raises
    ------
    ValueError
        Another format, no such date, finer than microseconds, or a year outside 1700 to 2200.

    Examples
    --------
    >>> parse_opened("1970-01-02") == parse_opened("1/2/1970") == parse_opened("1970-01-02T01:00:00+01:00")
    True
    >>> parse_opened("1970-01-01T00:00:01Z")
    1000000000
    """
    text = text.strip()
    if "_" in text or not text.isascii():
        raise ValueError(f"{text!r} is no plain date or time")
    if "/" in text:
        month, day, year = text.split("/")
        moment = datetime(int(year), int(month), int(day), tzinfo=UTC)
    else:
        if text[4:5] != "-" or _FINER_THAN_MICROSECONDS.search(text):
            raise ValueError(f"{text!r} is neither ISO 8601 down to microseconds nor M/D/YYYY")
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"{text!r} lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return (moment - _EPOCH) // _MICROSECOND * _NS_PER_MICROSECOND


def opened_at(opened_ns: int) -> datetime:
    """Return the moment, in UTC, that ``opened_ns`` means."""
    return _EPOCH + timedelta(microseconds=opened_ns // _NS_PER_MICROSECOND)


def show_opened(opened_ns: int) -> str:
    """Return the opening time as people write it: a date at midnight, date and time otherwise."""
    moment = opened_at(opened_ns)
    is_midnight = moment.time() == _EPOCH.time()
    return moment.date().isoformat() if is_midnight else moment.replace(tzinfo=None).isoformat() + "Z"
