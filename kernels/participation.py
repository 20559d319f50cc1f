"""How great a share of the market's volume an order may take: by its urgency, less when the market widens.

Stress is the greater of spread over its usual value and volatility over its usual value. Up to ``calm`` the rate is
the top of the urgency's band, from ``wide`` on its bottom, linear between; at ``pause`` trading pauses, and goes on
only when stress has been at or below ``resume`` for ``patience`` observations in a row. What cannot be seen is left
out; with neither to be seen trading pauses: blind is not calm.
"""

import math
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

Urgency: TypeAlias = Literal["low", "medium", "high", "urgent"]


class Band(NamedTuple):
    """Least and greatest share of volume."""

    least: float
    most: float


BANDS: Final[Mapping[Urgency, Band]] = {
    "low": Band(0.05, 0.10),
    "medium": Band(0.10, 0.20),
    "high": Band(0.20, 0.30),
    "urgent": Band(0.30, 0.50),
}


class Thresholds(NamedTuple):
    """Stress, in usual values: 0 < ``calm`` < ``wide`` <= ``pause``, ``resume`` < ``pause``; ``patience`` >= 1."""

    calm: float
    wide: float
    pause: float
    resume: float
    patience: int


class Observation(NamedTuple):
    """Spread and volatility, and what is usual of each, in any one unit each; NaN where it cannot be seen."""

    spread: float
    usual_spread: float
    sigma: float
    usual_sigma: float


class Pace(NamedTuple):
    """The whole state: whether trading is paused, quiet observations since, and the rate to trade at, 0 when paused."""

    is_paused: bool
    quiet: int
    rate: float


START: Final = Pace(is_paused=False, quiet=0, rate=0.0)


def stress(observation: Observation) -> float:
    """Return the greater of spread and volatility over their usual values; infinite where neither can be seen.

    A value that is negative, not finite, or without a positive usual one is not seen.

    Examples
    --------
    >>> stress(Observation(0.03, 0.02, 0.01, 0.01)), stress(Observation(math.nan, 0.02, 0.02, 0.01))
    (1.5, 2.0)
    """
    seen = [
        value / usual
        for value, usual in (observation[:2], observation[2:])
        if 0.0 <= value < math.inf and 0.0 < usual < math.inf
    ]
    return max(seen, default=math.inf)


def paced(pace: Pace, urgency: Urgency, observation: Observation, thresholds: Thresholds) -> Pace:
    """Return the pace after one more observation."""
    _check(thresholds)
    felt = stress(observation)
    quiet = pace.quiet + 1 if pace.is_paused and felt <= thresholds.resume else 0
    is_paused = quiet < thresholds.patience if pace.is_paused else felt >= thresholds.pause
    if is_paused:
        return Pace(is_paused=True, quiet=quiet, rate=0.0)
    return Pace(is_paused=False, quiet=0, rate=_rate(BANDS[urgency], felt, thresholds))


def _rate(band: Band, felt: float, thresholds: Thresholds) -> float:
    width = min(max((felt - thresholds.calm) / (thresholds.wide - thresholds.calm), 0.0), 1.0)
    return (1.0 - width) * band.most + width * band.least


def _check(thresholds: Thresholds) -> None:
    calm, wide, pause, resume, patience = thresholds
    if not (0.0 < calm < wide <= pause < math.inf and 0.0 < resume < pause and patience >= 1):
        raise ValueError(f"{thresholds}, expected 0 < calm < wide <= pause, 0 < resume < pause and patience >= 1")
