"""A small firm at work: two symbols with a past, a position, and somebody in the place of PADS who proposes orders."""

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np

from bus.messages import CorporateAction, DataReport, MarketUpdate, Order, OrderProposed, PortfolioUpdate, Side, Urgency
from bus.plain import pack, unpack
from bus.stepper import Stepper
from tests.gates.driver import DAY_NS, LIMITS
from tests.gates.world import BUILD, Build, World

SYMBOLS: Final = ("AAA", "BBB")
PAST: Final = 130
HELD: Final = 200
_VOLUME: Final = Decimal(1_000_000)
_TICK: Final = Decimal("0.0001")


def past(seed: int, bars: int = PAST) -> list[float]:
    """Return closes that move by half a percent a day and end at 100."""
    moves = np.random.default_rng(seed).normal(0.0, 0.005, bars - 1)
    closes = 100.0 * np.exp(np.concatenate([[0.0], np.cumsum(moves)]))
    return [float(close) for close in closes * (100.0 / closes[-1])]


def limits_without_hours() -> str:
    """Return the firm's own limits, for symbols that trade at any time."""
    return re.sub(r"calendars = .*", "calendars = {}", LIMITS.read_text(encoding="utf-8"))


class Firm(World):
    """A world with a market: ``bars`` is the number of the last bar of each symbol, ``prices`` its close."""

    symbols: tuple[str, ...] = SYMBOLS

    def __init__(
        self,
        folder: Path,
        limits: str | None = None,
        tables: Mapping[str, Any] | None = None,
        build: Mapping[str, Build] = BUILD,
    ) -> None:
        super().__init__(folder, limits_without_hours() if limits is None else limits, tables, build)
        self.bars: dict[str, int] = {}
        self.prices: dict[str, Decimal] = {}
        for symbol in self.symbols:
            self.say(DataReport(symbol=symbol, source="made", rows=PAST, accepted=PAST, rejected=()), "market")

    @property
    def book(self) -> PortfolioUpdate:
        """The last book that execution published."""
        books: list[PortfolioUpdate] = self.heard(PortfolioUpdate)
        return books[-1]

    def held(self, symbol: str) -> Decimal:
        """Return the units held."""
        return next((each.quantity for each in self.book.positions if each.symbol == symbol), Decimal(0))

    def show(
        self,
        symbol: str,
        close: float | Decimal,
        *,
        open: float | Decimal | None = None,  # noqa: A002
        volume: Decimal = _VOLUME,
        action: CorporateAction | None = None,
        skip: int = 0,
    ) -> MarketUpdate:
        """Let the market show the next daily bar of a symbol; ``skip`` bars before it are never shown."""
        price = Decimal(close).quantize(_TICK)
        first = price if open is None else Decimal(open).quantize(_TICK)
        bar = self.bars[symbol] = self.bars.get(symbol, -1) + 1 + skip
        self.prices[symbol] = price
        update = MarketUpdate(
            symbol=symbol, bar=bar, opened_ns=bar * DAY_NS, open=first, high=max(first, price), low=min(first, price),
            close=price, volume=volume, action=action,
        )  # fmt: skip
        self.say(update, "market")
        return update

    def day(self, *closes: float, seconds: float = 0.25) -> None:
        """Show one bar of every symbol, at its last price unless told, and let some time pass after each."""
        shown: list[float | Decimal] = [*closes] or [self.prices[each] for each in self.symbols]
        for symbol, close in zip(self.symbols, shown, strict=True):
            self.show(symbol, close)
            self.run(seconds)

    def order(
        self,
        side: Side,
        quantity: int | str | Decimal,
        symbol: str = "AAA",
        *,
        name: str = "o1",
        urgency: Urgency = Urgency.HIGH,
    ) -> Order:
        """Make an order as PADS would on the last bar of a symbol."""
        bar = self.bars.get(symbol, 0)
        decision_id = f"{symbol}-{bar}"
        return Order(
            order_id=f"{decision_id}-{name}", decision_id=decision_id, symbol=symbol, side=side,
            quantity=Decimal(quantity), reference_price=self.prices.get(symbol, Decimal(100)), bar=bar, urgency=urgency,
        )  # fmt: skip

    def propose(self, order: Order) -> Order:
        """Propose an order on the last book."""
        self.say(OrderProposed(order=order, portfolio_version=self.book.version), "pads", "compliance")
        return order

    def state(self) -> bytes:
        """Return everything that the firm is."""
        steppers = {name: stepper.snapshot() for name, stepper in self.steppers.items()}
        return pack([self.now_ns, steppers, self.bars, self.prices, self.book])

    def take_over(self, state: bytes) -> None:
        """Become the firm that gave ``state``."""
        self.now_ns, steppers, self.bars, self.prices, book = unpack(state)
        for name, plain in steppers.items():
            self.steppers[name] = Stepper(self.build[name](self.settings))
            self.steppers[name].restore(plain)
        self.reset()
        self.said = [self.steppers["execution"].local(book, self.now_ns)]


def seasoned(folder: Path, tables: Mapping[str, Any] | None = None) -> Firm:
    """Return a firm with a past, holding some of the first symbol."""
    firm = Firm(folder, tables=tables)
    for closes in zip(*(past(seed) for seed, _ in enumerate(SYMBOLS)), strict=True):
        firm.day(*closes, seconds=0.002)
    firm.run(1.0)
    firm.propose(firm.order(Side.BUY, HELD, name="first"))
    firm.run(0.5)
    while firm.book.working or firm.held("AAA") == 0:
        firm.day()
    firm.run(5.0)
    return firm
