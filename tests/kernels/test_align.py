"""Series of different calendars."""

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import align as module
from kernels.align import common_times, values_at
from kernels.arrays import Ints

TIMES = st.lists(st.integers(0, 60), unique=True, max_size=40).map(lambda times: np.array(sorted(times), np.int64))


@settings(deadline=None)
@given(first=TIMES, second=TIMES)
def test_common_times_are_those_of_plain_numpy(first: Ints, second: Ints) -> None:
    expected = np.intersect1d(first.copy(), second.copy())
    np.testing.assert_array_equal(common_times(first, second), expected)
    np.testing.assert_array_equal(cast("Any", module._common_times).py_func(first, second), expected)


@settings(deadline=None)
@given(first=TIMES, second=TIMES)
def test_values_come_from_their_times(first: Ints, second: Ints) -> None:
    wanted = np.intersect1d(first, second)
    values = first.astype(np.float64) * 1.5
    np.testing.assert_array_equal(values_at(first, values, wanted), wanted * 1.5)
    np.testing.assert_array_equal(cast("Any", module._values_at).py_func(first, values, wanted)[1], wanted * 1.5)


def test_a_time_without_value_is_refused() -> None:
    with pytest.raises(ValueError, match="no value at time 4"):
        values_at(np.array([1, 3, 5]), np.ones(3), np.array([1, 4]))


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="rows"):
        values_at(np.array([1, 3]), np.ones(3), np.array([1]))
    with pytest.raises(ValueError, match="one row"):
        common_times(np.zeros((2, 2), np.int64), np.array([1]))
