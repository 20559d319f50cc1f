"""Signs of manipulation in bars: parts against plain numpy, and each detector on its own pattern."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import surveillance
from kernels.arrays import Floats
from kernels.surveillance import DETECTORS, Signs
from tests.seats.driver import mirrored, walk

MEMORY, FAST = 100, 5


def run(rows: Floats, state: Floats | None = None) -> list[Signs]:
    state = surveillance.initial() if state is None else state
    return [surveillance.update(state, row, memory=MEMORY, fast=FAST) for row in rows]


def strength(name: str, rows: Floats, bars: int) -> float:
    return max(float(signs.scores[DETECTORS.index(name)]) for signs in run(rows)[-bars:])


def bent(rows: Floats, bars: int, moves: Floats, volumes: Floats) -> Floats:
    """Replace the last bars by ones with the given log returns and volume factors."""
    rows = rows.copy()
    start = rows[-bars - 1, 3]
    close = start * np.exp(np.cumsum(moves))
    opened = np.concatenate([[start], close[:-1]])
    rows[-bars:, 0], rows[-bars:, 3] = opened, close
    rows[-bars:, 1], rows[-bars:, 2] = np.maximum(opened, close), np.minimum(opened, close)
    rows[-bars:, 4] = rows[:-bars, 4].mean() * volumes
    return rows


def test_vpin_equals_its_definition() -> None:
    """One bar, one bucket: volumes all alike make VPIN the mean of |2 Phi(r / sigma) - 1| over the last 20 bars."""
    rows = walk(3, 160)
    rows[:, 4] = 1_000.0
    state = surveillance.initial()
    imbalances = []
    for row in rows:
        before = math.sqrt(state[2])
        move = math.log(row[3]) - state[1]
        is_open = before > 0.0 and state[3] > 0.0
        surveillance.update(state, row, memory=MEMORY, fast=FAST)
        if is_open:
            imbalances.append(abs(math.erf(move / before / math.sqrt(2.0))))
    assert surveillance._mean_imbalance(state) == pytest.approx(np.mean(imbalances[-20:]), abs=1e-9)


def test_kyles_lambda_is_the_slope_of_returns_on_flow() -> None:
    """With a fixed price of flow the fast and the slow slope agree; a price trebled shows as ln 3 on the way."""
    state = surveillance.initial()
    draw = np.random.default_rng(2)
    slopes = []
    for t in range(5_030):
        flow, impact = float(draw.normal()), 1.0 if t < 5_000 else 3.0
        cast("Any", surveillance._impact)(state, impact * flow, flow, 1.0 / 5, 1.0 / 1_000)
        slopes.append(cast("Any", surveillance._slope)(state))
    np.testing.assert_allclose(slopes[10:5_000], 0.0, atol=1e-12)
    assert slopes[-1] == pytest.approx(math.log(3.0), abs=0.2)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("name", "bars", "moves", "volumes"),
    [
        ("toxicity", 20, np.full(20, 0.02), np.full(20, 2.0)),
        ("churn", 1, np.array([0.0]), np.array([12.0])),
        ("marking", 1, np.array([0.06]), np.array([0.1])),
        ("pump", 5, np.full(5, 0.03), np.full(5, 5.0)),
    ],
)
def test_a_detector_sees_its_pattern(name: str, bars: int, moves: Floats, volumes: Floats, seed: int) -> None:
    rows = walk(seed, 300)
    shown = strength(name, bent(rows, bars, moves, volumes), bars)
    assert shown > 3.0
    assert shown > strength(name, rows, bars)


def test_impact_sees_a_market_thinned() -> None:
    """Bars that move five times as far on half the volume."""
    rows = walk(1, 300)
    moves = np.diff(np.log(rows[:, 3]))[-10:] * 5.0
    assert strength("impact", bent(rows, 10, moves, np.full(10, 0.5)), 10) > 2.84
    assert strength("impact", rows, 10) < 1.0


def test_compiled_and_plain_agree() -> None:
    plain, state = surveillance.initial(), surveillance.initial()
    scores = np.zeros(5)
    for row in walk(4, 150):
        signs = surveillance.update(state, row, memory=MEMORY, fast=FAST)
        found = cast("Any", surveillance._update).py_func(plain, row, float(MEMORY), float(FAST), scores)
        assert signs.run == pytest.approx(found, abs=1e-12)
    np.testing.assert_allclose(state, plain, atol=1e-12)


def test_a_mirror_flips_the_run_only() -> None:
    for one, other in zip(run(walk(6, 300)), run(mirrored(walk(6, 300))), strict=True):
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-9)
        assert one.run == pytest.approx(-other.run, abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1_000), factor=st.sampled_from([0.0, 1e-9, 1e9]), jump=st.sampled_from([0.2, 1.8]))
def test_wild_bars_give_finite_signs(seed: int, factor: float, jump: float) -> None:
    rows = walk(seed, 140)
    rows[80:90, 4] *= factor
    rows[100:, :4] *= jump
    for signs in run(rows):
        assert np.isfinite(signs.scores).all()
        assert (signs.scores >= 0.0).all()
        assert math.isfinite(signs.run)


def test_constant_bars_without_volume_show_nothing() -> None:
    for signs in run(np.tile([5.0, 5.0, 5.0, 5.0, 0.0], (200, 1))):
        assert not signs.scores.any()
        assert signs.run == 0.0


def test_no_baseline_no_signs() -> None:
    assert not any(signs.scores.any() for signs in run(walk(1, MEMORY // 2)))


@pytest.mark.parametrize(
    ("state", "fast"), [(np.zeros(3), 5), (surveillance.initial(), 0), (surveillance.initial(), 100)]
)
def test_wrong_input_is_refused(state: Floats, fast: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        surveillance.update(state, walk(1, 1)[0], memory=MEMORY, fast=fast)
