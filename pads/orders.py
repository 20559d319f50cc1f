"""Orders that PADS has proposed, or knows that another will bring, and nobody has answered yet.

While one is out, the book that the next decision would rest on is not known, so no round opens. An order of another's,
by which risk shrinks a position or execution flattens the book, may be answered before PADS has decided on its bar.
"""

from collections import deque
from typing import Any, Final, NamedTuple

from bus.messages import Order

OWN: Final = "-o1"
"""What the ids of PADS's own orders end with."""
_REMEMBERED: Final = 64
_NS: Final = 1_000_000_000


class Proposed(NamedTuple):
    """An order on its way through the gates, its conversation, and when PADS stops waiting for the answer.

    ``is_growing`` says that it opens, enlarges or turns a position.
    """

    order: Order
    correlation_id: str
    due_ns: int
    is_growing: bool


class Awaited(NamedTuple):
    """Another's order in ``symbol``, and when PADS stops waiting for the answer."""

    order_id: str
    symbol: str
    due_ns: int


class Orders:
    """The orders waited for by id, oldest first, and how many were never answered in time.

    Parameters
    ----------
    timeout_s
        How long an answer is waited for.
    """

    def __init__(self, timeout_s: float) -> None:
        self.unanswered = 0
        self._timeout_ns = round(timeout_s * _NS)
        self._out: dict[str, Proposed] = {}
        self._awaited: dict[str, Awaited] = {}
        self._early: deque[str] = deque(maxlen=_REMEMBERED)

    def __len__(self) -> int:
        return len(self._out) + len(self._awaited)

    def propose(self, order: Order, correlation_id: str, now_ns: int, *, is_growing: bool) -> None:
        """Begin to wait for the answer to an order of PADS's own."""
        self._out[order.order_id] = Proposed(order, correlation_id, now_ns + self._timeout_ns, is_growing)

    def expect(self, order_id: str, symbol: str, now_ns: int) -> None:
        """Begin to wait for the answer to another's order, unless it came before."""
        if order_id not in self._early:
            self._awaited[order_id] = Awaited(order_id, symbol, now_ns + self._timeout_ns)

    def proposed(self, order_id: str) -> Proposed | None:
        """Return an order of PADS's own that is waited for."""
        return self._out.get(order_id)

    def answer(self, order_id: str) -> bool:
        """Stop waiting; return whether the order was one that was waited for."""
        if self._out.pop(order_id, None) is not None or self._awaited.pop(order_id, None) is not None:
            return True
        if not order_id.endswith(OWN) and order_id not in self._early:
            self._early.append(order_id)
        return False

    def concerns(self, symbol: str) -> bool:
        """Tell whether an order in ``symbol`` is on its way."""
        return any(proposed.order.symbol == symbol for proposed in self._out.values()) or any(
            awaited.symbol == symbol for awaited in self._awaited.values()
        )

    def undelivered(self, correlation_id: str) -> Order | None:
        """Take out the order that did not arrive: that of the conversation, else the oldest.

        Proposals go to one recipient with one time to live, so they expire in the order in which they were sent.
        """
        for order_id, proposed in self._out.items():
            if proposed.correlation_id == correlation_id or not correlation_id:
                del self._out[order_id]
                return proposed.order
        return None

    def expire(self, now_ns: int) -> list[Proposed]:
        """Stop waiting for orders that nobody answered in time; return those of PADS's own."""
        before = len(self)
        overdue = [each for each in self._out.values() if each.due_ns <= now_ns]
        self._out = {name: each for name, each in self._out.items() if each.due_ns > now_ns}
        self._awaited = {name: each for name, each in self._awaited.items() if each.due_ns > now_ns}
        self.unanswered += before - len(self)
        return overdue

    def next_due_ns(self) -> int | None:
        """Return when the next order expires."""
        if not self:
            return None
        own, others = self._out.values(), self._awaited.values()
        return min([*(each.due_ns for each in own), *(each.due_ns for each in others)])

    def clear(self) -> None:
        """Stop waiting for all, because an answer may have been lost."""
        self.unanswered += len(self)
        self._out.clear()
        self._awaited.clear()

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "out": [list(proposed) for proposed in self._out.values()],
            "awaited": [list(awaited) for awaited in self._awaited.values()],
            "early": list(self._early),
            "unanswered": self.unanswered,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._out = {each[0].order_id: Proposed(*each) for each in state["out"]}
        self._awaited = {each[0]: Awaited(*each) for each in state["awaited"]}
        self._early = deque(state["early"], maxlen=_REMEMBERED)
        self.unanswered = state["unanswered"]
