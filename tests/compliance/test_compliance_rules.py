"""Each rule of compliance on an order, at its limit and one tick over, both ways."""

from decimal import Decimal
from typing import Any

import pytest

from bus.gate import judge
from bus.messages import Order, Severity, Side
from compliance.config import ComplianceLimits
from compliance.rules import RULES
from compliance.rules.book import WholeBook
from compliance.rules.market import DataQuality, KnownSymbol, Restricted, ShortSale, WashTrade, WholeData
from compliance.rules.order import (
    Duplicate,
    Lot,
    MessageRate,
    OrderAge,
    OrderNotional,
    OrderQuantity,
    PriceCollar,
    Proposer,
)
from tests.compliance.counter import BUY, LAST, SELL, SOUND, asked, desk_of, found, limits_of, taped
from tests.gates.driver import order


@pytest.fixture
def limits() -> ComplianceLimits:
    return limits_of()


@pytest.mark.parametrize(("sender", "passes"), [
    ("pads", True), ("risk", True), ("qbmia", False), ("execution", False), ("compliance", False), ("", False),
])  # fmt: skip
def test_proposer(limits: ComplianceLimits, sender: str, passes: bool) -> None:
    assert found(Proposer(), limits, asked(), sender=sender).passes is passes


def test_known_symbol(limits: ComplianceLimits) -> None:
    assert found(KnownSymbol(), limits, asked()).passes
    finding = found(KnownSymbol(), limits, asked(), tape=None)
    assert (finding.passes, finding.detail) == (False, "AAA never had a bar")


def test_restricted_in_both_directions(limits: ComplianceLimits) -> None:
    listed = limits_of(restricted=("BBB", "AAA"))
    for judged in (asked(BUY), asked(SELL)):
        assert found(Restricted(), limits, judged).passes
        assert not found(Restricted(), listed, judged, positions={"AAA": 10}).passes


@pytest.mark.parametrize(("price", "passes"), [
    ("105", True), ("105.01", False), ("95", True), ("94.99", False), ("100", True),
])  # fmt: skip
def test_price_collar(limits: ComplianceLimits, price: str, passes: bool) -> None:
    for side in Side:
        finding = found(PriceCollar(), limits, asked(side, price=price))
        assert finding.passes is passes
        assert finding.value == abs(Decimal(price) / 100 - 1)


@pytest.mark.parametrize(("last", "passes"), [
    ("100", True), ("105.26", True), ("105.27", False), ("95.24", True), ("95.23", False),
])  # fmt: skip
def test_the_collar_is_around_the_last_close_too(limits: ComplianceLimits, last: str, passes: bool) -> None:
    tape = taped(["100"] * LAST + [last])
    assert found(PriceCollar(), limits, asked(bar=LAST - 1), tape=tape).passes is passes


def test_a_close_that_is_not_held_has_no_collar(limits: ComplianceLimits) -> None:
    finding = found(PriceCollar(), limits, asked(bar=2))
    assert (finding.passes, finding.value) == (False, None)
    tape = taped()
    tape.clear()
    with pytest.raises(LookupError, match="last close of AAA is not known"):
        found(PriceCollar(), limits, asked(), tape=tape)


@pytest.mark.parametrize(("quantity", "price", "last", "passes"), [
    ("2500", "100", "100", True), ("2500.01", "100", "100", False), ("2500", "100.01", "100", False),
    ("2500", "99", "100", True), ("2500", "99", "100.01", False),
])  # fmt: skip
def test_order_notional(limits: ComplianceLimits, quantity: str, price: str, last: str, passes: bool) -> None:
    for side in Side:
        tape = taped(["100"] * LAST + [last])
        assert found(OrderNotional(), limits, asked(side, quantity, price), tape=tape).passes is passes


@pytest.mark.parametrize(("quantity", "passes"), [("1000000", True), ("1000000.000001", False)])
def test_order_quantity(limits: ComplianceLimits, quantity: str, passes: bool) -> None:
    for side in Side:
        assert found(OrderQuantity(), limits, asked(side, quantity)).passes is passes


def test_a_holding_larger_than_any_order_may_be_closed_at_once(limits: ComplianceLimits) -> None:
    held = "2000000"
    for rule in (OrderQuantity(), OrderNotional()):
        assert found(rule, limits, asked(SELL, held), positions={"AAA": held}).passes
        assert found(rule, limits, asked(BUY, held), positions={"AAA": f"-{held}"}).passes
        assert not found(rule, limits, asked(BUY, held), positions={"AAA": held}).passes
        assert not found(rule, limits, asked(SELL, held + "1"), positions={"AAA": held}).passes


@pytest.mark.parametrize(("quantity", "over"), [("10", "0"), ("10.5", "0"), ("10.6", "0.1"), ("0.1", "0.1")])
def test_a_lot_of_the_symbol(limits: ComplianceLimits, quantity: str, over: str) -> None:
    halves = {"lots": {"AAA": Decimal("0.5")}}
    for side in Side:
        finding = found(Lot(), limits, asked(side, quantity), shared=halves)
        assert (finding.passes, finding.value) == (over == "0", Decimal(over))
    elsewhere = {"lot": Decimal(1), "lots": {"BBB": Decimal("0.1")}}
    assert found(Lot(), limits, asked(quantity="3"), shared=elsewhere).passes
    assert not found(Lot(), limits, asked(quantity="3.5"), shared=elsewhere).passes


def test_an_odd_holding_may_be_closed_whole_and_not_in_part(limits: ComplianceLimits) -> None:
    whole = {"lot": Decimal(1)}
    for side, quantity, held, passes in (
        (SELL, "3.5", "3.5", True), (BUY, "3.5", "-3.5", True), (SELL, "2.5", "3.5", False), (BUY, "3.5", "3.5", False),
    ):  # fmt: skip
        finding = found(Lot(), limits, asked(side, quantity), positions={"AAA": held}, shared=whole)
        assert finding.passes is passes


@pytest.mark.parametrize(("before", "passes"), [(0, True), (2, True), (3, False)])
def test_message_rate(limits: ComplianceLimits, before: int, passes: bool) -> None:
    tape = taped()
    tape.orders = before
    finding = found(MessageRate(), limits, asked(), tape=tape)
    assert (finding.passes, finding.value) == (passes, before + 1)


@pytest.mark.parametrize(("age", "passes"), [(0, True), (1, True), (2, False), (-1, False)])
def test_order_age(limits: ComplianceLimits, age: int, passes: bool) -> None:
    finding = found(OrderAge(), limits, asked(bar=LAST - age))
    assert (finding.passes, finding.value) == (passes, age)


@pytest.mark.parametrize(("bars", "passes"), [(20, True), (19, False), (1, False)])
def test_whole_data(limits: ComplianceLimits, bars: int, passes: bool) -> None:
    finding = found(WholeData(), limits, asked(), tape=taped([100] * bars))
    assert (finding.passes, finding.value) == (passes, bars)


def test_an_order_that_only_shrinks_needs_its_own_bar_alone(limits: ComplianceLimits) -> None:
    tape = taped([100])
    held = {"AAA": 10}
    assert found(WholeData(), limits, asked(SELL, 10), tape=tape, positions=held).passes
    assert not found(WholeData(), limits, asked(SELL, 11), tape=tape, positions=held).passes
    assert not found(WholeData(), limits, asked(BUY, 1), tape=tape, positions=held).passes
    tape.clear()
    assert not found(WholeData(), limits, asked(SELL, 10), tape=tape, positions=held).passes


@pytest.mark.parametrize(("accepted", "passes"), [(100, True), (99, True), (98, False)])
def test_data_quality_by_rows(limits: ComplianceLimits, accepted: int, passes: bool) -> None:
    source = SOUND.model_copy(update={"accepted": accepted})
    finding = found(DataQuality(), limits, asked(), source=source)
    assert (finding.passes, finding.value) == (passes, Decimal(accepted) / 100)
    shrinking = found(DataQuality(), limits, asked(SELL, 10), source=source, positions={"AAA": 10})
    assert (shrinking.passes, shrinking.value) == (True, finding.value)


@pytest.mark.parametrize(("skip", "passes"), [((), True), ((50,), True), ((50, 70), False)])
def test_data_quality_by_bars(limits: ComplianceLimits, skip: tuple[int, ...], passes: bool) -> None:
    """Of the 150 numbered, 1 may be missing and 2 may not."""
    finding = found(DataQuality(), limits, asked(), tape=taped(skip=skip))
    assert (finding.passes, finding.value) == (passes, Decimal(150 - len(skip)) / 150)


def test_a_source_that_told_nothing_is_not_trusted(limits: ComplianceLimits) -> None:
    for source in (None, SOUND.model_copy(update={"rows": 0, "accepted": 0})):
        finding = found(DataQuality(), limits, asked(), source=source)
        assert (finding.passes, finding.value) == (False, None)


@pytest.mark.parametrize(("held", "open_sales", "quantity", "short"), [
    (10, 0, 10, 0), (10, 0, 11, 1), (10, 4, 6, 0), (10, 4, 7, 1), (0, 0, 1, 1), (-5, 0, 1, 6),
])  # fmt: skip
def test_short_sale(limits: ComplianceLimits, held: int, open_sales: int, quantity: int, short: int) -> None:
    book: dict[str, Any] = {"positions": {"AAA": held}}
    if open_sales:
        book["working"] = [order(SELL, open_sales - 1, order_id="w")]
        book["in_flight"] = [order(SELL, 1, order_id="f")]
    for never in (limits_of(allow_short=False), limits_of(no_short=("BBB", "AAA"))):
        finding = found(ShortSale(), never, asked(SELL, quantity), **book)
        assert (finding.passes, finding.value) == (short == 0, short)
        assert found(ShortSale(), never, asked(BUY, quantity), **book).passes
    for may in (limits, limits_of(no_short=("BBB",))):
        assert found(ShortSale(), may, asked(SELL, quantity), **book).passes


@pytest.mark.parametrize("where", ["working", "in_flight"])
@pytest.mark.parametrize("side", list(Side))
def test_wash_trade(limits: ComplianceLimits, where: str, side: Side) -> None:
    other = SELL if side is BUY else BUY
    opposite: dict[str, Any] = {where: [order(other, 1, order_id="w")]}
    assert not found(WashTrade(), limits, asked(side), **opposite).passes
    same: dict[str, Any] = {where: [order(side, 1, order_id="w")]}
    assert found(WashTrade(), limits, asked(side), **same).passes
    elsewhere: dict[str, Any] = {where: [order(other, 1, symbol="BBB", order_id="w")]}
    assert found(WashTrade(), limits, asked(side), **elsewhere).passes


@pytest.mark.parametrize(("side", "held"), [(SELL, 10), (BUY, -10)])
def test_an_exit_may_go_while_an_entry_is_at_work_but_not_while_one_is_on_its_way(
    limits: ComplianceLimits, side: Side, held: int
) -> None:
    """Execution withdraws what is at work; what is not there yet, it could not."""
    other = SELL if side is BUY else BUY
    entry = order(other, 5, order_id="w")
    exits: dict[str, Any] = {"positions": {"AAA": held}}
    finding = found(WashTrade(), limits, asked(side, 10), working=[entry], **exits)
    assert (finding.passes, finding.value) == (True, 5)
    assert not found(WashTrade(), limits, asked(side, 11), working=[entry], **exits).passes
    assert not found(WashTrade(), limits, asked(side, 10), in_flight=[entry], **exits).passes
    late = order(other, 1, order_id="f")
    assert not found(WashTrade(), limits, asked(side, 10), working=[entry], in_flight=[late], **exits).passes


def test_duplicate_and_whole_book(limits: ComplianceLimits) -> None:
    assert found(Duplicate(), limits, asked()).passes
    assert not found(Duplicate(), limits, asked(), is_repeat=True).passes
    assert found(WholeBook(), limits, asked()).passes
    assert not found(WholeBook(), limits, asked(), is_whole=False).passes


def test_without_a_book_or_bars_every_rule_that_needs_them_refuses(limits: ComplianceLimits) -> None:
    desk = desk_of(asked(SELL), sender="", tape=None, source=None, portfolio=None, is_whole=False)
    verdicts = judge("compliance", RULES, asked(SELL), desk, limits)
    passing = [each.rule for each in verdicts if each.passes]
    assert passing == [
        *("restricted", "trading_hours", "order_quantity", "lot", "duplicate", "implementation_shortfall"),
    ]
    assert len(verdicts) == len(RULES) == len({rule.name for rule in RULES}) == len({rule.id for rule in RULES}) == 22


@pytest.mark.parametrize("changes", [
    {"quantity": Decimal("1E+999999")}, {"quantity": Decimal("1E-999999")}, {"reference_price": Decimal("1E+999999")},
    {"reference_price": Decimal("1E-999999")}, {"quantity": Decimal("1" * 500)}, {"bar": -(2**63)}, {"bar": 2**63},
    {"symbol": "\x00"}, {"symbol": "🙂" * 64},
])  # fmt: skip
def test_whatever_an_order_says_it_is_refused_with_a_word_and_not_with_a_crash(
    limits: ComplianceLimits, changes: dict[str, Any]
) -> None:
    odd = Order.model_validate(asked().model_dump() | changes)
    known: dict[str, Any] = {} if odd.symbol == "AAA" else {"tape": None, "source": None}
    verdicts = judge("compliance", RULES, odd, desk_of(odd, **known), limits)
    refusing = [each for each in verdicts if each.refuses]
    assert refusing
    assert all(each.detail and len(each.detail) < 10_000 for each in refusing)
    assert len(verdicts) == len(RULES)


def test_only_a_warning_refuses_nothing() -> None:
    assert [rule.id for rule in RULES if rule.severity is Severity.WARNING] == ["EXE_001"]
    assert [rule.id for rule in RULES if rule.severity is Severity.CRITICAL] == ["RISK_002"]
