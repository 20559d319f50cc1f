"""Exact decimal arithmetic: nothing is rounded unless a function of this module is asked to.

``EXACT`` raises where a result would have to be rounded. It never does for amounts that passed ``check_amount``: with
at most 60 digits before the point and 20 after it, products of two and their sums fit its 200 digits. What comes in
from outside must pass ``check_input``, which is narrower, so that what the broker makes of it can always be booked.
"""

from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_UP,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)
from typing import Final

from bus.errors import Invalid

ZERO: Final = Decimal(0)
TICK: Final = Decimal("0.000001")
"""Step of fill prices, fees and published average prices."""
LOT: Final = Decimal("0.00000001")
"""Step of a partial fill's quantity."""
COST_QUANTUM: Final = Decimal("1e-12")
"""Step of the cost basis released by a partial close."""
FRACTION_QUANTUM: Final = Decimal("1e-9")

_MOST_INPUT: Final = Decimal("1e15")
_MOST: Final = Decimal("1e60")
_ONE: Final = Decimal(1)
_FINEST: Final = Decimal("1e-20")

EXACT: Final = Context(prec=200, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
_ROUNDED: Final = Context(prec=200, traps=[InvalidOperation, DivisionByZero, Overflow])


def check_amount(name: str, value: Decimal) -> None:
    """Refuse an amount that is not positive, or that the book cannot compute with exactly.

    Raises
    ------
    Invalid
        Not finite, not above 0, above 1e60, or finer than 1e-20.
    """
    _check(name, value, _MOST)


def check_input(name: str, value: Decimal) -> None:
    """Refuse a price or quantity from outside that is not positive, or beyond what a market can show.

    Raises
    ------
    Invalid
        Not finite, not above 0, above 1e15, or finer than 1e-20.
    """
    _check(name, value, _MOST_INPUT)


def round_up(value: Decimal, quantum: Decimal) -> Decimal:
    """Round away from zero to a multiple of ``quantum``, a power of ten."""
    return _trim(value.quantize(quantum, ROUND_UP, _ROUNDED))


def round_down(value: Decimal, quantum: Decimal) -> Decimal:
    """Round towards zero to a multiple of ``quantum``, a power of ten."""
    return _trim(value.quantize(quantum, ROUND_DOWN, _ROUNDED))


def prorate(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Return ``amount * part / whole`` to the nearest 1e-12, ties to even."""
    share = _ROUNDED.divide(_ROUNDED.multiply(amount, part), whole)
    return _trim(share.quantize(COST_QUANTUM, ROUND_HALF_EVEN, _ROUNDED))


def unit_price(cost: Decimal, quantity: Decimal) -> Decimal:
    """Return ``cost / quantity`` to the nearest tick, ties to even."""
    return _trim(_ROUNDED.divide(cost, quantity).quantize(TICK, ROUND_HALF_EVEN, _ROUNDED))


def after_split(quantity: Decimal, split: Decimal) -> Decimal:
    """Return ``quantity * split`` to the lot, towards zero: a venue gives nothing for less than a lot."""
    return round_down(EXACT.multiply(quantity, split), LOT)


def share_up(amount: Decimal, parts: int) -> Decimal:
    """Return ``amount / parts``, rounded away from zero to the tick."""
    return round_up(_ROUNDED.divide(amount, parts), TICK)


def as_fraction(value: float) -> Decimal:
    """Cross a non-negative cost fraction from float64 to Decimal, rounded up to 1e-9."""
    return Decimal(value).quantize(FRACTION_QUANTUM, ROUND_UP, _ROUNDED)


def as_text(value: Decimal) -> str:
    """Write an amount for people: all its digits, no exponent, no zeros after the last decimal."""
    return f"{_trim(value):f}"


def _check(name: str, value: Decimal, most: Decimal) -> None:
    if not (value.is_finite() and 0 < value <= most):
        raise Invalid(f"{name} is {_short(value)}; expected a number above 0 and at most {most}")
    if value.quantize(_FINEST, ROUND_DOWN, _ROUNDED) != value:
        raise Invalid(f"{name} is {_short(value)}; expected at most 20 decimals")


def _trim(value: Decimal) -> Decimal:
    """Drop zeros after the last decimal, and only those."""
    trimmed = value.normalize(_ROUNDED)
    return trimmed.quantize(_ONE, ROUND_DOWN, _ROUNDED) if trimmed == trimmed.to_integral_value() else trimmed


def _short(value: Decimal) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
