"""Every order of the firm by its ids: at work, and for a while after its end."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from bus.messages import Side
from execution.money import EXACT, ZERO
from execution.parent import CLIENT_PREFIX, Child, Parent


class Blotter:
    """Approved orders by id, and the child orders of each by client order id.

    What has ended, or was refused, is remembered until ``remembered_ns`` after its approval is void and it ended: until
    then a second approval, or a fill that comes late, is recognised. Later no approval of it can be valid any more.
    """

    def __init__(self, remembered_ns: int) -> None:
        self._remembered_ns = remembered_ns
        self._live: dict[str, Parent] = {}
        self._ended: dict[str, Parent] = {}
        self._answered: dict[str, tuple[str, int]] = {}
        self._children: dict[str, tuple[Parent, Child]] = {}

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Parent]:
        return iter(list(self._live.values()))

    def of(self, symbol: str) -> list[Parent]:
        """Return the orders at work in a symbol, oldest first."""
        return [parent for parent in self._live.values() if parent.order.symbol == symbol] if self._live else []

    def remaining(self, symbol: str, side: Side) -> Decimal:
        """Return the units still to fill of the orders at work on one side of a symbol."""
        total = ZERO
        for parent in self.of(symbol):
            if parent.order.side is side:
                total = EXACT.add(total, parent.remaining)
        return total

    def parent(self, order_id: str) -> Parent | None:
        """Return an order at work."""
        return self._live.get(order_id)

    def find(self, client_order_id: str) -> tuple[Parent, Child] | None:
        """Return a child order, ended or not, and what it is part of; None for one that is not known."""
        return self._children.get(client_order_id)

    def is_live(self, client_order_id: str) -> bool:
        """Tell whether a child order may still fill, as far as is known."""
        found = self._children.get(client_order_id)
        return found is not None and found[1].is_live

    def is_due(self, client_order_id: str) -> bool:
        """Tell whether an id is that of the very next child order of an order at work.

        So it is after a crash between the sending of a child order and the writing down of that: what is done again
        will send it again.
        """
        parent = self._live.get(client_order_id.removeprefix(CLIENT_PREFIX).rpartition("-")[0])
        return parent is not None and parent.next_id == client_order_id

    def answered(self, order_id: str) -> str | None:
        """Return the state of an order that was accepted or refused; None for one that is not known."""
        parent = self._live.get(order_id)
        if parent is not None:
            return str(parent.status)
        known = self._answered.get(order_id)
        return None if known is None else known[0]

    def is_forgotten(self, until_ns: int, now_ns: int) -> bool:
        """Tell whether an approval is so old that its order would no longer be known if it had been answered."""
        return now_ns > until_ns + self._remembered_ns

    def add(self, parent: Parent) -> None:
        """Begin to follow an order."""
        self._live[parent.order.order_id] = parent

    def register(self, parent: Parent, child: Child) -> None:
        """Begin to follow a child order."""
        parent.children.append(child)
        self._children[child.client_order_id] = (parent, child)

    def refuse(self, order_id: str, status: str, until_ns: int) -> None:
        """Remember an order that was never at work."""
        self._answered[order_id] = (status, until_ns)

    def end(self, parent: Parent, now_ns: int) -> None:
        """Remember an order that has ended."""
        order_id = parent.order.order_id
        del self._live[order_id]
        self._ended[order_id] = parent
        self._answered[order_id] = (str(parent.status), max(parent.until_ns, now_ns))

    def forget(self, now_ns: int) -> None:
        """Let go of what need not be known any more."""
        while self._answered:
            order_id, (_, until_ns) = next(iter(self._answered.items()))
            if not self.is_forgotten(until_ns, now_ns):
                return
            del self._answered[order_id]
            parent = self._ended.pop(order_id, None)
            for child in [] if parent is None else parent.children:
                del self._children[child.client_order_id]

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "live": [parent.snapshot() for parent in self._live.values()],
            "ended": [parent.snapshot() for parent in self._ended.values()],
            "answered": {order_id: list(known) for order_id, known in self._answered.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        live, ended = ([Parent.restored(each) for each in state[key]] for key in ("live", "ended"))
        self._live = {parent.order.order_id: parent for parent in live}
        self._ended = {parent.order.order_id: parent for parent in ended}
        self._answered = {order_id: (status, until_ns) for order_id, (status, until_ns) in state["answered"].items()}
        self._children = {
            child.client_order_id: (parent, child) for parent in (*ended, *live) for child in parent.children
        }
