"""Which published bars the firm has not finished with.

A bar's round is concluded by the board's decision that needs no order, or by the decision together with the first word
on its order: rejected by a gate, or accepted or refused by execution. Decision and order travel from different senders,
so either may arrive first.
"""

from typing import Any

from bus.messages import DecisionMade, MarketUpdate, Order


class Conclusions:
    """The rounds awaited, by decision id, and how many were concluded."""

    def __init__(self) -> None:
        self.concluded = 0
        self._orders: dict[str, str | None] = {}
        """Awaited decision to the order that must end it, None while undecided."""
        self._ended: dict[str, list[str]] = {}
        """Orders that ended before their decision was seen."""

    def __len__(self) -> int:
        return len(self._orders)

    def expect(self, update: MarketUpdate) -> None:
        """Await the conclusion of a bar just published."""
        self._orders[f"{update.symbol}-{update.bar}"] = None

    def decide(self, decision: DecisionMade) -> bool:
        """Take note of a decision; return whether it concludes an awaited bar."""
        awaited, order_id = decision.decision_id, decision.order_id
        if awaited not in self._orders:
            return False
        if order_id is None or order_id in self._ended.get(awaited, ()):
            return self._conclude(awaited)
        self._orders[awaited] = order_id
        return False

    def end(self, order: Order) -> bool:
        """Take note that execution or a gate spoke on an order; return whether it concludes an awaited bar."""
        awaited = order.decision_id
        if awaited not in self._orders:
            return False
        if self._orders[awaited] == order.order_id:
            return self._conclude(awaited)
        if self._orders[awaited] is None:
            self._ended.setdefault(awaited, []).append(order.order_id)
        return False

    def give_up(self) -> None:
        """Stop waiting for every bar, without counting it as concluded."""
        self._orders.clear()
        self._ended.clear()

    def _conclude(self, awaited: str) -> bool:
        del self._orders[awaited]
        self._ended.pop(awaited, None)
        self.concluded += 1
        return True

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        ended = {awaited: list(orders) for awaited, orders in self._ended.items()}
        return {"concluded": self.concluded, "orders": dict(self._orders), "ended": ended}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.concluded = state["concluded"]
        self._orders = dict(state["orders"])
        self._ended = {awaited: list(orders) for awaited, orders in state["ended"].items()}
