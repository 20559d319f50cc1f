"""What judging one order costs, nothing but the judging: every rule of both gates, one after the other, in one process.

1,000 days of 50 symbols, all of them held, behind each measurement of the tail. An order is judged three times over: on
a book and bars that another order was judged on before, which is how orders come between two bars; as the first one on
a new book; and as the first one after a new bar of each symbol. Beside it what risk then tells of it, the tail before
and after by all three estimators. The marginal shortfall beside its calculation from scratch is in ``peer_shortfall``.
"""

import statistics
import tempfile
import time
import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import numpy as np

from bus.config import Settings
from bus.footprint import calmed_collector
from bus.gate import judge
from bus.keys import make_keys
from bus.main import default_config
from bus.message import Envelope, Header, Message
from bus.messages import (
    Approval,
    DataReport,
    MarketUpdate,
    Order,
    OrderCleared,
    PortfolioUpdate,
    PositionView,
    Side,
    Verdict,
)
from bus.stepper import Stepper
from compliance.agent import Compliance
from compliance.agent import build as build_compliance
from compliance.rules import RULES as COMPLIANCE_RULES
from portfolio.tail import START
from research.bench.gates import SYMBOLS, symbol
from risk.agent import Risk
from risk.agent import build as build_risk
from risk.exposure import RiskBook, order_risk
from risk.rules import RULES as RISK_RULES

A = TypeVar("A")
R = TypeVar("R")

DAYS: Final = 1_000
_ORDERS: Final = 2_000
_FRESH: Final = 20
_DAY_NS: Final = 86_400 * 1_000_000_000
_EQUITY: Final = Decimal(1_000_000)
_TICK: Final = Decimal("0.01")
_UNSIGNED: Final = Approval(gate="compliance", valid_until_ns=10**18, key="bench", signature=b"")


class Check(NamedTuple):
    """Microseconds at the median: all rules on a book known before, on a new book, after new bars; and the tails told.

    ``rules`` is how many had their word.
    """

    check_us: float
    new_book_us: float
    new_bars_us: float
    tails_us: float
    rules: int


class Desk:
    """Both gates, seasoned, outside of any runtime."""

    def __init__(self, settings: Settings, days: int) -> None:
        compliance, risk = build_compliance(settings), build_risk(settings)
        if not (isinstance(compliance, Compliance) and isinstance(risk, Risk)):
            raise TypeError("the gates are not those of the firm")
        self.compliance, self.risk = compliance, risk
        self._steppers = Stepper(compliance), Stepper(risk)
        draw = np.random.Generator(np.random.PCG64(1))
        self._moves = draw.standard_t(5, (_FRESH + START + 1 + days, SYMBOLS)) * 0.008
        self._prices = np.full(SYMBOLS, 100.0)
        self.bar, self._version = -1, 0
        for number in range(SYMBOLS):
            report = DataReport(symbol=symbol(number), source="bench", rows=1, accepted=1, rejected=())
            self._hand(report, "market")
        for _ in range(days + START + 1):
            self.show_bars()
        self.show_books()

    def show_bars(self) -> None:
        """Show both gates the next bar of every symbol."""
        self.bar += 1
        self._prices *= np.exp(self._moves[self.bar])
        for number in range(SYMBOLS):
            self._hand(self._bar(number), "market")

    def show_books(self) -> None:
        """Show both gates a book of each symbol's last bar; it holds all symbols, half of them short."""
        for number in range(SYMBOLS):
            self._version += 1
            self._hand(self._book(number), "execution")

    def order(self, number: int) -> Order:
        """Return a small order on the last bar that both gates let pass, of each symbol in turn."""
        name, price = symbol(number % SYMBOLS), self._price(number % SYMBOLS)
        return Order(
            order_id=f"o{number}", decision_id=f"d{number}", symbol=name, side=Side.BUY if number % 2 else Side.SELL,
            quantity=Decimal(1), reference_price=price, bar=self.bar,
        )  # fmt: skip

    def judged(self, order: Order) -> tuple[tuple[Verdict, ...], RiskBook]:
        """Return every verdict on an order, and the book risk judged it on."""
        gate = self.compliance
        desk = gate.watch.desk(order, "pads", False, gate.portfolio, gate.is_book_whole, gate.in_flight)
        first = judge(gate.name, COMPLIANCE_RULES, order, desk, gate.limits)
        book = self._risk_book(OrderCleared(order=order, portfolio_version=1, verdicts=first, approval=_UNSIGNED))
        return first + judge(self.risk.name, RISK_RULES, order, book, self.risk.limits), book

    def _risk_book(self, cleared: OrderCleared) -> RiskBook:
        gate = self.risk
        return RiskBook(
            cleared=cleared, objection="", is_repeat=False, portfolio=gate.portfolio, is_whole=gate.is_book_whole,
            in_flight=gate.in_flight, histories=gate.histories, standing=gate.standing, gauge=gate.gauge,
            stress=gate.stress,
        )  # fmt: skip

    def _hand(self, message: Message, sender: str) -> None:
        header = Header("", "", "", message.KIND, sender, None, 0, 0, 0, int(message.PRIORITY))
        for stepper in self._steppers:
            if type(message) in stepper.agent.handlers:
                stepper.step(Envelope(header, message), 1)

    def _price(self, number: int) -> Decimal:
        return Decimal(float(self._prices[number])).quantize(_TICK)

    def _bar(self, number: int) -> MarketUpdate:
        price = self._price(number)
        return MarketUpdate(
            symbol=symbol(number), bar=self.bar, opened_ns=self.bar * _DAY_NS, open=price, high=price, low=price,
            close=price, volume=Decimal(1_000_000),
        )  # fmt: skip

    def _book(self, number: int) -> PortfolioUpdate:
        views = tuple(
            PositionView(
                symbol=symbol(each), quantity=Decimal(50 + each if each % 2 else -50 - each),
                average_price=Decimal(100), last_price=self._price(each),
            )
            for each in range(SYMBOLS)
        )  # fmt: skip
        return PortfolioUpdate(
            version=self._version, symbol=symbol(number), bar=self.bar, cash=_EQUITY, equity=_EQUITY,
            peak_equity=_EQUITY, realized=Decimal(0), fees=Decimal(0), positions=views, working=(),
        )  # fmt: skip


def check(days: int = DAYS, orders: int = _ORDERS) -> Check:
    """Measure the judging of orders that pass every rule, over so many days of history."""
    with tempfile.TemporaryDirectory(prefix="bd-bench-") as folder:
        desk = Desk(_settings(Path(folder), days), days)
    with calmed_collector():
        checks, tails = [], []
        for number in range(orders):
            seconds, (verdicts, book) = _timed(desk.judged, desk.order(number))
            _must_pass(verdicts)
            checks.append(seconds)
            tails.append(_timed(order_risk, book)[0])
        new_book = [_first(desk, number, desk.show_books) for number in range(_FRESH)]
        new_bars = [_first(desk, number, desk.show_bars, desk.show_books) for number in range(_FRESH)]
    check_us, tails_us, new_book_us, new_bars_us = (
        statistics.median(each) * 1e6 for each in (checks[orders // 10 :], tails, new_book, new_bars)
    )
    return Check(check_us, new_book_us, new_bars_us, tails_us, len(verdicts))


def _settings(folder: Path, days: int) -> Settings:
    """Return the firm's configuration for these symbols."""
    source = default_config()
    limits = tomllib.loads((source / "limits.toml").read_text(encoding="utf-8"))
    limits["book"]["sectors"] = {symbol(number): f"sector {number % 10}" for number in range(SYMBOLS)}
    tables = {
        "agents": {"compliance": {}, "risk": {}},
        "risk": {"window": days + START + 1},
        "compliance": {"window": days + START + 1},
    }
    settings = Settings(source, folder, tables, limits)
    make_keys(settings.keys, 0)
    return settings


def _first(desk: Desk, number: int, *changes: Callable[[], None]) -> float:
    """Return the seconds of the first order judged after something changed."""
    for change in changes:
        change()
    seconds, (verdicts, _) = _timed(desk.judged, desk.order(number))
    _must_pass(verdicts)
    return seconds


def _timed(call: Callable[[A], R], asked: A) -> tuple[float, R]:
    started = time.perf_counter()
    found = call(asked)
    return time.perf_counter() - started, found


def _must_pass(verdicts: tuple[Verdict, ...]) -> None:
    refused = [f"{verdict.rule}: {verdict.detail}" for verdict in verdicts if verdict.refuses]
    if refused:
        raise RuntimeError(f"the gates refuse the bench's order: {'; '.join(refused)}")


if __name__ == "__main__":
    print(check())
