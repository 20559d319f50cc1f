"""How many lots of an order should be filled or at work through the next bar.

A plan is laid out when the order is accepted: all at once, evenly (twap), along the symbol's volumes by time of day
(vwap), or as Almgren and Chriss trade risk against impact (shortfall). A course follows the market instead: a share of
the volume seen (pov), or of the volume to come, by urgency and by how wide the market is (adaptive).
"""

import math
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, Final, NamedTuple, Protocol

from bus.messages import Urgency
from execution.conditions import Conditions
from execution.config import ExecutionConfig
from kernels import participation
from kernels.participation import BANDS, START, Pace, Thresholds, paced
from kernels.schedule import Market, almgren_chriss, pov_child, shortfall, split, twap

_HALF: Final = 0.5
_URGENCY: Final[Mapping[Urgency, participation.Urgency]] = {
    Urgency.LOW: "low",
    Urgency.MEDIUM: "medium",
    Urgency.HIGH: "high",
    Urgency.URGENT: "urgent",
}


class Progress(NamedTuple):
    """How far an order has come: ``done`` of ``lots`` filled, ``bars`` since it was accepted, and what traded in them.

    ``volume`` is that of the market since then in units, ``lot`` units in a lot; ``is_reducing`` whether the order only
    takes away from a position.
    """

    lots: int
    done: int
    bars: int
    volume: float
    lot: float
    is_reducing: bool


class Course(Protocol):
    """The way one order is worked in; ``life`` is the bars it may take."""

    life: int

    def due(self, progress: Progress, conditions: Conditions) -> int:
        """Return the lots that should be filled or at work through the next bar; asked once a bar."""

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""


class Plan:
    """Lots laid out bar by bar in advance; what did not fill in its bar stays due."""

    def __init__(self, lots: list[int], life: int) -> None:
        self.life = life
        self._cumulative = list(accumulate(lots))

    def due(self, progress: Progress, conditions: Conditions) -> int:
        """Return what the plan has reached."""
        return self._cumulative[min(progress.bars, len(self._cumulative) - 1)]

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.life, list(self._cumulative)]

    def restore(self, state: list[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.life, self._cumulative = state[0], list(state[1])


class Pov:
    """A share of the volume seen since the order was accepted, never ahead of it."""

    def __init__(self, rate: float, life: int) -> None:
        self.life = life
        self._rate = rate

    def due(self, progress: Progress, conditions: Conditions) -> int:
        """Return what the volume has allowed."""
        volume = math.floor(progress.volume / progress.lot)
        return progress.done + pov_child(progress.lots - progress.done, progress.done, volume, self._rate)

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.life, self._rate]

    def restore(self, state: list[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.life, self._rate = state


class Adaptive:
    """A share of the volume to come: the more urgent the more, less in a wide market, none past the thresholds.

    An order that only takes away from a position does not wait for calm: it goes on at the least rate of its urgency.
    """

    def __init__(self, urgency: Urgency, thresholds: Thresholds, life: int, pace: Pace = START) -> None:
        self.life = life
        self.pace = pace
        self._urgency = urgency
        self._thresholds = thresholds

    def due(self, progress: Progress, conditions: Conditions) -> int:
        """Observe the market, and return what its pace allows: at least a lot where anything."""
        urgency = _URGENCY[self._urgency]
        self.pace = paced(self.pace, urgency, conditions.observation, self._thresholds)
        rate = self.pace.rate
        if self.pace.is_paused and progress.is_reducing:
            rate = BANDS[urgency].least
        if not rate or not conditions.volume > 0.0:
            return progress.done
        room = max(1, math.floor(rate * conditions.volume / progress.lot))
        return min(progress.lots, progress.done + room)

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.life, self._urgency.value, list(self._thresholds), list(self.pace)]

    def restore(self, state: list[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.life, urgency = state[:2]
        self._urgency, self._thresholds, self.pace = Urgency(urgency), Thresholds(*state[2]), Pace(*state[3])


def set_out(config: ExecutionConfig, lots: int, urgency: Urgency, conditions: Conditions, coefficient: float) -> Course:
    """Return the way an order will be worked in; ``coefficient`` is Y as it is known now."""
    bars = config.horizon_bars
    match config.schedule:
        case "immediate":
            return Plan([lots], config.expire_bars)
        case "twap":
            return Plan(twap(lots, bars).tolist(), bars)
        case "vwap":
            return Plan(split(lots, conditions.volumes_ahead(bars)).tolist(), bars)
        case "shortfall":
            return Plan(_shortfall(config, lots, conditions, coefficient), bars)
        case "pov":
            return Pov(config.pov_rate, config.expire_bars)
        case "adaptive":
            return Adaptive(urgency, config.pace.thresholds, config.expire_bars)


def restored(state: list[Any]) -> Course:
    """Return the course that ``plain`` gave ``state`` for."""
    courses: dict[str, Plan | Pov | Adaptive] = {
        "Plan": Plan([0], 0),
        "Pov": Pov(1.0, 0),
        "Adaptive": Adaptive(Urgency.LOW, Thresholds(1.0, 2.0, 2.0, 1.0, 1), 0),
    }
    name, inner = state
    course = courses[name]
    course.restore(inner)
    return course


def plain(course: Course) -> list[Any]:
    """Return a course as plain data."""
    return [type(course).__name__, course.snapshot()]


def _shortfall(config: ExecutionConfig, lots: int, conditions: Conditions, coefficient: float) -> list[int]:
    """Lay lots out as Almgren and Chriss do, per bar; evenly where volatility or volume are not known.

    Temporary impact is the square-root law at an even pace, taken as a line through there: eta * n = Y sigma price
    sqrt(n / V) for n units a bar. None of it is permanent: the law measures both together.
    """
    bars, close = config.horizon_bars, float(conditions.close)
    quantity = lots * float(config.lot)
    pace = quantity / bars
    concession = 0.0
    if conditions.volume > 0.0:
        concession = coefficient * conditions.sigma * close * math.sqrt(pace / conditions.volume)
    if not concession > 0.0:
        return [int(lot) for lot in twap(lots, bars)]
    spread = 0.0 if math.isnan(conditions.spread) else _HALF * conditions.spread * close
    market = Market(sigma=conditions.sigma * close, half_spread=spread, permanent=0.0, temporary=concession / pace)
    trajectory = almgren_chriss(quantity, float(bars), bars, market, config.risk_aversion)
    return [int(lot) for lot in shortfall(lots, trajectory)]
