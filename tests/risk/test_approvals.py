"""No sequence of approvals lets a position or the gross exposure pass its limit, whatever fills in whatever order."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from bus.messages import (
    Order,
    OrderApproved,
    OrderCleared,
    OrderStatus,
    PortfolioUpdate,
    PositionView,
    Side,
    Undelivered,
    WorkingOrder,
)
from risk.agent import build
from tests.gates.driver import CLEARED, SECOND_NS, Floor, bar_of, calm, order, report_of, settings
from tests.keys import approval

LAST = 139
SYMBOLS = {"AAA": 100, "BBB": 50, "CCC": 20}
EQUITY = Decimal(100_000)
WEIGHTS = (1, 300, 500, 900, 1_000, 1_001, 2_000)
WEIGHT, GROSS = Decimal("0.1"), Decimal("0.25")


class Broker(RuleBasedStateMachine):
    """A broker that accepts, refuses, fills, cancels, and never hears, in any order; it keeps its own accounts."""

    opened: Callable[[], Floor]

    def __init__(self) -> None:
        super().__init__()
        self.floor = self.opened()
        self.held = dict.fromkeys(SYMBOLS, Decimal(0))
        self.sent: dict[str, Order] = {}
        self.working: dict[str, list[Any]] = {}
        self.version = 1
        self.count = 0

    @rule(symbol=st.sampled_from(sorted(SYMBOLS)), side=st.sampled_from(Side), weight=st.sampled_from(WEIGHTS))
    def ask(self, symbol: str, side: Side, weight: int) -> None:
        """Ask for an order worth some basis points of equity."""
        self.count += 1
        quantity = EQUITY * weight / 10_000 / SYMBOLS[symbol]
        asked = order(side, quantity, symbol=symbol, price=SYMBOLS[symbol], bar=LAST, order_id=f"o{self.count}")
        cleared = OrderCleared(
            order=asked, portfolio_version=self.version, verdicts=CLEARED, approval=approval("compliance", asked)
        )
        for message in self.floor.hand(cleared, "compliance", f"talk-o{self.count}"):
            if isinstance(message, OrderApproved):
                self.sent[asked.order_id] = asked

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), fate=st.sampled_from(["accept", "accept", "refuse", "lose"]), is_told=st.booleans())
    def answer(self, data: st.DataObject, fate: str, is_told: bool) -> None:
        """Let an approved order arrive, or not."""
        order_id = data.draw(st.sampled_from(sorted(self.sent)))
        asked = self.sent.pop(order_id)
        if fate == "accept":
            self.working[order_id] = [asked, asked.quantity]
            if is_told:
                self.tell_book()
        elif fate == "refuse" and is_told:
            self.floor.hand(report_of(asked, OrderStatus.REFUSED), "execution")
        elif fate == "lose":
            notice = Undelivered(message_id="risk:1", kind=OrderApproved.KIND, recipient="execution")
            self.floor.notice(notice, f"talk-{order_id}")

    @precondition(lambda self: self.working)
    @rule(data=st.data(), share=st.sampled_from([0, 1, 4, 4]), ends=st.booleans(), is_told=st.booleans())
    def fill(self, data: st.DataObject, share: int, ends: bool, is_told: bool) -> None:
        """Fill a share of a working order, and perhaps cancel the rest; the report comes before the book."""
        order_id = data.draw(st.sampled_from(sorted(self.working)))
        asked, remaining = self.working[order_id]
        quantity = remaining * share / 4
        self.held[asked.symbol] += quantity if asked.side is Side.BUY else -quantity
        self.working[order_id][1] -= quantity
        if ends or share == 4:
            del self.working[order_id]
            status = OrderStatus.FILLED if share == 4 else OrderStatus.CANCELLED
            self.floor.hand(report_of(asked, status, filled=asked.quantity - remaining + quantity), "execution")
        if is_told:
            self.tell_book()

    @rule()
    def pass_time(self) -> None:
        """Let every approval that was not taken up lapse."""
        self.floor.now_ns += 11 * SECOND_NS
        self.sent.clear()
        self.tell_book()

    def tell_book(self) -> None:
        self.version += 1
        views = tuple(
            PositionView(symbol=symbol, quantity=held, average_price=Decimal(1), last_price=Decimal(SYMBOLS[symbol]))
            for symbol, held in self.held.items()
            if held
        )
        working = tuple(WorkingOrder(order=each, remaining=remaining) for each, remaining in self.working.values())
        book = PortfolioUpdate(
            version=self.version, symbol="AAA", bar=LAST, cash=EQUITY, equity=EQUITY, peak_equity=EQUITY,
            realized=Decimal(0), fees=Decimal(0), positions=views, working=working,
        )  # fmt: skip
        self.floor.hand(book, "execution")

    @invariant()
    def nothing_that_may_fill_passes_a_limit(self) -> None:
        """The worst of all subsets of what is open, per symbol and in sum."""
        gross = Decimal(0)
        for symbol, price in SYMBOLS.items():
            buying = selling = Decimal(0)
            live = [(each, each.quantity) for each in self.sent.values()] + [tuple(w) for w in self.working.values()]
            for each, remaining in live:
                if each.symbol == symbol and each.side is Side.BUY:
                    buying += remaining
                elif each.symbol == symbol:
                    selling += remaining
            worst = max(abs(self.held[symbol] + buying), abs(self.held[symbol] - selling)) * price
            assert worst <= WEIGHT * EQUITY
            gross += worst
        assert gross <= GROSS * EQUITY


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[], Floor]:
    """Open floors that all have the same history and an empty book, with a gross limit that can be reached."""
    configuration = settings(tmp_path)
    text = (tmp_path / "limits.toml").read_text(encoding="utf-8")
    assert "gross = 1.5" in text
    configuration = settings(tmp_path, text.replace("gross = 1.5", f"gross = {GROSS}"))
    first = Floor(build(configuration))  # type: ignore[arg-type]
    for seed, (symbol, price) in enumerate(SYMBOLS.items()):
        for bar, close in enumerate(calm(LAST + 1, seed, price)):
            first.hand(bar_of(symbol, bar, close), "market")
    state = first.stepper.snapshot()

    def open_floor() -> Floor:
        floor = Floor(build(configuration))  # type: ignore[arg-type]
        floor.stepper.restore(state)
        book = PortfolioUpdate(
            version=1, symbol="AAA", bar=LAST, cash=EQUITY, equity=EQUITY, peak_equity=EQUITY,
            realized=Decimal(0), fees=Decimal(0), positions=(), working=(),
        )  # fmt: skip
        floor.hand(book, "execution")
        return floor

    return open_floor


def test_no_sequence_of_approvals_passes_a_limit(opened: Callable[[], Floor]) -> None:
    machine = type("OpenBroker", (Broker,), {"opened": staticmethod(opened)})
    run_state_machine_as_test(
        machine,
        settings=profile(
            max_examples=150, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_limits_can_be_reached_and_used_up(opened: Callable[[], Floor]) -> None:
    """The gate does not hold them by refusing everything."""
    floor, approved = opened(), []
    for number, (symbol, price) in enumerate(SYMBOLS.items()):
        weight = 10 if number < 2 else 5
        asked = order(quantity=weight * 1_000 // price, symbol=symbol, price=price, bar=LAST, order_id=f"o{number}")
        signed = approval("compliance", asked)
        cleared = OrderCleared(order=asked, portfolio_version=1, verdicts=CLEARED, approval=signed)
        messages = floor.hand(cleared, "compliance")
        approved += [message for message in messages if isinstance(message, OrderApproved)]
    assert len(approved) == 3
