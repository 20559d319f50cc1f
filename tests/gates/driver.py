"""A trading floor small enough to read: it shows one gate bars and books, hands it orders, and keeps what it says."""

import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from bus.config import Settings
from bus.gate import Gate
from bus.message import Envelope, Header, Message
from bus.messages import (
    ExecutionReport,
    MarketUpdate,
    Order,
    OrderCleared,
    OrderRejected,
    OrderStatus,
    PortfolioUpdate,
    PositionView,
    Side,
    SystemCommand,
    Verdict,
    WorkingOrder,
)
from bus.stepper import Stepper
from portfolio.limits import BookLimits
from research.sessions import make_sessions
from tests.keys import approval, ordered, write_keys

LIMITS: Final = Path(__file__).parent.parent.parent / "configs" / "limits.toml"
DAY_NS: Final = 86_400 * 1_000_000_000
SECOND_NS: Final = 1_000_000_000
TTL_MS: Final = 10_000
M = TypeVar("M", bound=Message)

CLEARED: Final = (
    Verdict(gate="compliance", rule="restricted", passes=True, value=0.0, limit=0.0, unit="listings", detail="free"),
)


def number(text: str | int | Decimal) -> Decimal:
    """Make a Decimal of text."""
    return Decimal(text)


def order(
    side: Side = Side.BUY,
    quantity: str | int | Decimal = 10,
    *,
    symbol: str = "AAA",
    price: str | int | Decimal = 100,
    bar: int = 0,
    order_id: str = "o1",
    decision_id: str = "",
) -> Order:
    """Make an order; its decision is named after it unless given."""
    return Order(
        order_id=order_id,
        decision_id=decision_id or f"d-{order_id}",
        symbol=symbol,
        side=side,
        quantity=number(quantity),
        reference_price=number(price),
        bar=bar,
    )


def cleared(of: Order, version: int = 1, verdicts: tuple[Verdict, ...] = CLEARED) -> OrderCleared:
    """Make an order cleared and signed by compliance."""
    return OrderCleared(order=of, portfolio_version=version, verdicts=verdicts, approval=approval("compliance", of))


def book_limits_of(**changes: Any) -> BookLimits:
    """Return the firm's own limits of the book, some of them changed."""
    stated: dict[str, Any] = tomllib.loads(LIMITS.read_text(encoding="utf-8"), parse_float=Decimal)["book"]
    stated["regime"] = {key: float(value) for key, value in stated["regime"].items()}
    return BookLimits.model_validate(stated | changes)


def bar_of(symbol: str, bar: int, close: str | int | float | Decimal, opened_ns: int | None = None) -> MarketUpdate:
    """Make a flat bar; daily unless its opening time is given."""
    price = Decimal(repr(close)) if isinstance(close, float) else Decimal(close)
    opened_ns = bar * DAY_NS if opened_ns is None else opened_ns
    return MarketUpdate(
        symbol=symbol, bar=bar, opened_ns=opened_ns, open=price, high=price, low=price, close=price, volume=Decimal(1)
    )


def book_of(
    version: int,
    symbol: str,
    bar: int,
    *,
    positions: Mapping[str, str | int | Decimal] | None = None,
    prices: Mapping[str, str | int | Decimal] | None = None,
    working: Sequence[Order] = (),
    equity: str | int | Decimal = 100_000,
    peak: str | int | Decimal | None = None,
) -> PortfolioUpdate:
    """Make a book of positions and whole working orders."""
    views = tuple(
        PositionView(
            symbol=name,
            quantity=number(quantity),
            average_price=Decimal(100),
            last_price=number((prices or {}).get(name, 100)),
        )
        for name, quantity in (positions or {}).items()
    )
    return PortfolioUpdate(
        version=version,
        symbol=symbol,
        bar=bar,
        cash=number(equity),
        equity=number(equity),
        peak_equity=max(number(equity), number(100_000)) if peak is None else number(peak),
        realized=Decimal(0),
        fees=Decimal(0),
        positions=views,
        working=tuple(WorkingOrder(order=each, remaining=each.quantity) for each in working),
    )


def report_of(
    of: Order, status: OrderStatus, *, bar: int | None = None, filled: str | int | Decimal = 0
) -> ExecutionReport:
    """Make a report about an order."""
    return ExecutionReport(
        order=of,
        client_order_id=f"bd-{of.order_id}",
        report=1,
        status=status,
        bar=of.bar if bar is None else bar,
        last_quantity=number(filled),
        last_price=Decimal(100),
        fee=Decimal(0),
        slippage=Decimal(0),
        filled=number(filled),
        verdicts=(),
        reason="",
    )


def closes_from(returns: Sequence[float], start: float = 100.0) -> list[float]:
    """Return the closes that simple returns lead to, one more than the returns."""
    closes = [start]
    for simple in returns:
        closes.append(closes[-1] * (1.0 + simple))
    return closes


def calm(bars: int, seed: int, start: float = 100.0) -> list[float]:
    """Return closes of a market that moves by a tenth of a percent a day, ending at ``start``."""
    moves = np.random.default_rng(seed).normal(0.0, 0.001, bars - 1)
    closes = closes_from(moves.tolist())
    return [close * start / closes[-1] for close in closes[:-1]] + [start]


class Floor:
    """Drives one gate; ``said`` is everything it ever put out."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.stepper = Stepper(gate)
        self.said: list[Envelope] = []
        self.now_ns = SECOND_NS
        self._number = 0

    def hand(self, message: Message, sender: str, conversation: str = "", ttl_ms: int = TTL_MS) -> list[Message]:
        """Hand the gate one message and return what it says."""
        self._number += 1
        header = Header(
            f"{sender}:{self._number}", conversation or f"{sender}:{self._number}", "", message.KIND, sender, None,
            self._number, self.now_ns, ttl_ms, int(message.PRIORITY),
        )  # fmt: skip
        return self.take(self.stepper.step(Envelope(header, message), self.now_ns))

    def command(self, command: SystemCommand) -> list[Message]:
        """Hand the gate an operator's command, signed now."""
        return self.hand(ordered(command, self.gate.name, self.now_ns, f"n{self._number}"), "cli")

    def notice(self, message: Message, conversation: str = "") -> list[Message]:
        """Hand the gate a notice of the runtime, filed under a conversation."""
        header = Header("", conversation, "", message.KIND, self.gate.name, self.gate.name, 0, self.now_ns, 0, 1)
        return self.take(self.stepper.step(Envelope(header, message), self.now_ns))

    def fire(self) -> list[Message]:
        """Let time pass to the next timer and fire it."""
        timer = self.stepper.next_timer()
        assert timer is not None
        self.now_ns = max(self.now_ns, timer[0])
        return self.take(self.stepper.fire(timer[1], self.now_ns))

    def show(self, symbol: str, closes: Sequence[float], first: int = 0) -> None:
        """Show the gate daily bars of one symbol."""
        for bar, close in enumerate(closes, first):
            self.hand(bar_of(symbol, bar, close), "market")

    def take(self, outputs: list[Envelope]) -> list[Message]:
        """Keep outputs and return their messages."""
        self.said.extend(outputs)
        return [output.message for output in outputs]


def only(messages: Sequence[Message], kind: type[M]) -> M:
    """Return the one message of a kind among ``messages``."""
    found = [message for message in messages if isinstance(message, kind)]
    assert len(found) == 1, messages
    return found[0]


def refused_by(messages: Sequence[Message]) -> list[str]:
    """Return the names of the rules that refuse, of the one order that was rejected."""
    return [verdict.rule for verdict in only(messages, OrderRejected).verdicts if not verdict.passes]


def settings(folder: Path, limits: str | None = None, **tables: Any) -> Settings:
    """Load the firm's own limits, or ``limits``, beside agents and tables that a test needs."""
    (folder / "firm.toml").write_text("[agents.risk]\n[agents.compliance]\n", encoding="utf-8")
    text = LIMITS.read_text(encoding="utf-8") if limits is None else limits
    (folder / "limits.toml").write_text(text, encoding="utf-8")
    loaded = Settings.load(folder, folder / "run", tables)
    write_keys(loaded.keys)
    make_sessions(loaded)
    return loaded
