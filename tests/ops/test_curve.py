"""Curves: returns, drawdowns, and what holding would have been worth."""

import numpy as np
import pytest

from ops.curve import Path, curve, held, path, since


def test_the_last_point_of_a_time_counts() -> None:
    assert curve([(1, 5.0), (1, 6.0), (2, 7.0)]).values.tolist() == [6.0, 7.0]


def test_a_part_begins_at_its_time() -> None:
    whole = curve([(1, 5.0), (3, 6.0), (4, 7.0)])
    assert since(whole, 2).times_ns.tolist() == [3, 4]
    assert since(whole, 3).times_ns.tolist() == [3, 4]


def test_a_fall_is_measured_from_the_highest_point_before() -> None:
    assert path(curve(list(enumerate([100.0, 50.0, 200.0, 150.0, 300.0])))) == Path(total_return=2.0, max_drawdown=0.5)


@pytest.mark.parametrize("values", [[], [100.0], [0.0, 1.0], [-1.0, 1.0]])
def test_too_little_to_tell_is_no_path(values: list[float]) -> None:
    assert path(curve(list(enumerate(values)))) is None


def test_a_fall_through_nothing_is_more_than_all() -> None:
    assert path(curve([(0, 100.0), (1, -50.0)])) == Path(total_return=-1.5, max_drawdown=1.5)


def test_equal_parts_are_held_from_each_ones_first_close() -> None:
    early = curve([(0, 10.0), (1, 20.0), (2, 5.0)])
    late = curve([(1, 100.0), (3, 50.0)])
    along = held([early, late])
    assert along.times_ns.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(along.values, [1.0, 1.5, 0.75, 0.5])
