import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pads.volatility import Volatility, band

RETURNS = st.lists(st.floats(-0.2, 0.2), min_size=20, max_size=60)


def after(returns: list[float], decay: float = 0.94, min_returns: int = 20) -> Volatility:
    volatility = Volatility(decay, min_returns)
    for each in returns:
        volatility.update(each)
    return volatility


@settings(deadline=None)
@given(RETURNS)
def test_it_is_the_weighted_root_mean_square(returns: list[float]) -> None:
    weights = 0.94 ** np.arange(len(returns))[::-1]
    expected = math.sqrt(weights @ np.square(returns) / weights.sum())
    assert (after(returns).sigma or 0.0) == pytest.approx(expected, rel=1e-12)


@settings(deadline=None)
@given(RETURNS, st.lists(st.floats(-0.2, 0.2), max_size=20))
def test_later_returns_do_not_change_it(returns: list[float], later: list[float]) -> None:
    values = []
    volatility = Volatility(0.94, 20)
    for each in returns + later:
        volatility.update(each)
        values.append(volatility.sigma)
    assert values[len(returns) - 1] == after(returns).sigma


def test_too_little_history_has_none() -> None:
    assert after([0.01] * 19).sigma is None
    assert after([0.01] * 20).sigma == pytest.approx(0.01)


def test_a_price_that_never_moved_has_none() -> None:
    assert after([0.0] * 30).sigma is None


def test_clearing_forgets_everything() -> None:
    volatility = after([0.5] * 30)
    volatility.clear()
    for _ in range(20):
        volatility.update(0.01)
    assert volatility.sigma == after([0.01] * 20).sigma


def test_the_band_grows_with_the_root_of_the_horizon() -> None:
    assert band(0.02, 0.5, 9) == pytest.approx(0.03)


def test_a_restored_volatility_goes_on_the_same() -> None:
    first = after([0.01, -0.03] * 15)
    second = Volatility(0.94, 20)
    second.restore(first.snapshot())
    for each in (0.02, -0.05):
        first.update(each)
        second.update(each)
    assert second.sigma == first.sigma
