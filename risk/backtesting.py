"""The back-test of the daily forecasts: what the last days brought beside what was forecast for them."""

from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Floats
from kernels.backtest import LEAST_OBSERVATIONS, light, z2
from kernels.coverage import conditional_coverage, exceedances, kupiec

DAYS: Final = 250
"""The length that the bounds of the traffic light were made for."""


class Outcome(NamedTuple):
    """How the forecasts fared; the statistic and the p-values are None, the light is empty, below 100 days."""

    days: int
    exceedances: int
    z2: float | None = None
    light: str = ""
    kupiec_p: float | None = None
    christoffersen_p: float | None = None


class ForecastRecord:
    """The last 250 days on which something was forecast to be at risk, and their losses.

    Parameters
    ----------
    level
        Confidence of the forecasts, in (0, 1).
    """

    def __init__(self, level: float) -> None:
        self._level = level
        self._days: Floats = np.empty((0, 3))
        """Loss, value at risk and expected shortfall of each day, of the equity of the day before."""

    def add(self, loss: float, at_risk: float, shortfall: float) -> None:
        """Take a day; one with nothing at risk is no test of a forecast and is not counted."""
        if shortfall > 0.0:
            day = [[loss, at_risk, max(shortfall, at_risk)]]
            self._days = np.concatenate((self._days[-DAYS + 1 :], day))

    def outcome(self) -> Outcome:
        """Test the forecasts: Z2 with its light, Kupiec's proportion, Christoffersen's conditional coverage."""
        losses, at_risk, shortfall = self._days.T.copy()
        exceeded = exceedances(losses, at_risk)
        count, days = int(exceeded.sum()), losses.size
        if days < LEAST_OBSERVATIONS:
            return Outcome(days, count)
        statistic = z2(losses, at_risk, shortfall, self._level)
        proportion = kupiec(count, days, self._level).p_value
        coverage = conditional_coverage(exceeded, self._level).p_value
        return Outcome(days, count, statistic, light(statistic), proportion, coverage)

    def snapshot(self) -> Floats:
        """Return the state as plain data."""
        return self._days.copy()

    def restore(self, state: Floats) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._days = state.copy()
