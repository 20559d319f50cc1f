"""The dominant cycle: waves of known phase, numpy's transform, ties and lines."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import cycle as module
from kernels.arrays import Floats
from kernels.cycle import WINDOW, cycle

AGO = np.arange(float(WINDOW))[::-1]


@pytest.mark.parametrize("turns", [2, 4, 8, 16])
@pytest.mark.parametrize("phase", [-math.pi / 2, -1.0, 0.0, 0.5, math.pi / 2, 3.0])
def test_a_wave_tells_how_it_rises_at_its_end(turns: int, phase: float) -> None:
    """x(t) = sin(2 pi turns t / 64 + phase) rises by cos(phase) of its steepest; the line takes little of it away."""
    logs = 0.01 * np.sin(2 * math.pi * turns * -AGO / WINDOW + phase)
    assert cycle(logs) == pytest.approx(math.cos(phase), abs=0.7 / turns)


def test_a_wave_on_its_way_up_is_near_one_and_down_near_minus_one() -> None:
    logs = np.sin(2 * math.pi * 8 * -AGO / WINDOW)
    assert cycle(logs) > 0.95
    assert cycle(-logs) == -cycle(logs)


def test_a_wave_is_weighed_by_its_share_of_power() -> None:
    logs: Floats = np.sin(2 * math.pi * 8 * -AGO / WINDOW)
    noise: Floats = np.random.default_rng(1).normal(0, 1, WINDOW)
    assert 0.0 < cycle(logs + noise) < 0.8 * cycle(logs)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), level=st.floats(-20, 20), slope=st.floats(-0.1, 0.1))
def test_the_line_below_does_not_matter(seed: int, level: float, slope: float) -> None:
    logs: Floats = np.cumsum(np.random.default_rng(seed).normal(0, 0.01, WINDOW))
    assert cycle(logs + level - slope * AGO) == pytest.approx(cycle(logs), abs=1e-9)
    assert cycle(-logs) == pytest.approx(-cycle(logs), abs=1e-12)
    assert cycle(logs) == pytest.approx(cast("Any", module._cycle).py_func(logs.copy()), abs=1e-14)


@pytest.mark.parametrize("slope", [0.0, 1e-9, 1e-4, -0.03])
def test_a_line_has_no_cycle(slope: float) -> None:
    assert cycle(4.6 - slope * AGO) == 0.0


def test_among_equal_powers_the_longest_period_counts() -> None:
    """An even and an odd wave of equal power, in either order of rounding."""
    long = 2 * math.pi * 4 * AGO / WINDOW
    short = 2 * math.pi * 8 * AGO / WINDOW
    slower = np.cos(long)
    both = slower + np.cos(short) * (1 + 1e-13)
    less = slower + np.cos(short) * 0.5
    assert cycle(both) == pytest.approx(cycle(-both) * -1, abs=1e-12)
    assert math.copysign(1, cycle(both)) == math.copysign(1, cycle(less))


def test_the_fastest_wave_has_no_direction() -> None:
    assert cycle(np.where(AGO % 2 == 0, 1.0, -1.0)) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("shape", [(63,), (65,), (64, 1)])
def test_other_windows_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        cycle(np.zeros(shape))
