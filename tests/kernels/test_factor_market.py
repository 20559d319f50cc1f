"""Markets on factors: the record and its log odds against plain numpy, whole arrays at a time."""

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import factor_market as module
from kernels.arrays import Floats
from kernels.factor_market import evidence, settle

DIRECTIONAL = np.array([True, False, True, False])
FACTORS = st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=4, max_size=4).map(np.array)


def settled(record: Floats, factors: Floats, down: float, up: float, direction: int) -> Floats:
    """Settle all markets at weight 0.5, the rounds before keeping 0.9."""
    sides = np.where(factors > 0.0, 1.0, -1.0)
    share, moving = up / (down + up), down + up
    expected = np.where(sides > 0.0, share, 1.0 - share), np.where(sides > 0.0, moving, 1.0 - moving)
    chance = np.where(DIRECTIONAL, *expected)
    agreed = np.where(DIRECTIONAL, sides == direction, (sides > 0.0) == (direction != 0))
    stakes = np.where(DIRECTIONAL & (direction == 0), 0.0, 0.5 * np.abs(factors))
    result: Floats = 0.9 * record + stakes * np.stack([agreed, ~agreed, chance, 1.0 - chance])
    return result


@settings(deadline=None, max_examples=60)
@given(rounds=st.lists(st.tuples(FACTORS, st.sampled_from([-1, 0, 1]), st.floats(0.1, 0.5)), min_size=1, max_size=5))
def test_a_round_settles_every_market_as_whole_arrays_do(rounds: list[tuple[Floats, int, float]]) -> None:
    record, plain, expected = np.zeros((4, 4)), np.zeros((4, 4)), np.zeros((4, 4))
    for factors, direction, up in rounds:
        settle(record, factors, DIRECTIONAL, 0.3, up, direction, weight=0.5, kept=0.9)
        cast("Any", module._settle).py_func(plain, factors, DIRECTIONAL, 0.3, up, direction, 0.5, 0.9)
        expected = settled(expected, factors, 0.3, up, direction)
    np.testing.assert_allclose(record, expected, atol=1e-14)
    np.testing.assert_array_equal(record, plain)


@settings(deadline=None, max_examples=60)
@given(factors=FACTORS, seed=st.integers(0, 999))
def test_evidence_goes_where_it_is_told(factors: Floats, seed: int) -> None:
    record = np.random.default_rng(seed).uniform(0.0, 9.0, (4, 4))
    places, out, plain = np.array([5, 0, 2, 1]), np.full(6, 7.0), np.full(6, 7.0)
    evidence(record, 2.0, factors, places, out)
    logs = np.log(record + 2.0)
    np.testing.assert_allclose(out[places], factors * ((logs[0] - logs[1]) - (logs[2] - logs[3])), atol=1e-14)
    assert (out[[3, 4]] == 7.0).all()
    assert cast("Any", module._evidence).py_func(record, 2.0, factors, places, plain)
    np.testing.assert_allclose(out, plain, atol=1e-15)


def test_a_prior_that_expects_no_move_gives_both_sides_half() -> None:
    record = np.zeros((4, 4))
    settle(record, np.ones(4), DIRECTIONAL, 0.0, 0.0, 1, weight=1.0, kept=1.0)
    assert record[2].tolist() == [0.5, 0.0, 0.5, 0.0]


def test_what_makes_no_sense_is_refused() -> None:
    record, factors = np.zeros((4, 4)), np.zeros(4)
    with pytest.raises(ValueError, match="record"):
        settle(record[:3], factors, DIRECTIONAL, 0.3, 0.3, 1, weight=1.0, kept=1.0)
    with pytest.raises(ValueError, match="direction 2"):
        settle(record, factors, DIRECTIONAL, 0.3, 0.3, 2, weight=1.0, kept=1.0)
    with pytest.raises(ValueError, match="kept nan"):
        settle(record, factors, DIRECTIONAL, 0.3, 0.3, 1, weight=1.0, kept=float("nan"))
    with pytest.raises(ValueError, match="doubt 0"):
        evidence(record, 0.0, factors, np.arange(4), np.zeros(4))
    with pytest.raises(ValueError, match="places"):
        evidence(record, 1.0, factors, np.arange(4), np.zeros(3))
