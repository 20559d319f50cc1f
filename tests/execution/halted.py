"""A halt with a venue that errs on demand and the least of a desk between them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from bus.messages import HaltStage, HaltStatus, Order, Side
from bus.plain import pack, unpack
from execution.broker import Account, ChildOrder
from execution.flattening import Mark, Sight, Step
from execution.halt import Halt
from execution.money import ZERO

COLLAR: Final = Decimal("0.05")


@dataclass
class Rest:
    """An order at the venue."""

    order: ChildOrder
    remaining: Decimal


@dataclass
class Venue:
    """The truth: what rests and what is held, and the ways in which the venue errs.

    ``told`` are the ends and fills not yet heard of by the desk: (client order id, signed units, whether it ended).
    """

    positions: dict[str, Decimal] = field(default_factory=dict)
    rests: dict[str, Rest] = field(default_factory=dict)
    told: list[tuple[str, str, Decimal, bool]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    loses_cancels: bool = False
    loses_orders: bool = False
    refuses: bool = False
    is_silent: bool = False
    holds_word: bool = False
    """Events stay at the venue until it is over."""

    def submit(self, order: ChildOrder) -> None:
        if order.client_order_id in self.seen or self.loses_orders:
            return
        self.seen.add(order.client_order_id)
        if self.refuses:
            self.told.append((order.client_order_id, order.symbol, ZERO, True))
        else:
            self.rests[order.client_order_id] = Rest(order, order.quantity)

    def cancel(self, client_order_id: str) -> None:
        if self.loses_cancels:
            return
        rest = self.rests.pop(client_order_id, None)
        if rest is not None:
            self.told.append((client_order_id, rest.order.symbol, ZERO, True))

    def fill(self, client_order_id: str, units: Decimal) -> None:
        """Fill up to so many units of a resting order."""
        rest = self.rests.get(client_order_id)
        if rest is None:
            return
        done = min(units, rest.remaining)
        rest.remaining -= done
        signed = done if rest.order.side is Side.BUY else -done
        self.positions[rest.order.symbol] = self.positions.get(rest.order.symbol, ZERO) + signed
        is_end = rest.remaining == 0
        if is_end:
            del self.rests[client_order_id]
        self.told.append((client_order_id, rest.order.symbol, signed, is_end))

    def account(self) -> Account | None:
        if self.is_silent:
            return None
        working = {name: rest.remaining for name, rest in self.rests.items()}
        return Account(working, {symbol: units for symbol, units in self.positions.items() if units})

    @property
    def is_flat(self) -> bool:
        return not self.rests and not any(self.positions.values())


class Keeper:
    """Keeps the book, the prices and what is live, and does what the halt asks for."""

    def __init__(self, venue: Venue, prices: Mapping[str, str]) -> None:
        self.venue = venue
        self.halt = Halt(COLLAR)
        self.marks = {symbol: Mark(0, Decimal(price)) for symbol, price in prices.items()}
        self.last: tuple[str, int] = (next(iter(prices)), 0)
        self.booked: dict[str, Decimal] = dict(venue.positions)
        self.live: dict[str, str] = {name: rest.order.symbol for name, rest in venue.rests.items()}
        self.opened: list[Order] = []
        self.sent: list[ChildOrder] = []
        self.closed: list[str] = []
        self.statuses: list[HaltStatus] = []
        self.alerts: list[str] = []

    def begin(self, number: int = 1) -> None:
        self.do(self.halt.begin(number, "drill", self.sight()))
        self.look()

    def end(self) -> None:
        self.do(self.halt.end(self.sight()))

    def look(self) -> None:
        """Hear the venue out, look, and look again while something comes of it."""
        for _ in range(4):
            self.hear()
            self.do(self.halt.look(self.sight()))
            if not self.venue.told or self.venue.holds_word:
                break

    def bar(self, symbol: str, price: str) -> None:
        self.marks[symbol] = Mark(self.marks[symbol].bar + 1, Decimal(price))
        self.last = (symbol, self.marks[symbol].bar)
        self.look()

    def restart(self) -> None:
        """Come back from what was written."""
        kept = unpack(pack(self.halt.snapshot()))
        self.halt = Halt(COLLAR)
        self.halt.restore(kept)
        assert self.halt.snapshot() == kept

    def sight(self) -> Sight:
        booked = {symbol: units for symbol, units in self.booked.items() if units}
        return Sight(self.venue.account(), booked, tuple(self.live), self.marks, self.last)

    def hear(self) -> None:
        if self.venue.holds_word:
            return
        for name, symbol, units, is_end in self.venue.told:
            if not self.halt.is_foreign(name.removeprefix("bd-").removesuffix("-1")):
                self.booked[symbol] = self.booked.get(symbol, ZERO) + units
            if is_end:
                self.live.pop(name, None)
        self.venue.told.clear()

    def do(self, step: Step) -> None:
        self.opened.extend(step.opened)
        for name in step.withdrawn:
            self.venue.cancel(name)
        for child in step.sent:
            self.live[child.client_order_id] = child.symbol
            self.sent.append(child)
            self.venue.submit(child)
        self.closed.extend(step.closed)
        self.alerts.extend(step.alerts)
        if step.status is not None:
            self.statuses.append(step.status)
            assert step.status.stage is not HaltStage.FLAT or self.venue.is_flat, (step.status, self.venue)

    @property
    def stages(self) -> list[HaltStage]:
        """The stages said, without repetitions."""
        said = [status.stage for status in self.statuses]
        return [stage for place, stage in enumerate(said) if place == 0 or said[place - 1] is not stage]
