"""What compliance looks at when it judges one order."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from bus.in_flight import Exposure, InFlight, exposures
from bus.messages import Order, PortfolioUpdate
from compliance.tape import Tape


@dataclass(frozen=True)
class Desk:
    """The order, the tape of its symbol (None for an unknown one), and the book with what is open in it."""

    order: Order
    is_repeat: bool
    tape: Tape | None
    portfolio: PortfolioUpdate | None
    is_whole: bool
    in_flight: InFlight

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

    @cached_property
    def exposure(self) -> Exposure:
        """What the symbol holds and may become, orders in flight included, this order not."""
        if self.portfolio is None:
            raise LookupError("no PORTFOLIO_UPDATE has arrived yet")
        return exposures(self.portfolio, self.in_flight).get(self.order.symbol, Exposure())

    @property
    def is_reducing(self) -> bool:
        """Whether the order can only shrink a holding toward zero."""
        return self.exposure.is_reduced_by(self.order)
