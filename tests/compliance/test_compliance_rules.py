"""Each rule of compliance at its limit and one tick over, both ways."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bus.gate import Finding, Rule, judge
from bus.in_flight import InFlight, Passed
from bus.messages import Order, Side
from compliance.config import ComplianceLimits
from compliance.desk import Desk
from compliance.rules import (
    RULES,
    Duplicate,
    KnownSymbol,
    MessageRate,
    OrderAge,
    OrderNotional,
    OrderQuantity,
    PriceCollar,
    Restricted,
    ShortSale,
    WashTrade,
    WholeBook,
    WholeData,
)
from compliance.tape import Tape
from tests.gates.driver import bar_of, book_of, order, settings

BUY, SELL = Side.BUY, Side.SELL
LAST = 29


@pytest.fixture
def limits(tmp_path: Path) -> ComplianceLimits:
    return settings(tmp_path).limits("compliance", ComplianceLimits)


def taped(closes: Sequence[int | str] = (100,) * (LAST + 1), capacity: int = 20) -> Tape:
    tape = Tape(capacity)
    for bar, close in enumerate(closes):
        tape.append(bar_of("AAA", bar, close))
    return tape


def found(
    rule: Rule[Desk, ComplianceLimits],
    limits: ComplianceLimits,
    judged: Order,
    *,
    tape: Tape | None = None,
    positions: Mapping[str, int] | None = None,
    working: Sequence[Order] = (),
    in_flight: Sequence[Order] = (),
    **changes: Any,
) -> Finding:
    """Judge an order by one rule on a desk that is fine but for what is said."""
    flying = InFlight()
    for each in in_flight:
        flying.add(Passed(each, (), "", 2**62))
    given: dict[str, Any] = {
        "order": judged,
        "is_repeat": False,
        "tape": taped() if tape is None else tape,
        "portfolio": book_of(1, "AAA", LAST, positions=positions, working=working),
        "is_whole": True,
        "in_flight": flying,
        **changes,
    }
    return rule.check(judged, Desk(**given), limits)


def asked(side: Side = BUY, quantity: int | str = 10, price: int | str = 100, bar: int = LAST) -> Order:
    return order(side, quantity, price=price, bar=bar)


def test_known_symbol(limits: ComplianceLimits) -> None:
    assert found(KnownSymbol(), limits, asked()).passes
    desk = Desk(asked(), False, None, book_of(1, "AAA", LAST), True, InFlight())
    finding = KnownSymbol().check(asked(), desk, limits)
    assert (finding.passes, finding.detail) == (False, "AAA never had a bar")


def test_restricted_in_both_directions(limits: ComplianceLimits) -> None:
    listed = limits.model_copy(update={"restricted": ("BBB", "AAA")})
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
    tape = taped(["100"] * 29 + [last])
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
        tape = taped(["100"] * 29 + [last])
        assert found(OrderNotional(), limits, asked(side, quantity, price), tape=tape).passes is passes


@pytest.mark.parametrize(("quantity", "passes"), [("1000000", True), ("1000000.000001", False)])
def test_order_quantity(limits: ComplianceLimits, quantity: str, passes: bool) -> None:
    for side in Side:
        assert found(OrderQuantity(), limits, asked(side, quantity)).passes is passes


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


@pytest.mark.parametrize(("held", "open_sales", "quantity", "short"), [
    (10, 0, 10, 0), (10, 0, 11, 1), (10, 4, 6, 0), (10, 4, 7, 1), (0, 0, 1, 1), (-5, 0, 1, 6),
])  # fmt: skip
def test_short_sale(limits: ComplianceLimits, held: int, open_sales: int, quantity: int, short: int) -> None:
    never = limits.model_copy(update={"allow_short": False})
    book: dict[str, Any] = {"positions": {"AAA": held}}
    if open_sales:
        book["working"] = [order(SELL, open_sales - 1, order_id="w")]
        book["in_flight"] = [order(SELL, 1, order_id="f")]
    finding = found(ShortSale(), never, asked(SELL, quantity), **book)
    assert (finding.passes, finding.value) == (short == 0, short)
    assert found(ShortSale(), limits, asked(SELL, quantity), **book).passes
    assert found(ShortSale(), never, asked(BUY, quantity), **book).passes


@pytest.mark.parametrize("where", ["working", "in_flight"])
@pytest.mark.parametrize("side", list(Side))
def test_wash_trade(limits: ComplianceLimits, where: str, side: Side) -> None:
    other = SELL if side is BUY else BUY
    assert not found(WashTrade(), limits, asked(side), **{where: [order(other, 1, order_id="w")]}).passes  # type: ignore[arg-type]
    assert found(WashTrade(), limits, asked(side), **{where: [order(side, 1, order_id="w")]}).passes  # type: ignore[arg-type]
    elsewhere = [order(other, 1, symbol="BBB", order_id="w")]
    assert found(WashTrade(), limits, asked(side), **{where: elsewhere}).passes  # type: ignore[arg-type]


def test_duplicate_and_whole_book(limits: ComplianceLimits) -> None:
    assert found(Duplicate(), limits, asked()).passes
    assert not found(Duplicate(), limits, asked(), is_repeat=True).passes
    assert found(WholeBook(), limits, asked()).passes
    assert not found(WholeBook(), limits, asked(), is_whole=False).passes


def test_without_a_book_or_bars_every_rule_that_needs_them_refuses(limits: ComplianceLimits) -> None:
    desk = Desk(asked(SELL), False, None, None, False, InFlight())
    verdicts = judge("compliance", RULES, asked(SELL), desk, limits)
    assert [each.rule for each in verdicts if each.passes] == ["restricted", "order_quantity", "duplicate"]
    assert len(verdicts) == len(RULES) == len({rule.name for rule in RULES}) == 12
