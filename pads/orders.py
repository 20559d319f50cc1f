"""Orders that PADS has proposed and nobody has answered yet.

While one is out, the book that the next decision would rest on is not known, so no round opens.
"""

from typing import Any, NamedTuple

from bus.messages import Order


class Proposed(NamedTuple):
    """An order on its way through the gates, its conversation, and when PADS stops waiting for the answer."""

    order: Order
    correlation_id: str
    due_ns: int


class Orders:
    """The proposed orders by id, oldest first, and how many were never answered in time."""

    def __init__(self) -> None:
        self.unanswered = 0
        self._out: dict[str, Proposed] = {}

    def __len__(self) -> int:
        return len(self._out)

    def propose(self, proposed: Proposed) -> None:
        """Begin to wait for the answer."""
        self._out[proposed.order.order_id] = proposed

    def answer(self, order_id: str) -> bool:
        """Stop waiting; return whether the order was one that was waited for."""
        return self._out.pop(order_id, None) is not None

    def concerns(self, symbol: str) -> bool:
        """Tell whether an order in ``symbol`` is on its way."""
        return any(proposed.order.symbol == symbol for proposed in self._out.values())

    def undelivered(self, correlation_id: str) -> Order | None:
        """Take out the order that did not arrive: that of the conversation, else the oldest.

        Proposals go to one recipient with one time to live, so they expire in the order in which they were sent.
        """
        for order_id, proposed in self._out.items():
            if proposed.correlation_id == correlation_id or not correlation_id:
                del self._out[order_id]
                return proposed.order
        return None

    def expire(self, now_ns: int) -> None:
        """Stop waiting for orders that nobody answered in time."""
        for order_id in [each for each, proposed in self._out.items() if proposed.due_ns <= now_ns]:
            del self._out[order_id]
            self.unanswered += 1

    def next_due_ns(self) -> int | None:
        """Return when the next order expires."""
        return min([proposed.due_ns for proposed in self._out.values()], default=None) if self._out else None

    def clear(self) -> None:
        """Stop waiting for all, because an answer may have been lost."""
        self.unanswered += len(self._out)
        self._out.clear()

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"out": [list(proposed) for proposed in self._out.values()], "unanswered": self.unanswered}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._out = {}
        for proposed in state["out"]:
            self.propose(Proposed(*proposed))
        self.unanswered = state["unanswered"]
