"""Explaining: the ledger gives back what was said, from the fill to the bar."""

from decimal import Decimal

import pytest

from bus.errors import Invalid
from bus.messages import OrderStatus
from ops.explain import explain
from tests.ops.conftest import MakeLedger
from tests.ops.story import Bus, bar, decision, feedback, order, record, report, story, verdicts


def test_a_filled_trade_leads_back_to_the_bar(make_ledger: MakeLedger) -> None:
    chain = explain(record(make_ledger(), story()), "SPY-3")
    assert chain.bar == bar("SPY", 3)
    assert chain.decision == decision("SPY", 3, "SPY-3-1")
    assert chain.settlement == feedback("SPY", 3, 4)
    (told,) = chain.orders
    assert told.order == order("SPY", 3)
    assert (told.status, told.client_order_id, told.rejected_by) == ("filled", "c-SPY-3-1", None)
    assert told.verdicts == verdicts(passes=True)
    assert [(fill.report, fill.bar, fill.quantity, fill.price) for fill in told.fills] == [
        (2, 4, Decimal(4), Decimal("102.1")),
        (3, 4, Decimal(6), Decimal("103.1")),
    ]
    assert told.trade is not None
    assert told.trade.average_price == Decimal("102.7")


def test_an_order_leads_to_the_same_chain(make_ledger: MakeLedger) -> None:
    ledger = record(make_ledger(), story())
    by_order, by_decision = explain(ledger, "SPY-3-1"), explain(ledger, "SPY-3")
    assert by_order == by_decision.model_copy(update={"asked": "SPY-3-1"})


def test_a_refused_order_shows_every_rule(make_ledger: MakeLedger) -> None:
    (told,) = explain(record(make_ledger(), story()), "IBM-5").orders
    assert (told.status, told.rejected_by, told.reason, told.trade) == ("rejected", "compliance", "notional", None)
    assert told.verdicts == verdicts(passes=False)


def test_what_is_not_there_yet_is_absent(make_ledger: MakeLedger) -> None:
    chain = explain(record(make_ledger(), [Bus().stamp(decision("SPY", 7), "pads")]), "SPY-7")
    assert (chain.bar, chain.orders, chain.settlement) == (None, (), None)
    assert chain.decision == decision("SPY", 7)


def test_an_order_of_no_decision_is_explained_as_far_as_it_goes(make_ledger: MakeLedger) -> None:
    told = [Bus().stamp(bar("SPY", 3), "market"), Bus().stamp(report(order("SPY", 3), 1, OrderStatus.ACCEPTED), "e")]
    chain = explain(record(make_ledger(), told), "SPY-3-1")
    assert (chain.bar, chain.decision, chain.settlement) == (bar("SPY", 3), None, None)
    assert chain.orders[0].status == "accepted"


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("SPY-99", "near it are SPY-11, SPY-10, SPY-9"),
        ("spy-4", "near it are SPY-4, SPY-3, SPY-5"),
        ("IBM-3-2", "near it are IBM-3-1"),
        ("zebra", "decisions are named as IBM-0 is"),
        ("", "decisions are named as IBM-0 is"),
        ("SPY-" + "9" * 40, "decisions are named as IBM-0 is"),
    ],
)
def test_an_unknown_id_is_answered_with_near_ones(make_ledger: MakeLedger, asked: str, hint: str) -> None:
    ledger = record(make_ledger(), story())
    with pytest.raises(Invalid) as caught:
        explain(ledger, asked)
    assert f"no decision or order {asked!r}: {hint}" in str(caught.value)


def test_an_empty_ledger_says_so(make_ledger: MakeLedger) -> None:
    with pytest.raises(Invalid, match="no decision or order 'SPY-1': the ledger holds no decision yet"):
        explain(make_ledger(), "SPY-1")
