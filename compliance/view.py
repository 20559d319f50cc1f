"""What compliance looks at when it inspects the whole book, whether or not there is an order."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

import numpy as np

from bus.messages import DataReport, PortfolioUpdate
from compliance.availability import Availability
from compliance.costs import Costs
from compliance.tape import Tape
from kernels.tail import expected_shortfall
from portfolio.history import Histories
from portfolio.limits import BookLimits
from portfolio.tail import LEVEL, Scenarios


class Breach(NamedTuple):
    """A rule that the firm as it stands does not keep: for a symbol, "*" for all, what was measured, and its limit."""

    symbol: str
    value: Decimal | float | None
    limit: Decimal | float | None
    detail: str


class Tail(NamedTuple):
    """Joint returns, and the expected shortfall of one day that they give, of equity; None where it has no measure."""

    observations: int
    shortfall: float | None


@dataclass(eq=False)
class View:
    """The book as it stands; orders that are open count only where they are judged."""

    book: PortfolioUpdate
    shared: BookLimits
    tapes: Mapping[str, Tape]
    sources: Mapping[str, DataReport]
    costs: Costs
    histories: Histories
    availability: Availability
    now_ns: int

    @cached_property
    def values(self) -> dict[str, Decimal]:
        """Absolute value of each position, at the price it is booked at."""
        return {each.symbol: abs(each.quantity) * each.last_price for each in self.book.positions}

    @property
    def tail(self) -> Tail:
        """The tail of what is held, by history at today's volatility, as for an order."""
        book = self.book
        held = sorted(book.positions, key=lambda each: each.symbol)
        joint = self.histories.joint(tuple([each.symbol for each in held]))
        if joint is None or book.equity <= 0:
            return Tail(0, None)
        scenarios = Scenarios(joint)
        if scenarios.filtered is None:
            return Tail(scenarios.observations, None)
        fractions = np.array([float(each.quantity * each.last_price / book.equity) for each in held])
        losses = -(fractions @ scenarios.filtered)
        return Tail(scenarios.observations, expected_shortfall(losses, LEVEL) * scenarios.scale)
