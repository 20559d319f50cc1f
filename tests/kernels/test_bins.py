"""Quantile bins: their quantiles, their cells, and their mirror."""

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import bins as module
from kernels.arrays import Floats
from kernels.bins import CUTS, begin, cell, follow

DIRECTIONAL = np.array([True, False, True, True])
UNIT = st.floats(-1, 1, allow_subnormal=False)
FEATURES = st.lists(UNIT, min_size=4, max_size=4).map(np.array)


def learned(bins: int, seed: int = 1, rounds: int = 20_000) -> Floats:
    rng = np.random.default_rng(seed)
    draws = rng.uniform(-1.0, 1.0, (rounds, 4))
    cuts = begin(draws[0], DIRECTIONAL)
    for n, features in enumerate(draws[1:], start=1):
        cuts = follow(features, cuts, DIRECTIONAL, bins, max(0.2 / n**0.5, 0.001))
    return cuts


@pytest.mark.parametrize(
    ("bins", "sizes", "values"),
    [
        (2, [], [0.0]),
        (3, [1 / 3], [-1 / 3, 1 / 3]),
        (4, [0.0, 0.5], [-0.5, 0.0, 0.5]),
        (5, [0.2, 0.6], [-0.6, -0.2, 0.2, 0.6]),
    ],
)
def test_cuts_are_the_quantiles_of_what_came(bins: int, sizes: list[float], values: list[float]) -> None:
    """Of numbers uniform on [-1, 1]: those of |x| where they are cut in the mirror too, and plain ones elsewhere."""
    cuts = learned(bins)
    np.testing.assert_allclose(cuts[0, : len(sizes)], sizes, atol=0.05)
    np.testing.assert_allclose(cuts[1, : len(values)], values, atol=0.05)


def levels(features: Floats, cuts: Floats, bins: int) -> list[int]:
    out = []
    for x, own, flips in zip(features, cuts, DIRECTIONAL, strict=True):
        if flips:
            exceeded = sum(abs(x) > cut or (j == 0 and bins % 2 == 0) for j, cut in enumerate(own[: bins // 2]))
            out.append(0 if abs(x) <= 1e-9 else int(np.sign(x)) * exceeded)
        else:
            out.append(sum(x > cut for cut in own[: bins - 1]))
    return out


@settings(deadline=None)
@given(one=FEATURES, other=FEATURES, bins=st.integers(2, 5))
def test_two_situations_share_a_cell_only_if_their_levels_agree_or_mirror(
    one: Floats, other: Floats, bins: int
) -> None:
    cuts = CACHED[bins]
    flips = np.where(DIRECTIONAL, -1, 1)
    first, second = np.array(levels(one, cuts, bins)), np.array(levels(other, cuts, bins))
    same = (first == second).all()
    mirror = (first == second * flips).all()
    (number, turn), (again, turned) = (cell(x, cuts, DIRECTIONAL, bins) for x in (one, other))
    assert (number == again) == (same or mirror)
    if same:
        assert turn == turned
    elif mirror:
        assert turn == -turned != 0


CACHED = {bins: learned(bins, rounds=500) for bins in range(2, 6)}


@settings(deadline=None)
@given(features=FEATURES, bins=st.integers(2, 5))
def test_a_mirrored_situation_is_the_same_cell_read_the_other_way(features: Floats, bins: int) -> None:
    flipped = np.where(DIRECTIONAL, -features, features)
    number, turn = cell(features, CACHED[bins], DIRECTIONAL, bins)
    assert cell(flipped, CACHED[bins], DIRECTIONAL, bins) == (number, -turn)
    once = follow(features, CACHED[bins], DIRECTIONAL, bins, 0.1)
    np.testing.assert_array_equal(once, follow(flipped, CACHED[bins], DIRECTIONAL, bins, 0.1))
    assert (number, turn) == cast("Any", module._cell).py_func(features, CACHED[bins], DIRECTIONAL, bins)
    np.testing.assert_array_equal(
        once, cast("Any", module._follow).py_func(features, CACHED[bins], DIRECTIONAL, bins, 0.1)
    )


def test_no_direction_is_its_own_mirror_image() -> None:
    assert cell(np.zeros(4), CACHED[2], DIRECTIONAL, 2)[1] == 0
    assert cell(np.array([1e-12, 0.3, -1e-12, 0.0]), CACHED[2], DIRECTIONAL, 2)[1] == 0


def test_numbers_never_collide() -> None:
    """Every one of the 3 * 2 * 3 * 3 level tuples has its own number, up to the mirror."""
    cuts = np.zeros((4, CUTS))
    grid = np.stack(np.meshgrid(*[[-0.5, 0.0, 0.5]] * 4), axis=-1).reshape(-1, 4)
    grid = grid[grid[:, 1] != 0.0]
    seen = {cell(np.ascontiguousarray(x), cuts, DIRECTIONAL, 2) for x in grid}
    assert len(seen) == 3 * 2 * 3 * 3


def test_what_makes_no_sense_is_refused() -> None:
    cuts = np.zeros((4, CUTS))
    with pytest.raises(ValueError, match="6 bins"):
        cell(np.zeros(4), cuts, DIRECTIONAL, 6)
    with pytest.raises(ValueError, match="features"):
        cell(np.zeros(3), cuts, DIRECTIONAL, 2)
    with pytest.raises(ValueError, match="step"):
        follow(np.zeros(4), cuts, DIRECTIONAL, 2, 1.5)
    many = np.zeros(30)
    with pytest.raises(ValueError, match="cells"):
        cell(many, np.zeros((30, CUTS)), many > 1.0, 4)
