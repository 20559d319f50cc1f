"""From the board's price to one of the seven actions and a position.

The edge m = sum_k p_k move_k is the expected log return under the price p. Evidence is what sets p apart from the
prior pi: a side is taken only where its share of p_up + p_down is larger under p than under pi, so what the prior
expects by itself, an equity premium say, is not traded on, and a price that is the prior trades nothing.

The position w, as a fraction of equity, that maximises w m - w^2 v/(2 f) - c |w - w0| is w0 moved into the band from
f (m - c)/v to f (m + c)/v: v the variance of the return, f Kelly's fraction times the appetite, c the cost of one side.
So the edge less cost sets the target, and the band, of width cost, is where nothing is traded. The style in force
scales f, c and the largest position. Evidence and conviction are asked for exposure that opens, grows or crosses zero,
never for leaving. What the limits of the book, a gate's refusal or the distance to the stop leave for a position is its
room; nothing grows beyond it.

Safety overrides come first and have no part in the vote: a black swan against the position ends it, so does its guard
where the stop is reached or its risk is high, and an alert reduces it. A target that is reached takes its share.
"""

import math
from decimal import ROUND_DOWN, Decimal
from typing import Final, NamedTuple

from bus.message import Probabilities
from bus.messages import Action, Phase, Urgency
from pads.care import UNGUARDED, Watch
from pads.config import PadsConfig, StyleConfig
from pads.room import BOUNDLESS, Room

_BASIS_POINT: Final = 1e-4
_NO_EVIDENCE: Final = 1e-12
"""A price this close to the prior is the prior, to rounding."""


class Situation(NamedTuple):
    """What a decision rests on.

    ``moves`` are the expected log returns of (down, flat, up) over the horizon, ``variance`` that of the log return
    over the horizon; ``position`` is signed units held, ``close`` and ``equity`` money; ``severity`` that of the worst
    danger told since the last decision, 0 without one; ``exceedance`` the probability of a move worse than the latest
    one against the position, None where it cannot be told; ``silence`` says why the board has no say, empty when it
    has; ``watch`` is what care leaves of the position, ``room`` how large it may be.
    """

    price: Probabilities
    prior: Probabilities
    moves: tuple[float, float, float]
    variance: float
    position: Decimal
    close: float
    equity: float
    phase: Phase
    appetite: float
    severity: float
    style: StyleConfig
    exceedance: float | None = None
    silence: str = ""
    watch: Watch = UNGUARDED
    room: Room = BOUNDLESS


class Choice(NamedTuple):
    """What to do, why and how soon.

    ``target`` is signed units, ``expected_return`` a log return over the horizon after cost.
    """

    action: Action
    target: Decimal
    reason: str
    conviction: float
    expected_return: float
    urgency: Urgency = Urgency.MEDIUM


class Sizer:
    """Turns a situation into a choice; it keeps no state."""

    def __init__(self, config: PadsConfig) -> None:
        self._sizing = config.sizing
        self._phase = config.phase
        self._alert = config.alert
        self._impossible = config.swan.probability
        self._cost = config.sizing.cost_bps * _BASIS_POINT

    def choose(self, situation: Situation) -> Choice:
        """Return the action for a situation; HEDGE is not among its answers, since it concerns another instrument."""
        down, _, up = situation.price
        edge = _dot(situation.price, situation.moves)
        net = math.copysign(max(abs(edge) - self._cost, 0.0), edge)
        conviction = max(down, up) / (down + up)
        if not situation.equity > 0.0:
            return Choice(Action.HOLD, situation.position, "equity is not positive", conviction, net)
        held = float(situation.position) * situation.close / situation.equity
        wanted, reason = self._vote(situation, edge, held)
        wanted, reason = _kept(situation, *_within(situation.room, held, wanted, reason))
        override = self._override(situation, held, wanted)
        urgency = Urgency.MEDIUM if override is None else Urgency.URGENT
        wanted, reason = override or (wanted, reason)
        return self._settled(situation, held, wanted, reason, conviction, net)._replace(urgency=urgency)

    def _vote(self, situation: Situation, edge: float, held: float) -> tuple[float, str]:
        """Return the fraction of equity that the board wants held, and why."""
        if situation.silence:
            return held, situation.silence
        if _distance(situation.price, situation.prior) <= _NO_EVIDENCE:
            return held, "the board's price is the prior"
        return self._wanted(situation, edge, held), "the board's price"

    def _override(self, situation: Situation, held: float, wanted: float) -> tuple[float, str] | None:
        """Return what safety leaves of a position and why, whatever is voted; None where it has no say."""
        exceedance, watch = situation.exceedance, situation.watch
        if situation.position and exceedance is not None and exceedance < self._impossible:
            return (
                0.0,
                f"safety override, black swan: a move against the position of probability {exceedance:.2g}",
            )
        if situation.position and watch.is_exit:
            return 0.0, f"safety override, position care: {watch.why}"
        if situation.severity > self._alert.severity:
            return self._safe(held, wanted), f"safety override, alert of severity {situation.severity:g}"
        return None

    def _wanted(self, situation: Situation, edge: float, held: float) -> float:
        """Return the fraction of equity to hold."""
        style = situation.style
        scale = self._sizing.kelly_fraction * style.kelly * situation.appetite / situation.variance
        cost = self._cost * style.band
        wanted = min(max(held, scale * (edge - cost)), scale * (edge + cost))
        down, _, up = situation.price
        asked = self._phase.conviction.of(situation.phase) + style.conviction
        limit = min(self._sizing.max_position_fraction * style.position, situation.room.limit)
        evidence = up / (down + up) - situation.prior[2] / (situation.prior[0] + situation.prior[2])
        ceiling = limit if up / (down + up) > asked and evidence > 0.0 else min(max(held, 0.0), limit)
        is_short_meant = self._sizing.allow_short and down / (down + up) > asked and evidence < 0.0
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

    def growth(self, wanted: float, position: Decimal, close: float, equity: float, room: Room = BOUNDLESS) -> Decimal:
        """Return the units that take a position up to the fraction ``wanted`` of equity, within limit and room."""
        limit = min(self._sizing.max_position_fraction, room.limit, room.towards(wanted).extent)
        wanted = min(max(wanted, -limit), limit)
        held = float(position) * close / equity
        if abs(wanted) - abs(held) < self._sizing.min_trade_fraction:
            return Decimal(0)
        return whole_lots(self.units(wanted, equity, close) - position, self._sizing.lot)


def grows(position: Decimal, target: Decimal) -> bool:
    """Tell whether the way from one signed position to another opens, enlarges or turns it.

    Examples
    --------
    >>> grows(Decimal(5), Decimal(-1)), grows(Decimal(5), Decimal(0)), grows(Decimal(-5), Decimal(-6))
    (True, False, True)
    """
    return target != 0 and (position * target <= 0 or abs(target) > abs(position))


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


def _within(room: Room, held: float, wanted: float, reason: str) -> tuple[float, str]:
    """Return what room leaves of what is wanted: a position may stay beyond its bound, but not grow there."""
    bound = room.towards(wanted - held)
    bounded = min(wanted, max(held, bound.extent)) if wanted > held else max(wanted, min(held, -bound.extent))
    return (wanted, reason) if bounded == wanted else (bounded, f"{reason}, but {bound.why}")


def _kept(situation: Situation, wanted: float, reason: str) -> tuple[float, str]:
    """Return what the targets that were reached leave of what is wanted."""
    keep, position = situation.watch.keep, situation.position
    if keep is None or not position:
        return wanted, reason
    most = float(keep) * situation.close / situation.equity
    own_side = wanted if position > 0 else -wanted
    if own_side <= most:
        return wanted, reason
    return math.copysign(most, position), f"{reason}, but {situation.watch.why}"


def _distance(price: Probabilities, prior: Probabilities) -> float:
    return max(abs(price[0] - prior[0]), abs(price[1] - prior[1]), abs(price[2] - prior[2]))


def _dot(price: Probabilities, moves: tuple[float, float, float]) -> float:
    return (price[0] * moves[0] + price[2] * moves[2]) + price[1] * moves[1]
