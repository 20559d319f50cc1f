"""Brings what is at the broker to what each order's schedule wants there, and no further than risk's lease allows."""

from decimal import Decimal
from typing import NamedTuple

from bus.messages import LeaseState, Side
from execution.blotter import Blotter
from execution.book import Book
from execution.broker import Broker, ChildOrder
from execution.money import EXACT, ZERO
from execution.order_state import ChildStatus
from execution.parent import Child, Parent


class Permit(NamedTuple):
    """What may leave now: the state of a fresh lease, None without one, and whether book and broker agree."""

    lease: LeaseState | None
    is_clear: bool


class Worker:
    """Sends, amends and cancels child orders.

    Only what is certain not to fill any more makes room for new child orders, so that an order never fills beyond what
    was approved, however the broker's answers come. Nor does one leave while another may still fill on the other side:
    the firm does not trade with itself.
    """

    def __init__(self, broker: Broker, blotter: Blotter, book: Book) -> None:
        self._broker = broker
        self._blotter = blotter
        self._book = book

    def steer(self, parent: Parent, permit: Permit, bar: int) -> bool:
        """Take one step towards the order's target; return whether something could not leave for want of a permit."""
        wanted = parent.filled if parent.closing is not None else max(parent.target, parent.filled)
        meant = parent.filled
        for child in parent.children:
            if child.is_live and child.status is not ChildStatus.CANCELLING:
                meant = EXACT.add(meant, EXACT.subtract(child.asked, child.filled))
        if meant > wanted:
            self._withdraw(parent, EXACT.subtract(meant, wanted))
            return False
        more = EXACT.subtract(wanted, EXACT.add(parent.filled, parent.open))
        if more <= 0 or self._would_cross(parent):
            return False
        if not self._may_leave(parent, more, permit):
            return True
        self._send(parent, more, bar)
        return False

    def ask_again(self, parent: Parent) -> None:
        """Repeat what the broker has not answered to yet; it does nothing twice."""
        for child in parent.live:
            if child.status is ChildStatus.CANCELLING:
                self._broker.cancel(child.client_order_id)
            elif child.asked != child.confirmed:
                self._broker.amend(child.client_order_id, child.asked)

    def cancel(self, child: Child) -> None:
        """Ask the broker to withdraw a child order."""
        if child.is_live:
            child.become(ChildStatus.CANCELLING)
        self._broker.cancel(child.client_order_id)

    def submit(self, parent: Parent, order: ChildOrder) -> None:
        """Send a child order, known from now on by its id; one that was sent before is not known twice."""
        if self._blotter.find(order.client_order_id) is None:
            child = Child(order.client_order_id, order.quantity, order.quantity, order.bar)
            self._blotter.register(parent, child)
        self._broker.submit(order)

    def _withdraw(self, parent: Parent, surplus: Decimal) -> None:
        """Take units back from the newest child orders first."""
        for child in reversed(parent.live):
            if surplus <= 0:
                return
            is_settled = child.asked == child.confirmed
            if child.status is ChildStatus.CANCELLING or not (is_settled or parent.closing is not None):
                continue
            left = EXACT.subtract(child.asked, child.filled)
            if surplus >= left:
                self.cancel(child)
            else:
                child.asked = EXACT.subtract(child.asked, surplus)
                self._broker.amend(child.client_order_id, child.asked)
            surplus = EXACT.subtract(surplus, left)

    def _send(self, parent: Parent, more: Decimal, bar: int) -> None:
        """Send a new child order: one at work would be enlarged only after the next fills."""
        order = parent.order
        self.submit(parent, ChildOrder(parent.next_id, order.symbol, order.side, more, bar, parent.limit_price))

    def _would_cross(self, parent: Parent) -> bool:
        others = self._blotter.of(parent.order.symbol)
        return any(other.live for other in others if other.order.side is not parent.order.side)

    def _may_leave(self, parent: Parent, more: Decimal, permit: Permit) -> bool:
        if not permit.is_clear or permit.lease is None or permit.lease is LeaseState.HALTED:
            return False
        if permit.lease is LeaseState.ACTIVE:
            return True
        order = parent.order
        held = self._book.quantity(order.symbol)
        against = held if order.side is Side.SELL else -held
        at_work = ZERO
        for other in self._blotter.of(order.symbol):
            if other.order.side is order.side:
                at_work = EXACT.add(at_work, other.open)
        return EXACT.add(at_work, more) <= against
