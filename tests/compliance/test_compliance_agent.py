"""Compliance as an agent: it waits, clears once, counts what it cleared, and forgets nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bus.messages import (
    Gap,
    MarketUpdate,
    Order,
    OrderCleared,
    OrderProposed,
    OrderRejected,
    OrderStatus,
    PortfolioUpdate,
    Side,
    Undelivered,
)
from bus.plain import pack, unpack
from compliance.agent import build
from compliance.rules import RULES
from tests.gates.driver import LIMITS, SECOND_NS, Floor, bar_of, book_of, only, order, refused_by, report_of, settings

LAST = 29
CLOSES = [100.0] * (LAST + 1)
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
    floor.show("AAA", CLOSES)
    floor.hand(book_of(7, "AAA", LAST), "execution")
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
    assert refused_by(messages) == ["price_collar", "order_notional"]
    assert [each.rule for each in rejected.verdicts] == NAMES
    assert rejected.reason == "price_collar: 106 against 100.0 at its bar and 100.0 last; order_notional: worth 318000"
    assert floor.said[-1].header.correlation_id == "talk-1"


def test_it_waits_for_the_bar_and_the_book(make: Open) -> None:
    floor = make()
    floor.show("AAA", CLOSES[:-1])
    assert floor.hand(proposed(asked()), "pads") == []
    assert floor.hand(book_of(7, "AAA", LAST), "execution") == []
    only(floor.hand(bar_of("AAA", LAST, 100), "market"), OrderCleared)


def test_an_order_that_waited_too_long_is_refused_and_does_not_come_back(floor: Floor) -> None:
    assert floor.hand(proposed(asked(), version=8), "pads") == []
    floor.now_ns += 10 * SECOND_NS + 1
    messages = floor.hand(book_of(8, "AAA", LAST), "execution")
    assert refused_by(messages) == ["deadline"]
    assert only(messages, OrderRejected).reason == "deadline: bar 29 and portfolio 8 were not both here in time"
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
    assert refused_by(floor.hand(proposed(asked("o4", bar=LAST + 1)), "pads")) == ["whole_data"]
    floor.show("AAA", [100.0] * 19, LAST + 2)
    only(floor.hand(proposed(asked("o5", bar=LAST + 20)), "pads"), OrderCleared)


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
    assert floor.gate.report() == {"in_flight": 1, "cleared": 1, "refused": 1}


def test_a_restored_compliance_goes_on_alike(floor: Floor, make: Open) -> None:
    """With an order in flight, one waiting, and a bar that has had orders."""
    floor.hand(proposed(asked("o1")), "pads", "talk-1")
    floor.hand(proposed(asked("o2", bar=LAST + 1), 8), "pads", "talk-2")
    other = make()
    other.stepper.restore(unpack(pack(floor.stepper.snapshot())))
    other.now_ns, other._number = floor.now_ns, floor._number
    floor.said.clear()
    for each in (floor, other):
        each.hand(proposed(asked("o3", Side.SELL)), "pads", "talk-3")
        each.hand(proposed(asked("o1")), "pads", "talk-4")
        each.hand(book_of(8, "AAA", LAST + 1), "execution")
        each.hand(bar_of("AAA", LAST + 1, "100.5"), "market")
        each.notice(Undelivered(message_id="c:1", kind=OrderCleared.KIND, recipient="risk"), "talk-1")
        each.hand(proposed(asked("o4", bar=LAST + 1), 8), "pads", "talk-5")
    assert len(other.said) == 5
    assert [(each.header, each.message) for each in other.said] == [(each.header, each.message) for each in floor.said]
    assert pack(other.stepper.snapshot()) == pack(floor.stepper.snapshot())
