"""Risk as an agent: it waits, approves once, counts what it approved, leases, halts, and forgets nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bus.messages import (
    Command,
    CommandResult,
    Gap,
    LeaseState,
    MarketUpdate,
    Order,
    OrderApproved,
    OrderCleared,
    OrderRejected,
    OrderStatus,
    PortfolioUpdate,
    RiskAlert,
    RiskLease,
    Side,
    SystemCommand,
    Undelivered,
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

LAST = 119
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
    return OrderCleared(order=of, portfolio_version=version, verdicts=CLEARED)


def asked(quantity: int = 10, order_id: str = "o1", side: Side = Side.BUY, bar: int = LAST) -> Order:
    return order(side, quantity, order_id=order_id, bar=bar)


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
    assert rejected.reason == "position_weight: up to 101 AAA worth 10100.0, equity 100000, cut 0%"
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
    floor.hand(book_of(8, "AAA", LAST, positions={"AAA": 50}), "execution")
    floor.notice(Gap(sender="market", stream=MarketUpdate.KIND, first=120, last=120))
    rules = refused_by(floor.hand(cleared(asked(1, "o2")), "compliance"))
    assert rules == ["stale_prices", "observations", "expected_shortfall"]
    floor.hand(bar_of("AAA", LAST + 1, CLOSES[-1]), "market")
    only(floor.hand(cleared(asked(1, "o3", Side.SELL, LAST + 1)), "compliance"), OrderApproved)
    rules = refused_by(floor.hand(cleared(asked(1, "o4", bar=LAST + 1)), "compliance"))
    assert rules == ["observations", "expected_shortfall"]
    floor.show("AAA", CLOSES[-99:], LAST + 2)
    assert refused_by(floor.hand(cleared(asked(1, "o5", bar=LAST + 100)), "compliance")) == ["observations"]
    floor.hand(bar_of("AAA", LAST + 101, CLOSES[-1]), "market")
    only(floor.hand(cleared(asked(1, "o6", bar=LAST + 101)), "compliance"), OrderApproved)


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
def test_entering_a_tier_is_told_once(floor: Floor, equity: int, tier: int, severity: float) -> None:
    messages = floor.hand(book_of(8, "AAA", LAST, equity=equity), "execution")
    alert = only(messages, RiskAlert)
    assert (alert.symbol, alert.severity, alert.source) == ("*", severity, "risk")
    assert f"enters tier {tier}" in alert.reason
    assert floor.hand(book_of(9, "AAA", LAST, equity=equity - 1), "execution") == []
    assert floor.hand(book_of(10, "AAA", LAST, equity=100_000), "execution") == []


def test_past_the_budget_the_lease_is_reducing_at_once_and_until_recovery(floor: Floor) -> None:
    messages = floor.hand(book_of(8, "AAA", LAST, equity=85_000, positions={"AAA": 20}), "execution")
    assert only(messages, RiskAlert).severity == 1.0
    assert only(messages, RiskLease).state is LeaseState.REDUCING
    assert "drawdown" in refused_by(floor.hand(cleared(asked(1, "o2"), 8), "compliance"))
    only(floor.hand(cleared(asked(20, "o3", Side.SELL), 8), "compliance"), OrderApproved)
    assert only(floor.fire(), RiskLease).state is LeaseState.REDUCING
    back = floor.hand(book_of(9, "AAA", LAST, equity=86_001), "execution")
    assert only(back, RiskLease).state is LeaseState.ACTIVE
    assert len(back) == 1


def test_a_halt_is_latched_and_only_an_operator_with_a_reason_releases_it(floor: Floor) -> None:
    halt = SystemCommand(command=Command.HALT, reason="fire", operator="ada")
    messages = floor.hand(halt, "ops")
    assert only(messages, CommandResult).is_done
    assert only(messages, RiskAlert).severity == 1.0
    lease = only(messages, RiskLease)
    assert (lease.state, lease.reason) == (LeaseState.HALTED, "fire (ada)")
    assert [each.header.recipient for each in floor.said if isinstance(each.message, CommandResult)] == ["ops"]
    assert refused_by(floor.hand(cleared(asked()), "compliance")) == ["halt"]
    assert only(floor.fire(), RiskLease).state is LeaseState.HALTED
    assert len(floor.hand(halt, "ops")) == 1
    bare = floor.hand(SystemCommand(command=Command.RESUME), "ops")
    assert [only(bare, CommandResult).is_done, len(bare)] == [False, 1]
    messages = floor.hand(SystemCommand(command=Command.RESUME, reason="out", operator="ada"), "ops")
    assert only(messages, CommandResult).is_done
    assert only(messages, RiskLease).state is LeaseState.ACTIVE
    only(floor.hand(cleared(asked(order_id="o2")), "compliance"), OrderApproved)


def test_risk_does_not_answer_questions(floor: Floor) -> None:
    assert not only(floor.hand(SystemCommand(command=Command.ASK, symbol="AAA"), "ops"), CommandResult).is_done


def test_the_report_shows_what_an_observer_needs(floor: Floor) -> None:
    floor.hand(cleared(asked(60)), "compliance")
    floor.hand(cleared(asked(60, "o2")), "compliance")
    floor.hand(book_of(8, "AAA", LAST, equity=91_000), "execution")
    report = floor.gate.report()
    assert report == {
        "state": "active", "reason": "", "drawdown": 0.09, "tier": 1, "daily_loss": 0.09, "in_flight": 1,
        "approved": 1, "refused": 1,
    }  # fmt: skip


def test_a_restored_risk_goes_on_alike(floor: Floor, make: Open) -> None:
    """In the middle of everything: an order in flight, one waiting, a halt, a tier, a book without its bar."""
    floor.hand(cleared(asked(60)), "compliance", "talk-1")
    floor.hand(cleared(asked(10, "o2", bar=LAST + 1), 8), "compliance", "talk-2")
    floor.hand(book_of(8, "AAA", LAST + 1, equity=91_000, positions={"AAA": 5}), "execution")
    floor.hand(SystemCommand(command=Command.HALT, reason="fire", operator="ada"), "ops")
    other = make()
    other.stepper.restore(unpack(pack(floor.stepper.snapshot())))
    other.now_ns, other._number = floor.now_ns, floor._number
    floor.said.clear()
    for each in (floor, other):
        each.hand(bar_of("AAA", LAST + 1, CLOSES[-1] * 0.99), "market")
        each.hand(SystemCommand(command=Command.RESUME, reason="out", operator="ada"), "ops")
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
    handed = OrderCleared(order=asked(), portfolio_version=7, verdicts=(odd,))
    approved = only(floor.hand(handed, "compliance"), OrderApproved)
    assert approved.verdicts[0] == odd
