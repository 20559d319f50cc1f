"""Quantile bins of features that are learned as they come, and the number of the cell that a situation lies in.

With b bins, a directional feature x (one that flips in a mirror) is cut at the quantiles of its past values and their
mirror images together: at plus and minus the quantiles 2 j / b - 1 of |x|, b / 2 <= j < b, so that a mirrored feature
lies in the mirrored bin. With b even the first of them is 0. Its level is the number of cuts that |x| exceeds, with
the sign of x. Another feature is cut at its own quantiles j / b, and its level is the number of cuts that it exceeds.

The quantile of order p is followed by q <- q + step (p - 1[x <= q]) (Robbins and Monro 1951), from past values only.

A cell is the tuple of all levels. Read in the mirror where its first level that is not 0 is negative, it and its
mirror image have one number, in a mixed radix, so that no two others share one; ``turn`` tells which of the two it
is.
"""

import math
from typing import Final

import numpy as np

from kernels.arrays import Bools, Floats
from kernels.jit import kernel

MOST_BINS: Final = 5
CUTS: Final = MOST_BINS - 1
"""Columns of the cuts of a feature; a directional one needs b // 2 of them, another b - 1."""
_STILL: Final = 1e-9
"""A directional feature within this of 0 is 0: rounding has no direction."""


def cell(features: Floats, cuts: Floats, directional: Bools, bins: int) -> tuple[int, int]:
    """Return (number, turn) of the cell that the features lie in.

    Parameters
    ----------
    features
        Shape (n,), finite.
    cuts
        Shape (n, ``CUTS``), as ``follow`` keeps them.
    directional
        Which features flip in a mirror, shape (n,).
    bins
        2 to ``MOST_BINS``.

    Returns
    -------
    number, turn
        Turn is 1 as it stands, -1 in the mirror, 0 where no feature has a direction, which is its own mirror image.
    """
    _check(features, cuts, directional, bins)
    return _cell(features, cuts, directional, bins)


def follow(features: Floats, cuts: Floats, directional: Bools, bins: int, step: float) -> Floats:
    """Return the cuts after one more situation; arguments as in ``cell``, ``step`` in [0, 1]."""
    _check(features, cuts, directional, bins)
    if not 0.0 <= step <= 1.0:
        raise ValueError(f"step {step}, expected 0 to 1")
    return _follow(features, cuts, directional, bins, step)


def begin(features: Floats, directional: Bools) -> Floats:
    """Return cuts that all lie at the first situation seen, shape (n, ``CUTS``)."""
    return np.repeat(np.where(directional, np.abs(features), features)[:, None], CUTS, axis=1)


def _check(features: Floats, cuts: Floats, directional: Bools, bins: int) -> None:
    n = len(features)
    if features.shape != (n,) or cuts.shape != (n, CUTS) or directional.shape != (n,):
        raise ValueError(
            f"features {features.shape}, cuts {cuts.shape}, directional {directional.shape}: expected n of each"
        )
    if not 2 <= bins <= MOST_BINS:
        raise ValueError(f"{bins} bins, expected 2 to {MOST_BINS}")
    if n * math.log2(bins + 1) >= 63:
        raise ValueError(f"{n} features of {bins} bins have more cells than an int64 can number")


@kernel
def _cell(features: Floats, cuts: Floats, directional: Bools, bins: int) -> tuple[int, int]:
    turn = 0
    for i in range(len(features)):
        if directional[i] and turn == 0 and _level(features[i], cuts[i], True, bins) != 0:
            turn = 1 if features[i] > 0.0 else -1
    number = 0
    for i in range(len(features)):
        level = _level(features[i], cuts[i], directional[i], bins)
        if directional[i]:
            number = number * (2 * (bins // 2) + 1) + (level * turn + bins // 2)
        else:
            number = number * bins + level
    return number, turn


@kernel
def _level(x: float, cuts: Floats, is_directional: bool, bins: int) -> int:
    level = 0
    if not is_directional:
        for j in range(bins - 1):
            level += int(x > cuts[j])
        return level
    size = abs(x)
    if size <= _STILL:
        return 0
    for j in range(bins // 2):
        level += int(size > cuts[j] or (j == 0 and bins % 2 == 0))
    return level if x > 0.0 else -level


@kernel
def _follow(features: Floats, cuts: Floats, directional: Bools, bins: int, step: float) -> Floats:
    out = cuts.copy()
    for i in range(len(features)):
        count = bins // 2 if directional[i] else bins - 1
        x = abs(features[i]) if directional[i] else features[i]
        for j in range(count):
            order = (2.0 * (bins - count + j) / bins - 1.0) if directional[i] else (j + 1.0) / bins
            out[i, j] += step * (order - int(x <= cuts[i, j]))
    return out
