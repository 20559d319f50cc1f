"""Compliance as an agent: it waits, clears once, counts what it cleared, and forgets nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bus.gate import refusal
from bus.messages import (
    Command,
    CommandResult,
    ComplianceViolation,
    ExecutionCost,
    Gap,
    Heard,
    MarketUpdate,
    Order,
    OrderCleared,
    OrderProposed,
    OrderRejected,
    OrderStatus,
    PortfolioUpdate,
    RiskAlert,
    Side,
    Silent,
    Started,
    SystemCommand,
    Undelivered,
    ViolationStatus,
)
from bus.plain import pack, unpack
from compliance.agent import build
from compliance.log import broken
from compliance.rules import RULES
from tests.compliance.costs import cost_of
from tests.compliance.counter import SOUND
from tests.gates.driver import (
    LIMITS,
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

LAST = 149
CLOSES = calm(LAST + 1, 5)
NAMES = [rule.name for rule in RULES]
Open = Callable[[], Floor]


@pytest.fixture
def make(tmp_path: Path) -> Open:
    """Make a floor around a fresh compliance."""
    return lambda: Floor(build(settings(tmp_path)))  # type: ignore[arg-type]


@pytest.fixture
def floor(make: Open) -> Floor:
    """A floor at work: bars of AAA and a book."""
    return opened(make())


def opened(floor: Floor) -> Floor:
    floor.hand(SOUND, "market")
    floor.show("AAA", CLOSES)
    floor.hand(book_of(7, "AAA", LAST), "execution")
    floor.said.clear()
    return floor


def asked(order_id: str = "o1", side: Side = Side.BUY, quantity: int = 10, bar: int = LAST) -> Order:
    return order(side, quantity, order_id=order_id, bar=bar)


def proposed(of: Order, version: int = 7) -> OrderProposed:
    return OrderProposed(order=of, portfolio_version=version)


def test_an_order_that_breaks_no_rule_goes_on_to_risk(floor: Floor) -> None:
    cleared = only(floor.hand(proposed(asked()), "pads", "talk-1"), OrderCleared)
    assert (cleared.order, cleared.portfolio_version) == (asked(), 7)
    assert [each.rule for each in cleared.verdicts] == NAMES
    assert all(each.passes and each.gate == "compliance" for each in cleared.verdicts)
    header = floor.said[-1].header
    assert (header.recipient, header.correlation_id) == ("risk", "talk-1")


def test_an_order_that_breaks_rules_is_refused_with_every_word(floor: Floor) -> None:
    messages = floor.hand(proposed(order(quantity=3_000, price=106, bar=LAST)), "pads", "talk-1")
    rejected = only(messages, OrderRejected)
    assert rejected.rejected_by == "compliance"
    assert refused_by(messages) == [
        *("price_collar", "order_notional", "position_weight", "sector_weight", "concentration"),
    ]
    assert [each.rule for each in rejected.verdicts] == NAMES
    assert rejected.reason == (
        "price_collar: 106 against 100.0 at its bar and 100.0 last; order_notional: worth 318000; "
        "position_weight: up to 3000 AAA worth 300000.0, equity 100000; "
        "sector_weight: up to 300000.0 in unclassified, equity 100000; "
        "concentration: 0 symbols held or ordered before it, equity 100000"
    )
    assert {each.header.correlation_id for each in floor.said} == {"talk-1"}


def test_it_waits_for_the_bar_and_the_book(make: Open) -> None:
    floor = make()
    floor.hand(SOUND, "market")
    floor.show("AAA", CLOSES[:-1])
    assert floor.hand(proposed(asked()), "pads") == []
    assert floor.hand(book_of(7, "AAA", LAST), "execution") == []
    only(floor.hand(bar_of("AAA", LAST, 100), "market"), OrderCleared)


def test_an_order_that_waited_too_long_is_refused_and_does_not_come_back(floor: Floor) -> None:
    assert floor.hand(proposed(asked(), version=8), "pads") == []
    floor.now_ns += 10 * SECOND_NS + 1
    messages = floor.hand(book_of(8, "AAA", LAST), "execution")
    assert refused_by(messages) == ["deadline"]
    assert only(messages, OrderRejected).reason == "deadline: bar 149 and portfolio 8 were not both here in time"
    assert refused_by(floor.hand(proposed(asked()), "pads")) == ["duplicate"]


def test_an_unknown_symbol_is_refused_at_once(floor: Floor) -> None:
    messages = floor.hand(proposed(order(symbol="ZZZ", bar=LAST)), "pads")
    assert "known_symbol" in refused_by(messages)


def test_a_restricted_symbol_is_refused(tmp_path: Path) -> None:
    text = LIMITS.read_text(encoding="utf-8").replace("restricted = []", 'restricted = ["AAA"]')
    floor = opened(Floor(build(settings(tmp_path, text))))  # type: ignore[arg-type]
    assert refused_by(floor.hand(proposed(asked()), "pads")) == ["restricted"]


def test_an_order_id_and_a_decision_are_judged_once(floor: Floor) -> None:
    only(floor.hand(proposed(asked()), "pads"), OrderCleared)
    assert refused_by(floor.hand(proposed(asked()), "pads")) == ["duplicate"]
    again = asked("o2").model_copy(update={"decision_id": "d-o1"})
    assert refused_by(floor.hand(proposed(again), "pads")) == ["duplicate"]


def test_a_decision_may_have_an_order_in_another_symbol(floor: Floor) -> None:
    """A hedge is of the same decision as what it hedges."""
    floor.hand(SOUND.model_copy(update={"symbol": "BBB"}), "market")
    floor.show("BBB", CLOSES)
    only(floor.hand(proposed(asked()), "pads"), OrderCleared)
    hedge = order(Side.SELL, symbol="BBB", bar=LAST, order_id="o2", decision_id="d-o1")
    only(floor.hand(proposed(hedge), "pads"), OrderCleared)


def test_orders_of_one_bar_are_counted_refused_ones_too(floor: Floor) -> None:
    only(floor.hand(proposed(asked("o1")), "pads"), OrderCleared)
    assert refused_by(floor.hand(proposed(asked("o1")), "pads")) == ["duplicate"]
    only(floor.hand(proposed(asked("o2")), "pads"), OrderCleared)
    assert refused_by(floor.hand(proposed(asked("o3")), "pads")) == ["message_rate"]
    floor.hand(bar_of("AAA", LAST + 1, 100), "market")
    only(floor.hand(proposed(asked("o4", bar=LAST + 1)), "pads"), OrderCleared)


def test_an_order_in_flight_stands_against_the_other_side(floor: Floor) -> None:
    only(floor.hand(proposed(asked("o1")), "pads"), OrderCleared)
    assert refused_by(floor.hand(proposed(asked("o2", Side.SELL)), "pads")) == ["wash_trade"]


@pytest.mark.parametrize("how", ["rejected", "refused", "late"])
def test_an_order_that_ended_no_longer_does(floor: Floor, how: str) -> None:
    first = asked("o1")
    floor.hand(proposed(first), "pads")
    match how:
        case "rejected":
            floor.hand(OrderRejected(order=first, rejected_by="risk", reason="", verdicts=()), "risk")
        case "refused":
            floor.hand(report_of(first, OrderStatus.REFUSED), "execution")
        case _:
            floor.now_ns += 60 * SECOND_NS + 1
            floor.hand(book_of(8, "AAA", LAST), "execution")
    only(floor.hand(proposed(asked("o2", Side.SELL)), "pads"), OrderCleared)


def test_an_order_that_risk_did_not_acknowledge_is_refused(floor: Floor) -> None:
    floor.hand(proposed(asked()), "pads", "talk-1")
    notice = Undelivered(message_id="compliance:1", kind=OrderCleared.KIND, recipient="risk")
    rejected = only(floor.notice(notice, "talk-1"), OrderRejected)
    assert (rejected.order, rejected.rejected_by) == (asked(), "compliance")
    assert rejected.reason == "delivery: risk did not acknowledge the order"
    assert [each.rule_id for each in violations(floor)] == ["ORD_010", "ORD_010"]
    assert [each.rule for each in rejected.verdicts] == [*NAMES, "delivery"]
    only(floor.hand(proposed(asked("o2", Side.SELL)), "pads"), OrderCleared)


def test_after_a_lost_book_it_refuses_until_the_next(floor: Floor) -> None:
    floor.notice(Gap(sender="execution", stream=PortfolioUpdate.KIND, first=8, last=8))
    assert refused_by(floor.hand(proposed(asked()), "pads")) == ["whole_book"]
    floor.hand(book_of(9, "AAA", LAST), "execution")
    only(floor.hand(proposed(asked("o2")), "pads"), OrderCleared)


def test_after_lost_bars_only_reductions_pass_until_the_window_is_whole(floor: Floor) -> None:
    floor.hand(book_of(8, "AAA", LAST, positions={"AAA": 50}), "execution")
    floor.notice(Gap(sender="market", stream=MarketUpdate.KIND, first=30, last=30))
    assert "whole_data" in refused_by(floor.hand(proposed(asked("o2", Side.SELL)), "pads"))
    floor.hand(bar_of("AAA", LAST + 1, 100), "market")
    only(floor.hand(proposed(asked("o3", Side.SELL, bar=LAST + 1)), "pads"), OrderCleared)
    floor.hand(report_of(asked("o3"), OrderStatus.REFUSED), "execution")
    refused = refused_by(floor.hand(proposed(asked("o4", bar=LAST + 1)), "pads"))
    assert refused == ["whole_data", "expected_shortfall"]
    floor.show("AAA", calm(121, 6)[1:], LAST + 2)
    only(floor.hand(proposed(asked("o5", bar=LAST + 121)), "pads"), OrderCleared)


def test_the_tape_reaches_back_as_far_as_an_order_may(tmp_path: Path) -> None:
    text = LIMITS.read_text(encoding="utf-8")
    text = text.replace("order_age_bars = 1", "order_age_bars = 25").replace(
        "contiguous_bars = 20", "contiguous_bars = 2"
    )
    floor = opened(Floor(build(settings(tmp_path, text))))  # type: ignore[arg-type]
    only(floor.hand(proposed(asked(bar=LAST - 25)), "pads"), OrderCleared)
    assert "order_age" in refused_by(floor.hand(proposed(asked("o2", bar=LAST - 26)), "pads"))


def test_the_report_shows_what_an_observer_needs(floor: Floor) -> None:
    floor.hand(proposed(asked()), "pads")
    floor.hand(proposed(asked()), "pads")
    shown = {"in_flight": 1, "cleared": 1, "refused": 1, "violations": 0, "entries": 2, "awaited_costs": 0}
    shown["refused_commands"] = 0
    assert floor.gate.report() == shown


def test_a_refusal_opens_a_violation_and_remediates_it_at_once(floor: Floor) -> None:
    messages = floor.hand(proposed(asked(quantity=3_000)), "pads", "talk-1")
    rejected = only(messages, OrderRejected)
    refusing = [each for each in rejected.verdicts if each.refuses]
    entries = violations(floor)
    stages = [(each.violation_id, each.rule_id, each.status.value) for each in entries]
    assert stages == [
        (f"V{number}", each.id, status) for number, each in enumerate(refusing, 1) for status in ("open", "remediated")
    ]
    first, second = entries[:2]
    assert (first.value, first.limit, first.symbol, first.bar, first.order_id) == (3e5, 2.5e5, "AAA", LAST, "o1")
    assert (first.detail, second.detail) == (refusing[0].detail, "the order was refused")
    assert broken(entries) == ""
    alert = only(messages, RiskAlert)
    assert (alert.severity, alert.source, alert.portfolio_version) == (0.3, "compliance", 7)
    assert alert.reason == f"order o1 of pads refused: {rejected.reason}"


def test_the_remedy_names_the_largest_quantity_that_passes(floor: Floor) -> None:
    messages = floor.hand(proposed(asked(quantity=150)), "pads")
    refusing = [each for each in only(messages, OrderRejected).verdicts if each.refuses]
    assert [(each.rule, each.remedy) for each in refusing] == [("position_weight", "at most 100 units pass")]
    only(floor.hand(proposed(asked("o2", quantity=100)), "pads"), OrderCleared)


def test_risk_may_propose_and_nobody_else(floor: Floor) -> None:
    only(floor.hand(proposed(asked("AAA-149-r1")), "risk"), OrderCleared)
    messages = floor.hand(proposed(asked("o2")), "quasar")
    assert refused_by(messages) == ["proposer"]
    assert only(messages, RiskAlert).reason == "order o2 of quasar refused: proposer: proposed by quasar"
    only(floor.hand(proposed(asked("o2")), "pads"), OrderCleared)


def test_a_stranger_cannot_end_an_order_that_is_at_work(floor: Floor) -> None:
    only(floor.hand(proposed(asked()), "pads"), OrderCleared)
    messages = floor.hand(proposed(asked(quantity=1)), "quasar")
    assert not [each for each in messages if isinstance(each, OrderRejected)]
    assert [each.rule_id for each in violations(floor)][:2] == ["ORD_007", "ORD_007"]
    only(messages, RiskAlert)
    assert floor.gate.report()["in_flight"] == 1


def test_a_stranger_is_not_waited_for(floor: Floor) -> None:
    assert "proposer" in refused_by(floor.hand(proposed(asked(bar=LAST + 5), version=99), "qbmia"))


def test_its_own_refusal_of_a_repetition_does_not_forget_what_is_in_flight(floor: Floor) -> None:
    floor.hand(proposed(asked()), "pads")
    rejected = only(floor.hand(proposed(asked()), "pads"), OrderRejected)
    floor.hand(rejected, "compliance")
    assert refused_by(floor.hand(proposed(asked("o2", Side.SELL)), "pads")) == ["wash_trade"]


@pytest.mark.parametrize("rejected_by", ["risk", "pads"])
def test_an_order_that_risk_had_before_or_pads_gave_up_may_still_be_on_its_way(floor: Floor, rejected_by: str) -> None:
    floor.hand(proposed(asked()), "pads")
    repeat = (refusal("risk", "duplicate", "o1 was judged before"),) if rejected_by == "risk" else ()
    gone = OrderRejected(order=asked(), rejected_by=rejected_by, reason="late", verdicts=repeat)
    floor.hand(gone, rejected_by)
    assert floor.gate.report()["in_flight"] == 1
    floor.hand(gone.model_copy(update={"rejected_by": "risk", "verdicts": ()}), "risk")
    assert floor.gate.report()["in_flight"] == 0


def test_an_order_waits_for_the_cost_of_those_that_ended(floor: Floor) -> None:
    """The book says that one ended; what it cost is part of what the next is judged on."""
    first = asked("o0")
    floor.hand(book_of(8, "AAA", LAST, working=[first]), "execution")
    floor.hand(book_of(9, "AAA", LAST), "execution")
    assert floor.hand(proposed(asked(), version=9), "pads") == []
    only(floor.hand(cost_of(first), "execution"), OrderCleared)


@pytest.mark.parametrize("stream", [ExecutionCost.KIND, PortfolioUpdate.KIND])
def test_a_cost_that_is_lost_is_not_waited_for(floor: Floor, stream: str) -> None:
    floor.hand(book_of(8, "AAA", LAST, working=[asked("o0")]), "execution")
    floor.hand(book_of(9, "AAA", LAST), "execution")
    assert floor.hand(proposed(asked(), version=9), "pads") == []
    messages = floor.notice(Gap(sender="execution", stream=stream, first=1, last=1))
    assert bool(messages) is (stream == ExecutionCost.KIND)


def test_a_book_that_breaks_a_rule_opens_a_violation_and_one_that_keeps_it_again_remediates_it(floor: Floor) -> None:
    broken_by = floor.hand(book_of(8, "AAA", LAST, positions={"AAA": 101}), "execution")
    opened, alert = only(broken_by, ComplianceViolation), only(broken_by, RiskAlert)
    assert (opened.rule_id, opened.symbol, opened.order_id) == ("POS_001", "AAA", None)
    assert (opened.value, opened.limit, opened.status) == (0.101, 0.1, ViolationStatus.OPEN)
    assert (alert.symbol, alert.severity, alert.portfolio_version) == ("AAA", 0.4, 8)
    assert floor.hand(book_of(9, "AAA", LAST, positions={"AAA": 102}), "execution") == []
    ended = only(floor.hand(book_of(10, "AAA", LAST, positions={"AAA": 100}), "execution"), ComplianceViolation)
    assert (ended.violation_id, ended.status) == (opened.violation_id, ViolationStatus.REMEDIATED)
    assert ended.detail == "within the limit again at bar 149 of AAA"
    assert broken(violations(floor)) == ""


def test_the_order_of_bar_and_book_changes_nothing(make: Open) -> None:
    """The same bars and books, the book first or the bar: the same entries."""
    told = []
    for is_book_first in (True, False):
        floor = opened(make())
        for number, close in enumerate(calm(30, 8), LAST + 1):
            book = book_of(number, "AAA", number, positions={"AAA": 101 if number % 3 else 99})
            bar = bar_of("AAA", number, close)
            for message, sender in ((book, "execution"), (bar, "market"))[:: 1 if is_book_first else -1]:
                floor.hand(message, sender)
        told.append([each.message for each in floor.said])
    assert told[0] == told[1] != []


def test_the_timer_inspects_again_and_measures_availability(make: Open) -> None:
    floor = opened(make())
    floor.notice(Started())
    floor.notice(Heard(agent="risk"))
    start_ns = floor.now_ns
    floor.now_ns += 600 * SECOND_NS
    floor.notice(Silent(agent="risk", since_ns=floor.now_ns - 3 * SECOND_NS))
    assert floor.fire() == []
    floor.now_ns += SECOND_NS
    opening = only(floor.fire(), ComplianceViolation)
    assert floor.now_ns - start_ns > 600 * SECOND_NS
    assert (opening.rule_id, opening.symbol, opening.status) == ("OPS_001", "*", ViolationStatus.OPEN)
    assert opening.detail == "not heard from: risk"
    floor.notice(Heard(agent="risk"))
    floor.now_ns += 600 * SECOND_NS
    assert only(floor.fire(), ComplianceViolation).status is ViolationStatus.REMEDIATED


def review(violation_id: str | None, status: ViolationStatus | None, **words: str) -> SystemCommand:
    given = {"operator": "Ada", "reason": "looked at it", **words}
    return SystemCommand(command=Command.REVIEW, violation_id=violation_id, status=status, **given)  # type: ignore[arg-type]


def test_an_operator_reviews_a_violation_to_its_end(floor: Floor) -> None:
    floor.hand(book_of(8, "AAA", LAST, positions={"AAA": 101}), "execution")
    for status in (ViolationStatus.INVESTIGATING, ViolationStatus.REMEDIATED, ViolationStatus.CLOSED):
        messages = floor.command(review("V1", status))
        entry = only(messages, ComplianceViolation)
        assert (entry.status, entry.operator, entry.detail) == (status, "Ada", "looked at it")
        result = only(messages, CommandResult)
        assert (result.is_done, result.detail) == (True, f"V1 is {status.value}: looked at it (Ada)")
    assert broken(violations(floor)) == ""
    again = only(floor.hand(book_of(9, "AAA", LAST, positions={"AAA": 101}), "execution"), ComplianceViolation)
    assert (again.violation_id, again.status) == ("V2", ViolationStatus.OPEN)


@pytest.mark.parametrize(("command", "words"), [
    (review("V9", ViolationStatus.CLOSED), "V9 is not a violation, or is closed"),
    (review("V1", ViolationStatus.CLOSED), "V1 is open and cannot become closed, only investigating or remediated"),
    (review("V1", ViolationStatus.OPEN), "V1 is open and cannot become open"),
    (review("V1", None), "a review needs a violation, a status, the name of an operator and a reason"),
    (review(None, ViolationStatus.CLOSED), "a review needs"),
    (review("V1", ViolationStatus.REMEDIATED, operator="  "), "a review needs"),
    (review("V1", ViolationStatus.REMEDIATED, reason=""), "a review needs"),
    (SystemCommand(command=Command.HALT), "compliance does not know halt; it knows review"),
])  # fmt: skip
def test_a_review_that_makes_no_sense_is_refused(floor: Floor, command: SystemCommand, words: str) -> None:
    floor.hand(book_of(8, "AAA", LAST, positions={"AAA": 101}), "execution")
    result = only(messages := floor.command(command), CommandResult)
    assert len(messages) == 2
    assert (result.is_done, result.detail.startswith(words)) == (False, True)


def violations(floor: Floor) -> list[ComplianceViolation]:
    return [each.message for each in floor.said if isinstance(each.message, ComplianceViolation)]


def test_a_restored_compliance_goes_on_alike(floor: Floor, make: Open) -> None:
    """With an order in flight, one waiting, a cost awaited, a rule broken, a silence, and a bar that has had orders."""
    gone = asked("o0", quantity=1)
    floor.notice(Started())
    floor.notice(Heard(agent="risk"))
    floor.notice(Silent(agent="risk", since_ns=floor.now_ns))
    floor.hand(book_of(8, "AAA", LAST, positions={"AAA": 101}, working=[gone]), "execution")
    floor.hand(proposed(asked("o1", Side.SELL), 8), "pads", "talk-1")
    floor.hand(proposed(asked("o2", quantity=2_000), 8), "pads", "talk-0")
    floor.hand(proposed(asked("o3", bar=LAST + 1), 9), "pads", "talk-2")
    floor.hand(book_of(9, "AAA", LAST + 1, positions={"AAA": 101}), "execution")
    other = make()
    other.stepper.restore(unpack(pack(floor.stepper.snapshot())))
    other.now_ns, other._number = floor.now_ns, floor._number
    floor.said.clear()
    for each in (floor, other):
        each.hand(proposed(asked("o4", Side.SELL)), "pads", "talk-3")
        each.hand(proposed(asked("o1")), "pads", "talk-4")
        each.hand(bar_of("AAA", LAST + 1, "100.5"), "market")
        each.hand(cost_of(gone), "execution")
        each.notice(Undelivered(message_id="c:1", kind=OrderCleared.KIND, recipient="risk"), "talk-1")
        each.hand(book_of(10, "AAA", LAST + 1, positions={"AAA": 100}), "execution")
        each.hand(proposed(asked("o5", bar=LAST + 1), 10), "pads", "talk-5")
        each.command(review("V1", ViolationStatus.CLOSED))
        each.now_ns += 700 * SECOND_NS
        each.fire()
    kinds = {type(each.message) for each in other.said}
    assert {OrderRejected, ComplianceViolation, RiskAlert, CommandResult} <= kinds
    assert [(each.header, each.message) for each in other.said] == [(each.header, each.message) for each in floor.said]
    assert pack(other.stepper.snapshot()) == pack(floor.stepper.snapshot())
