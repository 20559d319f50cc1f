"""The book: cash, positions, realized profit and fees, exact at every event.

A position keeps its cost basis rather than a rounded average price. A partial close releases a share of that basis,
rounded to 1e-12; what is released from the basis is what profit is measured against, so the rounding moves at most
1e-12 between realized and unrealized and the identity below stays exact:

    equity = cash + sum(quantity * last_price) = initial cash + realized + unrealized - fees
"""

from decimal import Decimal, localcontext
from typing import Any, NamedTuple, Self

from bus.errors import Fatal, Invalid
from execution.money import EXACT, ZERO, check_amount, prorate, unit_price


class Position(NamedTuple):
    """Signed units, what they cost (negative: what they were sold short for), and the price they are marked at."""

    quantity: Decimal
    cost: Decimal
    last_price: Decimal

    @property
    def average_price(self) -> Decimal:
        """Average entry price to the nearest tick; 0 when flat."""
        return unit_price(self.cost, self.quantity) if self.quantity else ZERO

    @property
    def value(self) -> Decimal:
        """Signed market value."""
        return EXACT.multiply(self.quantity, self.last_price)

    @property
    def unrealized(self) -> Decimal:
        """Profit of the open units at the last price."""
        return EXACT.subtract(self.value, self.cost)


class _Totals(NamedTuple):
    """The sums of the book; ``value`` and ``cost`` are those of all positions."""

    cash: Decimal
    realized: Decimal
    fees: Decimal
    value: Decimal
    cost: Decimal


class Book:
    """Cash and positions of the firm.

    ``peak_equity`` is the highest equity at a mark: between a fill and the next mark a position may stand at a price
    older than its fill, which is no peak.
    """

    def __init__(self, initial_cash: Decimal) -> None:
        check_amount("initial cash", initial_cash)
        self.initial_cash = initial_cash
        self.peak_equity = initial_cash
        self._totals = _Totals(initial_cash, ZERO, ZERO, ZERO, ZERO)
        self._positions: dict[str, Position] = {}

    @property
    def cash(self) -> Decimal:
        """Money held; short proceeds are in it, and owed through the negative position."""
        return self._totals.cash

    @property
    def realized(self) -> Decimal:
        """Profit of closed units before fees."""
        return self._totals.realized

    @property
    def fees(self) -> Decimal:
        """Fees paid so far."""
        return self._totals.fees

    @property
    def equity(self) -> Decimal:
        """Cash and the value of all positions."""
        return EXACT.add(self._totals.cash, self._totals.value)

    @property
    def unrealized(self) -> Decimal:
        """Profit of all open units at their last prices."""
        return EXACT.subtract(self._totals.value, self._totals.cost)

    @property
    def positions(self) -> dict[str, Position]:
        """Open positions by symbol, in the order the symbols were first seen."""
        return {symbol: position for symbol, position in self._positions.items() if position.quantity}

    def quantity(self, symbol: str) -> Decimal:
        """Return the signed units held of a symbol."""
        position = self._positions.get(symbol)
        return ZERO if position is None else position.quantity

    def mark(self, symbol: str, price: Decimal) -> None:
        """Value a symbol at ``price``.

        Raises
        ------
        Invalid
            The price is not a positive number that the book can hold exactly.
        """
        check_amount(f"price of {symbol}", price)
        held = self._positions.get(symbol) or Position(ZERO, ZERO, price)
        totals = self._totals
        if held.quantity:
            with localcontext(EXACT):
                gain = held.quantity * (price - held.last_price)
                totals = totals._replace(value=totals.value + gain)
        self._totals = totals
        self._positions[symbol] = Position(held.quantity, held.cost, price)
        self.peak_equity = max(self.peak_equity, self.equity)

    def fill(self, symbol: str, quantity: Decimal, price: Decimal, fee: Decimal) -> None:
        """Book a trade of signed ``quantity`` at ``price``; a fee of 0 or more is paid from cash.

        Raises
        ------
        Invalid
            Zero or impossible quantity, price or fee, or a symbol that was never marked.
        Fatal
            The sums would no longer agree; nothing was changed.
        """
        check_amount(f"quantity of {symbol}", abs(quantity))
        check_amount(f"price of {symbol}", price)
        if fee:
            check_amount(f"fee on {symbol}", fee)
        held = self._positions.get(symbol)
        if held is None:
            raise Invalid(f"fill of {symbol}: no price of it is known; mark it first")
        with localcontext(EXACT):
            position, gain = _traded(held, quantity, price)
            now = self._totals
            totals = _Totals(
                cash=now.cash - quantity * price - fee,
                realized=now.realized + gain,
                fees=now.fees + fee,
                value=now.value + quantity * held.last_price,
                cost=now.cost - held.cost + position.cost,
            )
            if totals.cash + totals.cost != self.initial_cash + totals.realized - totals.fees:
                raise Fatal(f"fill of {quantity} {symbol} at {price}: the book would not add up: {totals}")
        self._totals = totals
        self._positions[symbol] = position

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "initial_cash": self.initial_cash,
            "peak_equity": self.peak_equity,
            "totals": list(self._totals),
            "positions": [[symbol, *position] for symbol, position in self._positions.items()],
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        """Return the book that gave ``state``."""
        book = cls(state["initial_cash"])
        book.peak_equity = state["peak_equity"]
        book._totals = _Totals(*state["totals"])
        book._positions = {symbol: Position(*numbers) for symbol, *numbers in state["positions"]}
        return book


def _traded(held: Position, quantity: Decimal, price: Decimal) -> tuple[Position, Decimal]:
    """Return the position after a trade and the profit it realized: first closes what is opposite, then opens."""
    closing = ZERO
    if held.quantity * quantity < 0:
        closing = quantity if abs(quantity) < abs(held.quantity) else -held.quantity
    if not closing:
        released = ZERO
    elif closing == -held.quantity:
        released = held.cost
    else:
        released = prorate(held.cost, -closing, held.quantity)
    gain = -closing * price - released
    cost = held.cost - released + (quantity - closing) * price
    return Position(held.quantity + quantity, cost, held.last_price), gain
