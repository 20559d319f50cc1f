"""Risk brought up to date by one observation, beside numpy and pandas computing it anew from a window of 1,000."""

from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd

from kernels.arrays import Floats
from kernels.rolling import RollingShortfall, RollingVariance

Call = Callable[[], object]

_WINDOW: Final = 1_000
_LEVEL: Final = 0.975
_WORST: Final = 25
_DECAY: Final = 0.94


def cases() -> dict[str, tuple[Call, Call]]:
    """Return, by name, our update by the next observation and the peer's calculation from scratch, at its fastest.

    Peers compute from a window as it is; the cost of moving the window on is not counted against them.
    """
    window = np.random.Generator(np.random.PCG64(1)).standard_t(4, _WINDOW) * 0.01
    weights = _DECAY ** np.arange(_WINDOW)[::-1]
    weights /= weights.sum()
    frame = pd.Series(window)
    return {
        "shortfall of 1,000, numpy sort": (_shortfall(window), lambda: float(np.sort(window)[-_WORST:].mean())),
        "shortfall of 1,000, numpy partition": (
            _shortfall(window),
            lambda: float(np.partition(window, _WINDOW - _WORST)[-_WORST:].mean()),
        ),
        "shortfall of 1,000, pandas nlargest": (_shortfall(window), lambda: float(frame.nlargest(_WORST).mean())),
        "EWMA variance of 1,000, numpy": (
            _variance(window),
            lambda: float(np.average(window**2, weights=_DECAY ** np.arange(_WINDOW)[::-1])),
        ),
        "EWMA variance of 1,000, numpy with weights at hand": (_variance(window), lambda: float(weights @ window**2)),
        "EWMA variance of 1,000, pandas": (
            _variance(window),
            lambda: float((frame**2).ewm(alpha=1 - _DECAY, adjust=True).mean().iloc[-1]),
        ),
    }


def _shortfall(window: Floats) -> Call:
    """Return a call that takes the next observation; they come round, so the window always holds the same ones."""
    ours = RollingShortfall(_WINDOW, _LEVEL)
    return _next(ours.update, window)


def _variance(window: Floats) -> Call:
    return _next(RollingVariance(_DECAY).update, window)


def _next(update: Callable[[float], float], window: Floats) -> Call:
    observations = window.tolist()
    for each in observations:
        update(each)
    place = -1

    def call() -> float:
        nonlocal place
        place = (place + 1) % _WINDOW
        return update(observations[place])

    return call
