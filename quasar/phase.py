"""Where in its dominant cycle the market stands, read from the quantum Fourier transform of a window of log prices.

The residuals x_j of the last 64 log closes from their least-squares line, at lags j = 0 (the last bar) to 63, become
the amplitudes of six qubits, x_j / |x|. Their quantum Fourier transform has the amplitudes

    X_k = (1/8) sum_j x_j exp(2 pi i j k / 64) / |x|,

the discrete Fourier transform of the amplitudes. To measure it gives frequency k, in cycles per window, with
probability |X_k|^2, and k and 64 - k are the same cycle. The dominant one is the likeliest, the longest period among
equals; with ``share`` the probability of measuring it,

    cycle = -share * sin(arg X_k),

its rise per bar as a part of its steepest: the cycle factor of ``kernels.cycle``, which gets it from the sums
themselves. Source of the transform: Coppersmith 1994, by the gates of ``kernels.fourier``.
"""

from functools import cache
from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Floats, Ints
from kernels.fourier import gates
from kernels.phase import read

WINDOW: Final = 64
_QUBITS: Final = 6
_STILL: Final = 1e-13
"""Residuals of log prices below this are what float64 leaves of a straight line."""


class Cycle(NamedTuple):
    """The dominant cycle: its frequency in cycles per window, how likely it is measured, and the factor it gives."""

    frequency: int
    share: float
    factor: float


def cycle(closes: Floats) -> Cycle:
    """Return the dominant cycle of the last 64 closes, oldest first; frequency 0 where they lie on a line.

    Raises
    ------
    ValueError
        Fewer than 64 closes.
    """
    if len(closes) < WINDOW:
        raise ValueError(f"{len(closes)} closes, expected at least {WINDOW}")
    return Cycle(*read(np.log(closes[-WINDOW:]), *_transform(), _STILL))


@cache
def _transform() -> tuple[Ints, Floats]:
    return gates(_QUBITS)
