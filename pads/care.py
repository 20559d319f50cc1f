"""What guards a position: its stop, its targets, and how endangered it is; see docs/position-care.md.

Drawn when a position opens or grows, from the last confirmed swing of its side and the average true range at that bar
(``kernels.pivot``, ``kernels.bracket``): stop = min(structure, entry - m ATR) and three targets at the extensions of
the swing. Without a swing that gives stop < entry < targets the stop is entry - m ATR and there are no targets; without
a range there is no care, for a level is never invented. Shorts are mirrored.

Once the close is as far in favour of the position as the stop was against it, or a target is reached, the stop follows
the close at m ATR and never goes back. At target i the position is cut to what the stages leave. Closes are the only
prices that are watched: a stop is reached at a close, and what follows is filled at the next opening.

How endangered a position is, in [0, 1]:

    score = 0.5 way + 0.2 unrest + 0.3 loss

way is the share of the way from entry to stop that the close has gone; unrest is ATR over that at the drawing, less 1;
loss is the unrealised loss over ``risk_per_trade``; each cut to [0, 1], way 0 once the stop lies beyond the entry. The
weights are ours: the way to the stop says most, half of the score, since it is what the stop itself goes by.
"""

import math
from decimal import Decimal
from typing import Any, Final, NamedTuple

from bus.messages import Grade, Side
from kernels.bracket import levels, staged, stop_multiple, trailed
from kernels.pivot import Leg, Sign
from pads.chart import Chart
from pads.config import CareConfig
from pads.restraint import Restraint

WEIGHTS: Final = (0.5, 0.2, 0.3)
"""Of way, unrest and loss."""
_ALL: Final = 100
_ZERO: Final = Decimal(0)


class Holding(NamedTuple):
    """A position at a close: signed ``units``, ``entry`` and ``close`` as prices, ``exposure`` as a share of equity."""

    units: Decimal
    entry: float
    close: float
    exposure: float

    @property
    def side(self) -> Sign:
        """1 long, -1 short."""
        return 1 if self.units > 0 else -1


class Guard(NamedTuple):
    """What guards a position of up to ``units``, unsigned.

    ``distance`` is that from entry to the stop as drawn, ``atr`` the range then, ``multiple`` m; ``stage`` targets
    were reached, of which each closes its per cent of ``shares``. Without a ``swing`` there are no targets.
    """

    side: Sign
    entry: float
    units: Decimal
    stop: float
    distance: float
    atr: float
    multiple: float
    swing: Leg | None = None
    retracements: tuple[float, ...] = ()
    targets: tuple[float, ...] = ()
    shares: tuple[int, ...] = ()
    stage: int = 0
    score: float = 0.0
    grade: Grade = Grade.LOW

    @property
    def kept(self) -> Decimal:
        """Units that the targets reached leave, unsigned."""
        return self.units * (_ALL - sum(self.shares[: self.stage])) / _ALL

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        fixed = [self.side, self.entry, self.units, self.stop, self.distance, self.atr, self.multiple]
        swing = None if self.swing is None else list(self.swing)
        drawn = [swing, list(self.retracements), list(self.targets), list(self.shares)]
        return [fixed, drawn, self.stage, self.score, self.grade.value]

    @classmethod
    def restored(cls, state: list[Any]) -> "Guard":
        """Return the guard that ``snapshot`` gave."""
        fixed, (swing, retracements, targets, shares), stage, score, grade = state
        leg = None if swing is None else Leg(*swing)
        drawn = (leg, tuple(retracements), tuple(targets), tuple(shares))
        side, entry, units, stop, distance, atr, multiple = fixed
        return cls(side, entry, units, stop, distance, atr, multiple, *drawn, stage, score, Grade(grade))


class Watch(NamedTuple):
    """What care leaves of a position, unsigned units, None for all of it; ``is_exit``: at once, whatever is voted."""

    keep: Decimal | None = None
    why: str = ""
    is_exit: bool = False


UNGUARDED: Final = Watch()


class Care:
    """The guard of one instrument's own position.

    Attributes
    ----------
    watch
        What follows for the position as of the last close that was watched.
    rests
        Sides on which nothing is opened again for some bars, because care has just closed a position there.
    """

    def __init__(self, config: CareConfig) -> None:
        self._config = config
        self.guard: Guard | None = None
        self.watch = UNGUARDED
        self.rests = Restraint()

    def release(self) -> None:
        """Forget the guard of a position that is gone."""
        self.guard, self.watch = None, UNGUARDED

    def look(self, held: Holding, bar: int, chart: Chart) -> bool:
        """Watch a position at a close; return whether its levels, its stop or its grade are others than before."""
        before = self.guard
        self.release()
        if not self._config.enabled:
            return False
        guard = self._guarding(before, held, chart)
        if guard is None:
            return False
        self.guard, self.watch = self._judged(guard, held, chart)
        if self.watch.is_exit:
            side = Side.BUY if held.side > 0 else Side.SELL
            self.rests.impose(side, bar + self._config.rest_bars, f"a position was given up at bar {bar}")
        return before is None or _shown(before) != _shown(self.guard)

    def extent(self, side: Sign, close: float, chart: Chart) -> float:
        """Return the share of equity at which the stop would cost ``risk_per_trade``; no bound where there is no stop.

        The stop is the one in force, and where there is none on this side that of a position entered at ``close``.
        """
        if not self._config.enabled:
            return math.inf
        guard = self.guard
        if guard is None or guard.side != side:
            guard = draw(side, close, _ZERO, chart)
        if guard is None:
            return math.inf
        distance = side * (close - guard.stop) / close
        return self._config.risk_per_trade / distance if distance > 0.0 else 0.0

    def split(self, units: Decimal) -> None:
        """Count each unit guarded as so many."""
        if self.guard is not None:
            self.guard = self.guard._replace(units=self.guard.units * units)

    def _guarding(self, guard: Guard | None, held: Holding, chart: Chart) -> Guard | None:
        """Return the guard as it goes into this close: drawn anew where the position is another or has grown."""
        size = abs(held.units)
        if guard is None or guard.side != held.side:
            return draw(held.side, held.entry, size, chart)
        if guard.stage or size <= guard.units:
            return guard
        drawn = draw(held.side, held.entry, size, chart)
        if drawn is None:
            return guard._replace(units=size)
        return drawn._replace(stop=max(drawn.stop, guard.stop) if held.side > 0 else min(drawn.stop, guard.stop))

    def _judged(self, guard: Guard, held: Holding, chart: Chart) -> tuple[Guard, Watch]:
        """Return the guard after this close, and what follows from it."""
        side, close, stage = guard.side, held.close, guard.stage
        is_stopped = side * close <= side * guard.stop
        while stage < len(guard.targets) and side * close >= side * guard.targets[stage]:
            stage += 1
        stop, atr = guard.stop, chart.atr
        if atr is not None and (stage or side * (close - guard.entry) >= guard.distance):
            stop = trailed(side, stop, close, atr)
        score = self._score(guard, held, atr)
        after = guard._replace(stop=stop, stage=stage, score=score, grade=self._grade(score))
        if is_stopped:
            return after, Watch(_ZERO, f"the close {close:.6g} has reached the stop {guard.stop:.6g}", True)
        if after.grade is Grade.HIGH:
            return after, Watch(_ZERO, f"the risk of the position, {score:.3f}, is high", True)
        if stage == 0:
            return after, UNGUARDED
        why = f"target {stage} of {len(guard.targets)} at {guard.targets[stage - 1]:.6g} is reached"
        return after, Watch(after.kept, why, stage == len(guard.targets))

    def _score(self, guard: Guard, held: Holding, atr: float | None) -> float:
        against = guard.side * (guard.entry - held.close)
        room = guard.side * (guard.entry - guard.stop)
        way = against / room if room > 0.0 else 0.0
        unrest = 0.0 if atr is None else atr / guard.atr - 1.0
        loss = abs(held.exposure) * against / held.close / self._config.risk_per_trade
        return sum(weight * min(max(part, 0.0), 1.0) for weight, part in zip(WEIGHTS, (way, unrest, loss), strict=True))

    def _grade(self, score: float) -> Grade:
        if score >= self._config.high:
            return Grade.HIGH
        return Grade.MEDIUM if score >= self._config.medium else Grade.LOW

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        guard = None if self.guard is None else self.guard.snapshot()
        return {"guard": guard, "watch": list(self.watch), "rests": self.rests.snapshot()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.guard = None if state["guard"] is None else Guard.restored(state["guard"])
        self.watch = Watch(*state["watch"])
        self.rests.restore(state["rests"])


def draw(side: Sign, entry: float, units: Decimal, chart: Chart) -> Guard | None:
    """Draw what guards a position entered at ``entry``; None without a range, or where the stop would not be positive.

    The stages follow from the trend: see ``kernels.bracket.staged``.
    """
    atr = chart.atr
    if atr is None or not entry > 0.0:
        return None
    swing = chart.leg(side)
    if swing is not None:
        drawn = levels(side, entry, swing, atr)
        if drawn.is_valid:
            distance = side * (entry - drawn.stop)
            shares = staged(min(chart.strength, 1.0))
            return Guard(
                side, entry, units, drawn.stop, distance, atr, drawn.multiple, swing, drawn.retracements,
                drawn.targets, shares,
            )  # fmt: skip
    multiple = stop_multiple(100.0 * atr / entry)
    stop = entry - side * multiple * atr
    return Guard(side, entry, units, stop, multiple * atr, atr, multiple) if stop > 0.0 else None


def _shown(guard: Guard) -> tuple[object, ...]:
    """Return what PositionLevels tells of a guard, its score aside."""
    return guard.side, guard.entry, guard.stop, guard.swing, guard.targets, guard.grade
