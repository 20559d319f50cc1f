"""The book: cash, positions, realized profit and fees, exact at every event.

A position keeps its cost basis rather than a rounded average price. A partial close releases a share of that basis,
rounded to 1e-12; what is released from the basis is what profit is measured against, so the rounding moves at most
1e-12 between realized and unrealized and the identity below stays exact:

    equity = cash + sum(quantity * last_price) = initial cash + realized + unrealized - fees + carry

Carry is what holding itself brought or cost: dividends received, less those paid on shorts and fees for borrowing them.
A split changes units and the price they are marked at, not their cost.
"""

from decimal import Decimal, localcontext
from typing import Any, NamedTuple, Self

from bus.errors import Fatal, Invalid
from bus.messages import CorporateAction
from execution.money import EXACT, TICK, ZERO, after_split, as_text, check_amount, check_input, prorate, unit_price


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
    carry: Decimal
    value: Decimal
    cost: Decimal

    def gap(self, initial_cash: Decimal) -> Decimal:
        """Return by how much cash is off: what was begun with and came of it, less what the positions cost."""
        with localcontext(EXACT):
            return self.cash + self.cost - (initial_cash + self.realized - self.fees + self.carry)


class Book:
    """Cash and positions of the firm.

    ``peak_equity`` is the highest equity at a mark: between a fill and the next mark a position may stand at a price
    older than its fill, which is no peak.
    """

    def __init__(self, initial_cash: Decimal) -> None:
        check_amount("initial cash", initial_cash)
        self.initial_cash = initial_cash
        self.peak_equity = initial_cash
        self._totals = _Totals(initial_cash, ZERO, ZERO, ZERO, ZERO, ZERO)
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
    def carry(self) -> Decimal:
        """Dividends received, less those paid on shorts and fees for borrowing."""
        return self._totals.carry

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

    @property
    def quantities(self) -> dict[str, Decimal]:
        """Signed units of every open position, by symbol."""
        return {symbol: position.quantity for symbol, position in self.positions.items()}

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
        check_amount(f"quantity of {symbol}", quantity.copy_abs())
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
                carry=now.carry,
                value=now.value + quantity * held.last_price,
                cost=now.cost - held.cost + position.cost,
            )
        self._settle(("fill of", quantity, symbol, "at", price), totals, symbol, position)

    def charge(self, symbol: str, amount: Decimal) -> None:
        """Book money that came in (positive) or went out outside of a fill.

        Raises
        ------
        Invalid
            Nothing, or an amount that the book cannot hold exactly.
        Fatal
            The sums would no longer agree; nothing was changed.
        """
        check_amount(f"charge on {symbol}", amount.copy_abs())
        with localcontext(EXACT):
            now = self._totals
            totals = now._replace(cash=now.cash + amount, carry=now.carry + amount)
        self._settle(("charge of", amount, "on", symbol), totals)

    def act(self, symbol: str, action: CorporateAction) -> None:
        """Book what happened to a share before its next bar: the split first, then the dividend on what it left.

        Units are rounded to the lot towards zero, as at the broker; the price they are marked at to the nearest tick.
        A position that a split leaves nothing of has lost its cost.

        Raises
        ------
        Invalid
            A split or dividend that no market can show; nothing was changed.
        Fatal
            The sums would no longer agree; nothing was changed.
        """
        check_input(f"split of {symbol}", action.split)
        if action.dividend:
            check_input(f"dividend of {symbol}", action.dividend)
        held = self._positions.get(symbol)
        if held is None:
            return
        if action.split != 1:
            held = self._split(symbol, held, action.split)
        if action.dividend and held.quantity:
            self.charge(symbol, EXACT.multiply(held.quantity, action.dividend))

    def rebase_peak(self) -> None:
        """Begin a new drawdown budget: the peak is the equity of now."""
        self.peak_equity = self.equity

    def check(self) -> None:
        """Count everything again from the positions.

        Raises
        ------
        Fatal
            The sums of the book are not those of its positions, or its cash does not add up.
        """
        with localcontext(EXACT):
            value = sum((held.quantity * held.last_price for held in self._positions.values()), ZERO)
            cost = sum((held.cost for held in self._positions.values()), ZERO)
        totals = self._totals
        gaps = {
            "its cash": totals.gap(self.initial_cash),
            "the value of its positions": EXACT.subtract(totals.value, value),
            "the cost of its positions": EXACT.subtract(totals.cost, cost),
        }
        for what, gap in gaps.items():
            if gap:
                raise _fatal(f"the book does not add up: {what} is off by", gap)

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
        book.check()
        return book

    def _split(self, symbol: str, held: Position, split: Decimal) -> Position:
        quantity = after_split(held.quantity, split)
        price = unit_price(held.last_price, split) or TICK
        position = Position(quantity, held.cost if quantity else ZERO, price)
        with localcontext(EXACT):
            now, lost = self._totals, held.cost - position.cost
            value = now.value - held.value + position.value
            totals = now._replace(realized=now.realized - lost, value=value, cost=now.cost - lost)
        self._settle(("split of", symbol, split, "for 1"), totals, symbol, position)
        return position

    def _settle(
        self, what: tuple[object, ...], totals: _Totals, symbol: str = "", position: Position | None = None
    ) -> None:
        """Take over the new sums and position, together, if they agree."""
        gap = totals.gap(self.initial_cash)
        if gap:
            raise _fatal(f"{' '.join(map(str, what))} was not booked: the book's cash would be off by", gap)
        self._totals = totals
        if position is not None:
            self._positions[symbol] = position


def _fatal(what: str, gap: Decimal) -> Fatal:
    return Fatal(f"{what} {as_text(gap)}; stop the firm and rebuild the book from the journal")


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
