"""The book as the firm is told of it."""

from bus.messages import PortfolioUpdate, PositionView, WorkingOrder
from execution.book import Book, Position


class Statement:
    """Counts the versions of the book, and keeps what did not change between them."""

    def __init__(self, version: int = 0) -> None:
        self.version = version
        self._views: dict[str, tuple[Position, PositionView]] = {}

    def next(self, book: Book, symbol: str, bar: int, working: tuple[WorkingOrder, ...]) -> PortfolioUpdate:
        """Return the book as its next version, ``symbol`` and ``bar`` being the last bar it has seen."""
        self.version += 1
        return PortfolioUpdate(
            version=self.version,
            symbol=symbol,
            bar=bar,
            cash=book.cash,
            equity=book.equity,
            peak_equity=book.peak_equity,
            realized=book.realized,
            fees=book.fees,
            positions=tuple(self._view(symbol, position) for symbol, position in book.positions.items()),
            working=working,
            carry=book.carry,
        )

    def _view(self, symbol: str, position: Position) -> PositionView:
        seen, view = self._views.get(symbol, (None, None))
        if view is None or seen is not position:
            view = PositionView(
                symbol=symbol,
                quantity=position.quantity,
                average_price=position.average_price,
                last_price=position.last_price,
            )
            self._views[symbol] = (position, view)
        return view
