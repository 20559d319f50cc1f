"""One symbol at the paper venue: the orders that rest there, and what a bar does to them."""

from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any, Final

from bus.messages import MarketUpdate, OrderStatus, Side
from execution.broker import BrokerEvent, ChildOrder
from execution.chance import chance
from execution.liquidity import Tape
from execution.money import EXACT, LOT, TICK, ZERO, round_down, round_up
from execution.paper_config import PaperConfig
from execution.venue import Terms, is_worse, terms, touch

INTRADAY_NS: Final = 12 * 3_600 * 10**9
"""Bars that open less than this after each other follow without a pause, so latency reaches into the next one."""
_NS_PER_MS: Final = 10**6


def parent_id(client_order_id: str) -> str:
    """Return what all slices of an approved order share: the id up to its last hyphen."""
    head, hyphen, _ = client_order_id.rpartition("-")
    return head if hyphen else client_order_id


@dataclass(slots=True)
class Resting:
    """An order at the venue: accepted after bar ``since``, there from ``arrives_ns`` on (None: not yet known)."""

    order: ChildOrder
    since: int
    quantity: Decimal
    filled: Decimal = ZERO
    fills: int = 0
    arrives_ns: int | None = None
    is_leaving: bool = False
    wanted: Decimal | None = None


@dataclass(slots=True)
class Whole:
    """What all slices of one approved order have traded and paid so far; ``bar`` is that of the last slice sent."""

    bar: int
    filled: Decimal = ZERO
    notional: Decimal = ZERO
    fees: Decimal = ZERO


@dataclass(slots=True)
class Room:
    """What one bar still has for us: units in all, and at the touch of either side."""

    units: Decimal
    bids: Decimal
    asks: Decimal


@dataclass(slots=True)
class Lane:
    """A symbol's tape, what rests there, and what is remembered: ids by bar, and what orders have traded so far."""

    tape: Tape
    resting: dict[str, Resting] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    wholes: dict[str, Whole] = field(default_factory=dict)

    def take(self, order: ChildOrder, since: int) -> None:
        """Let an order rest."""
        self.resting[order.client_order_id] = Resting(order, since, order.quantity)
        name = parent_id(order.client_order_id)
        sums = self.wholes.pop(name, None) or Whole(order.bar)
        sums.bar = max(order.bar, self.tape.bar)
        self.wholes[name] = sums

    def forget(self, memory_bars: int) -> list[str]:
        """Drop the ids and sums of orders that were sent more than ``memory_bars`` bars ago; return those ids."""
        oldest = self.tape.bar - memory_bars
        forgotten = []
        while self.known and self.known[name := next(iter(self.known))] < oldest:
            del self.known[name]
            forgotten.append(name)
        while self.wholes and self.wholes[name := next(iter(self.wholes))].bar < oldest:
            del self.wholes[name]
        return forgotten

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "tape": self.tape.snapshot(),
            "resting": [
                [r.order.snapshot(), r.since, r.quantity, r.filled, r.fills, r.arrives_ns, r.is_leaving, r.wanted]
                for r in self.resting.values()
            ],
            "known": dict(self.known),
            "wholes": [[name, w.bar, w.filled, w.notional, w.fees] for name, w in self.wholes.items()],
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> "Lane":
        """Return the lane that gave ``state``."""
        orders = [Resting(ChildOrder.restored(order), *progress) for order, *progress in state["resting"]]
        return cls(
            Tape.restored(state["tape"]),
            {resting.order.client_order_id: resting for resting in orders},
            dict(state["known"]),
            {name: Whole(*sums) for name, *sums in state["wholes"]},
        )


class Matcher:
    """Works what rests in a lane against its next bar."""

    def __init__(self, config: PaperConfig) -> None:
        self._config = config
        self._fee_rate = config.fee_bps.scaleb(-4, EXACT)

    def work(self, lane: Lane, update: MarketUpdate) -> list[BrokerEvent]:
        """Fill, cancel, change and expire what rests, oldest first; the lane's tape still stands before the bar.

        A bar that does not follow the last one fills nothing: what the market did in between is unknown.
        """
        events: list[BrokerEvent] = []
        follows = update.bar == lane.tape.bar + 1 and lane.tape.volume > 0
        room = self._room(update) if follows else None
        for resting in list(lane.resting.values()):
            is_asked = resting.is_leaving or resting.wanted is not None
            is_late = is_asked and self._comes_late(resting.order.client_order_id, update.bar)
            if is_asked and not is_late:
                _obey(lane, resting, events)
            if room is not None and resting.order.client_order_id in lane.resting:
                self._fill(lane, resting, update, room, events)
            if is_late and resting.order.client_order_id in lane.resting:
                _obey(lane, resting, events)
            self._expire(lane, resting, update.bar, events)
        return events

    def _room(self, update: MarketUpdate) -> Room | None:
        units = round_down(EXACT.multiply(update.volume, self._config.max_volume_share), LOT)
        if not units:
            return None
        quote = update.quote
        if quote is None:
            return Room(units, ZERO, ZERO)
        return Room(units, round_down(quote.bid_size, LOT), round_down(quote.ask_size, LOT))

    def _comes_late(self, client_order_id: str, bar: int) -> bool:
        race = self._config.cancel_race
        return race >= 1.0 or chance(self._config.seed, f"race at {bar}", client_order_id) < race

    def _fill(self, lane: Lane, resting: Resting, update: MarketUpdate, room: Room, events: list[BrokerEvent]) -> None:
        """Trade at the touch, then beyond it, as far as the bar has room and the limit lets it."""
        is_late = self._lateness(lane.tape, resting, update)
        if is_late is None:
            return
        offered = None if is_late else touch(update, resting.order.side)
        if offered is not None:
            self._fill_at_touch(lane, resting, update, room, offered, events)
        quantity = min(EXACT.subtract(resting.quantity, resting.filled), room.units)
        if not quantity:
            return
        order = resting.order
        beyond = terms(self._config, lane.tape, update, order.side, is_late=is_late)
        quantity, price = _within(beyond, lane.wholes[parent_id(order.client_order_id)].filled, quantity, order)
        if price is not None:
            events.append(self._trade(lane, resting, update, quantity, price))
            room.units = EXACT.subtract(room.units, quantity)

    def _lateness(self, tape: Tape, resting: Resting, update: MarketUpdate) -> bool | None:
        """Tell whether an order came after the bar's open; None where it is not there yet."""
        if update.bar <= resting.since:
            return None
        if not self._config.latency_ms:
            return False
        step = tape.step_to(update)
        if resting.arrives_ns is None:
            latency = self._config.latency_ms * _NS_PER_MS if step < INTRADAY_NS else 0
            resting.arrives_ns = tape.opened_ns + step + latency if latency else tape.opened_ns
        if resting.arrives_ns <= update.opened_ns:
            return False
        return True if resting.arrives_ns < update.opened_ns + step else None

    def _fill_at_touch(
        self,
        lane: Lane,
        resting: Resting,
        update: MarketUpdate,
        room: Room,
        offered: Decimal,
        events: list[BrokerEvent],
    ) -> None:
        side = resting.order.side
        size = room.asks if side is Side.BUY else room.bids
        quantity = min(EXACT.subtract(resting.quantity, resting.filled), room.units, size)
        price = (round_up if side is Side.BUY else round_down)(offered, TICK)
        if quantity <= 0 or price <= 0 or is_worse(side, price, resting.order.limit_price):
            return
        events.append(self._trade(lane, resting, update, quantity, price))
        room.units = EXACT.subtract(room.units, quantity)
        if side is Side.BUY:
            room.asks = EXACT.subtract(room.asks, quantity)
        else:
            room.bids = EXACT.subtract(room.bids, quantity)

    def _trade(
        self, lane: Lane, resting: Resting, update: MarketUpdate, quantity: Decimal, price: Decimal
    ) -> BrokerEvent:
        """Write one fill into the order and the whole it is a slice of, which pays the minimum fee once."""
        order = resting.order
        sums = lane.wholes[parent_id(order.client_order_id)]
        with localcontext(EXACT):
            sums.notional += quantity * price
            sums.filled += quantity
            fees = max(self._config.minimum_fee, round_up(sums.notional * self._fee_rate, TICK))
            fee, sums.fees = fees - sums.fees, fees
            resting.filled += quantity
            slippage = quantity * (price - update.open if order.side is Side.BUY else update.open - price)
        resting.fills += 1
        is_whole = resting.filled == resting.quantity
        if is_whole:
            del lane.resting[order.client_order_id]
        return BrokerEvent(
            order.client_order_id,
            OrderStatus.FILLED if is_whole else OrderStatus.PARTIAL,
            quantity,
            price,
            fee,
            slippage,
            fill_id=f"{order.client_order_id}:{resting.fills}",
            symbol=order.symbol,
            side=order.side,
        )

    def _expire(self, lane: Lane, resting: Resting, bar: int, events: list[BrokerEvent]) -> None:
        if bar - resting.since >= self._config.expire_bars and resting.order.client_order_id in lane.resting:
            events.append(end(lane, resting, OrderStatus.EXPIRED, f"not filled within {self._config.expire_bars} bars"))


def end(lane: Lane, resting: Resting, status: OrderStatus, reason: str) -> BrokerEvent:
    """Take an order out of the lane."""
    order = resting.order
    del lane.resting[order.client_order_id]
    return BrokerEvent(order.client_order_id, status, reason=reason, symbol=order.symbol, side=order.side)


def _obey(lane: Lane, resting: Resting, events: list[BrokerEvent]) -> None:
    """Do what was asked: cancel what is left, or change the quantity to what is wanted."""
    if resting.is_leaving:
        events.append(end(lane, resting, OrderStatus.CANCELLED, "cancelled"))
    elif resting.wanted is not None:
        resting.quantity, resting.wanted = max(resting.wanted, resting.filled), None
        if resting.quantity == resting.filled:
            events.append(end(lane, resting, OrderStatus.CANCELLED, f"amended to the {resting.filled} units filled"))


def _within(beyond: Terms, traded: Decimal, quantity: Decimal, order: ChildOrder) -> tuple[Decimal, Decimal | None]:
    """Return how much of ``quantity`` the limit lets trade, and at what price; None for none of it."""
    price = beyond.price(EXACT.add(traded, quantity))
    limit = order.limit_price
    if limit is None or (price is not None and not is_worse(order.side, price, limit)):
        return quantity, price
    quantity = min(quantity, EXACT.subtract(beyond.reach(limit), traded))
    if quantity <= 0:
        return quantity, None
    price = beyond.price(EXACT.add(traded, quantity))
    return quantity, None if price is None or is_worse(order.side, price, limit) else price
