"""Risk as an agent: it waits, approves once, counts what it approved, leases, halts, and forgets nothing."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from bus.message import Message
from bus.messages import (
    Command,
    CommandResult,
    Gap,
    LeaseState,
    MarketUpdate,
    Order,
    OrderApproved,
    OrderCleared,
    OrderProposed,
    OrderRejected,
    OrderStatus,
    PortfolioUpdate,
    RiskAlert,
    RiskLease,
    RiskReport,
    Side,
    SystemCommand,
    Undelivered,
    Urgency,
    Verdict,
)
from bus.plain import pack, unpack
from risk.agent import build
from risk.rules import RULES
from tests.gates.driver import (
    CLEARED,
    SECOND_NS,
    Floor,
    bar_of,
    book_of,
    calm,
    only,
    order,
    refused_by,
    report_of,
    settings,
)
from tests.keys import approval

LAST = 139
NEXT = LAST + 1
CLOSES = calm(LAST + 1, 1)
Open = Callable[[], Floor]


@pytest.fixture
def make(tmp_path: Path) -> Callable[[], Floor]:
    """Make a floor around a fresh risk."""
    return lambda: Floor(build(settings(tmp_path)))  # type: ignore[arg-type]


@pytest.fixture
def floor(make: Open) -> Floor:
    """A floor at work: history of AAA, a book, the first lease given."""
    opened = make()
    opened.take(opened.stepper.start(opened.now_ns))
    opened.show("AAA", CLOSES)
    opened.hand(book_of(7, "AAA", LAST), "execution")
    opened.said.clear()
    return opened


def cleared(of: Order, version: int = 7) -> OrderCleared:
    return OrderCleared(order=of, portfolio_version=version, verdicts=CLEARED, approval=approval("compliance", of))


def asked(quantity: int = 10, order_id: str = "o1", side: Side = Side.BUY, bar: int = LAST) -> Order:
    return order(side, quantity, order_id=order_id, bar=bar)


def over(version: int, bar: int = NEXT) -> PortfolioUpdate:
    """A book of 120 units where a hundred are allowed."""
    return book_of(version, "AAA", bar, positions={"AAA": 120})


def test_an_order_within_every_limit_is_approved(floor: Floor) -> None:
    messages = floor.hand(cleared(asked()), "compliance", "talk-1")
    approved = only(messages, OrderApproved)
    assert approved.order == asked()
    assert approved.valid_until_ns == floor.now_ns + 10 * SECOND_NS
    assert [each.rule for each in approved.verdicts] == ["restricted", *[rule.name for rule in RULES]]
    assert all(each.passes for each in approved.verdicts)
    header = floor.said[-1].header
    assert (header.recipient, header.correlation_id) == ("execution", "talk-1")


def test_an_order_over_a_limit_is_refused_with_every_word(floor: Floor) -> None:
    messages = floor.hand(cleared(asked(101)), "compliance", "talk-1")
    rejected = only(messages, OrderRejected)
    assert rejected.rejected_by == "risk"
    assert refused_by(messages) == ["position_weight"]
    assert [each.rule for each in rejected.verdicts] == ["restricted", *[rule.name for rule in RULES]]
    assert rejected.reason == "position_weight: up to 101 AAA worth 10100.0, equity 100000"
    assert floor.said[-1].header.correlation_id == "talk-1"


def test_it_waits_for_the_bar_and_the_book_in_either_order(make: Open) -> None:
    for newest in (["bar", "book"], ["book", "bar"]):
        floor = make()
        floor.show("AAA", CLOSES[:-1])
        floor.hand(book_of(6, "AAA", LAST - 1), "execution")
        assert floor.hand(cleared(asked()), "compliance") == []
        late: dict[str, tuple[MarketUpdate | PortfolioUpdate, str]] = {
            "bar": (bar_of("AAA", LAST, CLOSES[-1]), "market"),
            "book": (book_of(7, "AAA", LAST), "execution"),
        }
        assert floor.hand(*late[newest[0]]) == []
        assert only(floor.hand(*late[newest[1]]), OrderApproved).order == asked()


def test_an_order_that_waited_too_long_is_refused_and_does_not_come_back(floor: Floor) -> None:
    assert floor.hand(cleared(asked(), version=8), "compliance", "talk-1") == []
    floor.now_ns += 10 * SECOND_NS + 1
    messages = floor.hand(book_of(8, "AAA", LAST), "execution")
    assert refused_by(messages) == ["deadline"]
    assert [each.rule for each in only(messages, OrderRejected).verdicts] == ["restricted", "deadline"]
    assert floor.said[-1].header.correlation_id == "talk-1"
    assert refused_by(floor.hand(cleared(asked(), version=8), "compliance")) == ["duplicate"]


def test_an_order_is_approved_once(floor: Floor) -> None:
    only(floor.hand(cleared(asked()), "compliance"), OrderApproved)
    assert refused_by(floor.hand(cleared(asked()), "compliance")) == ["duplicate"]
    again = asked(order_id="o2").model_copy(update={"decision_id": "d-o1"})
    assert refused_by(floor.hand(cleared(again), "compliance")) == ["duplicate"]


def test_an_order_that_compliance_did_not_clear_is_refused(floor: Floor) -> None:
    assert refused_by(floor.hand(cleared(asked()), "pads")) == ["clearance"]


def test_an_unknown_symbol_is_refused_at_once(floor: Floor) -> None:
    messages = floor.hand(cleared(order(symbol="ZZZ", bar=LAST)), "compliance")
    assert "stale_prices" in refused_by(messages)
    assert (
        "position_weight: cannot judge: LookupError: no price of ZZZ was ever seen"
        in only(messages, OrderRejected).reason
    )


def test_what_was_approved_counts_before_the_book_shows_it(floor: Floor) -> None:
    first, second = asked(60), asked(50, "o2")
    only(floor.hand(cleared(first), "compliance"), OrderApproved)
    assert refused_by(floor.hand(cleared(second), "compliance")) == ["position_weight"]
    only(floor.hand(cleared(asked(40, "o3")), "compliance"), OrderApproved)


def test_it_counts_once_when_the_book_shows_it(floor: Floor) -> None:
    first = asked(60)
    floor.hand(cleared(first), "compliance")
    floor.hand(report_of(first, OrderStatus.ACCEPTED), "execution")
    floor.hand(book_of(8, "AAA", LAST, working=[first]), "execution")
    only(floor.hand(cleared(asked(40, "o2")), "compliance"), OrderApproved)
    assert refused_by(floor.hand(cleared(asked(1, "o3")), "compliance")) == ["position_weight"]


def test_reductions_in_flight_do_not_add_up_to_a_short_beyond_the_limit(floor: Floor) -> None:
    floor.hand(book_of(8, "AAA", LAST, positions={"AAA": 100}), "execution")
    for order_id in ("out", "short"):
        only(floor.hand(cleared(asked(100, order_id, Side.SELL)), "compliance"), OrderApproved)
    assert refused_by(floor.hand(cleared(asked(100, "more", Side.SELL)), "compliance")) == ["position_weight"]


@pytest.mark.parametrize("status", [OrderStatus.REFUSED, OrderStatus.CANCELLED, OrderStatus.EXPIRED])
def test_an_order_that_ended_makes_room(floor: Floor, status: OrderStatus) -> None:
    first = asked(60)
    floor.hand(cleared(first), "compliance")
    floor.hand(report_of(first, status), "execution")
    only(floor.hand(cleared(asked(100, "o2")), "compliance"), OrderApproved)


def test_an_order_that_execution_did_not_acknowledge_is_refused_and_makes_room(floor: Floor) -> None:
    floor.hand(cleared(asked(60)), "compliance", "talk-1")
    floor.hand(cleared(asked(30, "o2")), "compliance", "talk-2")
    notice = Undelivered(message_id="risk:9", kind=OrderApproved.KIND, recipient="execution")
    messages = floor.notice(notice, "talk-1")
    rejected = only(messages, OrderRejected)
    assert rejected.order.order_id == "o1"
    assert rejected.reason == "delivery: execution did not acknowledge the order"
    assert [each.rule for each in rejected.verdicts] == ["restricted", *[rule.name for rule in RULES], "delivery"]
    assert floor.said[-1].header.correlation_id == "talk-1"
    only(floor.hand(cleared(asked(70, "o3")), "compliance"), OrderApproved)
    assert floor.notice(notice, "talk-1") == []


def test_a_notice_without_conversation_frees_nothing(floor: Floor) -> None:
    floor.hand(cleared(asked(60)), "compliance", "talk-1")
    assert floor.notice(Undelivered(message_id="risk:9", kind=OrderApproved.KIND, recipient="execution")) == []
    assert floor.stepper.counters["invalid"] == 1
    assert floor.notice(Undelivered(message_id="risk:9", kind=CommandResult.KIND, recipient="ops"), "talk-1") == []
    assert refused_by(floor.hand(cleared(asked(60, "o2")), "compliance")) == ["position_weight"]


def test_after_a_lost_book_it_refuses_until_the_next(floor: Floor) -> None:
    floor.notice(Gap(sender="execution", stream=PortfolioUpdate.KIND, first=8, last=8))
    assert refused_by(floor.hand(cleared(asked()), "compliance")) == ["whole_book"]
    floor.hand(book_of(9, "AAA", LAST), "execution")
    only(floor.hand(cleared(asked(order_id="o2")), "compliance"), OrderApproved)


def test_after_lost_bars_only_reductions_pass_until_there_is_history_again(floor: Floor) -> None:
    """A hundred observations need 121 bars: the first ends no return, and twenty returns only start the volatility."""
    floor.hand(book_of(8, "AAA", LAST, positions={"AAA": 50}), "execution")
    floor.notice(Gap(sender="market", stream=MarketUpdate.KIND, first=LAST + 1, last=LAST + 1))
    rules = refused_by(floor.hand(cleared(asked(1, "o2")), "compliance"))
    assert rules == ["stale_prices", "observations", "expected_shortfall"]
    floor.hand(bar_of("AAA", LAST + 1, CLOSES[-1]), "market")
    only(floor.hand(cleared(asked(1, "o3", Side.SELL, LAST + 1)), "compliance"), OrderApproved)
    rules = refused_by(floor.hand(cleared(asked(1, "o4", bar=LAST + 1)), "compliance"))
    assert rules == ["observations", "expected_shortfall"]
    floor.show("AAA", CLOSES[-119:], LAST + 2)
    assert "observations" in refused_by(floor.hand(cleared(asked(1, "o5", bar=LAST + 120)), "compliance"))
    floor.hand(bar_of("AAA", LAST + 121, CLOSES[-1]), "market")
    only(floor.hand(cleared(asked(1, "o6", bar=LAST + 121)), "compliance"), OrderApproved)


def test_other_gaps_change_nothing_and_an_old_book_is_ignored(floor: Floor) -> None:
    floor.notice(Gap(sender="pads", stream="DECISION_MADE/1", first=1, last=1))
    for version in (6, 7):
        floor.hand(book_of(version, "AAA", LAST, positions={"AAA": 100}), "execution")
    only(floor.hand(cleared(asked(100)), "compliance"), OrderApproved)


def test_the_lease_is_given_at_the_start_and_renewed_in_time(make: Open) -> None:
    floor = make()
    lease = only(floor.take(floor.stepper.start(floor.now_ns)), RiskLease)
    assert (lease.state, lease.expires_ns) == (LeaseState.ACTIVE, floor.now_ns + 2 * SECOND_NS)
    assert (floor.said[0].header.recipient, floor.said[0].header.ttl_ms) == ("execution", 2_000)
    for renewal in range(1, 9):
        again = only(floor.fire(), RiskLease)
        assert floor.now_ns == SECOND_NS + renewal * SECOND_NS // 2
        assert again.expires_ns == floor.now_ns + 2 * SECOND_NS


@pytest.mark.parametrize(("equity", "tier", "severity"), [(92_000, 1, 0.1), (88_000, 2, 0.25)])
def test_entering_and_leaving_a_tier_is_told_once_with_the_book_it_was_on(
    floor: Floor, equity: int, tier: int, severity: float
) -> None:
    alert = only(floor.hand(book_of(8, "AAA", LAST, equity=equity), "execution"), RiskAlert)
    assert (alert.symbol, alert.severity, alert.source, alert.portfolio_version) == ("*", severity, "risk", 8)
    assert f"enters tier {tier}" in alert.reason
    assert floor.hand(book_of(9, "AAA", LAST, equity=equity - 1), "execution") == []
    back = only(floor.hand(book_of(10, "AAA", LAST, equity=100_000), "execution"), RiskAlert)
    assert (back.severity, back.portfolio_version) == (0.0, 10)
    assert f"leaves tier {tier}" in back.reason


def test_at_the_budget_the_lease_is_reducing_at_once_and_until_recovery(floor: Floor) -> None:
    messages = floor.hand(book_of(8, "AAA", LAST, equity=85_000, positions={"AAA": 20}), "execution")
    assert only(messages, RiskAlert).severity == 0.5
    assert only(messages, RiskLease).state is LeaseState.REDUCING
    assert "drawdown_tier" in refused_by(floor.hand(cleared(asked(1, "o2"), 8), "compliance"))
    only(floor.hand(cleared(asked(20, "o3", Side.SELL), 8), "compliance"), OrderApproved)
    assert only(floor.fire(), RiskLease).state is LeaseState.REDUCING
    back = floor.hand(book_of(9, "AAA", LAST, equity=88_001), "execution")
    assert only(back, RiskLease).state is LeaseState.ACTIVE
    assert only(back, RiskAlert).severity == 0.25
    assert len(back) == 2


def test_beyond_the_budget_risk_halts_by_itself(floor: Floor) -> None:
    """One cent beyond it, and only there; the lease says so at once, and every later one."""
    at = floor.hand(book_of(8, "AAA", LAST, equity=85_000), "execution")
    assert only(at, RiskLease).state is LeaseState.REDUCING
    beyond = floor.hand(book_of(9, "AAA", LAST, equity="84999.99", positions={"AAA": 50}), "execution")
    reason = "RISK_002: drawdown 15.0000% of peak equity 100000 is beyond the budget of 15.00%"
    alert, lease = only(beyond, RiskAlert), only(beyond, RiskLease)
    assert (alert.severity, alert.portfolio_version) == (1.0, 9)
    assert alert.reason == f"{reason}; the firm is halted, to be flattened"
    assert (lease.state, lease.reason, lease.halt, lease.budget) == (LeaseState.HALTED, reason, 1, 0)
    assert len(beyond) == 2
    assert only(floor.fire(), RiskLease).halt == 1
    assert floor.hand(book_of(10, "AAA", LAST, equity=80_000), "execution") == []
    assert refused_by(floor.hand(cleared(asked(5, "o2", Side.SELL), 10), "compliance"))[0] == "halt"


def test_a_halt_by_the_budget_survives_a_restart_and_ends_with_a_new_budget(floor: Floor, make: Open) -> None:
    floor.hand(book_of(8, "AAA", LAST, equity=84_000), "execution")
    other = make()
    other.stepper.restore(unpack(pack(floor.stepper.snapshot())))
    other.now_ns = floor.now_ns
    resume = SystemCommand(command=Command.RESUME, reason="reviewed", operator="ada")
    assert len(other.command(resume)) == 2
    assert only(other.fire(), RiskLease).state is LeaseState.HALTED
    messages = other.command(resume.model_copy(update={"is_new_budget": True}))
    assert only(messages, CommandResult).is_done
    lease = only(messages, RiskLease)
    assert (lease.state, lease.halt, lease.budget) == (LeaseState.REDUCING, 1, 1)
    assert other.hand(book_of(9, "AAA", LAST, equity=83_000), "execution") == []
    begun = other.hand(book_of(10, "AAA", LAST, equity=83_000, peak=83_000), "execution")
    lease = only(begun, RiskLease)
    assert (lease.state, lease.reason, lease.halt, lease.budget) == (LeaseState.ACTIVE, "", 1, 1)


def test_a_position_over_the_limit_in_force_is_shrunk_through_compliance(floor: Floor) -> None:
    floor.hand(bar_of("AAA", NEXT, 100), "market")
    book = book_of(8, "AAA", NEXT, equity=92_000, positions={"AAA": 90})
    proposed = only(floor.hand(book, "execution", "talk-bar"), OrderProposed)
    header = floor.said[-1].header
    assert (header.recipient, header.correlation_id) == ("compliance", "talk-bar")
    assert proposed == OrderProposed(
        order=Order(
            order_id=f"AAA-{NEXT}-r1", decision_id=f"AAA-{NEXT}", symbol="AAA", side=Side.SELL,
            quantity=Decimal("11.34"), reference_price=Decimal(100), bar=NEXT, urgency=Urgency.HIGH,
        ),
        portfolio_version=8,
    )  # fmt: skip
    only(floor.hand(cleared(proposed.order, 8), "compliance", "talk-bar"), OrderApproved)


def test_a_refused_shrinking_order_is_not_repeated_within_its_bar_and_tried_again_on_the_next(floor: Floor) -> None:
    first = only(floor.hand(over(8), "execution"), OrderProposed).order
    gone = OrderRejected(order=first, rejected_by="compliance", reason="closed", verdicts=())
    assert floor.hand(gone, "compliance") == []
    assert floor.hand(over(9), "execution") == []
    floor.hand(bar_of("AAA", NEXT + 1, 100), "market")
    second = only(floor.hand(over(10, NEXT + 1), "execution"), OrderProposed).order
    assert (first.order_id, second.order_id) == (f"AAA-{NEXT}-r1", f"AAA-{NEXT + 1}-r1")
    only(floor.hand(cleared(second, 10), "compliance"), OrderApproved)


def test_a_shrinking_order_that_compliance_did_not_acknowledge_is_refused_in_public_once(floor: Floor) -> None:
    proposed = only(floor.hand(over(8), "execution", "talk-bar"), OrderProposed).order
    notice = Undelivered(message_id="risk:9", kind=OrderProposed.KIND, recipient="compliance")
    rejected = only(floor.notice(notice, "talk-bar"), OrderRejected)
    assert rejected.order == proposed
    assert rejected.reason == "delivery: compliance did not acknowledge the order"
    assert floor.said[-1].header.correlation_id == "talk-bar"
    assert floor.notice(notice, "talk-bar") == []
    assert floor.notice(notice, "talk-other") == []


def test_in_a_halt_nothing_is_proposed_and_what_would_be_is_refused_in_public(floor: Floor) -> None:
    """PADS, which knows of the order, waits for its end."""
    floor.command(SystemCommand(command=Command.HALT, reason="fire", operator="ada"))
    messages = floor.hand(over(8), "execution")
    rejected = only(messages, OrderRejected)
    assert (rejected.order.order_id, rejected.reason) == (f"AAA-{NEXT}-r1", "halt: halted: fire (ada)")
    assert len(messages) == 1


def test_a_day_is_reported_with_the_first_book_of_the_next_whatever_comes_first(make: Open) -> None:
    told = []
    for bar_first in (True, False):
        floor = make()
        floor.show("AAA", CLOSES)
        floor.hand(book_of(7, "AAA", LAST - 1, equity=100_000, positions={"AAA": 50}), "execution")
        floor.hand(book_of(8, "AAA", LAST, equity=99_000, positions={"AAA": 50}), "execution")
        late: list[tuple[MarketUpdate | PortfolioUpdate, str]] = [
            (bar_of("AAA", LAST + 1, 101), "market"),
            (book_of(9, "AAA", LAST + 1, equity=99_500), "execution"),
        ]
        found: list[Message] = []
        for message, sender in late if bar_first else late[::-1]:
            found += floor.hand(message, sender)
        told.append(only(found, RiskReport))
    assert told[0] == told[1]
    report = told[0]
    assert (report.day, report.version, report.equity) == (LAST, 8, Decimal(99_000))
    assert (report.drawdown, report.tier) == (0.01, 0)
    assert report.loss == pytest.approx(0.01)
    assert report.value_at_risk is not None
    assert report.value_at_risk > 0


def test_a_light_that_turns_red_is_told_once_with_the_book_that_ended_the_day(tmp_path: Path) -> None:
    """A market that forecasts itself calm and falls by 8 % every tenth day."""
    floor = Floor(build(settings(tmp_path, risk={"window": 200})))  # type: ignore[arg-type]
    rng, close, told = np.random.default_rng(1), 100.0, []
    for day in range(320):
        close *= 1.0 + (-0.08 if day > 150 and day % 10 == 0 else 0.001 * float(rng.standard_normal()))
        floor.hand(bar_of("AAA", day, close), "market")
        price = Decimal(repr(close))
        equity = Decimal(50_000) + 500 * price
        book = book_of(day + 1, "AAA", day, positions={"AAA": 500}, prices={"AAA": price}, equity=equity, peak=equity)
        messages = floor.hand(book, "execution")
        told += [(day, each) for each in messages if isinstance(each, RiskReport | RiskAlert)]
    alerts = [(day, each) for day, each in told if isinstance(each, RiskAlert)]
    reds = [(day, each) for day, each in told if isinstance(each, RiskReport) and each.light == "red"]
    assert len(alerts) == 1
    day, alert = alerts[0]
    assert (day, alert.portfolio_version, alert.severity) == (reds[0][0], day + 1, 0.5)
    assert alert.reason.startswith(f"the back-test of expected shortfall has turned red: Z2 is {reds[0][1].z2:.2f}; ")
    assert len(reds) > 10


def test_a_halt_is_latched_and_only_an_operator_with_a_reason_releases_it(floor: Floor) -> None:
    halt = SystemCommand(command=Command.HALT, reason="fire", operator="ada")
    messages = floor.command(halt)
    assert only(messages, CommandResult).is_done
    assert only(messages, RiskAlert).severity == 1.0
    lease = only(messages, RiskLease)
    assert (lease.state, lease.reason) == (LeaseState.HALTED, "fire (ada)")
    assert [each.header.recipient for each in floor.said if isinstance(each.message, CommandResult)] == ["cli"]
    assert refused_by(floor.hand(cleared(asked()), "compliance")) == ["halt"]
    assert only(floor.fire(), RiskLease).state is LeaseState.HALTED
    assert len(floor.command(halt)) == 2
    bare = floor.command(SystemCommand(command=Command.RESUME))
    assert [only(bare, CommandResult).is_done, len(bare)] == [False, 2]
    messages = floor.command(SystemCommand(command=Command.RESUME, reason="out", operator="ada"))
    assert only(messages, CommandResult).is_done
    assert only(messages, RiskLease).state is LeaseState.ACTIVE
    only(floor.hand(cleared(asked(order_id="o2")), "compliance"), OrderApproved)


def test_risk_does_not_answer_questions(floor: Floor) -> None:
    assert not only(floor.command(SystemCommand(command=Command.ASK, symbol="AAA")), CommandResult).is_done


def test_the_report_shows_what_an_observer_needs(floor: Floor) -> None:
    floor.hand(cleared(asked(60)), "compliance")
    floor.hand(cleared(asked(60, "o2")), "compliance")
    floor.hand(book_of(8, "AAA", LAST, equity=91_000), "execution")
    report = floor.gate.report()
    assert report == {
        "state": "active", "reason": "", "halts": 0, "budget": 0, "drawdown": 0.09, "tier": 1, "daily_loss": 0.09,
        "in_flight": 1, "approved": 1, "refused": 1, "refused_commands": 0,
    }  # fmt: skip


def test_a_restored_risk_goes_on_alike(floor: Floor, make: Open) -> None:
    """In the middle of everything: an order in flight, one waiting, a halt, a tier, a book without its bar."""
    floor.hand(cleared(asked(60)), "compliance", "talk-1")
    floor.hand(cleared(asked(10, "o2", bar=LAST + 1), 8), "compliance", "talk-2")
    floor.hand(book_of(8, "AAA", LAST + 1, equity=91_000, positions={"AAA": 5}), "execution")
    floor.command(SystemCommand(command=Command.HALT, reason="fire", operator="ada"))
    other = make()
    other.stepper.restore(unpack(pack(floor.stepper.snapshot())))
    other.now_ns, other._number = floor.now_ns, floor._number
    floor.said.clear()
    for each in (floor, other):
        each.hand(bar_of("AAA", LAST + 1, CLOSES[-1] * 0.99), "market")
        each.command(SystemCommand(command=Command.RESUME, reason="out", operator="ada"))
        each.hand(cleared(asked(20, "o3", Side.SELL, LAST + 1), 8), "compliance", "talk-3")
        each.hand(cleared(asked(1, "o3"), 8), "compliance")
        each.fire()
        each.notice(Undelivered(message_id="risk:9", kind=OrderApproved.KIND, recipient="execution"), "talk-1")
        each.hand(book_of(9, "AAA", LAST + 1, equity=84_000), "execution")
    assert [(each.header, each.message) for each in other.said] == [(each.header, each.message) for each in floor.said]
    assert pack(other.stepper.snapshot()) == pack(floor.stepper.snapshot())


def test_only_recent_orders_are_remembered(tmp_path: Path) -> None:
    floor = Floor(build(settings(tmp_path, risk={"remembered_orders": 2})))  # type: ignore[arg-type]
    floor.show("AAA", CLOSES)
    floor.hand(book_of(7, "AAA", LAST), "execution")
    for order_id in ("o1", "o2", "o3"):
        only(floor.hand(cleared(asked(1, order_id)), "compliance"), OrderApproved)
    assert refused_by(floor.hand(cleared(asked(1, "o2")), "compliance")) == ["duplicate"]
    only(floor.hand(cleared(asked(1, "o1")), "compliance"), OrderApproved)


def test_verdicts_of_compliance_travel_unchanged(floor: Floor) -> None:
    odd = Verdict(gate="compliance", rule="x", passes=True, value=None, limit=None, unit="u", detail="as it came")
    handed = cleared(asked()).model_copy(update={"verdicts": (odd,)})
    approved = only(floor.hand(handed, "compliance"), OrderApproved)
    assert approved.verdicts[0] == odd
