"""A book in money: what every symbol is worth, and the most and the least that open orders may make of it."""

from collections.abc import Iterable
from decimal import Decimal
from functools import cached_property
from typing import Final

import numpy as np

from bus.in_flight import Exposure, exposures
from bus.messages import Order, PortfolioUpdate
from kernels.arrays import Floats
from portfolio.history import Histories
from portfolio.limits import BookLimits

_NOTHING: Final = Exposure()
_ZERO: Final = Decimal(0)
_MOST: Final = 1e6
"""Times its equity that a book may hold of one symbol and still be measured."""


def share(value: Decimal, whole: Decimal) -> Decimal | None:
    """Return ``value`` as a fraction of ``whole``; None where that is not positive."""
    return value / whole if whole > 0 else None


class Holdings:
    """One book, the orders in flight beside it, and the prices of one moment.

    Parameters
    ----------
    book
        The book.
    in_flight
        Orders let go that the book does not show yet.
    histories
        The bars seen; a symbol is priced at its last close.
    """

    def __init__(self, book: PortfolioUpdate, in_flight: Iterable[Order], histories: Histories) -> None:
        self.book = book
        self.equity = book.equity
        self.in_flight = tuple(in_flight)
        self.revision = histories.revision
        self.exposures = exposures(book, self.in_flight)
        """Every symbol held or ordered."""
        self._histories = histories
        self._prices: dict[str, Decimal] = {}
        self._sectors: dict[str, Decimal] = {}

    def shows(self, book: PortfolioUpdate, in_flight: Iterable[Order], histories: Histories) -> bool:
        """Tell whether this is still how things are."""
        return self.book is book and self.revision == histories.revision and self.in_flight == tuple(in_flight)

    def exposure(self, symbol: str) -> Exposure:
        """Return what a symbol holds and may become."""
        return self.exposures.get(symbol, _NOTHING)

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """Symbols of which anything is held or ordered, in their order."""
        return tuple(sorted([symbol for symbol, exposure in self.exposures.items() if any(exposure)]))

    def with_symbol(self, symbol: str) -> tuple[str, ...]:
        """Return the symbols, and one more where nothing of it is held or ordered."""
        return self.symbols if symbol in self._known else tuple(sorted((*self.symbols, symbol)))

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.symbols)

    def price(self, symbol: str) -> Decimal:
        """Return the last close of a symbol; of a holding whose bars were never seen, the price it is booked at."""
        found = self._prices.get(symbol)
        if found is None:
            found = self._prices[symbol] = self._priced(symbol)
        return found

    def _priced(self, symbol: str) -> Decimal:
        history = self._histories.get(symbol)
        if history is not None:
            return history.close
        for position in self.book.positions:
            if position.symbol == symbol:
                return position.last_price
        raise LookupError(f"no price of {symbol} was ever seen")

    @cached_property
    def stalest(self) -> tuple[str, int | None] | None:
        """The symbol whose last bar is the oldest, and when that opened; None where it is not held; None without any.

        A bar is not held where it was lost, or where there never was one.
        """
        oldest: tuple[str, int | None] | None = None
        for symbol in self.symbols:
            history = self._histories.get(symbol)
            opened = None if history is None else history.opened_ns(history.bar)
            if opened is None:
                return symbol, None
            if oldest is None or oldest[1] is None or opened < oldest[1]:
                oldest = symbol, opened
        return oldest

    @cached_property
    def greatest(self) -> dict[str, Decimal]:
        """Largest absolute value of each symbol that any fills can lead to."""
        return {symbol: self.exposures[symbol].greatest * self.price(symbol) for symbol in self.symbols}

    @cached_property
    def gross(self) -> Decimal:
        """Largest sum of absolute values that any fills can lead to."""
        return sum(self.greatest.values(), _ZERO)

    @cached_property
    def squares(self) -> Decimal:
        """Largest sum of squared values that any fills can lead to."""
        return sum([value * value for value in self.greatest.values()], _ZERO)

    def sector(self, name: str, limits: BookLimits) -> Decimal:
        """Return the largest sum of absolute values of one sector that any fills can lead to."""
        found = self._sectors.get(name)
        if found is None:
            values = [value for symbol, value in self.greatest.items() if limits.sector(symbol) == name]
            found = self._sectors[name] = sum(values, _ZERO)
        return found

    def growth(self, order: Order) -> Decimal:
        """Return by how much an order raises the largest absolute value of its symbol that any fills can lead to."""
        after = self.exposure(order.symbol).plus(order.side, order.quantity)
        return after.greatest * self.price(order.symbol) - self.greatest.get(order.symbol, _ZERO)

    def fractions(self, symbols: tuple[str, ...]) -> tuple[Floats, Floats, Floats] | None:
        """Cross what is held, its low and its high from Decimal to float64: signed fractions of equity, per symbol.

        None where there is no equity, or so little that one of them is too large.
        """
        if self.equity <= 0:
            return None
        try:
            held, low, high = self._fractions(symbols)
        except ArithmeticError:
            return None
        is_measurable = not symbols or max(float(np.abs(low).max()), float(np.abs(high).max())) <= _MOST
        return (held, low, high) if is_measurable else None

    def _fractions(self, symbols: tuple[str, ...]) -> tuple[Floats, Floats, Floats]:
        held = np.zeros(len(symbols))
        down, up = np.zeros_like(held), np.zeros_like(held)
        for s, symbol in enumerate(symbols):
            exposure, unit = self.exposure(symbol), self.price(symbol) / self.equity
            held[s] = exposure.held * unit
            if exposure.selling:
                down[s] = exposure.selling * unit
            if exposure.buying:
                up[s] = exposure.buying * unit
        return held, held - down, held + up

    def fraction(self, order: Order) -> float | None:
        """Cross the value of an order from Decimal to float64: a signed fraction of equity; None where it is too large.

        An order for 1e999999 units is an order like any other, until somebody computes with it.
        """
        try:
            found = float(order.signed_quantity * self.price(order.symbol) / self.equity)
        except ArithmeticError:
            return None
        return found if abs(found) <= _MOST else None
