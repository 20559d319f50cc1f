"""On which day a book was, and what that day has lost; days are those of the bars, in UTC."""

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from bus.messages import PortfolioUpdate
from portfolio.history import Histories

DAY_NS: Final = 86_400 * 1_000_000_000
_UNDATED_BOOKS: Final = 1_024
_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)


class DatedBook(NamedTuple):
    """A book, the day since the epoch that its bar opened on, and the drawdown tier in force with it."""

    day: int
    book: PortfolioUpdate
    tier: int


class Dating:
    """Books that wait for the bar which tells their day.

    A book is dated once its bar has been seen, in the order of the books, so that it does not matter which of the two
    arrives first.
    """

    def __init__(self) -> None:
        self._undated: deque[tuple[PortfolioUpdate, int]] = deque(maxlen=_UNDATED_BOOKS)

    def take(self, book: PortfolioUpdate, tier: int) -> None:
        """Take a book, to be dated; one from before the first bar has no day."""
        if book.bar >= 0:
            self._undated.append((book, tier))

    def due(self, histories: Histories) -> list[DatedBook]:
        """Date what can be dated; a book of a bar that was lost is passed over."""
        dated = []
        while self._undated:
            book, tier = self._undated[0]
            opened = histories.opened_ns(book.symbol, book.bar)
            if opened is not None:
                dated.append(DatedBook(opened // DAY_NS, book, tier))
            else:
                last = histories.last_bar(book.symbol)
                if last is None or last < book.bar:
                    break
            self._undated.popleft()
        return dated

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return list(self._undated)

    def restore(self, state: Sequence[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._undated = deque(((book, tier) for book, tier in state), maxlen=_UNDATED_BOOKS)


class DailyLoss:
    """Equity now against the equity at the end of the day before."""

    def __init__(self) -> None:
        self.day: int | None = None
        self.opening = _ZERO
        self.equity = _ZERO

    @property
    def fraction(self) -> Decimal:
        """Share of the day's opening equity that is lost; negative in a gain, 0 before the first dated book."""
        return _ONE - self.equity / self.opening if self.opening > 0 else _ZERO

    def enter(self, day: int, equity: Decimal) -> None:
        """Take the equity of the next book, and the day it was on; it stays with its day if that is over."""
        if self.day is None or day > self.day:
            self.opening = equity if self.day is None else self.equity
            self.day = day
        self.equity = equity

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.day, self.opening, self.equity]

    def restore(self, state: Sequence[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.day, self.opening, self.equity = state
