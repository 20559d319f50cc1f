"""Takes what the broker says into orders and book: each fill once, and nothing that cannot be explained."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from bus.errors import Invalid
from bus.messages import OrderStatus, Side
from execution.audit import Auditor, Stray
from execution.blotter import Blotter
from execution.book import Book
from execution.broker import Account, Broker, BrokerEvent
from execution.config import ExecutionConfig
from execution.cost import ImpactModel, settle
from execution.flattening import Mark
from execution.money import EXACT, as_text
from execution.order_state import ChildStatus
from execution.parent import Child, Parent
from execution.tray import GRAVE, ODD, Fill, Tray

_CHARGES_KNOWN: Final = 1_024


class Clerk:
    """Books what the broker reports, and compares the book with its account.

    Parameters
    ----------
    broker, book, blotter, auditor, model, tray
        What the desk holds together.
    config
        After how many bars a child order counts as lost, after how many refusals an order is given up, and the name of
        the schedule, which the cost of an order tells.
    """

    def __init__(
        self,
        broker: Broker,
        book: Book,
        blotter: Blotter,
        auditor: Auditor,
        model: ImpactModel,
        tray: Tray,
        config: ExecutionConfig,
    ) -> None:
        self.broker = broker
        self.book = book
        self.fills = 0
        self.oddities = 0
        self._blotter = blotter
        self._auditor = auditor
        self._model = model
        self._tray = tray
        self._lost_bars = config.lost_bars
        self._refusals = config.refusals
        self._schedule = config.schedule
        self._charges: dict[str, None] = {}
        self._early: list[BrokerEvent] = []
        """What was said of child orders that are about to be sent again, after a crash between sending and knowing."""

    def hear(self, marks: Mapping[str, Mark]) -> None:
        """Take every event since the last time."""
        early, self._early = self._early, []
        for event in (*early, *self.broker.events()):
            found = self._blotter.find(event.client_order_id)
            if found is not None:
                self._hear_child(*found, event, marks)
            elif self._blotter.is_due(event.client_order_id):
                self._early.append(event)
            else:
                self._hear_stranger(event)

    def collect(self) -> None:
        """Book the money that was paid or taken outside of fills, each charge once."""
        for charge in self.broker.charges():
            if charge.charge_id in self._charges:
                self._note(charge.symbol, f"charge {charge.charge_id} was told twice: booked once")
                continue
            self._charges[charge.charge_id] = None
            if len(self._charges) > _CHARGES_KNOWN:
                del self._charges[next(iter(self._charges))]
            self.book.charge(charge.symbol, charge.amount)

    def audit(self, symbol: str, marks: Mapping[str, Mark]) -> None:
        """Compare the broker's account with the book and with what is known of the child orders in a symbol."""
        account = self.broker.account()
        booked = self.book.quantities
        if self._auditor.strays:
            self._judge(account, booked, marks)
            booked = self.book.quantities
        strangers: list[str] = []
        if account is not None:
            is_even = account.positions == booked
            for parent in self._blotter.of(symbol):
                for child in parent.live:
                    self._look_for(parent, child, account, is_even=is_even)
            blotter = self._blotter
            strangers = [name for name in account.working if not (blotter.is_live(name) or blotter.is_due(name))]
        was_stopped = self._auditor.stopped
        for said in self._auditor.compare(account, booked, strangers):
            is_grave = bool(self._auditor.stopped) and not was_stopped
            self._tray.alert("*", GRAVE if is_grave else ODD, said)
        for name in strangers:
            self.broker.cancel(name)

    def conclude(self, parent: Parent, marks: Mapping[str, Mark], now_ns: int) -> None:
        """End an order that is to end, once nothing of it can fill any more."""
        if parent.is_ended:
            self._end(parent, marks, now_ns)
        elif parent.closing is not None and not parent.live:
            parent.advance(parent.closing)
            self._tray.report(parent, marks[parent.order.symbol].bar, reason=parent.reason)
            self._end(parent, marks, now_ns)

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.fills, self.oddities, list(self._charges), [event.snapshot() for event in self._early]]

    def restore(self, state: list[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.fills, self.oddities = state[:2]
        self._charges = dict.fromkeys(state[2])
        self._early = [BrokerEvent.restored(event) for event in state[3]]

    def _hear_child(self, parent: Parent, child: Child, event: BrokerEvent, marks: Mapping[str, Mark]) -> None:
        known = child.fills.get(event.fill_id) if event.fill_id else None
        if known is not None:
            same = known == (event.quantity, event.price)
            self._note(parent.order.symbol, f"{_named(event)} was told twice{'' if same else f', first as {known}'}")
            return
        try:
            status = child.check(event)
            if event.quantity and event.quantity > parent.remaining:
                raise Invalid(f"more than the {parent.remaining} units left of order {parent.order.order_id}")
        except Invalid as error:
            self._set_aside(event, str(error), parent.order.symbol, parent.order.side)
            return
        child.take(event, status)
        if event.quantity:
            self._fill(parent, child, event, marks)
        elif event.status is OrderStatus.REFUSED:
            self._refused(parent, event)

    def _fill(self, parent: Parent, child: Child, event: BrokerEvent, marks: Mapping[str, Mark]) -> None:
        symbol = parent.order.symbol
        if not parent.is_foreign:
            self.book.fill(symbol, parent.signed(event.quantity), event.price, event.fee)
        self.fills += 1
        parent.refused = 0
        parent.advance(parent.fill(event))
        fill = Fill(event.quantity, event.price, event.fee, event.slippage)
        self._tray.report(parent, marks[symbol].bar, client_order_id=child.client_order_id, fill=fill)

    def _refused(self, parent: Parent, event: BrokerEvent) -> None:
        parent.refused += 1
        if parent.refused >= self._refusals:
            parent.close(OrderStatus.CANCELLED, f"refused by the broker {parent.refused} times: {event.reason}")

    def _hear_stranger(self, event: BrokerEvent) -> None:
        self._set_aside(event, "no such order was sent", event.symbol, event.side)

    def _set_aside(self, event: BrokerEvent, why: str, symbol: str, side: Side | None) -> None:
        """Keep a fill that cannot be taken until the account tells what it is; anything else is only told."""
        if not event.quantity:
            self._note(symbol, f"{_named(event)}: {why}; it changes nothing")
            return
        if any(stray.event == event for stray in self._auditor.strays):
            self._note(symbol, f"{_named(event)} was told twice")
            return
        signed = -event.quantity if side is Side.SELL else event.quantity
        known = symbol if side is not None else ""
        self._auditor.strays.append(Stray(event, why, known, signed))

    def _judge(self, account: Account | None, booked: Mapping[str, Decimal], marks: Mapping[str, Mark]) -> None:
        judged = self._auditor.judge(account, booked)
        for stray in judged.refused:
            self._note(
                stray.symbol, f"{_named(stray.event)}: {stray.why}; the broker's account does not hold it: refused"
            )
        for stray in judged.booked:
            self._book_late(stray, marks)

    def _book_late(self, stray: Stray, marks: Mapping[str, Mark]) -> None:
        """Book a fill that no order could take but the broker's account holds."""
        event = stray.event
        self.book.fill(stray.symbol, stray.signed, event.price, event.fee)
        self.fills += 1
        self._note(stray.symbol, f"{_named(event)}: {stray.why}; the broker's account holds it: booked")
        found = self._blotter.find(event.client_order_id)
        if found is None:
            for said in self._auditor.stop(f"{_named(event)}, of an order that was never sent"):
                self._tray.alert("*", GRAVE, said)
            return
        parent, child = found
        child.fills[event.fill_id] = (event.quantity, event.price)
        if not parent.is_ended and event.quantity <= parent.remaining:
            parent.advance(parent.fill(event))
        else:
            parent.filled = EXACT.add(parent.filled, event.quantity)
            parent.reports += 1
        fill = Fill(event.quantity, event.price, event.fee, event.slippage)
        bar = marks[stray.symbol].bar
        self._tray.report(parent, bar, client_order_id=child.client_order_id, fill=fill, reason=stray.why)
        parent.close(OrderStatus.CANCELLED, f"a fill that cannot be: {stray.why}")
        if parent.filled > parent.order.quantity:
            for said in self._auditor.stop(f"{parent.filled} filled of {parent.order.quantity}: {_named(event)}"):
                self._tray.alert("*", GRAVE, said)

    def _look_for(self, parent: Parent, child: Child, account: Account, *, is_even: bool) -> None:
        """Compare a child order with what the broker shows of it."""
        rests = account.working.get(child.client_order_id)
        if rests is None:
            child.silent += 1
            if child.silent > self._lost_bars and is_even:
                child.become(ChildStatus.LOST)
                why = f"the broker does not show {child.client_order_id} any more and never said why"
                parent.close(OrderStatus.CANCELLED, why)
                self.broker.cancel(child.client_order_id)
                self._note(parent.order.symbol, f"{why}: lost; none of order {parent.order.order_id} is sent again")
            return
        child.silent = 0
        if child.status is ChildStatus.SENT:
            child.become(ChildStatus.WORKING)
        if rests == child.asked - child.filled:
            child.confirmed = child.asked
        elif rests != child.confirmed - child.filled and parent.closing is None:
            shown = f"{child.client_order_id} rests with {rests} units at the broker"
            parent.close(OrderStatus.CANCELLED, f"{shown}, not {child.asked - child.filled}")
            self._note(parent.order.symbol, f"{parent.reason}: it is withdrawn")

    def _end(self, parent: Parent, marks: Mapping[str, Mark], now_ns: int) -> None:
        self._blotter.end(parent, now_ns)
        mark = marks[parent.order.symbol]
        status = parent.status or OrderStatus.CANCELLED
        schedule = "flattening" if parent.course is None else self._schedule
        cost = settle(parent.order, status, parent.tally, self._model, mark, schedule, len(parent.children))
        self._tray.put(cost, parent.header)

    def _note(self, symbol: str, reason: str) -> None:
        self.oddities += 1
        self._tray.alert(symbol, ODD, reason)


def _named(event: BrokerEvent) -> str:
    what = event.status.value if not event.quantity else f"fill {event.fill_id} of {as_text(event.quantity)} units"
    return f"{event.client_order_id}: {what}"
