"""The paper broker: a venue that exists only in the market data it is shown, and is never kinder than it.

Orders fill at the open of a bar after the one they were sent on (``execution.venue`` has the prices); in parts, where
a bar's volume is short of them. A cancel, or a change of quantity, acts at the next bar of the symbol, after what that
bar fills unless it wins the race. Chance is a function of the seed and the order's id: it is the same whatever order
things come in. Slices of one approved order, whose ids are the same up to the last hyphen, pay one minimum fee, and
each pays for the impact of all that were filled before it.

An id is known until ``memory_bars`` bars after it was sent; an order older than that is refused. So one id trades once
at most, whenever it is sent again, and memory stays bounded.
"""

from decimal import Decimal, localcontext
from typing import Any, Final

from bus.errors import Invalid
from bus.messages import CorporateAction, MarketUpdate, OrderStatus, Side
from execution.broker import Account, BrokerEvent, Charge, ChildOrder
from execution.chance import chance
from execution.liquidity import Tape
from execution.matching import Lane, Matcher, Resting, end
from execution.money import EXACT, ZERO, after_split, check_input, share_up
from execution.paper_config import PaperConfig

_DAY_NS: Final = 86_400 * 10**9
_YEAR_DAYS: Final = 365
_UNPRICED_MOST: Final = 1_024
"""Ids of orders for symbols that were never seen, which no bar can age."""


class PaperBroker:
    """A venue that fills orders from bars, and from quotes where bars have them."""

    def __init__(self, config: PaperConfig) -> None:
        self._config = config
        self._matcher = Matcher(config)
        self._lanes: dict[str, Lane] = {}
        self._lane_of: dict[str, Lane] = {}
        self._unpriced: dict[str, None] = {}
        self._positions: dict[str, Decimal] = {}
        self._events: list[BrokerEvent] = []
        self._charges: list[Charge] = []

    def submit(self, order: ChildOrder) -> None:
        """Take an order, to be worked from the next bar on, or refuse one that cannot be worked."""
        name = order.client_order_id
        lane = self._lanes.get(order.symbol)
        if name in self._lane_of or name in self._unpriced:
            return
        reason = self._refusal(order, lane)
        if lane is None:
            self._unpriced[name] = None
            if len(self._unpriced) > _UNPRICED_MOST:
                del self._unpriced[next(iter(self._unpriced))]
        else:
            self._lane_of[name] = lane
            since = lane.known[name] = max(order.bar, lane.tape.bar)
            if not reason:
                lane.take(order, since + self._config.latency_bars)
        status = OrderStatus.REFUSED if reason else OrderStatus.ACCEPTED
        self._events.append(BrokerEvent(name, status, reason=reason, symbol=order.symbol, side=order.side))

    def cancel(self, client_order_id: str) -> None:
        """Note that what is left of an order shall go; it goes at the next bar."""
        resting = self._resting(client_order_id)
        if resting is not None:
            resting.is_leaving = True

    def amend(self, client_order_id: str, quantity: Decimal) -> None:
        """Note the whole quantity an order shall have; it has it at the next bar."""
        check_input("quantity", quantity)
        resting = self._resting(client_order_id)
        if resting is not None:
            resting.wanted = quantity

    def on_bar(self, update: MarketUpdate) -> None:
        """Charge what was borrowed since the last bar, work the symbol's orders at this one, then learn from it."""
        lane = self._lanes.get(update.symbol)
        _check(update)
        if lane is None:
            self._lanes[update.symbol] = Lane(Tape(update))
            return
        if update.bar <= lane.tape.bar:
            raise Invalid(f"{update.symbol} bar {update.bar}: bar {lane.tape.bar} was already seen")
        if self._positions.get(update.symbol, ZERO) < 0:
            self._borrow(lane.tape, update)
        if update.action is not None:
            self._act(lane, update.symbol, update.action)
        if lane.resting:
            for event in self._matcher.work(lane, update):
                self._tell(event)
        lane.tape.append(update)
        for name in lane.forget(self._config.memory_bars):
            del self._lane_of[name]

    def events(self) -> list[BrokerEvent]:
        """Return what happened since the last call, oldest first, and forget it."""
        events, self._events = self._events, []
        return events

    def charges(self) -> list[Charge]:
        """Return the fees for borrowing since the last call, oldest first, and forget them."""
        charges, self._charges = self._charges, []
        return charges

    def account(self) -> Account:
        """Return what rests and what is held; flat symbols are left out."""
        working = {
            name: EXACT.subtract(resting.quantity, resting.filled)
            for lane in self._lanes.values()
            for name, resting in lane.resting.items()
        }
        return Account(working, {symbol: units for symbol, units in self._positions.items() if units})

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "lanes": {symbol: lane.snapshot() for symbol, lane in self._lanes.items()},
            "unpriced": list(self._unpriced),
            "positions": dict(self._positions),
            "events": [event.snapshot() for event in self._events],
            "charges": [list(charge) for charge in self._charges],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._lanes = {symbol: Lane.restored(lane) for symbol, lane in state["lanes"].items()}
        self._lane_of = {name: lane for lane in self._lanes.values() for name in lane.known}
        self._unpriced = dict.fromkeys(state["unpriced"])
        self._positions = dict(state["positions"])
        self._events = [BrokerEvent.restored(event) for event in state["events"]]
        self._charges = [Charge(*charge) for charge in state["charges"]]

    def _refusal(self, order: ChildOrder, lane: Lane | None) -> str:
        """Say why an order cannot be taken, or nothing."""
        if lane is None:
            return f"no bar of {order.symbol} was seen: it cannot be priced"
        if order.bar < lane.tape.bar - self._config.memory_bars:
            return f"sent on bar {order.bar}, and bar {lane.tape.bar} is now: too old to know whether it traded before"
        rate = self._config.reject_rate
        if rate and chance(self._config.seed, "reject", order.client_order_id) < rate:
            return "refused by the venue"
        try:
            check_input("quantity", order.quantity)
            if order.limit_price is not None:
                check_input("limit price", order.limit_price)
        except Invalid as error:
            return str(error)
        return ""

    def _resting(self, client_order_id: str) -> Resting | None:
        lane = self._lane_of.get(client_order_id)
        return None if lane is None else lane.resting.get(client_order_id)

    def _tell(self, event: BrokerEvent) -> None:
        self._events.append(event)
        if event.quantity:
            signed = event.quantity if event.side is Side.BUY else event.quantity.copy_negate()
            self._positions[event.symbol] = EXACT.add(self._positions.get(event.symbol, ZERO), signed)

    def _borrow(self, tape: Tape, update: MarketUpdate) -> None:
        """Charge for each night that a short was held, at the last close, rounded up to the tick."""
        nights = update.opened_ns // _DAY_NS - tape.opened_ns // _DAY_NS
        if nights <= 0 or not self._config.borrow_bps:
            return
        with localcontext(EXACT):
            owed = -self._positions[update.symbol] * tape.price * self._config.borrow_bps.scaleb(-4) * nights
        name = f"{update.symbol}-{update.bar}-borrow"
        fee = share_up(owed, _YEAR_DAYS)
        self._charges.append(Charge(name, update.symbol, -fee, f"borrowed for {nights} nights"))

    def _act(self, lane: Lane, symbol: str, action: CorporateAction) -> None:
        """Turn what is held into units of after a split, and end what rests in those of before."""
        lane.tape.adjust(action)
        if action.split == 1:
            return
        self._positions[symbol] = after_split(self._positions.get(symbol, ZERO), action.split)
        for sums in lane.wholes.values():
            sums.filled = after_split(sums.filled, action.split)
        for resting in list(lane.resting.values()):
            reason = f"cancelled by the venue: {symbol} split {action.split} for 1"
            self._events.append(end(lane, resting, OrderStatus.CANCELLED, reason))


def _check(update: MarketUpdate) -> None:
    """Refuse what no market can show, before anything is changed."""
    if update.quote is not None:
        check_input("bid", update.quote.bid)
        check_input("ask", update.quote.ask)
        for name, size in (("bid size", update.quote.bid_size), ("ask size", update.quote.ask_size)):
            if size:
                check_input(name, size)
    if update.action is not None:
        check_input("split", update.action.split)
        if update.action.dividend:
            check_input("dividend", update.action.dividend)
