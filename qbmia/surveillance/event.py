"""What happened to orders and who traded with whom, as columns of equal length in time order."""

from typing import Final, NamedTuple

import numpy as np

from bus.errors import Invalid
from kernels.arrays import Bools, Floats, Ints

PLACED: Final = 0
CANCELLED: Final = 1
BUY: Final = 1
SELL: Final = -1


class Orders(NamedTuple):
    """Orders placed and withdrawn, shape (n,) each.

    ``times_s`` seconds, not falling; ``kinds`` ``PLACED`` or ``CANCELLED``; ``orders`` an id, placed at most once and
    withdrawn at most once, later; ``traders`` an id; ``sides`` ``BUY`` or ``SELL``; ``prices`` and ``quantities``
    positive, in units of the market.
    """

    times_s: Floats
    kinds: Ints
    orders: Ints
    traders: Ints
    sides: Ints
    prices: Floats
    quantities: Floats


class Trades(NamedTuple):
    """Trades, shape (n,) each; ``buy_orders`` and ``sell_orders`` are the ids of the orders that met, -1 if unknown."""

    times_s: Floats
    buyers: Ints
    sellers: Ints
    buy_orders: Ints
    sell_orders: Ints
    prices: Floats
    quantities: Floats


class Suspicion(NamedTuple):
    """A score in [0, 1] for each trader seen, traders in rising order, shape (k,)."""

    traders: Ints
    scores: Floats


class Lives(NamedTuple):
    """Each order's life, in the order of placement; ``ends_s`` is infinite while it was not withdrawn."""

    traders: Ints
    sides: Ints
    prices: Floats
    quantities: Floats
    starts_s: Floats
    ends_s: Floats
    filled: Floats


def check(orders: Orders, trades: Trades) -> None:
    """Refuse columns that do not fit.

    Raises
    ------
    Invalid
        Columns of different length, times that fall, numbers that are not finite or not positive, an unknown kind.
    """
    for name, events in (("orders", orders), ("trades", trades)):
        if any(column.shape != events[0].shape or column.ndim != 1 for column in events):
            raise Invalid(f"{name}: columns of shapes {[column.shape for column in events]}; give equal length")
        for values in (events.times_s, events.prices, events.quantities):
            if not np.isfinite(values).all():
                raise Invalid(f"{name}: a time, price or quantity is not finite")
        if (np.diff(events.times_s) < 0.0).any():
            raise Invalid(f"{name}: times fall; sort the events by time")
        if (events.prices <= 0.0).any() or (events.quantities <= 0.0).any():
            raise Invalid(f"{name}: a price or quantity is not positive")
    if not (np.isin(orders.kinds, (PLACED, CANCELLED)).all() and np.isin(orders.sides, (BUY, SELL)).all()):
        raise Invalid("orders: a kind or side is unknown")
    placed = orders.orders[orders.kinds == PLACED]
    if len(np.unique(placed)) != len(placed):
        raise Invalid("orders: an id was placed twice")


def lives(orders: Orders, trades: Trades) -> Lives:
    """Return what became of every order placed."""
    check(orders, trades)
    placed = orders.kinds == PLACED
    ids = orders.orders[placed]
    place = {order: i for i, order in enumerate(ids.tolist())}
    ends = np.full(len(ids), np.inf)
    for order, time_s in zip(orders.orders[~placed].tolist(), orders.times_s[~placed].tolist(), strict=True):
        if order in place:
            ends[place[order]] = min(ends[place[order]], time_s)
    filled = np.zeros(len(ids))
    for side in (trades.buy_orders, trades.sell_orders):
        for order, quantity in zip(side.tolist(), trades.quantities.tolist(), strict=True):
            if order in place:
                filled[place[order]] += quantity
    return Lives(
        orders.traders[placed], orders.sides[placed], orders.prices[placed], orders.quantities[placed],
        orders.times_s[placed], ends, filled,
    )  # fmt: skip


def traders_of(orders: Orders, trades: Trades) -> Ints:
    """Return everybody seen, in rising order."""
    return np.unique(np.concatenate([orders.traders, trades.buyers, trades.sellers]))


def trades_of(trades: Trades, trader: int, side: int) -> Bools:
    """Return which trades ``trader`` made on ``side``, shape (n,)."""
    mask: Bools = (trades.buyers if side == BUY else trades.sellers) == trader
    return mask


def graded(share: float, half: float, count: float) -> float:
    """Return share / (share + half) times n / (n + 1), in [0, 1]: little may be habit, and once may be chance.

    ``share`` is that of what a trader did that looks bent, ``half`` the share that is worth one half, ``count`` how
    often it was.
    """
    return share / (share + half) * count / (count + 1.0) if share > 0.0 else 0.0
