"""Where an order's money went: Perold's implementation shortfall in four parts, and slippage against benchmarks.

Paper trades all Q units at the decision price; the firm fills q_i at p_i from its arrival in the market on, pays fees,
and gives the rest up at the end price. With s = +1 for a purchase, -1 for a sale, and q = sum q_i (Perold 1988, "The
Implementation Shortfall: Paper Versus Reality"; delay split off as by Wagner and Edwards 1993):

    delay = s q (arrival - decision),         trading = s sum q_i (p_i - arrival),
    opportunity = s (Q - q) (end - decision), fees,
    shortfall = s (sum q_i p_i + (Q - q) end - Q decision) + fees = delay + trading + opportunity + fees.

In whole numbers (lots, ticks, money in lots times ticks) the identity holds exactly; in floats to rounding.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeAlias, TypeVar

import numpy as np

from kernels.arrays import Floats

Sign: TypeAlias = Literal[1, -1]
Amount = TypeVar("Amount", int, float)


@dataclass(frozen=True, slots=True)
class Execution(Generic[Amount]):
    """What became of one order: ``side`` 1 buys, -1 sells; ``fills`` are (units, price) pairs.

    ``arrival`` is the price when the order came to the market, ``end`` that when it was done or given up.
    """

    side: Sign
    quantity: Amount
    decision: Amount
    arrival: Amount
    end: Amount
    fills: Sequence[tuple[Amount, Amount]]
    fees: Amount


@dataclass(frozen=True, slots=True)
class Shortfall(Generic[Amount]):
    """The parts in money, losses positive, and the whole, reckoned without them."""

    delay: Amount
    trading: Amount
    opportunity: Amount
    fees: Amount
    total: Amount


class Slippage(NamedTuple):
    """Mean fill price against benchmarks, as a fraction of each, losses positive; NaN where there is no benchmark."""

    arrival: float
    twap: float
    vwap: float


def attribute(execution: Execution[Amount]) -> Shortfall[Amount]:
    """Split an order's implementation shortfall into its parts.

    Raises
    ------
    ValueError
        A value that is not finite, a price or quantity that is not positive, or more filled than ordered.
    """
    filled = _checked_fill(execution)
    side, rest = execution.side, execution.quantity - filled
    spent = sum(units * price for units, price in execution.fills)
    paper = execution.quantity * execution.decision
    return Shortfall(
        delay=side * filled * (execution.arrival - execution.decision),
        trading=side * sum(units * (price - execution.arrival) for units, price in execution.fills),
        opportunity=side * rest * (execution.end - execution.decision),
        fees=execution.fees,
        total=side * (spent + rest * execution.end - paper) + execution.fees,
    )


def slippage(execution: Execution[Amount], prices: Floats, volumes: Floats) -> Slippage:
    """Compare the mean fill price with arrival, TWAP and VWAP.

    Parameters
    ----------
    execution
        The order; without a fill there is nothing to compare and all are NaN.
    prices, volumes
        What the market traded at, and how much, in each interval from arrival to end, shape (n,). None: TWAP and VWAP
        are NaN; no volume: VWAP is.
    """
    filled = _checked_fill(execution)
    if prices.ndim != 1 or prices.shape != volumes.shape:
        raise ValueError(f"prices of shape {prices.shape}, volumes of {volumes.shape}: expected one row, equally long")
    if not (
        np.isfinite(prices).all() and (prices > 0.0).all() and np.isfinite(volumes).all() and (volumes >= 0.0).all()
    ):
        raise ValueError("prices must be finite and positive, volumes finite and not negative")
    if not filled:
        return Slippage(math.nan, math.nan, math.nan)
    mean = sum(units * price for units, price in execution.fills) / filled
    traded = float(volumes.sum())
    twap = float(prices.mean()) if prices.size else math.nan
    vwap = float(prices @ volumes) / traded if traded > 0.0 else math.nan
    return Slippage(*(execution.side * (mean - price) / price for price in (execution.arrival, twap, vwap)))


def _checked_fill(execution: Execution[Amount]) -> Amount:
    """Return how much was filled."""
    values = [execution.quantity, execution.decision, execution.arrival, execution.end]
    for fill in execution.fills:
        values.extend(fill)
    if not all(0 < value < math.inf for value in values):
        raise ValueError(f"{execution}, expected finite and positive quantities and prices")
    if execution.side not in (1, -1) or not math.isfinite(execution.fees):
        raise ValueError(f"{execution}, expected side 1 or -1 and finite fees")
    filled = sum(units for units, _ in execution.fills)
    if filled > execution.quantity:
        raise ValueError(f"{filled} filled of {execution.quantity}, expected no more than was ordered")
    return filled
