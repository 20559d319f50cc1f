"""Orders at a broker that fails in every way: the book is the broker's, nothing exceeds what was approved, all ends."""

import random
from collections import Counter
from decimal import Decimal, localcontext

import pytest

from bus.messages import ExecutionCost, ExecutionReport, LeaseState, Side
from execution.desk import Desk
from execution.faulty import Fault, FaultyBroker
from execution.money import EXACT, ZERO
from execution.order_state import is_end
from execution.paper import PaperBroker
from execution.tray import Filed
from tests.execution.desks import HEADER, of
from tests.execution.driver import make_approval, make_bar, make_order, plain_config

FAULTS = {
    Fault.SILENCE: 0.02,
    Fault.ECHO: 0.1,
    Fault.LOST_CANCEL: 0.3,
    Fault.FILL_AFTER_CANCEL: 0.2,
    Fault.STRANGER: 0.02,
    Fault.REFUSAL: 0.1,
    Fault.DELAY: 0.2,
}
BARS = 400


class Run:
    """A desk at a faulty broker, driven by chance, and what it told."""

    def __init__(self, schedule: str, seed: int) -> None:
        self.chance = random.Random(seed)
        config = plain_config(schedule=schedule, lot="1", expire_bars=4, horizon_bars=4, cancel_race=0.5)
        self.paper = PaperBroker(config.paper)
        self.desk = Desk(FaultyBroker(self.paper, FAULTS, seed), config)
        self.desk.lease = LeaseState.ACTIVE
        self.filed: list[Filed] = self.desk.on_bar(make_bar(0, high="101"))
        self.number = 0

    def bar(self, *, volume: str | None = None) -> None:
        self.number += 1
        self.desk.now_ns += 10**9
        price = f"{100 + 3 * self.chance.random():.2f}"
        close = f"{100 + 3 * self.chance.random():.2f}"
        volume = volume or ("0" if self.chance.random() < 0.1 else str(self.chance.randrange(1, 9000)))
        self.filed += self.desk.on_bar(make_bar(self.number, price, close=close, volume=volume, high="104", low="99"))

    def order(self) -> None:
        side = Side.BUY if self.chance.random() < 0.5 else Side.SELL
        order = make_order(f"o{self.number}", str(self.chance.randrange(1, 1500)), side=side, bar=self.number)
        if self.desk.auditor.is_clear:
            self.filed += self.desk.accept(make_approval(order, self.desk.now_ns + 10**9), HEADER)

    def step(self) -> None:
        self.bar()
        if self.chance.random() < 0.5:
            self.order()
        if self.chance.random() < 0.05:
            self.filed += self.desk.cancel_all("drill")
        if self.desk.auditor.stopped and self.chance.random() < 0.3:
            self.filed += self.desk.release()
        self.desk.lease = None if self.chance.random() < 0.1 else LeaseState.ACTIVE


@pytest.mark.parametrize("schedule", ["immediate", "twap", "adaptive"])
@pytest.mark.parametrize("seed", range(2))
def test_whatever_the_broker_does(schedule: str, seed: int) -> None:
    run = Run(schedule, seed)
    for _ in range(BARS):
        run.step()
        book = run.desk.book
        with localcontext(EXACT):
            assert book.equity == book.initial_cash + book.realized + book.unrealized - book.fees + book.carry
    run.desk.lease = LeaseState.ACTIVE
    for _ in range(40):
        run.bar(volume="9000")
    check_ends(run)


def check_ends(run: Run) -> None:
    reports, costs = of(ExecutionReport, run.filed), of(ExecutionCost, run.filed)
    last: dict[str, ExecutionReport] = {report.order.order_id: report for report in reports}
    assert all(is_end(report.status) for report in last.values())
    assert Counter(cost.order.order_id for cost in costs) == Counter(last.keys())
    assert [report.report for report in reports if report.order.order_id == "o1"] == sorted(
        report.report for report in reports if report.order.order_id == "o1"
    )
    assert all(report.filled <= report.order.quantity for report in reports)
    held = sum((report.last_quantity * (1 if report.order.side is Side.BUY else -1) for report in reports), ZERO)
    booked = {symbol: position.quantity for symbol, position in run.desk.book.positions.items()}
    assert booked.get("SPX", ZERO) == held
    assert run.paper.account().positions == booked
    assert not run.paper.account().working
    assert run.desk.live == []
    assert {report.status.value for report in reports} >= {"filled", "expired", "cancelled"}
    assert sum((report.fee for report in reports), Decimal(0)) == run.desk.book.fees
