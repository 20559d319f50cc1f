"""How values move."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.monitoring.trend import Trend


def test_a_slope_waits_until_there_is_enough() -> None:
    trend = Trend(spacing_s=1.0, least_s=10.0)
    slopes = []
    for at_s in range(12):
        trend.add(float(at_s), 3.0 * at_s)
        slopes.append(trend.slope())
    assert slopes[:10] == [None] * 10
    assert slopes[10:] == [3.0, 3.0]


def test_values_too_close_together_are_not_kept_and_old_ones_leave() -> None:
    trend = Trend(spacing_s=1.0, least_s=0.0, kept=3)
    for at_s, value in ((0.0, 0.0), (0.5, 1_000.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0), (4.0, 6.0)):
        trend.add(at_s, value)
    assert trend.slope() == 3.0


@settings(deadline=None, max_examples=50)
@given(st.floats(-100, 100), st.floats(-1e6, 1e6), st.lists(st.floats(0.5, 100), min_size=1, max_size=30))
def test_a_straight_line_has_its_own_slope(slope: float, start: float, steps: list[float]) -> None:
    trend = Trend(spacing_s=0.0, least_s=0.0)
    at_s = 0.0
    trend.add(at_s, start)
    for step in steps:
        at_s += step
        trend.add(at_s, start + slope * at_s)
    assert trend.slope() == pytest.approx(slope, rel=1e-6, abs=1e-6)
