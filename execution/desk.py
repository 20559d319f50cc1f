"""The desk: works approved orders in child orders as their schedule wants, and keeps the book of what came of it."""

from typing import Any, Final

from bus.errors import Fatal, Invalid
from bus.message import Header
from bus.messages import (
    LeaseState,
    MarketUpdate,
    Order,
    OrderApproved,
    OrderStatus,
    PortfolioUpdate,
    WorkingOrder,
)
from execution.admission import Standing
from execution.audit import Auditor
from execution.blotter import Blotter
from execution.book import Book
from execution.broker import Account, Broker, ChildOrder
from execution.clerk import Clerk
from execution.config import ExecutionConfig
from execution.cost import ImpactModel
from execution.flattening import Mark
from execution.parent import CLIENT_PREFIX, Parent
from execution.planner import Planner, check_bar
from execution.statement import Statement
from execution.tray import GRAVE, ODD, Filed, Tray
from execution.worker import Permit, Worker

_NS: Final = 1_000_000_000
_BASIS_POINT: Final = 1e-4


class Desk:
    """Book, broker and the orders between them.

    What leaves for the broker needs ``lease``, the state of risk's fresh lease, set before each input; None lets
    nothing leave. Every method returns what there is to tell.
    """

    def __init__(self, broker: Broker, config: ExecutionConfig) -> None:
        self.broker = broker
        self.book = Book(config.initial_cash)
        self.lease: LeaseState | None = None
        self.now_ns = 0
        self.model = ImpactModel(config.impact, float(config.paper.half_spread_bps) * _BASIS_POINT)
        self.auditor = Auditor(config.lost_bars)
        self.marks: dict[str, Mark] = {}
        self.last: tuple[str, int] | None = None
        self.blotter = Blotter(round(config.remembered_s * _NS))
        self._config = config
        self._tray = Tray()
        self._worker = Worker(broker, self.blotter, self.book)
        self._clerk = self._make_clerk()
        self._planner = Planner(config, self.model)
        self._statement = Statement()
        self._splits: dict[str, int] = {}
        self._is_held_up = False

    @property
    def fills(self) -> int:
        """Fills booked so far."""
        return self._clerk.fills

    @property
    def oddities(self) -> int:
        """What the broker said that could not be, or said twice."""
        return self._clerk.oddities

    @property
    def version(self) -> int:
        """Version of the book that was told last."""
        return self._statement.version

    @property
    def has_bars(self) -> bool:
        """Whether any bar was seen, so that there is a portfolio to report."""
        return self.last is not None

    @property
    def working(self) -> tuple[WorkingOrder, ...]:
        """Orders with units still to fill."""
        return tuple(
            WorkingOrder(order=parent.order, remaining=parent.remaining)
            for parent in self.blotter
            if parent.remaining > 0
        )

    @property
    def live(self) -> list[str]:
        """Client order ids of the child orders whose end was not heard of."""
        return [child.client_order_id for parent in self.blotter for child in parent.live]

    def account(self) -> Account | None:
        """Return what rests and what is held by the broker's own word."""
        return self.broker.account()

    def answered(self, order_id: str) -> str | None:
        """Return the state of an order that was accepted or refused before; None for a new one."""
        return self.blotter.answered(order_id)

    def standing(self, order: Order) -> Standing:
        """Return what is known of an order's symbol, and of the desk itself."""
        mark = self.marks.get(order.symbol)
        return Standing(
            None if mark is None else mark.bar,
            self.book.quantity(order.symbol),
            self.blotter.remaining(order.symbol, order.side),
            self._config.lot,
            self.auditor.stopped,
            self.auditor.doubt,
            self._splits.get(order.symbol, -1),
        )

    def accept(self, approval: OrderApproved, header: Header) -> list[Filed]:
        """Take an order, report that, and begin to work it; what works on the other side of its symbol is withdrawn."""
        order = approval.order
        against = [other for other in self.blotter.of(order.symbol) if other.order.side is not order.side]
        for other in against:
            other.close(OrderStatus.CANCELLED, f"withdrawn for order {order.order_id} on the other side")
        parent = self._planner.open(order, header, approval.valid_until_ns)
        parent.advance(OrderStatus.ACCEPTED)
        self.blotter.add(parent)
        self._tray.report(parent, parent.since, verdicts=approval.verdicts)
        self._planner.aim(parent, self.book.quantity(order.symbol))
        self._work(order.symbol, [*against, parent])
        return self._finish()

    def refuse(self, approval: OrderApproved, header: Header, reason: str) -> list[Filed]:
        """Report an order that never reaches the broker."""
        order = approval.order
        mark = self.marks.get(order.symbol)
        tally = self.model.nothing()
        parent = Parent(order, header, order.bar, approval.valid_until_ns, None, tally)
        parent.advance(OrderStatus.REFUSED)
        self.blotter.refuse(order.order_id, OrderStatus.REFUSED.value, approval.valid_until_ns)
        bar = order.bar if mark is None else mark.bar
        self._tray.report(parent, bar, verdicts=approval.verdicts, reason=reason)
        return self._finish()

    def on_bar(self, update: MarketUpdate) -> list[Filed]:
        """Let the broker work at the bar's open, book what it did, mark to the close, and send what is due next.

        Raises
        ------
        Invalid
            A bar already seen, or numbers that cannot be booked exactly; nothing was changed.
        """
        symbol = update.symbol
        check_bar(update)
        self.broker.on_bar(update)
        if update.action is not None:
            self._act(update)
        self.marks[symbol] = Mark(update.bar, update.close)
        self.last = (symbol, update.bar)
        parents = self.blotter.of(symbol)
        for parent in parents:
            parent.tally.take(update)
        self._clerk.hear(self.marks)
        self._clerk.collect()
        self.book.mark(symbol, update.close)
        self._planner.learn(update)
        self._clerk.audit(symbol, self.marks)
        held = self.book.quantity(symbol)
        for parent in parents:
            self._worker.ask_again(parent)
            self._planner.aim(parent, held)
        self._work(symbol, parents)
        self.blotter.forget(self.now_ns)
        return self._finish()

    def renew(self) -> list[Filed]:
        """Send what could not leave for want of a lease."""
        if not self._is_held_up or self.lease is None:
            return []
        self._is_held_up = False
        for symbol in self.marks:
            self._work(symbol, self.blotter.of(symbol))
        return self._finish()

    def cancel_all(self, reason: str) -> list[Filed]:
        """Withdraw every order; each ends once the broker has let go of all its child orders."""
        for parent in self.blotter:
            parent.close(OrderStatus.CANCELLED, reason)
        for symbol in self.marks:
            self._work(symbol, self.blotter.of(symbol))
        return self._finish()

    def flatten(self, order: Order, header: Header, *, is_foreign: bool = False) -> list[Filed]:
        """Accept an order of a halt, whose child orders ``send`` is handed; fills of a foreign one are not booked."""
        parent = self._planner.open_bare(order, header, self.now_ns)
        parent.is_foreign = is_foreign
        parent.advance(OrderStatus.ACCEPTED)
        self.blotter.add(parent)
        self._tray.report(parent, parent.since)
        return self._finish()

    def send(self, child: ChildOrder) -> list[Filed]:
        """Send a child order of a ``flatten`` order, lease or none; the broker may have it already."""
        order_id = child.client_order_id.removeprefix(CLIENT_PREFIX).rpartition("-")[0]
        parent = self.blotter.parent(order_id)
        if parent is None:
            raise Fatal(f"{child.client_order_id}: no order {order_id} is at work, so none of it can be sent")
        self._worker.submit(parent, child)
        return self._finish()

    def withdraw(self, client_order_id: str) -> list[Filed]:
        """Ask the broker to cancel a child order, ours or not."""
        found = self.blotter.find(client_order_id)
        if found is None:
            self.broker.cancel(client_order_id)
        else:
            self._worker.cancel(found[1])
        return self._finish()

    def close(self, order_id: str, reason: str) -> list[Filed]:
        """End an order where it has not ended, once nothing of it can fill any more."""
        parent = self.blotter.parent(order_id)
        if parent is not None:
            parent.close(OrderStatus.CANCELLED, reason)
        return self._finish()

    def release(self) -> list[Filed]:
        """Let orders leave again after an operator's resume, if book and broker agree."""
        stopped = self.auditor.stopped
        if stopped:
            if self.auditor.release():
                self._tray.alert("*", ODD, f"orders leave again after the operator's resume: {stopped}")
            else:
                self._tray.alert("*", GRAVE, f"no order leaves in spite of the resume: {self.auditor.doubt}")
        return self._finish()

    def portfolio(self) -> PortfolioUpdate:
        """Return the whole book as its next version."""
        if self.last is None:
            raise Invalid("no bar was seen yet: there is no portfolio to report")
        return self._statement.next(self.book, *self.last, self.working)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "broker": self.broker.snapshot(),
            "book": self.book.snapshot(),
            "version": self._statement.version,
            "now_ns": self.now_ns,
            "blotter": self.blotter.snapshot(),
            "clerk": self._clerk.snapshot(),
            "auditor": self.auditor.snapshot(),
            "model": self.model.snapshot(),
            "marks": {symbol: list(mark) for symbol, mark in self.marks.items()},
            "planner": self._planner.snapshot(),
            "last": None if self.last is None else list(self.last),
            "splits": dict(self._splits),
            "is_held_up": self._is_held_up,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.broker.restore(state["broker"])
        self.book = Book.restored(state["book"])
        self._statement = Statement(state["version"])
        self.now_ns = state["now_ns"]
        self.blotter.restore(state["blotter"])
        self.auditor.restore(state["auditor"])
        self.model.restore(state["model"])
        self._worker = Worker(self.broker, self.blotter, self.book)
        self._clerk = self._make_clerk()
        self._clerk.restore(state["clerk"])
        self.marks = {symbol: Mark(*mark) for symbol, mark in state["marks"].items()}
        self._planner.restore(state["planner"])
        self.last = None if state["last"] is None else (state["last"][0], state["last"][1])
        self._splits = dict(state["splits"])
        self._is_held_up = state["is_held_up"]

    def _make_clerk(self) -> Clerk:
        return Clerk(self.broker, self.book, self.blotter, self.auditor, self.model, self._tray, self._config)

    def _act(self, update: MarketUpdate) -> None:
        """Book what happened to a share; orders in units of before a split end, but for those that flatten."""
        assert update.action is not None
        self.book.act(update.symbol, update.action)
        if update.action.split == 1:
            return
        self._splits[update.symbol] = update.bar
        reason = f"{update.symbol} split {update.action.split} for 1: its units are not those that were approved"
        for parent in self.blotter.of(update.symbol):
            if parent.course is not None:
                parent.close(OrderStatus.CANCELLED, reason)
        self._planner.split(update.symbol, update.action.split)

    def _work(self, symbol: str, parents: list[Parent]) -> None:
        """Take orders of a symbol a step on."""
        permit = Permit(self.lease, self.auditor.is_clear)
        bar = self.marks[symbol].bar
        for parent in parents:
            if (parent.course is not None or parent.closing is not None) and not parent.is_ended:
                self._is_held_up |= self._worker.steer(parent, permit, bar)

    def _finish(self) -> list[Filed]:
        """Take the broker's answers, end what is to end, and return what there is to tell."""
        self._clerk.hear(self.marks)
        for parent in self.blotter:
            if parent.closing is not None or parent.is_ended:
                self._clerk.conclude(parent, self.marks, self.now_ns)
        return self._tray.take()
