"""What compliance looks at when it judges one order."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from bus.in_flight import Exposure, InFlight
from bus.messages import DataReport, Order, PortfolioUpdate
from compliance.costs import Costs
from compliance.tape import Tape
from market.sessions import Sessions
from portfolio.holdings import Holdings
from portfolio.limits import BookLimits
from portfolio.tail import Stake, TailGauge


@dataclass(frozen=True)
class Desk:
    """The order, who sent it, the tape of its symbol (None for an unknown one), and the book with what is open in it.

    ``source`` is what the source of the symbol's bars told of them; ``sessions`` are by calendar.
    """

    order: Order
    sender: str
    is_repeat: bool
    tape: Tape | None
    source: DataReport | None
    portfolio: PortfolioUpdate | None
    is_whole: bool
    in_flight: InFlight
    gauge: TailGauge
    costs: Costs
    shared: BookLimits
    sessions: Mapping[str, Sessions]

    @property
    def known_tape(self) -> Tape:
        """The tape of the order's symbol."""
        if self.tape is None:
            raise LookupError(f"no bar of {self.order.symbol} was ever seen")
        return self.tape

    @property
    def last_close(self) -> Decimal:
        """The last close of the order's symbol."""
        close = self.known_tape.close(self.known_tape.bar)
        if close is None:
            raise LookupError(f"the last close of {self.order.symbol} is not known")
        return close

    @property
    def book(self) -> PortfolioUpdate:
        """The newest book."""
        if self.portfolio is None:
            raise LookupError("no PORTFOLIO_UPDATE has arrived yet")
        return self.portfolio

    @cached_property
    def holdings(self) -> Holdings:
        """The book in money, orders in flight included, this order not."""
        return self.gauge.holdings(self.book, self.in_flight)

    @cached_property
    def stake(self) -> Stake | None:
        """The book and what the order puts at stake; None where its tail cannot be measured."""
        return self.gauge.stake(self.holdings, self.order.symbol)

    @cached_property
    def exposure(self) -> Exposure:
        """What the symbol holds and may become, orders in flight included, this order not."""
        return self.holdings.exposure(self.order.symbol)

    @cached_property
    def is_reducing(self) -> bool:
        """Whether the order can only shrink a holding toward zero."""
        return self.exposure.is_reduced_by(self.order)

    @property
    def exempt(self) -> str:
        """Words for a limit that does not bind the order."""
        return "; the order only shrinks the holding" if self.is_reducing else ""
