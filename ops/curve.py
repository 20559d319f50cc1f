"""Value over time: the firm's equity and what buying and holding would have been worth."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bus.message import Part
from kernels.arrays import Floats, Ints


class Curve(NamedTuple):
    """Values at rising times, nanoseconds since the epoch; one value a time."""

    times_ns: Ints
    values: Floats


class Path(Part):
    """Return over a curve and its worst fall from a high, both as fractions; a fall is positive."""

    total_return: float
    max_drawdown: float


def curve(points: Sequence[tuple[int, float]]) -> Curve:
    """Return the curve of (time, value) points in order of time, the last point of each time counting."""
    last = dict(points)
    return Curve(np.array(list(last), dtype=np.int64), np.array(list(last.values()), dtype=np.float64))


def since(whole: Curve, start_ns: int) -> Curve:
    """Return the part of a curve from ``start_ns`` on."""
    first = int(np.searchsorted(whole.times_ns, start_ns))
    return Curve(whole.times_ns[first:], whole.values[first:])


def held(closes: Sequence[Curve]) -> Curve:
    """Return the value of 1 put in equal parts into each series at its own first close, and kept without cost."""
    times_ns = np.unique(np.concatenate([one.times_ns for one in closes]))
    growth = np.zeros(len(times_ns))
    for one in closes:
        latest = np.searchsorted(one.times_ns, times_ns, side="right") - 1
        growth += np.where(latest < 0, 1.0, one.values[np.maximum(latest, 0)] / one.values[0])
    return Curve(times_ns, growth / len(closes))


def path(along: Curve) -> Path | None:
    """Return what a curve came to; None unless it has two points and begins above 0.

    Examples
    --------
    >>> path(curve([(0, 80.0), (1, 100.0), (2, 60.0)]))
    Path(total_return=-0.25, max_drawdown=0.4)
    """
    values = along.values
    if len(values) < 2 or values[0] <= 0.0:
        return None
    fall = 1.0 - values / np.maximum.accumulate(values)
    return Path(total_return=float(values[-1] / values[0]) - 1.0, max_drawdown=float(fall.max()))
