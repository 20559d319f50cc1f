"""How a measured value moves over time: its rate now, and the slope of a straight line through what is kept."""

from collections import deque
from typing import Final

import numpy as np

_KEPT: Final = 720


class Trend:
    """Values at rising times.

    Parameters
    ----------
    spacing_s
        Values closer to the one before are not kept.
    least_s
        A slope is given once the values span this many seconds.
    kept
        Values kept, the newest.
    """

    def __init__(self, spacing_s: float, least_s: float, kept: int = _KEPT) -> None:
        self._spacing_s = spacing_s
        self._least_s = least_s
        self._points: deque[tuple[float, float]] = deque(maxlen=kept)

    def add(self, at_s: float, value: float) -> None:
        """Take a value."""
        if not self._points or at_s - self._points[-1][0] >= self._spacing_s:
            self._points.append((at_s, value))

    def slope(self) -> float | None:
        """Return the least-squares slope per second; None before there is enough.

        Examples
        --------
        >>> trend = Trend(spacing_s=1.0, least_s=2.0)
        >>> for at_s, value in ((0.0, 5.0), (1.0, 7.0), (2.0, 9.0)):
        ...     trend.add(at_s, value)
        >>> trend.slope()
        2.0
        """
        if len(self._points) < 2 or self._points[-1][0] - self._points[0][0] < self._least_s:
            return None
        times, values = np.array(self._points).T
        centred = times - times.mean()
        return float(centred @ values / (centred @ centred))
