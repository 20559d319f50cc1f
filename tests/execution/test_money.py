"""Rounding happens where it is asked for, and against us."""

from decimal import Decimal, Inexact, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import Invalid
from execution.money import (
    EXACT,
    TICK,
    after_split,
    as_fraction,
    as_text,
    check_amount,
    check_input,
    prorate,
    round_down,
    round_up,
    share_up,
    unit_price,
)
from tests.execution.venue import dec


def test_exact_arithmetic_refuses_to_round() -> None:
    with localcontext(EXACT), pytest.raises(Inexact):
        dec(1) / 3


def test_prices_round_to_the_tick() -> None:
    assert round_up(dec("1.0000001"), TICK) == dec("1.000001")
    assert round_down(dec("1.0000009"), TICK) == dec("1.000000")
    assert round_up(dec("1.000001"), TICK) == round_down(dec("1.000001"), TICK) == dec("1.000001")


@pytest.mark.parametrize(
    ("value", "text"),
    [("1E+3", "1000"), ("10.5000", "10.5"), ("-0.0000010", "-0.000001"), ("0E-9", "0"), ("100", "100")],
)
def test_text_is_for_people(value: str, text: str) -> None:
    assert as_text(dec(value)) == text


def test_rounding_leaves_no_idle_zeros() -> None:
    assert [str(round_up(dec(text), TICK)) for text in ("110.110", "100", "0.5000000")] == ["110.11", "100", "0.5"]


def test_ties_go_to_even() -> None:
    assert unit_price(dec("0.000001"), dec(2)) == 0
    assert unit_price(dec("0.000003"), dec(2)) == dec("0.000002")
    assert prorate(dec("1e-12"), dec(1), dec(2)) == 0


@given(st.floats(min_value=0, max_value=10))
def test_a_fraction_crosses_upward(value: float) -> None:
    assert 0 <= Fraction(as_fraction(value)) - Fraction(value) < Fraction(1, 10**9)


@pytest.mark.parametrize("text", ["1e15", "1e-20", "0.12345678901234567890", "1.00000000000000000000000000"])
def test_inputs_at_the_limit_pass(text: str) -> None:
    check_input("price", dec(text))


@pytest.mark.parametrize("text", ["1.000001e15", "1e-21", "0", "-1", "NaN", "-Infinity", "1." + "3" * 10_000])
def test_inputs_over_the_limit_are_refused_in_a_short_line(text: str) -> None:
    with pytest.raises(Invalid, match="price is") as caught:
        check_input("price", dec(text))
    assert len(str(caught.value)) < 120


def test_amounts_reach_further_than_inputs() -> None:
    check_amount("notional", dec("1e60"))
    with pytest.raises(Invalid):
        check_amount("notional", dec("1.1e60"))


@pytest.mark.parametrize(
    ("quantity", "split", "expected"),
    [("3", "2", "6"), ("-3", "2", "-6"), ("10", "0.33333333333", "3.33333333"), ("-0.00000001", "0.5", "0")],
)
def test_a_split_leaves_whole_lots_the_same_for_longs_and_shorts(quantity: str, split: str, expected: str) -> None:
    assert after_split(Decimal(quantity), Decimal(split)) == Decimal(expected)


def test_a_share_of_money_rounds_up_to_the_tick() -> None:
    assert share_up(Decimal(1), 365) == Decimal("0.002740")
    assert share_up(Decimal("3.65"), 365) == Decimal("0.01")
