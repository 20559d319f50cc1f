"""The dominant cycle of a window of log prices: where in it the last bar stands, and how much of the movement it is.

Residuals x of the window's n = 64 log prices from their least-squares line, at lags j = 0 (the last bar) to n - 1, have
components X_k = sum_j x_j exp(2 pi i k j / n), k = 1 to n/2, so that x_j is a sum of |X_k| cos(2 pi k j / n - arg X_k).
The dominant k has the most power, the longest period among equals, and

    cycle = - share * sin(arg X_k),    share = P_k / sum P,

where P_k = 2 |X_k|^2 below the Nyquist frequency and |X_k|^2 at it. It is the component's rise per bar as a part of
its steepest, weighted by its share of power: 1 when the whole window is one wave on its way up through its middle, -1
on its way down, 0 at its turns. Mirrored prices flip its sign.
"""

import math
from typing import Final

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel

WINDOW: Final = 64
_HALF: Final = WINDOW // 2
_TIE: Final = 1e-9
"""Powers closer than this are equal, so that rounding does not choose between them."""
_STILL: Final = 1e-13
"""Residuals of log prices below this are what float64 leaves of a straight line."""
_COSINES: Final = np.array(
    [[math.cos(2.0 * math.pi * (j * k % WINDOW) / WINDOW) for k in range(1, _HALF + 1)] for j in range(_HALF + 1)]
)
_SINES: Final = np.array(
    [[math.sin(2.0 * math.pi * (j * k % WINDOW) / WINDOW) for k in range(1, _HALF + 1)] for j in range(_HALF + 1)]
)


def cycle(logs: Floats) -> float:
    """Return the cycle of a window of log prices, oldest first, in [-1, 1]; 0 where they lie on a line.

    Parameters
    ----------
    logs
        Log prices, shape (64,), finite.

    Raises
    ------
    ValueError
        A wrong shape.
    """
    if logs.shape != (WINDOW,):
        raise ValueError(f"log prices of shape {logs.shape}, expected ({WINDOW},)")
    return float(_cycle(logs))


@kernel
def _cycle(logs: Floats) -> float:
    rest = residuals(logs)
    if np.max(np.abs(rest)) < _STILL:
        return 0.0
    real = np.zeros(_HALF)
    imaginary = np.zeros(_HALF)
    for k in range(_HALF):
        real[k] = rest[0] + rest[_HALF] * _COSINES[_HALF, k]
    for j in range(1, _HALF):
        even = rest[j] + rest[WINDOW - j]
        odd = rest[j] - rest[WINDOW - j]
        for k in range(_HALF):
            real[k] += even * _COSINES[j, k]
            imaginary[k] += odd * _SINES[j, k]
    return _reading(real, imaginary)


@kernel
def residuals(values: Floats) -> Floats:
    """Return the residuals of ``values`` from their least-squares line, the last one first."""
    n = len(values)
    last = values[n - 1]
    centre = (n - 1) / 2.0
    moment = 0.0
    total = 0.0
    for i in range(n):
        moment += (i - centre) * (values[i] - last)
        total += values[i] - last
    slope = moment * 12.0 / (n * (n * n - 1.0))
    mean = total / n
    rest = np.empty(n)
    for i in range(n):
        rest[n - 1 - i] = values[i] - last - mean - slope * (i - centre)
    return rest


@kernel
def _reading(real: Floats, imaginary: Floats) -> float:
    best = -1.0
    dominant = 0
    total = 0.0
    for k in range(_HALF):
        power = real[k] * real[k] + imaginary[k] * imaginary[k]
        if k < _HALF - 1:
            power *= 2.0
        total += power
        if power > best * (1.0 + _TIE):
            best = power
            dominant = k
    length = math.hypot(real[dominant], imaginary[dominant])
    return -(best / total) * float(imaginary[dominant] / length)
