"""Execution halted by risk: what it does at the broker, what it tells, and that a restart changes nothing."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.message import Message
from bus.messages import (
    Command,
    CommandResult,
    CorporateAction,
    ExecutionReport,
    HaltStage,
    HaltStatus,
    LeaseState,
    OrderStatus,
    PortfolioUpdate,
    RiskAlert,
    RiskLease,
    Side,
    SystemCommand,
)
from bus.plain import pack, unpack
from execution.agent import Execution, HaltCheck
from execution.faulty import Fault, FaultyBroker
from execution.paper import PaperBroker
from tests.execution.driver import SECOND_NS, Bench, make_bar, make_order, only, plain_config
from tests.keys import VERIFIER

CANCELLING, FLATTENING, FLAT = HaltStage.CANCELLING, HaltStage.FLATTENING, HaltStage.FLAT


class Halted(Bench):
    """A bench whose broker can fail."""

    def __init__(self) -> None:
        super().__init__()
        self.rates: dict[Fault, float] = {}
        self.renewed()

    def fail(self, **faults: float) -> None:
        """Let the broker fail like this from now on."""
        self.rates = {Fault[name]: rate for name, rate in faults.items()}
        self.restart()

    def renewed(self) -> None:
        """Put an execution that knows nothing behind a broker that knows nothing."""
        config = plain_config()
        self.broker = FaultyBroker(PaperBroker(config.paper), self.rates)
        self.stepper.agent = self.agent = Execution(config, VERIFIER, self.broker)

    def restart(self) -> None:
        """Come back from what was written."""
        kept = unpack(pack(self.agent.snapshot()))
        self.renewed()
        self.agent.restore(kept)
        assert self.agent.snapshot() == kept

    def halt(self, number: int = 1) -> list[HaltStatus]:
        """Let risk halt the firm; return what is said of it."""
        return only(HaltStatus, self.say(LeaseState.HALTED, number))

    def say(self, state: LeaseState, number: int = 1) -> list[Message]:
        """Let risk speak."""
        expires_ns = self.now_ns + 2 * SECOND_NS
        return self.give(RiskLease(state=state, expires_ns=expires_ns, reason="drill", halt=number), sender="risk")

    @property
    def truth(self) -> tuple[list[str], dict[str, Decimal]]:
        """What rests and what is held at the venue."""
        account = self.broker.broker.account()
        assert account is not None
        held = dict(account.positions)
        for symbol, units in self.broker.snapshot()["phantoms"].items():
            held[symbol] = held.get(symbol, Decimal(0)) + units
        return list(account.working), {symbol: units for symbol, units in held.items() if units}

    @property
    def stage(self) -> HaltStage:
        return self.agent.halting.halt.stage


def holding(**faults: float) -> Halted:
    """Execution that holds 100 SPX, bought at the open of bar 1."""
    bench = Halted()
    bench.lease()
    bench.give(make_bar(0))
    bench.approve(make_order(quantity="100"))
    bench.give(make_bar(1))
    assert bench.truth == ([], {"SPX": Decimal(100)})
    bench.fail(**faults)
    return bench


def test_a_halt_closes_what_is_held_and_says_flat_at_the_next_bar() -> None:
    bench = holding()
    said = bench.say(LeaseState.HALTED)
    [report] = only(ExecutionReport, said)
    assert (report.order.order_id, report.status) == ("SPX-1-x1", OrderStatus.ACCEPTED)
    assert (report.order.decision_id, report.order.side, report.order.quantity) == ("SPX-1", Side.SELL, Decimal(100))
    [status] = only(HaltStatus, said)
    assert (status.stage, status.halt, status.positions) == (FLATTENING, 1, (("SPX", Decimal(100)),))
    assert isinstance(said[-1], PortfolioUpdate)
    assert [each.order.order_id for each in said[-1].working] == ["SPX-1-x1"]
    told = bench.give(make_bar(2))
    assert [r.status for r in only(ExecutionReport, told)] == [OrderStatus.FILLED]
    assert [s.stage for s in only(HaltStatus, told)] == [FLAT]
    assert bench.truth == ([], {})
    assert bench.agent.report()["halt"] == "flat"


def test_the_lease_of_a_halt_in_force_says_nothing_more() -> None:
    bench = holding()
    bench.halt()
    assert bench.say(LeaseState.HALTED) == []


def test_what_rests_is_cancelled_before_anything_is_sold() -> None:
    bench = holding(LOST_CANCEL=1.0)
    bench.approve(make_order("o2", quantity="900000", bar=1))
    assert [status.stage for status in bench.halt()] == [CANCELLING]
    assert bench.truth[0] == ["bd-o2-1"]
    bench.give(make_bar(2))
    assert bench.stage is CANCELLING
    assert bench.truth[1]["SPX"] > 100
    bench.fail()
    bench.give(make_bar(3))
    bench.give(make_bar(4))
    held = bench.truth[1]["SPX"]
    assert bench.stage is FLATTENING
    for number in range(5, 30):
        bench.give(make_bar(number))
        assert 0 <= bench.truth[1].get("SPX", Decimal(0)) <= held
    assert bench.stage is FLAT
    assert bench.truth == ([], {})
    assert bench.agent.desk.book.quantity("SPX") == 0


def test_an_approval_is_refused_while_halted() -> None:
    bench = holding()
    bench.halt()
    [report] = only(ExecutionReport, bench.approve(make_order("o2", bar=1)))
    assert report.status is OrderStatus.REFUSED
    assert "halted by risk: drill" in report.reason


def test_an_approval_is_refused_even_when_the_halted_lease_has_run_out() -> None:
    bench = holding()
    bench.halt()
    bench.wait(60)
    [report] = only(ExecutionReport, bench.approve(make_order("o2", bar=1)))
    assert report.status is OrderStatus.REFUSED


@pytest.mark.parametrize("state", [LeaseState.ACTIVE, LeaseState.REDUCING])
def test_a_resume_ends_the_halt_and_orders_are_taken_again(state: LeaseState) -> None:
    bench = holding()
    bench.halt()
    bench.give(make_bar(2))
    [status] = only(HaltStatus, bench.say(state))
    assert status.stage is HaltStage.NONE
    [report, *_] = only(ExecutionReport, bench.approve(make_order("o2", quantity="5", bar=2)))
    assert report.status is (OrderStatus.ACCEPTED if state is LeaseState.ACTIVE else OrderStatus.REFUSED)


def test_a_second_halt_flattens_again_under_ids_of_its_own() -> None:
    bench = holding()
    bench.halt(1)
    bench.give(make_bar(2))
    bench.say(LeaseState.ACTIVE)
    bench.approve(make_order("o2", quantity="7", bar=2))
    bench.give(make_bar(3))
    assert [status.halt for status in bench.halt(2)] == [2]
    bench.give(make_bar(4))
    assert bench.truth == ([], {})
    assert bench.agent.desk.answered("SPX-3-x1") == "filled"


def test_a_silent_broker_is_asked_by_the_timer_and_is_not_flat() -> None:
    bench = holding()
    bench.fail(SILENCE=1.0)
    bench.give(make_bar(2))
    [status] = bench.halt()
    assert (status.stage, "no word" in status.detail) == (CANCELLING, True)
    timer = bench.stepper.next_timer()
    assert timer is not None
    bench.now_ns = timer[0]
    assert [e.message for e in bench.stepper.fire(timer[1], timer[0])] == []
    assert bench.stepper.next_timer() is not None
    bench.fail()
    for number in range(3, 9):
        bench.give(make_bar(number))
    assert bench.stage is FLAT
    assert bench.truth == ([], {})


def test_the_timer_ends_with_the_halt() -> None:
    bench = holding()
    bench.halt()
    bench.give(make_bar(2))
    bench.say(LeaseState.ACTIVE)
    timer = bench.stepper.next_timer()
    assert timer is not None
    bench.stepper.fire(timer[1], timer[0])
    assert bench.stepper.next_timer() is None
    assert bench.give(HaltCheck()) == []


def test_units_that_the_book_does_not_know_are_sold_and_not_booked() -> None:
    bench = holding()
    cash = bench.agent.desk.book.cash
    bench.fail(PHANTOM=1.0)
    bench.give(make_bar(2))
    bench.fail()
    bench.halt()
    for number in range(3, 8):
        bench.give(make_bar(number))
    alerts = [e.message.reason for e in bench.outputs if isinstance(e.message, RiskAlert)]
    assert bench.stage is FLAT
    account = bench.broker.account()
    assert account is not None
    assert not account.positions
    assert "halt 1: SPX: the book says 100 units, the broker 101; compare their fills" in alerts
    assert bench.agent.desk.book.quantity("SPX") == 0
    sold = [r for e in bench.outputs if isinstance(r := e.message, ExecutionReport) and r.last_quantity]
    assert [report.last_quantity for report in sold] == [100, 100, 1]
    assert bench.agent.desk.book.cash - cash == sold[1].last_quantity * sold[1].last_price - sold[1].fee


@pytest.mark.parametrize("bars", range(4))
def test_a_restart_anywhere_in_a_halt_changes_nothing_that_is_said(bars: int) -> None:
    def play(*, is_restarted: bool) -> list[object]:
        bench = holding(LOST_CANCEL=0.6, DELAY=0.5)
        bench.approve(make_order("o2", quantity="3000", bar=1))
        bench.halt()
        for number in range(2, 12):
            if is_restarted and number == 2 + bars:
                bench.restart()
            bench.give(make_bar(number))
        assert bench.stage is FLAT
        assert bench.truth == ([], {})
        return [envelope.message for envelope in bench.outputs]

    assert play(is_restarted=True) == play(is_restarted=False)


def test_a_split_in_a_halt_is_flattened_in_the_new_units() -> None:
    bench = holding()
    bench.halt()
    bench.give(make_bar(2, "50").model_copy(update={"action": CorporateAction(split=Decimal(2))}))
    assert bench.truth == (["bd-SPX-2-x1-1"], {"SPX": Decimal(200)})
    bench.give(make_bar(3, "50"))
    assert (bench.stage, bench.truth) == (FLAT, ([], {}))


def test_it_says_on_demand_how_far_it_has_come() -> None:
    bench = holding()
    ask = SystemCommand(command=Command.ASK)
    [answer] = only(CommandResult, bench.command(ask))
    assert (answer.is_done, answer.detail) == (True, "never halted")
    bench.halt()
    told = bench.command(ask)
    assert [status.stage for status in only(HaltStatus, told)] == [FLATTENING]
    assert only(CommandResult, told)[0].detail == "flattening: held: 100 SPX"


def test_halts_and_resumes_are_not_executions_to_take() -> None:
    bench = holding()
    [answer] = only(CommandResult, bench.command(SystemCommand(command=Command.RESUME, reason="x", operator="y")))
    assert not answer.is_done
    assert "ask risk" in answer.detail


RATES = st.dictionaries(st.sampled_from(list(Fault)), st.sampled_from([0.2, 0.5, 1.0]), max_size=4)


@settings(deadline=None, max_examples=40)
@given(
    RATES,
    st.lists(st.integers(80, 120), min_size=8, max_size=25),
    st.sets(st.integers(0, 25), max_size=3),
    st.integers(1, 5_000),
)
def test_whatever_fails_flat_is_never_said_of_a_venue_that_is_not(
    rates: dict[Fault, float], prices: list[int], restarts: set[int], units: int
) -> None:
    bench = holding(**{fault.name: rate for fault, rate in rates.items()})
    bench.approve(make_order("o2", quantity=str(units), bar=1))
    most = abs(bench.truth[1]["SPX"]) + units + len(prices) + 2
    bench.halt()
    for number, price in enumerate(prices, start=2):
        bench.give(make_bar(number, str(price)))
        if number in restarts:
            bench.restart()
        working, held = bench.truth
        if bench.stage is FLAT:
            assert (working, held) == ([], {})
            assert not bench.agent.desk.book.positions
        assert abs(held.get("SPX", Decimal(0))) <= most
        assert sum("-x" in name for name in working) <= 1
        assert bench.stepper.counters["invalid"] == 0
    bench.agent.desk.book.check()
