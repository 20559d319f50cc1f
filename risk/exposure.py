"""The book as one order finds it: what every symbol may become, at which price, and the tail of it all."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from bus.in_flight import Exposure, InFlight, exposures
from bus.messages import Order, OrderCleared, PortfolioUpdate
from kernels.align import common_times, values_at
from kernels.arrays import Floats
from kernels.tail import worst_shortfall
from risk.history import Histories, History, joint_returns
from risk.standing import Standing

LEVEL: Final = 0.975
_NOTHING: Final = Exposure()


def load_kernels() -> None:
    """Compile or load what the first order will call, so that it need not wait for that."""
    history = History(2)
    zero = np.zeros(2)
    joint_returns([history, history])
    values_at(common_times(history.times, history.times), history.closes, history.times)
    worst_shortfall(np.zeros((2, 1)), zero, zero, zero, LEVEL)


class Shortfall(NamedTuple):
    """One-day expected shortfall as a fraction of equity, before and after an order."""

    before: float
    after: float


@dataclass(frozen=True)
class RiskBook:
    """All that a rule may look at; ``sender`` is who handed the order in, ``is_repeat`` whether it was seen before."""

    cleared: OrderCleared
    sender: str
    is_repeat: bool
    portfolio: PortfolioUpdate | None
    is_whole: bool
    in_flight: InFlight
    histories: Histories
    standing: Standing

    @property
    def order(self) -> Order:
        """The order being judged."""
        return self.cleared.order

    @property
    def equity(self) -> Decimal:
        """Equity of the newest book."""
        return self._portfolio.equity

    @cached_property
    def exposures(self) -> dict[str, Exposure]:
        """Every symbol held or ordered, orders in flight included, this order not."""
        return exposures(self._portfolio, self.in_flight)

    @cached_property
    def mine(self) -> Exposure:
        """Exposure to the order's symbol, this order not included."""
        return self.exposures.get(self.order.symbol, _NOTHING)

    @cached_property
    def with_order(self) -> Exposure:
        """Exposure to the order's symbol with this order open."""
        return self.mine.plus(self.order.side, self.order.quantity)

    @cached_property
    def is_reducing(self) -> bool:
        """Whether the order can only shrink a holding toward zero."""
        return self.mine.is_reduced_by(self.order)

    def price(self, symbol: str) -> Decimal:
        """Return the last close of a symbol; of a holding whose bars were never seen, the price it is booked at."""
        history = self.histories.get(symbol)
        if history is not None:
            return history.close
        for position in self._portfolio.positions:
            if position.symbol == symbol:
                return position.last_price
        raise LookupError(f"no price of {symbol} was ever seen")

    @cached_property
    def gross(self) -> Decimal:
        """Largest sum of absolute position values that any fills can lead to, this order open."""
        others = (
            exposure.greatest * self.price(symbol)
            for symbol, exposure in self.exposures.items()
            if symbol != self.order.symbol and any(exposure)
        )
        return sum(others, self.with_order.greatest * self.price(self.order.symbol))

    @cached_property
    def at_stake(self) -> tuple[str, ...]:
        """The order's symbol, then every other that is held or ordered."""
        others = (s for s, exposure in self.exposures.items() if any(exposure) and s != self.order.symbol)
        return (self.order.symbol, *others)

    @cached_property
    def sample(self) -> tuple[Floats, float]:
        """Joint returns of all symbols at stake, and the bars in a day; no returns when a symbol never had a bar."""
        found = [history for symbol in self.at_stake if (history := self.histories.get(symbol)) is not None]
        return joint_returns(found) if len(found) == len(self.at_stake) else (np.empty((0, 0)), 1.0)

    @property
    def observations(self) -> int:
        """Joint returns that losses can be simulated from."""
        return int(self.sample[0].shape[1])

    @cached_property
    def shortfall(self) -> Shortfall | None:
        """Shortfall of the worst book that open orders can lead to, without and with this order filled.

        None where there is nothing to measure on: no joint return, or no equity to be a fraction of.

        Historical simulation: today's values under each joint return of the window, a day by the square root of time.
        """
        returns, bars_per_day = self.sample
        if self.observations == 0 or self.equity <= 0:
            return None
        held, low, high = self._fractions_of_equity()
        filled = np.zeros_like(held)
        filled[0] = self.order.signed_quantity * self.price(self.order.symbol) / self.equity
        scale = float(np.sqrt(bars_per_day))
        before = worst_shortfall(returns, held, low, high, LEVEL)
        after = worst_shortfall(returns, held + filled, low + filled, high + filled, LEVEL)
        return Shortfall(before * scale, after * scale)

    def _fractions_of_equity(self) -> tuple[Floats, Floats, Floats]:
        """Cross what is held, its low and its high from Decimal to float64."""
        held = np.zeros(len(self.at_stake))
        down, up = np.zeros_like(held), np.zeros_like(held)
        for s, symbol in enumerate(self.at_stake):
            exposure, unit = self.exposures.get(symbol, _NOTHING), self.price(symbol) / self.equity
            held[s] = exposure.held * unit
            if exposure.selling:
                down[s] = exposure.selling * unit
            if exposure.buying:
                up[s] = exposure.buying * unit
        return held, held - down, held + up

    @property
    def _portfolio(self) -> PortfolioUpdate:
        if self.portfolio is None:
            raise LookupError("no PORTFOLIO_UPDATE has arrived yet")
        return self.portfolio
