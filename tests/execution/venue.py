"""Bars, quotes and child orders for brokers, and a paper venue with costs in round numbers."""

import math
from decimal import Decimal

from bus.messages import CorporateAction, MarketUpdate, Quote, Side
from execution.broker import Broker, BrokerEvent, Charge, ChildOrder
from execution.paper import PaperBroker
from execution.paper_config import PaperConfig

MINUTE_NS = 60 * 10**9
DAY_NS = 86_400 * 10**9
MOVED = math.sqrt(0.06) * math.log(1.1)
"""Volatility a bar after a first bar without range and a second that closes a tenth higher: 0.0233460."""


def dec(text: str | int) -> Decimal:
    """A Decimal of a short text."""
    return Decimal(text)


def bar(
    number: int,
    price: str = "100",
    *,
    close: str | None = None,
    high: str | None = None,
    low: str | None = None,
    volume: str = "10000",
    symbol: str = "SPX",
    step_ns: int = MINUTE_NS,
    quote: Quote | None = None,
    action: CorporateAction | None = None,
) -> MarketUpdate:
    """A bar that opens at ``price`` and does not move unless told."""
    prices = [Decimal(price), Decimal(close or price)]
    return MarketUpdate(
        symbol=symbol,
        bar=number,
        opened_ns=number * step_ns,
        open=prices[0],
        high=Decimal(high) if high else max(prices),
        low=Decimal(low) if low else min(prices),
        close=prices[1],
        volume=Decimal(volume),
        quote=quote,
        action=action,
    )


def quote(bid: str, ask: str, bid_size: str = "100", ask_size: str = "100") -> Quote:
    """The book at a bar's opening."""
    return Quote(bid=Decimal(bid), ask=Decimal(ask), bid_size=Decimal(bid_size), ask_size=Decimal(ask_size))


def child(
    name: str = "bd-o1-1",
    quantity: str = "100",
    *,
    side: Side = Side.BUY,
    sent: int = 0,
    limit: str | None = None,
    symbol: str = "SPX",
) -> ChildOrder:
    """An order sent on bar ``sent``."""
    return ChildOrder(name, symbol, side, Decimal(quantity), sent, None if limit is None else Decimal(limit))


def paper_config(**changes: object) -> PaperConfig:
    """Half spread 10 bps, fee 5 bps, at least 1; nothing for borrowing; a tenth of the volume; three bars."""
    values: dict[str, object] = {
        "half_spread_bps": "10",
        "fee_bps": "5",
        "minimum_fee": "1",
        "borrow_bps": "0",
        "max_volume_share": "0.1",
        "expire_bars": 3,
    }
    return PaperConfig.model_validate(values | changes)


def paper(**changes: object) -> PaperBroker:
    """A venue that has seen bar 0 of SPX, which did not move, so that impact is 0 at the next."""
    broker = PaperBroker(paper_config(**changes))
    broker.on_bar(bar(0))
    return broker


def sent(broker: Broker, order: ChildOrder) -> list[BrokerEvent]:
    """Send an order; return the answer."""
    broker.submit(order)
    return broker.events()


def shown(broker: Broker, update: MarketUpdate) -> list[BrokerEvent]:
    """Show a bar; return what it did."""
    broker.on_bar(update)
    return broker.events()


def charged(broker: Broker, update: MarketUpdate) -> list[Charge]:
    """Show a bar; return what it cost beside fills."""
    broker.on_bar(update)
    return broker.charges()


def moved(**changes: object) -> PaperBroker:
    """A venue whose second bar closed a tenth higher, so that trading has an impact of ``MOVED`` * sqrt(Q / 10,000)."""
    broker = paper(**changes)
    broker.on_bar(bar(1, "100", close="110"))
    return broker


def fills(events: list[BrokerEvent]) -> list[tuple[str, str]]:
    """Quantity and price of each fill."""
    return [(str(event.quantity), str(event.price)) for event in events if event.quantity]


def statuses(events: list[BrokerEvent]) -> list[str]:
    """What each event says."""
    return [event.status.value for event in events]
