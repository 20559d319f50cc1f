"""Bars and books in the one order that does not depend on which of them came first: that of the books.

A book tells the last bar it has seen. So a bar enters the histories with the first book that knows it, and a book is
looked at once that bar is here, and with it what the orders that had ended by then have cost. Whoever measures after
that sees the same, live, simulated, or restarted.
"""

from collections import deque
from typing import Any, Final

from bus.messages import MarketUpdate, PortfolioUpdate
from compliance.costs import Costs
from portfolio.history import Histories

_MOST_BOOKS: Final = 4_096


class Line:
    """What waits for its turn, and what has had it.

    Parameters
    ----------
    window
        Bars per symbol that the histories hold, and that may wait.
    cost_orders
        Ended orders whose cost is looked at.
    """

    def __init__(self, window: int, cost_orders: int) -> None:
        self.histories = Histories(window)
        self.costs = Costs(cost_orders)
        self.book: PortfolioUpdate | None = None
        """The last book that had its turn."""
        self._window = window
        self._bars: dict[str, deque[MarketUpdate]] = {}
        self._last: dict[str, int] = {}
        self._books: deque[PortfolioUpdate] = deque(maxlen=_MOST_BOOKS)
        self._is_expected = False

    @property
    def version(self) -> int:
        """Version of the last book that had its turn; 0 before the first."""
        return 0 if self.book is None else self.book.version

    def take_bar(self, update: MarketUpdate) -> None:
        """Let a bar wait for its book."""
        waiting = self._bars.get(update.symbol)
        if waiting is None:
            waiting = self._bars[update.symbol] = deque(maxlen=self._window + 1)
        waiting.append(update)
        self._last[update.symbol] = update.bar

    def take_book(self, book: PortfolioUpdate) -> None:
        """Let a book wait for its bar."""
        self._books.append(book)

    def next_book(self) -> PortfolioUpdate | None:
        """Return the next book whose bar and costs are here, its bar in the histories; None while it must wait."""
        if not self._books:
            return None
        book = self._books[0]
        if self._last.get(book.symbol, -1) < book.bar:
            return None
        self.feed(book.symbol, book.bar)
        if not self._is_expected:
            self.costs.take_book(book)
            self._is_expected = True
        if self.costs.awaited:
            return None
        self._is_expected = False
        self.book = self._books.popleft()
        return self.book

    def feed(self, symbol: str, bar: int) -> None:
        """Put the waiting bars of a symbol up to one into the histories."""
        waiting = self._bars.get(symbol)
        while waiting and waiting[0].bar <= bar:
            self.histories.append(waiting.popleft())

    def forget(self) -> None:
        """Drop every bar: some were lost, and nobody knows of which symbol. Books no longer wait for them."""
        self.histories.clear()
        self._bars.clear()
        for book in self._books:
            self._last[book.symbol] = max(self._last.get(book.symbol, -1), book.bar)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "histories": self.histories.snapshot(),
            "costs": self.costs.snapshot(),
            "book": self.book,
            "bars": {symbol: list(waiting) for symbol, waiting in self._bars.items()},
            "last": dict(self._last),
            "books": list(self._books),
            "is_expected": self._is_expected,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.histories.restore(state["histories"])
        self.costs.restore(state["costs"])
        self.book = state["book"]
        self._bars = {symbol: deque(waiting, maxlen=self._window + 1) for symbol, waiting in state["bars"].items()}
        self._last = dict(state["last"])
        self._books = deque(state["books"], maxlen=_MOST_BOOKS)
        self._is_expected = state["is_expected"]
