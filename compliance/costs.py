"""What the last orders cost: the implementation shortfall of those that were at work and ended.

A cost is expected for every order that a book showed at work and the next one no longer does, and counted in that
order. So it does not matter whether a cost arrives before or after the book: until it is here, the book is not judged.
"""

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from bus.messages import ExecutionCost, PortfolioUpdate

_ZERO: Final = Decimal(0)
_MOST_EARLY: Final = 1_024


class Costs:
    """Costs of the last orders, in the order in which they ended.

    Parameters
    ----------
    orders
        How many are looked at; with fewer there is no mean.
    """

    def __init__(self, orders: int) -> None:
        self.orders = orders
        self._working: tuple[str, ...] = ()
        self._awaited: dict[str, None] = {}
        self._early: dict[str, tuple[Decimal, Decimal]] = {}
        self._ended: deque[tuple[Decimal, Decimal]] = deque(maxlen=orders)

    @property
    def awaited(self) -> int:
        """Ended orders whose cost is still on its way."""
        return len(self._awaited)

    @property
    def count(self) -> int:
        """Orders looked at."""
        return len(self._ended)

    @property
    def mean(self) -> Decimal | None:
        """Implementation shortfall of all that are looked at, of what they were worth when decided; None with fewer."""
        if len(self._ended) < self.orders:
            return None
        worth = sum((notional for _, notional in self._ended), _ZERO)
        return sum((total for total, _ in self._ended), _ZERO) / worth

    def take_book(self, book: PortfolioUpdate) -> None:
        """Expect the cost of every order that is no longer at work."""
        if not (self._working or book.working):
            return
        working = tuple([each.order.order_id for each in book.working])
        for order_id in self._working:
            if order_id not in working:
                self._awaited[order_id] = None
        self._working = working
        self._settle()

    def take(self, cost: ExecutionCost) -> None:
        """Take the cost of an order."""
        order = cost.order
        if len(self._early) >= _MOST_EARLY:
            del self._early[next(iter(self._early))]
        self._early[order.order_id] = (cost.total, order.quantity * cost.decision_price)
        self._settle()

    def give_up(self) -> None:
        """Await no cost any more: some are lost."""
        self._awaited.clear()

    def _settle(self) -> None:
        """Count costs in the order in which their orders ended."""
        while self._awaited:
            order_id = next(iter(self._awaited))
            if order_id not in self._early:
                return
            self._ended.append(self._early.pop(order_id))
            del self._awaited[order_id]

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        early = [[order_id, *cost] for order_id, cost in self._early.items()]
        return [list(self._working), list(self._awaited), early, [list(cost) for cost in self._ended]]

    def restore(self, state: Sequence[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        working, awaited, early, ended = state
        self._working = tuple(working)
        self._awaited = dict.fromkeys(awaited)
        self._early = {order_id: (total, worth) for order_id, total, worth in early}
        self._ended = deque(((total, worth) for total, worth in ended), maxlen=self.orders)
