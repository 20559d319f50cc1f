import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kernels.adaptive_cycle import (
    CONNECTEDNESS,
    POTENTIAL,
    RESILIENCE,
    VOLATILITY,
    _rank,
    _read_scales,
    _read_window,
    rank,
    read_scales,
    read_window,
)
from kernels.arrays import Floats

STEPS = st.integers(4, 60).flatmap(lambda n: arrays(np.float64, n, elements=st.integers(-5, 5).map(lambda k: k / 100)))
EARLIER = st.integers(0, 40).flatmap(lambda n: arrays(np.float64, n, elements=st.floats(0.001, 0.1)))


def plain_rank(value: float, others: Floats) -> float:
    if not len(others):
        return 0.5
    tie = 1e-9 * abs(value)
    return float((np.sum(others < value - tie) + 0.5 * np.sum(np.abs(others - value) <= tie)) / len(others))


def plain_lag1(x: Floats) -> float:
    rest = x - x.mean()
    return float(rest[1:] @ rest[:-1] / (rest @ rest)) if np.ptp(x) > 1e-15 else 0.0


@settings(deadline=None, max_examples=100)
@given(STEPS, EARLIER)
def test_it_is_what_plain_numpy_gives(steps: Floats, earlier: Floats) -> None:
    logs = np.concatenate(([0.0], np.cumsum(steps)))
    returns, closes = np.diff(logs), logs[1:]
    found = read_window(logs, earlier)
    if np.ptp(returns) < 1e-12:
        assert np.isnan(found).all()
        return
    assert found[VOLATILITY] == pytest.approx(returns.std(), rel=1e-12)
    below = np.sum(closes[:-1] < closes[-1] - 1e-9) + 0.5 * np.sum(np.abs(closes[:-1] - closes[-1]) <= 1e-9)
    assert found[POTENTIAL] == pytest.approx(below / (len(closes) - 1))
    assert found[CONNECTEDNESS] == pytest.approx((1 + plain_lag1(returns)) / 2, abs=1e-9)
    if not len(earlier):
        assert math.isnan(found[RESILIENCE])
        return
    memory = min(max(plain_lag1(np.maximum.accumulate(closes) - closes), 0.0), 1.0)
    resilience = 0.7 * (1 - plain_rank(found[VOLATILITY], earlier)) + 0.3 * (1 - memory)
    assert found[RESILIENCE] == pytest.approx(resilience, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(STEPS, EARLIER)
def test_the_compiled_kernel_is_the_plain_one(steps: Floats, earlier: Floats) -> None:
    logs = np.concatenate(([3.0], 3.0 + np.cumsum(steps)))
    plain = _read_window.py_func(logs, earlier)  # type: ignore[attr-defined]
    assert _read_window(logs, earlier) == pytest.approx(plain, rel=1e-12, abs=1e-12, nan_ok=True)


@settings(deadline=None, max_examples=60)
@given(STEPS, EARLIER, st.lists(st.tuples(st.integers(3, 70), st.integers(0, 40)), min_size=1, max_size=4))
def test_scales_are_read_as_windows_are(steps: Floats, earlier: Floats, scales: list[tuple[int, int]]) -> None:
    logs = np.concatenate(([3.0], 3.0 + np.cumsum(steps)))
    windows = np.array([window for window, _ in scales])
    held = np.array([min(count, len(earlier)) for _, count in scales])
    table = np.tile(earlier, (len(scales), 1))
    found = read_scales(logs, windows, table, held)
    plain = _read_scales.py_func(logs, windows, table, held)  # type: ignore[attr-defined]
    np.testing.assert_allclose(found, plain[:, :-1], rtol=1e-12, atol=1e-12)
    for reading, window, count in zip(found, windows, held, strict=True):
        if window < len(logs):
            np.testing.assert_array_equal(reading, read_window(logs[-window - 1 :], earlier[:count]))
        else:
            assert np.isnan(reading).all()


def test_scales_that_cannot_be_are_refused() -> None:
    logs, table = np.array([0.0, 1.0, 3.0, 2.0, 5.0]), np.full((1, 4), 0.1)
    for windows, held in (([2], [1]), ([3], [5]), ([3], [-1])):
        with pytest.raises(ValueError, match="windows 3 or more"):
            read_scales(logs, np.array(windows), table, np.array(held))
    with pytest.raises(ValueError, match="finite"):
        read_scales(np.array([0.0, np.inf, 3.0, 2.0]), np.array([3]), table, np.array([1]))
    with pytest.raises(ValueError, match="shape"):
        read_scales(logs, np.array([3, 4]), table, np.array([1]))


def test_a_window_that_stands_still_or_moves_by_the_same_step_is_not_read() -> None:
    assert np.isnan(read_window(np.full(30, math.log(97.3)), np.array([0.01]))).all()
    assert np.isnan(read_window(np.linspace(0.0, 15.0, 31), np.array([0.01]))).all()


def test_a_rank_counts_ties_for_half() -> None:
    assert rank(2.0, np.array([1.0, 2.0, 2.0, 5.0])) == 0.5
    assert rank(0.1 + 0.2, np.array([0.3])) == 0.5
    assert rank(1.0, np.array([])) == 0.5
    values = np.array([1.0, 4.0, 2.0])
    assert _rank(3.0, values, 0.0) == _rank.py_func(3.0, values, 0.0) == 2 / 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("logs", [np.zeros(3), np.zeros((4, 2)), np.array([0.0, 1.0, np.nan, 2.0, 3.0])])
def test_what_is_no_window_is_refused(logs: Floats) -> None:
    with pytest.raises(ValueError, match="log closes"):
        read_window(logs, np.array([0.1]))


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        read_window(np.array([0.0, 1.0, 3.0, 2.0]), np.array([0.1, np.nan]))
    with pytest.raises(ValueError, match="numbers"):
        rank(0.1, np.array([0.1, np.nan]))
    with pytest.raises(ValueError, match="numbers"):
        rank(math.nan, np.array([0.1]))
