"""Thousands of random inputs: the book always equals an account kept from the reports alone."""

import csv
import gzip
import random
from collections.abc import Callable, Iterable
from decimal import Context, Decimal, Inexact, localcontext
from pathlib import Path

import pytest

from bus.codec import encode
from bus.message import Header, Message
from bus.messages import (
    ExecutionReport,
    Gap,
    LeaseState,
    MarketUpdate,
    Order,
    OrderStatus,
    PortfolioUpdate,
    Side,
)
from bus.plain import pack, unpack
from execution.config import ExecutionConfig
from execution.order_state import advance, is_end
from tests.execution.driver import Bench, dec, make_bar, make_order, only, plain_config

WIDE = Context(prec=300, traps=[Inexact])
STEPS = 1_500
Step = Callable[[Bench], None]


class Account:
    """What a stranger computes from bars and reports: cash, units, prices, and each order's life."""

    def __init__(self, cash: Decimal) -> None:
        self.initial_cash = self.cash = self.peak_equity = cash
        self.fees = Decimal(0)
        self.version = 0
        self.units: dict[str, Decimal] = {}
        self.prices: dict[str, Decimal] = {}
        self.states: dict[str, OrderStatus] = {}
        self.reports: dict[str, int] = {}
        self.remaining: dict[str, Decimal] = {}

    def take(self, message: Message, given: MarketUpdate | None) -> None:
        with localcontext(WIDE):
            if isinstance(message, ExecutionReport):
                self._report(message)
            elif isinstance(message, PortfolioUpdate):
                if given is not None and (given.symbol, given.bar) == (message.symbol, message.bar):
                    self.prices[given.symbol] = given.close
                self._compare(message)

    def _report(self, report: ExecutionReport) -> None:
        name = report.order.order_id
        self.states[name] = advance(self.states.get(name), report.status)
        self.reports[name] = self.reports.get(name, 0) + 1
        assert report.report == self.reports[name]
        is_of_halt = report.order.order_id.startswith(f"{report.order.decision_id}-x")
        assert (report.verdicts != ()) == (report.report == 1 and not is_of_halt)
        left = self.remaining.get(name, report.order.quantity) - report.last_quantity
        assert report.filled == report.order.quantity - left
        assert (left == 0) == (report.status is OrderStatus.FILLED)
        self.remaining[name] = left
        signed = report.last_quantity * (1 if report.order.side is Side.BUY else -1)
        symbol = report.order.symbol
        self.cash -= signed * report.last_price + report.fee
        self.fees += report.fee
        self.units[symbol] = self.units.get(symbol, Decimal(0)) + signed
        if report.last_quantity:
            assert report.slippage >= 0
            assert report.fee >= 0

    def _compare(self, portfolio: PortfolioUpdate) -> None:
        self.version += 1
        held = {symbol: units for symbol, units in self.units.items() if units}
        equity = self.cash + sum((units * self.prices[symbol] for symbol, units in held.items()), Decimal(0))
        self.peak_equity = max(self.peak_equity, equity)
        assert portfolio.version == self.version
        assert portfolio.cash == self.cash
        assert portfolio.fees == self.fees
        assert portfolio.equity == equity
        assert portfolio.peak_equity == self.peak_equity
        assert {p.symbol: p.quantity for p in portfolio.positions} == held
        assert {p.symbol: p.last_price for p in portfolio.positions} == {symbol: self.prices[symbol] for symbol in held}
        if not held:
            assert equity == self.initial_cash + portfolio.realized - self.fees
        working = {w.order.order_id: w.remaining for w in portfolio.working}
        alive = [name for name, status in self.states.items() if not is_end(status)]
        assert working == {name: self.remaining[name] for name in alive}


def random_steps(seed: int, count: int) -> Iterable[Step]:
    """Inputs of every kind: bars with holes and silent ones, orders, repeats, leases, waits, gaps."""
    chance = random.Random(seed)
    bars = {"SPX": -1, "BTC": -1}
    prices = {"SPX": Decimal(100), "BTC": Decimal("0.5")}
    for number in range(count):
        symbol = chance.choice(["SPX", "BTC"])
        draw = chance.random()
        if chance.random() < 0.05 and bars[symbol] >= 0:
            yield closing(f"x{number}", symbol, bars[symbol])
        elif draw < 0.5:
            bars[symbol] += 2 if chance.random() < 0.02 else 1
            prices[symbol] = move(prices[symbol], chance)
            volume = "0" if chance.random() < 0.1 else f"{chance.uniform(1, 9000):.4f}"
            bar = make_bar(
                bars[symbol], str(prices[symbol]), close=str(move(prices[symbol], chance)), volume=volume, symbol=symbol
            )
            yield giving(bar)
        elif draw < 0.85:
            name = f"o{number if chance.random() < 0.9 else chance.randrange(number + 1)}"
            quantity = f"{chance.uniform(0.001, 900):.{chance.randrange(9)}f}"
            side = chance.choice(list(Side))
            # Now and then an order is a bar ahead of what execution has seen, and has to wait for it.
            ahead = chance.random() < 0.05
            if Decimal(quantity) > 0:
                order = make_order(name, quantity, side=side, bar=max(bars[symbol], 0) + ahead, symbol=symbol)
                valid_s = chance.uniform(-0.1, 3)
                ttl_ms = chance.choice([0, 700])
                yield approving(order, valid_s, ttl_ms)
        elif draw < 0.98:
            state = chance.choices(list(LeaseState), weights=[8, 1, 0.3])[0]
            yield leasing(state)
        else:
            yield giving(Gap(sender="market", stream=MarketUpdate.KIND, first=1, last=2))
        if chance.random() < 0.3:
            yield waiting(chance.uniform(0, 1))


def fine_config() -> ExecutionConfig:
    """Lots as fine as the orders."""
    return plain_config(lot="0.00000001", remembered_s=1e6)


def giving(message: Message) -> Step:
    def step(bench: Bench) -> None:
        bench.give(message)

    return step


def approving(order: Order, valid_s: float, ttl_ms: int) -> Step:
    def step(bench: Bench) -> None:
        bench.approve(order, valid_s=valid_s, ttl_ms=ttl_ms)

    return step


def closing(name: str, symbol: str, bar: int) -> Step:
    """Sell, or buy back, all that is held, so that flat books are met as well."""

    def step(bench: Bench) -> None:
        held = bench.agent.desk.book.quantity(symbol)
        if held:
            side = Side.SELL if held > 0 else Side.BUY
            bench.approve(make_order(name, str(abs(held)), side=side, bar=bar, symbol=symbol))

    return step


def leasing(state: LeaseState) -> Step:
    def step(bench: Bench) -> None:
        bench.lease(state)

    return step


def waiting(seconds: float) -> Step:
    def step(bench: Bench) -> None:
        bench.wait(seconds)

    return step


def move(price: Decimal, chance: random.Random) -> Decimal:
    return max(Decimal("0.01"), (price * Decimal(f"{chance.uniform(0.93, 1.08):.5f}")).quantize(Decimal("0.0001")))


@pytest.mark.parametrize("seed", range(3))
def test_cash_and_positions_equal_equity_after_every_output(seed: int) -> None:
    bench = Bench(plain_config(expire_bars=4, lot="0.00000001", remembered_s=1e6))
    account = Account(bench.agent.desk.book.initial_cash)
    taken = 0
    for step in random_steps(seed, STEPS):
        before = len(bench.outputs)
        step(bench)
        for envelope in bench.outputs[before:]:
            account.take(envelope.message, bench.last_bar)
            taken += 1
        book = bench.agent.desk.book
        with localcontext(WIDE):
            assert book.equity == book.initial_cash + book.realized + book.unrealized - book.fees + book.carry
            if not book.positions:
                assert book.unrealized == 0
    assert taken > STEPS / 2
    assert bench.agent.desk.fills > 100
    assert bench.agent.duplicates > 10
    assert {status.value for status in account.states.values()} >= {
        "filled",
        "expired",
        "cancelled",
        "refused",
    }


@pytest.mark.parametrize("seed", range(3, 6))
def test_a_restored_agent_goes_on_to_the_byte(seed: int) -> None:
    steps = list(random_steps(seed, 900))
    whole, half = Bench(fine_config()), Bench(fine_config())
    for step in steps[:500]:
        step(whole)
        step(half)
    restored = Bench(fine_config())
    restored.stepper.restore(unpack(pack(half.stepper.snapshot())))
    restored.now_ns, restored._sent = half.now_ns, half._sent
    begun = len(whole.outputs)
    for step in steps[500:]:
        step(whole)
        step(restored)
    frames = [encode(envelope.header, envelope.message) for envelope in whole.outputs[begun:]]
    assert frames == [encode(envelope.header, envelope.message) for envelope in restored.outputs]
    assert len(only(ExecutionReport, [envelope.message for envelope in restored.outputs])) > 50
    assert pack(restored.stepper.snapshot()) == pack(whole.stepper.snapshot())
    assert restored.agent.report() == whole.agent.report()


def test_a_snapshot_keeps_every_type() -> None:
    bench = Bench()
    for step in random_steps(7, 400):
        step(bench)
    state = bench.agent.snapshot()
    assert unpack(pack(state)) == state
    allowed = {type(None), bool, int, float, str, list, tuple, dict, Decimal}
    assert kinds_in(state) <= allowed


def kinds_in(value: object) -> set[type]:
    if isinstance(value, Message) or type(value).__module__.startswith("bus.messages"):
        return set()
    kinds = {type(value)}
    if isinstance(value, dict):
        for key, each in value.items():
            kinds |= kinds_in(key) | kinds_in(each)
    elif isinstance(value, list | tuple) and type(value) is not Header:
        for each in value:
            kinds |= kinds_in(each)
    return kinds


def test_real_bars_with_crashes_and_splits_keep_the_book_exact(market_data: Path) -> None:
    bench = Bench(plain_config(max_volume_share="0.01", lot="0.1"))
    account = Account(bench.agent.desk.book.initial_cash)
    bench.lease(seconds=1e6)
    with gzip.open(market_data / "AIG_1d.csv.gz", "rt", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if "2007" <= row["timestamp"][:4] <= "2010"]
    for number, row in enumerate(rows):
        bar = make_bar(
            number,
            row["open"],
            close=row["close"],
            high=row["high"],
            low=row["low"],
            volume=row["volume"],
            symbol="AIG",
        )
        before = len(bench.outputs)
        bench.give(bar)
        side = Side.BUY if number // 7 % 2 else Side.SELL
        bench.approve(make_order(f"o{number}", "37.5", side=side, bar=number, symbol="AIG"), valid_s=1)
        for envelope in bench.outputs[before:]:
            account.take(envelope.message, bar)
    assert account.version > 1900
    assert bench.agent.desk.fills > 900
    assert account.units["AIG"] == sum(
        (p.quantity for p in bench.agent.desk.portfolio().positions if p.symbol == "AIG"), dec(0)
    )
