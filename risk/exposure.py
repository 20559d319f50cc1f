"""The book as one order finds it: what every symbol may become, at which price, and the tail of it all."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from bus.in_flight import Exposure, InFlight
from bus.messages import Order, OrderCleared, OrderRisk, PortfolioUpdate, Side, Tail
from portfolio.history import Histories
from portfolio.holdings import Holdings
from portfolio.tail import UNMEASURED, Stake, TailGauge
from risk.standing import Standing
from risk.stress import Stress


class Shortfall(NamedTuple):
    """One-day expected shortfall as a fraction of equity, before and after an order."""

    before: float
    after: float


@dataclass(eq=False)
class RiskBook:
    """All that a rule may look at.

    ``objection`` says why compliance has not cleared the order, empty where it has; ``is_repeat`` whether it was seen
    before.
    """

    cleared: OrderCleared
    objection: str
    is_repeat: bool
    portfolio: PortfolioUpdate | None
    is_whole: bool
    in_flight: InFlight
    histories: Histories
    standing: Standing
    gauge: TailGauge
    stress: Stress

    @property
    def order(self) -> Order:
        """The order being judged."""
        return self.cleared.order

    @cached_property
    def holdings(self) -> Holdings:
        """Every symbol held or ordered, orders in flight included, this order not."""
        if self.portfolio is None:
            raise LookupError("no PORTFOLIO_UPDATE has arrived yet")
        return self.gauge.holdings(self.portfolio, self.in_flight)

    @property
    def equity(self) -> Decimal:
        """Equity of the newest book."""
        return self.holdings.equity

    @property
    def mine(self) -> Exposure:
        """Exposure to the order's symbol, this order not included."""
        return self.holdings.exposure(self.order.symbol)

    @cached_property
    def after(self) -> Exposure:
        """Exposure to the order's symbol with this order open."""
        return self.mine.plus(self.order.side, self.order.quantity)

    @property
    def end(self) -> Decimal:
        """Units of the symbol if this and every open order on its side fill, and none on the other."""
        return self.after.end(self.order.side)

    @cached_property
    def is_reducing(self) -> bool:
        """Whether the order can only shrink a holding toward zero."""
        return self.mine.is_reduced_by(self.order)

    @property
    def exempt(self) -> str:
        """Words for a limit that does not bind the order."""
        return "; the order only shrinks the holding" if self.is_reducing else ""

    @property
    def price(self) -> Decimal:
        """The last close of the order's symbol."""
        return self.holdings.price(self.order.symbol)

    @cached_property
    def growth(self) -> Decimal:
        """By how much the order raises the largest value of its symbol that any fills can lead to."""
        return self.holdings.growth(self.order)

    @cached_property
    def stake(self) -> Stake | None:
        """What the order puts at stake; None where nothing can be measured: a symbol without bars, or no equity."""
        return self.gauge.stake(self.holdings, self.order.symbol)

    @property
    def observations(self) -> int:
        """Joint returns that losses can be simulated from."""
        return 0 if self.stake is None else self.stake.observations

    @property
    def shortfall(self) -> Shortfall | None:
        """Shortfall of the worst book that open orders can lead to, without and with this order filled.

        By history at today's volatility; None where that cannot be measured.
        """
        if self.stake is None:
            return None
        before, after = self.stake.shortfall, self.stake.shortfall_after(self.order)
        return None if before is None or after is None else Shortfall(before, after)

    def largest(self, units: Decimal) -> Decimal:
        """Return the largest quantity of the order that keeps the symbol within so many units, whatever fills."""
        if self.mine.greatest > units:
            return Decimal(0)
        return units - self.mine.high if self.order.side is Side.BUY else units + self.mine.low


def order_risk(book: RiskBook) -> OrderRisk:
    """Return what the order does to the tail of the book, by all estimators; None where one cannot tell."""
    before = after = UNMEASURED
    if book.portfolio is not None and book.stake is not None:
        before, after = book.stake.tail, book.stake.tail_after(book.order)
    return OrderRisk(
        order_id=book.order.order_id,
        symbol=book.order.symbol,
        bar=book.order.bar,
        observations=book.observations if book.portfolio is not None else 0,
        before=before,
        after=after,
        marginal=Tail(
            historical=_change(before.historical, after.historical),
            filtered=_change(before.filtered, after.filtered),
            student=_change(before.student, after.student),
        ),
    )


def _change(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before
