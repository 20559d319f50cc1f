"""What an order costs: Perold's implementation shortfall in exact parts, benchmarks, and what its impact teaches.

The parts are reckoned in decimals with every digit kept, so that they sum to the shortfall with nothing rounded.
"""

import math
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any, Final, Self

import numpy as np

from bus.messages import ExecutionCost, MarketUpdate, Order, OrderStatus, Side
from execution.conditions import Conditions
from execution.config import ImpactConfig
from execution.flattening import Mark
from execution.money import EXACT, ZERO, unit_price
from kernels import impact
from kernels.attribution import Execution, Sign, attribute

_BASIS_POINTS: Final = 1e4
_HALF: Final = Decimal("0.5")
_QUARTER: Final = 0.25


@dataclass(slots=True)
class Tally:
    """What one order met and paid so far.

    ``sigma``, ``volume`` and ``half_spread`` (a fraction of price) are those of the moment it was accepted,
    ``expected`` the impact the model then expected; ``slippage`` is what the fills cost against the opening of their
    own bar, in money. Of the ``bars`` it was at work in, ``prices`` is the sum of their
    prices, each the mean of open, high, low and close, ``traded`` of their volumes, ``turnover`` of both multiplied.
    """

    sigma: float
    volume: float
    half_spread: float
    expected: float
    arrival: Decimal | None = None
    fees: Decimal = ZERO
    slippage: Decimal = ZERO
    fills: list[tuple[Decimal, Decimal]] = field(default_factory=list)
    bars: int = 0
    prices: float = 0.0
    traded: float = 0.0
    turnover: float = 0.0

    def take(self, update: MarketUpdate) -> None:
        """Take a bar that the order is at work in; the first one's opening is its arrival."""
        if self.arrival is None:
            quote = update.quote
            self.arrival = update.open if quote is None else EXACT.multiply(EXACT.add(quote.bid, quote.ask), _HALF)
        price = (float(update.open) + float(update.high) + float(update.low) + float(update.close)) * _QUARTER
        volume = float(update.volume)
        self.bars += 1
        self.prices += price
        self.traded += volume
        self.turnover += price * volume

    def fill(self, quantity: Decimal, price: Decimal, fee: Decimal, slippage: Decimal = ZERO) -> None:
        """Take a fill."""
        self.fills.append((quantity, price))
        self.fees = EXACT.add(self.fees, fee)
        self.slippage = EXACT.add(self.slippage, slippage)

    def against(self, side: Side, mean: float, arrival: float) -> tuple[float, float | None, float | None]:
        """Return by how much a mean fill price is worse than arrival, TWAP and VWAP, in basis points.

        None where there is no such benchmark; see ``kernels.attribution.slippage``.
        """
        scale = _BASIS_POINTS if side is Side.BUY else -_BASIS_POINTS
        twap = scale * (mean * self.bars / self.prices - 1.0) if self.bars else None
        vwap = scale * (mean * self.traded / self.turnover - 1.0) if self.turnover > 0.0 else None
        return scale * (mean / arrival - 1.0), twap, vwap

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        before = [self.sigma, self.volume, self.half_spread, self.expected, self.arrival, self.fees, self.slippage]
        return [*before, [list(fill) for fill in self.fills], self.bars, self.prices, self.traded, self.turnover]

    @classmethod
    def restored(cls, state: list[Any]) -> Self:
        """Return the tally that gave ``state``."""
        sigma, volume, half_spread, expected, arrival, fees, slippage, fills, *bars = state
        known = [(quantity, price) for quantity, price in fills]
        return cls(sigma, volume, half_spread, expected, arrival, fees, slippage, known, *bars)


class ImpactModel:
    """Y of the square-root law, learned from the orders of our own that ended.

    Parameters
    ----------
    config
        What is held of Y before, and how orders change it.
    half_spread
        Half the spread as a fraction of price where no quote shows it.
    """

    def __init__(self, config: ImpactConfig, half_spread: float) -> None:
        self._prior = config.prior
        self._half_spread = half_spread
        self._state = impact.initial(self._prior)

    @property
    def coefficient(self) -> float:
        """Y as it is known now."""
        return impact.coefficient(self._state, self._prior)

    @property
    def orders(self) -> int:
        """Orders that said something of it."""
        return impact.count(self._state)

    def open(self, quantity: float, conditions: Conditions) -> Tally:
        """Begin to follow an order: expect its impact, 0 where no volume was seen."""
        spread, volume = conditions.spread, conditions.volume
        half_spread = self._half_spread if math.isnan(spread) else spread / 2.0
        expected = impact.impact(self.coefficient, conditions.sigma, quantity, volume) if volume > 0.0 else 0.0
        return Tally(conditions.sigma, volume, half_spread, expected)

    def nothing(self) -> Tally:
        """Return the tally of an order that is not worked."""
        return Tally(0.0, 0.0, self._half_spread, 0.0)

    def learn(self, tally: Tally, filled: float, paid: float) -> None:
        """Learn from an order that ended: ``paid`` is its slippage as a fraction of what it traded, a cost positive.

        That is against the opening of each fill's own bar, not against arrival: what the price did in between is not
        impact.
        """
        if tally.arrival is not None and filled > 0.0:
            impact.update(self._state, self._prior, tally.sigma, filled, tally.volume, paid - tally.half_spread)

    def snapshot(self) -> list[float]:
        """Return the state as plain data."""
        return [float(value) for value in self._state]

    def restore(self, state: list[float]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._state = np.array(state)


def load_kernels() -> None:
    """Compile or load what the first order's end would otherwise wait for."""
    prior = ImpactConfig().prior
    impact.update(impact.initial(prior), prior, 0.01, 1.0, 1.0, 0.0)


def settle(
    order: Order, status: OrderStatus, tally: Tally, model: ImpactModel, mark: Mark, schedule: str, children: int
) -> ExecutionCost:
    """Return what an order that ended at ``mark`` has cost, after the model has learned from it."""
    arrival = mark.close if tally.arrival is None else tally.arrival
    sign: Sign = 1 if order.side is Side.BUY else -1
    exact: Execution[Any] = Execution(
        side=sign,
        quantity=order.quantity,
        decision=order.reference_price,
        arrival=arrival,
        end=mark.close,
        fills=tally.fills,
        fees=tally.fees,
    )
    with localcontext(EXACT):
        parts = attribute(exact)
        filled = sum((quantity for quantity, _ in tally.fills), ZERO)
        mean = unit_price(sum((quantity * price for quantity, price in tally.fills), ZERO), filled) if filled else ZERO
    arrival_bps = twap_bps = vwap_bps = None
    if filled:
        units = float(filled)
        price = _mean(tally, units)
        arrival_bps, twap_bps, vwap_bps = tally.against(order.side, price, float(arrival))
        slipped = float(tally.slippage)
        model.learn(tally, units, slipped / (units * price - sign * slipped))
    return ExecutionCost(
        order=order,
        status=status,
        schedule=schedule,
        children=children,
        bar=mark.bar,
        filled=filled,
        average_price=mean,
        decision_price=order.reference_price,
        arrival_price=arrival,
        end_price=mark.close,
        delay=_money(parts.delay),
        trading=_money(parts.trading),
        opportunity=_money(parts.opportunity),
        fees=tally.fees,
        total=_money(parts.total),
        arrival_bps=arrival_bps,
        twap_bps=twap_bps,
        vwap_bps=vwap_bps,
        impact=tally.expected,
        coefficient=model.coefficient,
    )


def _mean(tally: Tally, filled: float) -> float:
    """Return the mean fill price, not rounded to a tick."""
    return sum(float(quantity) * float(price) for quantity, price in tally.fills) / filled


def _money(amount: Decimal) -> Decimal:
    """Return an amount without a negative or finely written zero."""
    return amount or ZERO
