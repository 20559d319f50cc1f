from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.messages import MarketUpdate
from bus.plain import pack, unpack
from market.window import CLOSE, HIGH, LOW, OPEN, VOLUME, BarWindow, as_floats


def bar(number: int) -> MarketUpdate:
    """Return a bar whose prices tell its number."""
    close = Decimal(100 + number)
    return MarketUpdate(
        symbol="SPX", bar=number, opened_ns=number, open=close, high=close + 2, low=close - 2, close=close, volume=close
    )


def filled(capacity: int, *numbers: int) -> BarWindow:
    window = BarWindow(capacity)
    for number in numbers:
        window.append(bar(number))
    return window


def test_a_bar_crosses_to_floats_in_the_order_of_the_columns() -> None:
    floats = as_floats(bar(7))
    assert (floats[OPEN], floats[HIGH], floats[LOW], floats[CLOSE], floats[VOLUME]) == (
        107.0,
        109.0,
        105.0,
        107.0,
        107.0,
    )


def test_an_empty_window_has_no_rows() -> None:
    window = BarWindow(3)
    assert (len(window), window.bar, window.rows.shape) == (0, -1, (0, 5))


@pytest.mark.parametrize("capacity", [1, 2, 3, 7])
def test_the_last_bars_are_held_oldest_first(capacity: int) -> None:
    window = BarWindow(capacity)
    for number in range(30):
        assert window.append(bar(number))
        held = range(max(0, number + 1 - capacity), number + 1)
        assert window.closes.tolist() == [100.0 + one for one in held]
        assert len(window) == len(held)
        assert window.bar == number


def test_a_bar_that_was_seen_is_refused_and_changes_nothing() -> None:
    window = filled(3, 0, 1, 2)
    before = window.rows.copy()
    assert not window.append(bar(2))
    assert not window.append(bar(0))
    assert np.array_equal(window.rows, before)
    assert window.bar == 2


def test_a_hole_starts_the_window_anew() -> None:
    window = filled(5, 0, 1, 2)
    assert window.append(bar(4))
    assert window.closes.tolist() == [104.0]
    assert window.append(bar(5))
    assert window.closes.tolist() == [104.0, 105.0]


def test_a_late_joiner_begins_with_the_first_bar_it_sees() -> None:
    assert filled(5, 40, 41).closes.tolist() == [140.0, 141.0]


def test_a_cleared_window_forgets_bars_but_not_which_was_last() -> None:
    window = filled(5, 0, 1, 2)
    window.clear()
    assert len(window) == 0
    assert not window.append(bar(2))
    assert window.append(bar(3))
    assert window.closes.tolist() == [103.0]


@given(st.integers(1, 6), st.lists(st.integers(0, 25), max_size=40))
def test_a_window_holds_only_contiguous_bars_and_restores_exactly(capacity: int, numbers: list[int]) -> None:
    window = BarWindow(capacity)
    for number in numbers:
        was = window.bar
        assert window.append(bar(number)) == (number > was)
        assert 1 <= len(window) <= capacity
        assert window.closes.tolist() == [100.0 + one for one in range(window.bar - len(window) + 1, window.bar + 1)]
    copy = BarWindow(capacity)
    copy.restore(unpack(pack(window.snapshot())))
    for number in range(window.bar + 1, window.bar + 3 * capacity):
        assert np.array_equal(copy.rows, window.rows)
        assert copy.append(bar(number)) == window.append(bar(number))
    assert copy.bar == window.bar
