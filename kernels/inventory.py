"""What a window of bars says of the inventory a crowd has taken on, and of how thin the market around it is."""

import math
from typing import NamedTuple

import numpy as np

from kernels.arrays import Floats
from kernels.concentration import _gini
from kernels.jit import kernel


class Holding(NamedTuple):
    """The crowd's side of a window.

    ``inventory`` is its net buying as a share of the volume, in [-1, 1]; ``volume_gini`` and ``gain_gini`` say how
    concentrated volume and absolute log returns are on few bars; ``thinness`` is the log of the recent price move per
    volume over that of the window (Amihud 2002); ``gaps`` the share of bars without a trade.
    """

    inventory: float
    volume_gini: float
    gain_gini: float
    thinness: float
    gaps: float


def holding(rows: Floats, discount: float, recent: int) -> Holding:
    """Measure a window.

    A bar's net buying is volume times the place of its close in its range, (2 ln c - ln h - ln l) / (ln h - ln l) in
    [-1, 1], 0 without a range; inventory is sum of discount^age net buying / sum of discount^age volume. Volume is
    counted in units as it comes, not times price: prices mirrored (1/p, high and low swapped) flip the inventory and
    leave the rest alone.

    Parameters
    ----------
    rows
        Bars, oldest first, shape (n, 5), n >= 2: open, high, low, close, volume; prices positive.
    discount
        Weight of a bar against the one after it, in (0, 1].
    recent
        Bars of the recent part, 1 to n - 1.
    """
    if rows.ndim != 2 or rows.shape[0] < 2 or rows.shape[1] != 5:
        raise ValueError(f"rows of shape {rows.shape}, expected (n, 5) with n >= 2")
    if not (0.0 < discount <= 1.0 and 1 <= recent < rows.shape[0]):
        raise ValueError(f"discount {discount}, recent {recent}: expected (0, 1] and 1 to {rows.shape[0] - 1}")
    return Holding._make(_holding(np.ascontiguousarray(rows), discount, recent))


@kernel
def _holding(rows: Floats, discount: float, recent: int) -> tuple[float, float, float, float, float]:
    n = rows.shape[0]
    bought = traded = 0.0
    moves = np.zeros(n - 1)
    move_sum = volume_sum = recent_moves = recent_volume = 0.0
    empty = 0
    volumes = np.empty(n)
    previous = 0.0
    for t in range(n):
        log = math.log(rows[t, 3])
        high = math.log(rows[t, 1])
        low = math.log(rows[t, 2])
        place = ((log - high) + (log - low)) / (high - low) if high > low else 0.0
        volume = rows[t, 4]
        volumes[t] = volume
        bought = discount * bought + place * volume
        traded = discount * traded + volume
        empty += volume <= 0.0
        if t > 0:
            moves[t - 1] = abs(log - previous)
            move_sum += moves[t - 1]
            volume_sum += volume
            if t >= n - recent:
                recent_moves += moves[t - 1]
                recent_volume += volume
        previous = log
    thinness = 0.0
    if recent_moves > 0.0 and recent_volume > 0.0:
        thinness = math.log(recent_moves / recent_volume) - math.log(move_sum / volume_sum)
    inventory = bought / traded if traded > 0.0 else 0.0
    return inventory, _gini(volumes), _gini(moves), thinness, empty / n
