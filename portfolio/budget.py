"""The drawdown budget: how much of it is used, which tier is in force, and what a position may still be.

Everything here follows from the books alone, one by one in the order of their versions. So PADS and risk, who never
talk about it, agree at every book on the tier, on the order that risk will propose to shrink a position, and on the
halt.
"""

from collections.abc import Sequence
from decimal import ROUND_UP, Decimal
from typing import Any, Final

from bus.messages import Order, PortfolioUpdate, Side, Urgency
from portfolio.limits import BookLimits, DrawdownTier

MARGIN: Final = Decimal("0.95")
"""A position over its limit is taken down to this share of it, so that the next price does not ask for more."""
_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)


def drawdown(equity: Decimal, peak: Decimal) -> Decimal:
    """Return the fraction of peak equity that is lost; all of it where there was no positive peak."""
    return _ONE - equity / peak if peak > 0 else _ONE


class DrawdownLadder:
    """The tier in force: entered as soon as its threshold is reached, left only well above it.

    ``tier`` counts from 0, no tier; ``drawdown`` is the fraction of peak equity that is lost.
    """

    def __init__(self, tiers: Sequence[DrawdownTier]) -> None:
        self.tiers = tuple(tiers)
        self.tier = 0
        self.drawdown = _ZERO

    def take(self, equity: Decimal, peak: Decimal) -> bool:
        """Take the equity after an event; return whether a deeper tier was entered."""
        before = self.tier
        self.drawdown = drawdown(equity, peak)
        while self.tier < len(self.tiers) and self.drawdown >= self.tiers[self.tier].enter:
            self.tier += 1
        while self.tier > 0 and self.drawdown < self.tiers[self.tier - 1].leave:
            self.tier -= 1
        return self.tier > before

    @property
    def cut(self) -> Decimal:
        """Share of the position limit that the tier takes away."""
        return self.tiers[self.tier - 1].cut if self.tier else _ZERO

    @property
    def is_last(self) -> bool:
        """Whether the last tier is in force: only orders that reduce may go."""
        return self.tier == len(self.tiers)

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.tier, self.drawdown]

    def restore(self, state: Sequence[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        tier, self.drawdown = state
        self.tier = min(tier, len(self.tiers))


class DrawdownBudget:
    """The ladder, and what follows from it for a position.

    Parameters
    ----------
    limits
        The limits of the book.
    """

    def __init__(self, limits: BookLimits) -> None:
        self.limits = limits
        self.ladder = DrawdownLadder(limits.drawdown_tiers)

    def take(self, book: PortfolioUpdate) -> bool:
        """Take the next book; return whether a deeper tier was entered."""
        return self.ladder.take(book.equity, book.peak_equity)

    @property
    def is_spent(self) -> bool:
        """Whether the drawdown is beyond the budget: the firm halts, and is flattened."""
        return self.ladder.drawdown > self.limits.drawdown

    @property
    def position_weight(self) -> Decimal:
        """Largest position in force, as a fraction of equity, stress not counted."""
        return self.limits.position_weight * (_ONE - self.ladder.cut)

    def shrinking(self, book: PortfolioUpdate) -> Order | None:
        """Return the order that takes the position in the book's own symbol back to the limit in force, if it is over.

        Risk proposes it. None where the limit is kept, where an order that shrinks is at work already, and beyond the
        budget, when the halt flattens everything. An order that grows is no reason to wait: execution withdraws it.
        """
        held = next((each for each in book.positions if each.symbol == book.symbol), None)
        if held is None or self.is_spent or book.equity <= 0 or book.bar < 0:
            return None
        side = Side.SELL if held.quantity > 0 else Side.BUY
        if any(at_work.order.symbol == book.symbol and at_work.order.side is side for at_work in book.working):
            return None
        value, limit = abs(held.quantity) * held.last_price, self.position_weight * book.equity
        if value <= limit:
            return None
        over = abs(held.quantity) - limit * MARGIN / held.last_price
        lot = self.limits.lot_of(book.symbol)
        decision_id = f"{book.symbol}-{book.bar}"
        return Order(
            order_id=f"{decision_id}-r1",
            decision_id=decision_id,
            symbol=book.symbol,
            side=side,
            quantity=min((over / lot).to_integral_value(ROUND_UP) * lot, abs(held.quantity)),
            reference_price=held.last_price,
            bar=book.bar,
            urgency=Urgency.HIGH,
        )

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return self.ladder.snapshot()

    def restore(self, state: Sequence[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.ladder.restore(state)


def flattening_id(symbol: str, bar: int, number: int) -> str:
    """Return the id of the order by which a halt closes the ``number``-th position, from 1, on the book of a bar."""
    return f"{symbol}-{bar}-x{number}"
