"""What a trade costs at the paper venue: a price that is never kinder than the bar.

A buy from a bar pays reference * (1 + half spread + impact), rounded up to the tick, even where that is above the bar's
high; a sell gets reference * (1 - half spread - impact), rounded down. The reference is the open; where the open lies
outside the bar's own range, the end of the range that is worse for us. For an order that came after the open it is the
worst price of the whole bar, since when it came is not known to be better.

Where the bar has a quote, units up to the size at the touch trade there (buys at the ask, sells at the bid, the worse
of both should they be crossed, and never inside the bar's far end); the rest at the touch and its impact.

Impact is that of all units an approved order has traded so far, this fill included, so that slicing an order does not
make it cheaper than it is; volatility and volume behind it come from earlier bars only. Nothing trades where the impact
would be as large as the price itself.
"""

from decimal import Decimal, localcontext
from typing import Final, NamedTuple

from bus.messages import MarketUpdate, Side
from execution.liquidity import Tape
from execution.money import EXACT, LOT, TICK, ZERO, as_fraction, round_down, round_up
from execution.paper_config import PaperConfig
from kernels.impact import impact

_ROUNDING: Final = 2e-9
"""Impact is rounded up to 1e-9; this keeps what ``Terms.reach`` gives inside the limit after that."""
_MOST_UNITS: Final = 10**15


class Terms(NamedTuple):
    """How one bar trades with one side: ``reference`` is what the edge is paid on, ``edge`` half the spread or 0."""

    side: Side
    reference: Decimal
    edge: Decimal
    coefficient: float
    sigma: float
    volume: float

    def price(self, traded: Decimal) -> Decimal | None:
        """Return the price of a fill that brings an order to ``traded`` units; None where none can be had."""
        concession = impact(self.coefficient, self.sigma, float(traded), self.volume)
        if not concession < 1.0:
            return None
        with localcontext(EXACT):
            edge = self.edge + as_fraction(concession)
            if self.side is Side.BUY:
                return round_up(self.reference * (1 + edge), TICK)
            price = round_down(self.reference * (1 - edge), TICK)
        return price if price > 0 else None

    def reach(self, limit: Decimal) -> Decimal:
        """Return how many units an order may trade in all before its price passes ``limit``, to the lot below."""
        scale = self.coefficient * self.sigma
        with localcontext(EXACT):
            room = limit - TICK - self.reference if self.side is Side.BUY else self.reference - limit - TICK
        room_fraction = float(room) / float(self.reference) - float(self.edge) - _ROUNDING
        if not (scale > 0.0 and room_fraction > 0.0):
            return ZERO
        spared = room_fraction / scale
        units = self.volume * spared * spared
        return round_down(Decimal(units), LOT) if units < _MOST_UNITS else Decimal(_MOST_UNITS)


def is_worse(side: Side, price: Decimal, limit: Decimal | None) -> bool:
    """Tell whether ``price`` is worse for us than ``limit``."""
    return limit is not None and (price > limit if side is Side.BUY else price < limit)


def touch(update: MarketUpdate, side: Side) -> Decimal | None:
    """Return the price at which the bar's quote trades with ``side``; None without a quote."""
    quote = update.quote
    if quote is None:
        return None
    if side is Side.BUY:
        return max(quote.ask, quote.bid, update.low)
    return min(quote.bid, quote.ask, update.high)


def terms(config: PaperConfig, tape: Tape, update: MarketUpdate, side: Side, *, is_late: bool) -> Terms:
    """Return how the bar trades beyond the touch; ``is_late`` for an order that came after its open."""
    edge = config.half_spread_bps.scaleb(-4, EXACT)
    offered = touch(update, side)
    if side is Side.BUY:
        reference = max(update.open, update.high if is_late else update.low)
    else:
        reference = min(update.open, update.low if is_late else update.high)
    if offered is not None:
        worse = max if side is Side.BUY else min
        reference = worse(offered, reference) if is_late else offered
        edge = edge if is_late else ZERO
    return Terms(side, reference, edge, config.impact_coefficient, tape.sigma, tape.volume)
