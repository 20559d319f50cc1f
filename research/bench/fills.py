"""Fills a second through the paper broker, the order machine and the book, in one thread, no bus between them."""

import time
from decimal import Decimal
from typing import Final

from bus.footprint import calmed_collector
from bus.message import Header
from bus.messages import LeaseState, MarketUpdate, Order, OrderApproved, Side
from execution.config import ExecutionConfig
from execution.desk import Desk
from execution.paper import PaperBroker

_MINUTE_NS: Final = 60 * 10**9
_SYMBOL: Final = "SYN"
_ORDERS_A_BAR: Final = 10


def paper_fills_per_s(fills: int = 100_000) -> float:
    """Return fills a second, each of an order of its own: accepted, sent, filled, booked, its cost settled.

    Orders of 100 units, ten a bar, buys and sells bar by bar in turn; impact, fees and spread as by default. What is
    compiled or loaded once is not counted.
    """
    _spent_s(10 * _ORDERS_A_BAR)
    with calmed_collector():
        return fills / _spent_s(fills)


def _spent_s(fills: int) -> float:
    config = ExecutionConfig(schedule="immediate", initial_cash=Decimal("1e9"))
    desk = Desk(PaperBroker(config.paper), config)
    desk.lease = LeaseState.ACTIVE
    bars = [_bar(number) for number in range(fills // _ORDERS_A_BAR + 1)]
    approved = [[_approved(number, n) for n in range(_ORDERS_A_BAR)] for number in range(len(bars) - 1)]
    header = Header("risk:1", "market:1", "risk:1", OrderApproved.KIND, "risk", "execution", 1, 0, 0, 2)
    started = time.perf_counter()
    for bar, approvals in zip(bars, [*approved, []], strict=True):
        desk.now_ns = bar.opened_ns + _MINUTE_NS
        desk.on_bar(bar)
        for approval in approvals:
            desk.accept(approval, header)
    spent_s = time.perf_counter() - started
    if desk.fills != fills:
        raise RuntimeError(f"{desk.fills} fills of {fills} orders: the bench no longer measures what it says")
    return spent_s


def _bar(number: int) -> MarketUpdate:
    """A bar of a price that goes up and down by up to 1 % in 97 bars."""
    opened = Decimal(10_000 + abs(number % 97 - 48)) / 100
    return MarketUpdate(
        symbol=_SYMBOL,
        bar=number,
        opened_ns=number * _MINUTE_NS,
        open=opened,
        high=opened + 1,
        low=opened - 1,
        close=opened + Decimal("0.01"),
        volume=Decimal(1_000_000),
    )


def _approved(bar: int, number: int) -> OrderApproved:
    order = Order(
        order_id=f"{_SYMBOL}-{bar}-{number}",
        decision_id=f"{_SYMBOL}-{bar}",
        symbol=_SYMBOL,
        side=Side.SELL if bar % 2 else Side.BUY,
        quantity=Decimal(100),
        reference_price=Decimal(100),
        bar=bar,
    )
    return OrderApproved(order=order, verdicts=(), approvals=())
