"""The area under the ROC curve: the chance that a bent case scores above a clean one."""

from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Floats

DRAWS: Final = 1_000
ALERT: Final = 0.7


class Roc(NamedTuple):
    """``area`` with its 95 % bootstrap interval, and the shares of bent and clean cases that score above ``ALERT``."""

    area: float
    low: float
    high: float
    caught: float
    alarmed: float
    bent: int
    clean: int


def area(bent: Floats, clean: Floats) -> float:
    """Return P(bent > clean) + P(equal) / 2, the Mann-Whitney form of the area.

    Examples
    --------
    >>> area(np.array([0.9, 0.4]), np.array([0.1, 0.4]))
    0.875
    """
    ordered = np.sort(clean)
    below = np.searchsorted(ordered, bent, "left")
    level = np.searchsorted(ordered, bent, "right")
    return float((below + level).mean() / (2.0 * len(clean)))


def roc(bent: Floats, clean: Floats, generator: np.random.Generator) -> Roc:
    """Return area and rates; the interval resamples bent and clean cases, each with replacement."""
    draws = [area(generator.choice(bent, len(bent)), generator.choice(clean, len(clean))) for _ in range(DRAWS)]
    low, high = np.quantile(draws, [0.025, 0.975])
    caught, alarmed = float((bent > ALERT).mean()), float((clean > ALERT).mean())
    return Roc(area(bent, clean), float(low), float(high), caught, alarmed, len(bent), len(clean))
