"""From the board's price to one of the seven actions and a position.

The position w, as a fraction of equity, that maximises w m - w^2 v/(2 f) - c |w - w0| is w0 moved into the band from
f (m - c)/v to f (m + c)/v: m the expected log return, v its variance, f Kelly's fraction times the appetite, c the cost
of one side. So the edge less cost sets the target, and the band, of width cost, is where nothing is traded.
Conviction is asked for exposure that opens, grows or crosses zero, never for leaving.
"""

import math
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from bus.message import Probabilities
from bus.messages import Action, Phase
from pads.config import AlertConfig, PhaseConfig, SizingConfig

_BASIS_POINT = 1e-4


class Situation(NamedTuple):
    """What a decision rests on.

    ``moves`` are the expected log returns of (down, flat, up) over the horizon, ``variance`` that of the log return
    over the horizon; ``position`` is signed units held, ``close`` and ``equity`` money; ``severity`` that of the worst
    alert since the last decision, 0 without one; ``silence`` says why the board has no say, empty when it has.
    """

    price: Probabilities
    moves: tuple[float, float, float]
    variance: float
    position: Decimal
    close: float
    equity: float
    phase: Phase
    appetite: float
    severity: float
    silence: str = ""


class Choice(NamedTuple):
    """What to do and why; ``target`` is signed units, ``expected_return`` a log return over the horizon after cost."""

    action: Action
    target: Decimal
    reason: str
    conviction: float
    expected_return: float


class Sizer:
    """Turns a situation into a choice; it keeps no state."""

    def __init__(self, sizing: SizingConfig, phase: PhaseConfig, alert: AlertConfig) -> None:
        self._sizing = sizing
        self._phase = phase
        self._alert = alert
        self._cost = sizing.cost_bps * _BASIS_POINT

    def choose(self, situation: Situation) -> Choice:
        """Return the action for a situation; HEDGE is not among its answers, since it concerns another instrument."""
        down, _, up = situation.price
        edge = _dot(situation.price, situation.moves)
        net = math.copysign(max(abs(edge) - self._cost, 0.0), edge)
        conviction = max(down, up) / (down + up)
        if not situation.equity > 0.0:
            return Choice(Action.HOLD, situation.position, "equity is not positive", conviction, net)
        held = float(situation.position) * situation.close / situation.equity
        wanted = held if situation.silence else self._wanted(situation, edge, held)
        reason = situation.silence or "the board's price"
        if situation.severity > self._alert.severity:
            wanted, reason = self._safe(held, wanted), f"safety override, alert of severity {situation.severity:g}"
        return self._settled(situation, held, wanted, reason, conviction, net)

    def _wanted(self, situation: Situation, edge: float, held: float) -> float:
        """Return the fraction of equity to hold."""
        sizing = self._sizing
        scale = sizing.kelly_fraction * situation.appetite / situation.variance
        wanted = min(max(held, scale * (edge - self._cost)), scale * (edge + self._cost))
        down, _, up = situation.price
        asked = self._phase.conviction.of(situation.phase)
        limit = sizing.max_position_fraction
        ceiling = limit if up / (down + up) > asked else min(max(held, 0.0), limit)
        is_short_meant = sizing.allow_short and down / (down + up) > asked
        floor = -limit if is_short_meant else max(min(held, 0.0), -limit)
        return min(max(wanted, floor), ceiling)

    def _safe(self, held: float, wanted: float) -> float:
        """Return what may stay of a position under an alert: less than now, and nothing on the other side."""
        kept = held * (1.0 - self._alert.cut)
        if abs(held) - abs(kept) < self._sizing.min_trade_fraction:
            return 0.0
        if wanted * held <= 0.0:
            return 0.0
        return math.copysign(min(abs(kept), abs(wanted)), held)

    def _settled(
        self, situation: Situation, held: float, wanted: float, reason: str, conviction: float, net: float
    ) -> Choice:
        """Cross from fractions of equity to units, and name what is done."""
        position = situation.position
        is_small = abs(wanted - held) < self._sizing.min_trade_fraction
        if wanted == held or (is_small and (wanted != 0.0 or position == 0)):
            why = "nothing to change" if wanted == held else "the change is too small to trade"
            return Choice(Action.HOLD, position, f"{reason}: {why}", conviction, net)
        change = self.units(wanted, situation.equity, situation.close) - position if wanted else -position
        if wanted:
            change = whole_lots(change, self._sizing.lot)
        if change == 0:
            return Choice(Action.HOLD, position, f"{reason}: the change is less than a lot", conviction, net)
        action = name_action(position, position + change)
        return Choice(action, position + change, f"{reason}: {held:+.4f} to {wanted:+.4f} of equity", conviction, net)

    def units(self, fraction: float, equity: float, close: float) -> Decimal:
        """Cross from a fraction of equity in float64 to whole lots in Decimal, rounded towards zero."""
        return whole_lots(Decimal(fraction * equity / close), self._sizing.lot)

    def may_hold(self, fraction: float) -> bool:
        """Tell whether a position of this sign may be opened at all."""
        return fraction >= 0.0 or self._sizing.allow_short

    def growth(self, wanted: float, position: Decimal, close: float, equity: float) -> Decimal:
        """Return the units that take a position up to the fraction ``wanted`` of equity, within the limit."""
        limit = self._sizing.max_position_fraction
        wanted = min(max(wanted, -limit), limit)
        held = float(position) * close / equity
        if abs(wanted) - abs(held) < self._sizing.min_trade_fraction:
            return Decimal(0)
        return whole_lots(self.units(wanted, equity, close) - position, self._sizing.lot)


def whole_lots(quantity: Decimal, lot: Decimal) -> Decimal:
    """Round a signed quantity towards zero to a multiple of ``lot``.

    Examples
    --------
    >>> whole_lots(Decimal("-12.7"), Decimal("5"))
    Decimal('-10')
    """
    return (quantity / lot).to_integral_value(ROUND_DOWN) * lot


def name_action(position: Decimal, target: Decimal) -> Action:
    """Name the change from one signed position to another.

    Examples
    --------
    >>> name_action(Decimal(5), Decimal(-5)).value, name_action(Decimal(-5), Decimal(-2)).value
    ('SELL', 'DECREASE')
    """
    if target == position:
        return Action.HOLD
    if position == 0 or position * target < 0:
        return Action.BUY if target > position else Action.SELL
    if target == 0:
        return Action.EXIT
    return Action.INCREASE if abs(target) > abs(position) else Action.DECREASE


def _dot(price: Probabilities, moves: tuple[float, float, float]) -> float:
    return (price[0] * moves[0] + price[2] * moves[2]) + price[1] * moves[1]
