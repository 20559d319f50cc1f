"""What an order makes of a book's shortfall, against computing the changed book anew."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import marginal as module
from kernels.arrays import Floats
from kernels.marginal import BookTail
from kernels.tail import expected_shortfall

SEEDS = st.integers(0, 10_000)
LEVELS = st.sampled_from([0.5, 0.9, 0.975, 0.99, 1 / 3])
CHANGES = st.one_of(st.floats(-2.0, 2.0), st.floats(-0.02, 0.02))


def book(seed: int, holdings: int = 5, days: int = 200) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    return rng.standard_t(4, (holdings, days)) * 0.01, rng.normal(0.0, 0.2, holdings)


@settings(deadline=None, max_examples=100)
@given(seed=SEEDS, days=st.integers(1, 150), holding=st.integers(0, 4), change=CHANGES, level=LEVELS)
def test_after_is_the_book_computed_anew(seed: int, days: int, holding: int, change: float, level: float) -> None:
    returns, held = book(seed, days=days)
    tail = BookTail(returns.copy(), held.copy(), level)
    changed = held.copy()
    changed[holding] += change
    assert tail.before == pytest.approx(expected_shortfall(-(held @ returns), level), rel=1e-10, abs=1e-15)
    found = tail.after(holding, change)
    assert found == pytest.approx(expected_shortfall(-(changed @ returns), level), rel=1e-10, abs=1e-15)
    assert tail.marginal(holding, change) == found - tail.before


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS, holding=st.integers(0, 4), change=CHANGES, level=LEVELS)
def test_to_the_last_bit_it_is_the_shortfall_of_the_changed_losses(
    seed: int, holding: int, change: float, level: float
) -> None:
    returns, held = book(seed)
    tail = BookTail(returns, held, level)
    changed = tail._losses - change * returns[holding]
    assert tail.after(holding, change) == expected_shortfall(changed, level)
    assert tail.before == expected_shortfall(tail._losses, level)
    most = -change * (returns[holding].min() if change > 0 else returns[holding].max())
    whole, size = tail._whole, tail._size
    plain = cast("Any", module._shortfall_after).py_func
    again = plain(tail._losses, tail._ranking, returns[holding], change, most, whole, size)
    assert again == tail.after(holding, change)
    np.testing.assert_array_equal(
        cast("Any", module._book_losses).py_func(returns, held), module._book_losses(returns, held)
    )


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, ties=st.integers(1, 4))
def test_ties_and_flat_rows_do_not_disturb_it(seed: int, ties: int) -> None:
    rng = np.random.default_rng(seed)
    returns = rng.integers(-ties, ties + 1, (3, 80)).astype(np.float64) * 0.01
    returns[1] = 0.0
    held = np.array([0.5, 0.25, -0.5])
    tail = BookTail(returns, held, 0.9)
    for holding in range(3):
        changed = held.copy()
        changed[holding] -= 0.5
        assert tail.after(holding, -0.5) == pytest.approx(expected_shortfall(-(changed @ returns), 0.9), abs=1e-15)
    assert tail.marginal(1, 3.0) == 0.0


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS, level=LEVELS)
def test_days_and_holdings_come_in_any_order(seed: int, level: float) -> None:
    returns, held = book(seed)
    rng = np.random.default_rng(seed)
    days, names = rng.permutation(returns.shape[1]), rng.permutation(len(held))
    base = BookTail(returns, held, level)
    other = BookTail(returns[names][:, days], held[names], level)
    for place, holding in enumerate(names):
        assert other.after(place, 0.3) == pytest.approx(base.after(int(holding), 0.3), rel=1e-12)


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS, change=st.floats(-1.0, 1.0), share=st.floats(0.0, 1.0))
def test_a_part_of_an_order_is_no_worse_than_nothing_or_all_of_it(seed: int, change: float, share: float) -> None:
    """Shortfall is convex in the holdings: what a gate allows in full it may allow in part."""
    returns, held = book(seed)
    tail = BookTail(returns, held, 0.975)
    assert tail.after(2, share * change) <= max(tail.before, tail.after(2, change)) + 1e-12
    assert tail.marginal(2, change) <= BookTail(returns, np.zeros(5), 0.975).after(2, change) + 1e-12


def test_orders_add_up() -> None:
    returns, held = book(7)
    tail = BookTail(returns, held, 0.975)
    expected = tail.after(1, 0.4)
    tail.add(1, 0.4)
    assert tail.before == expected
    tail.add(3, -0.2)
    changed = held + np.array([0.0, 0.4, 0.0, -0.2, 0.0])
    assert tail.before == pytest.approx(BookTail(returns, changed, 0.975).before, rel=1e-12)
    assert tail.hold(held).before == BookTail(returns, held, 0.975).before
    assert tail.after(0, 0.0) == tail.before


def test_a_hedge_lowers_and_a_doubling_raises() -> None:
    returns, held = book(8, holdings=1)
    held[:] = 0.5
    tail = BookTail(returns, held, 0.975)
    assert tail.after(0, -0.5) == pytest.approx(0.0, abs=1e-18)
    assert tail.marginal(0, 0.5) == pytest.approx(tail.before, rel=1e-12)


def test_a_book_of_nothing_has_no_tail_and_its_inputs_are_left_alone() -> None:
    returns, held = book(9)
    kept, kept_held = returns.copy(), held.copy()
    tail = BookTail(returns, np.zeros(5), 0.975)
    assert tail.before == 0.0
    tail.add(0, 0.5)
    tail.hold(held)
    np.testing.assert_array_equal(returns, kept)
    np.testing.assert_array_equal(held, kept_held)


@pytest.mark.parametrize(("returns", "held", "level", "complaint"), [
    (np.zeros((2, 0)), np.zeros(2), 0.975, "expected"),
    (np.zeros(4), np.zeros(1), 0.975, "expected"),
    (np.zeros((2, 4)), np.zeros(3), 0.975, "expected"),
    (np.full((1, 4), np.nan), np.zeros(1), 0.975, "finite"),
    (np.zeros((1, 4)), np.array([np.inf]), 0.975, "finite"),
    (np.zeros((1, 4)), np.zeros(1), 1.0, "level"),
])  # fmt: skip
def test_what_is_no_book_is_refused(returns: Floats, held: Floats, level: float, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        BookTail(returns, held, level)


@pytest.mark.parametrize(("holding", "change"), [(-1, 0.1), (5, 0.1), (0, math.nan), (0, math.inf), (0, -math.inf)])
def test_what_is_no_order_is_refused(holding: int, change: float) -> None:
    tail = BookTail(*book(1), 0.975)
    before = tail.before
    for ask in (tail.after, tail.marginal, tail.add):
        with pytest.raises(ValueError, match="expected 0 to 4"):
            ask(holding, change)
    assert tail.before == before
    for held in (np.zeros(4), np.full(5, math.nan)):
        with pytest.raises(ValueError, match="holdings of shape"):
            tail.hold(held)
