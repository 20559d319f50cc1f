"""Rules about book and firm at their limit and one tick over, both ways, on an order and on the book as it stands."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from bus.messages import Order, Side
from compliance.availability import Availability
from compliance.config import ComplianceLimits
from compliance.costs import Costs
from compliance.rules.book import Concentration, Drawdown, ExpectedShortfall, PositionWeight, SectorWeight
from compliance.rules.firm import Available, ImplementationShortfall
from compliance.rules.market import DataQuality
from compliance.view import Breach, View
from portfolio.history import Histories
from portfolio.tail import TailGauge
from tests.compliance.costs import cost_of
from tests.compliance.counter import BUY, LAST, SELL, SOUND, asked, found, histories_of, limits_of, taped, view_of
from tests.gates.driver import SECOND_NS, bar_of, book_of, calm, order


@pytest.fixture
def limits() -> ComplianceLimits:
    return limits_of()


def shortfall_of(judged: Order, **book: Any) -> float:
    """What the rule measures; the same on the gauge that risk uses."""
    value = found(ExpectedShortfall(), limits_of(), judged, **book).value
    assert isinstance(value, float)
    return value


def test_expected_shortfall_of_an_order(limits: ComplianceLimits) -> None:
    judged = asked(quantity=100)
    value = shortfall_of(judged)
    at = limits_of(expected_shortfall=Decimal(repr(value)))
    over = limits_of(expected_shortfall=Decimal(repr(np.nextafter(value, 0.0).item())))
    assert found(ExpectedShortfall(), at, judged).passes
    finding = found(ExpectedShortfall(), over, judged)
    assert (finding.passes, finding.value) == (False, value)
    assert finding.remedy == "at most 99.9999 units pass"


def test_the_largest_quantity_that_the_tail_allows_passes_and_a_lot_more_does_not() -> None:
    half = shortfall_of(asked(quantity=100)) / 2
    strict, shared = limits_of(expected_shortfall=Decimal(repr(half))), {"lot": Decimal("0.5")}
    finding = found(ExpectedShortfall(), strict, asked(quantity=100), shared=shared)
    assert finding.remedy in ("at most 50 units pass", "at most 49.5 units pass")
    largest = Decimal(finding.remedy.split()[2])
    assert found(ExpectedShortfall(), strict, asked(quantity=str(largest))).passes
    assert not found(ExpectedShortfall(), strict, asked(quantity=str(largest + Decimal("0.5")))).passes


def test_where_the_book_is_over_already_no_growing_order_passes_and_a_shrinking_one_does() -> None:
    tight = limits_of(expected_shortfall=Decimal("0.000001"))
    held = {"positions": {"AAA": 100}}
    finding = found(ExpectedShortfall(), tight, asked(BUY, 1), **held)
    assert (finding.passes, finding.remedy) == (False, "no quantity of this order passes")
    assert found(ExpectedShortfall(), tight, asked(SELL, 100), **held).passes
    assert not found(ExpectedShortfall(), tight, asked(SELL, 201), **held).passes


def test_a_shrinking_order_may_not_make_the_tail_heavier() -> None:
    """AAA and BBB are the same thing: the half that hedges is taken away, the holding shrinks, the tail does not."""
    histories = Histories(500)
    for bar, close in enumerate(calm(LAST + 1, 3)):
        for symbol in ("AAA", "BBB"):
            histories.append(bar_of(symbol, bar, close))
    tight = limits_of(expected_shortfall=Decimal("0.000001"))
    gauge = TailGauge(histories)
    hedging = found(ExpectedShortfall(), tight, asked(BUY, 50), positions={"AAA": -50, "BBB": 100}, gauge=gauge)
    assert (hedging.passes, hedging.value is None) == (False, False)
    over = found(ExpectedShortfall(), tight, asked(BUY, 50), positions={"AAA": -100, "BBB": 50}, gauge=gauge)
    assert over.passes


@pytest.mark.parametrize(("bars", "passes"), [(121, True), (120, False)])
def test_a_tail_needs_a_hundred_observations(limits: ComplianceLimits, bars: int, passes: bool) -> None:
    """Beside the first bar and the twenty that start the volatility."""
    gauge = TailGauge(histories_of(bars=bars))
    finding = found(ExpectedShortfall(), limits, asked(bar=bars - 1), gauge=gauge)
    assert (finding.passes, finding.value is None) == (passes, not passes)
    shrinking = found(ExpectedShortfall(), limits, asked(SELL, 5), gauge=gauge, positions={"AAA": 10})
    assert shrinking.passes
    breaches = ExpectedShortfall().breaches(_holding({"AAA": 10}, histories=histories_of(bars=bars)), limits)
    assert [each.value for each in breaches] == ([] if passes else [None])


def test_expected_shortfall_of_the_book_is_that_of_an_order_for_it() -> None:
    value = shortfall_of(asked(quantity=100))
    view = _holding({"AAA": 100})
    assert view.tail.shortfall == pytest.approx(value, rel=1e-12)
    exact = view.tail.shortfall
    assert exact is not None
    at = limits_of(expected_shortfall=Decimal(repr(exact)))
    over = limits_of(expected_shortfall=Decimal(repr(np.nextafter(exact, 0.0).item())))
    assert not ExpectedShortfall().breaches(_holding({"AAA": 100}), at)
    assert [each.value for each in ExpectedShortfall().breaches(_holding({"AAA": 100}), over)] == [exact]
    assert not ExpectedShortfall().breaches(_holding({}), over)


@pytest.mark.parametrize(("equity", "passes"), [("85000", True), ("84999.99", False), ("120000", True)])
def test_drawdown(limits: ComplianceLimits, equity: str, passes: bool) -> None:
    peak = max(Decimal(equity), Decimal(100_000))
    book: dict[str, Any] = {"equity": equity, "peak": str(peak)}
    for side in Side:
        finding = found(Drawdown(), limits, asked(side), **book)
        assert (finding.passes, finding.value) == (passes, 1 - Decimal(equity) / peak)
    assert found(Drawdown(), limits, asked(SELL, 10), positions={"AAA": 10}, **book).passes
    breaches = Drawdown().breaches(view_of(book_of(1, "AAA", LAST, **book)), limits)
    assert len(breaches) == (0 if passes else 1)


@pytest.mark.parametrize(("quantity", "passes"), [("100", True), ("100.0001", False)])
@pytest.mark.parametrize("side", list(Side))
def test_position_weight(limits: ComplianceLimits, side: Side, quantity: str, passes: bool) -> None:
    finding = found(PositionWeight(), limits, asked(side, quantity))
    assert (finding.passes, finding.value) == (passes, Decimal(quantity) / 1_000)
    assert finding.remedy == ("" if passes else "at most 100 units pass")
    sign = "" if side is BUY else "-"
    breaches = PositionWeight().breaches(_holding({"AAA": f"{sign}{quantity}", "BBB": 100}), limits)
    assert _is(breaches, passes, "AAA", Decimal(quantity) / 1_000, Decimal("0.1"), "worth ")


@pytest.mark.parametrize(("working", "in_flight", "quantity", "passes"), [
    (50, 30, 20, True), (50, 30, 21, False), (0, 30, 70, True), (0, 30, 71, False), (90, 0, 11, False),
])  # fmt: skip
def test_position_weight_counts_what_is_open(
    limits: ComplianceLimits, working: int, in_flight: int, quantity: int, passes: bool
) -> None:
    for side in Side:
        book: dict[str, Any] = {
            "working": [order(side, working, order_id="w")] if working else [],
            "in_flight": [order(side, in_flight, order_id="f")] if in_flight else [],
        }
        assert found(PositionWeight(), limits, asked(side, quantity), **book).passes is passes


def test_position_weight_lets_a_position_that_is_too_large_shrink(limits: ComplianceLimits) -> None:
    held: dict[str, Any] = {"positions": {"AAA": 300}}
    assert found(PositionWeight(), limits, asked(SELL, 100), **held).passes
    assert not found(PositionWeight(), limits, asked(BUY, 1), **held).passes
    assert not found(PositionWeight(), limits, asked(SELL, 401), **held).passes
    assert found(PositionWeight(), limits, asked(SELL, 400), **held).passes


@pytest.mark.parametrize(("quantity", "passes"), [("50", True), ("50.0001", False)])
@pytest.mark.parametrize("side", list(Side))
def test_sector_weight(limits: ComplianceLimits, side: Side, quantity: str, passes: bool) -> None:
    """The other symbol of the sector holds 20 % already, short or long."""
    together = {"sectors": {"AAA": "tech", "BBB": "tech"}}
    apart = {"sectors": {"AAA": "tech", "BBB": "banks"}}
    for other in (200, -200):
        finding = found(SectorWeight(), limits, asked(side, quantity), positions={"BBB": other}, shared=together)
        assert (finding.passes, finding.value) == (passes, (Decimal(quantity) + 200) / 1_000)
        assert found(SectorWeight(), limits, asked(side, quantity), positions={"BBB": other}, shared=apart).passes
        view = _holding({"AAA": quantity, "BBB": other}, shared=together)
        breaches = SectorWeight().breaches(view, limits)
        assert _is(breaches, passes, "tech", (Decimal(quantity) + 200) / 1_000, Decimal("0.25"), "sector tech ")


def test_a_sector_that_is_too_large_may_shrink_and_not_grow(limits: ComplianceLimits) -> None:
    held: dict[str, Any] = {"positions": {"AAA": 300}}
    assert found(SectorWeight(), limits, asked(SELL, 10), **held).passes
    assert not found(SectorWeight(), limits, asked(BUY, 1), **held).passes


@pytest.mark.parametrize(("quantity", "passes"), [("500", True), ("500.0001", False)])
@pytest.mark.parametrize("side", list(Side))
def test_concentration(side: Side, quantity: str, passes: bool) -> None:
    """0.5^2 and 0.2^2 are 0.29."""
    narrow = limits_of(concentration=Decimal("0.29"))
    for other in (200, -200):
        finding = found(Concentration(), narrow, asked(side, quantity), positions={"BBB": other})
        value = (Decimal(quantity) / 1_000) ** 2 + Decimal("0.04")
        assert (finding.passes, finding.value) == (passes, value)
        breaches = Concentration().breaches(_holding({"AAA": quantity, "BBB": other}), narrow)
        assert _is(breaches, passes, "*", value, Decimal("0.29"), "2 symbols held")
    assert found(Concentration(), narrow, asked(SELL, 1), positions={"AAA": 900}).passes


def test_without_equity_nothing_may_grow(limits: ComplianceLimits) -> None:
    for rule in (PositionWeight(), SectorWeight(), Concentration(), ExpectedShortfall(), Drawdown()):
        for equity in ("0", "-5"):
            assert not found(rule, limits, asked(), equity=equity, peak="100000").passes
            held: dict[str, Any] = {"positions": {"AAA": 10}, "equity": equity, "peak": "100000"}
            assert found(rule, limits, asked(SELL, 10), **held).passes
            assert rule.breaches(view_of(book_of(1, "AAA", LAST, **held)), limits)


@pytest.mark.parametrize(("totals", "passes"), [([5] * 20, True), ([5] * 19 + ["5.01"], False), ([-9] * 20, True)])
def test_implementation_shortfall(limits: ComplianceLimits, totals: Sequence[int | str], passes: bool) -> None:
    """Of orders worth 1,000 each; 0.005 of that is 5. It warns, whatever the order."""
    costs = _costs(totals)
    finding = found(ImplementationShortfall(), limits, asked(), costs=costs)
    mean = sum(map(Decimal, totals), Decimal(0)) / 20_000
    assert (finding.passes, finding.value) == (passes, mean)
    breaches = ImplementationShortfall().breaches(view_of(book_of(1, "AAA", LAST), costs=costs), limits)
    assert _is(breaches, passes, "*", mean, Decimal("0.005"), "20 of 20 ended orders")


def test_fewer_ended_orders_than_are_looked_at_have_no_mean(limits: ComplianceLimits) -> None:
    costs = _costs([900] * 19)
    finding = found(ImplementationShortfall(), limits, asked(), costs=costs)
    assert (finding.passes, finding.value) == (True, None)
    assert not ImplementationShortfall().breaches(view_of(book_of(1, "AAA", LAST), costs=costs), limits)


@pytest.mark.parametrize(("silent_ns", "passes"), [(5 * SECOND_NS, True), (5 * SECOND_NS + 1_000, False)])
def test_availability(limits: ComplianceLimits, silent_ns: int, passes: bool) -> None:
    """One of two agents is silent for 5 s of the 500 s looked back on: 0.995 of the time of both."""
    availability = Availability(("pads", "risk"), 500.0)
    for agent in ("pads", "risk"):
        availability.hear(agent, 0)
    now_ns = 800 * SECOND_NS
    availability.miss("risk", 700 * SECOND_NS)
    availability.hear("risk", 700 * SECOND_NS + silent_ns)
    view = view_of(book_of(1, "AAA", LAST), availability=availability, now_ns=now_ns)
    assert len(Available().breaches(view, limits)) == (0 if passes else 1)


@pytest.mark.parametrize(("accepted", "skip", "passes"), [
    (100, (), True), (99, (), True), (98, (), False), (100, (9,), True), (100, (9, 19), False),
])  # fmt: skip
def test_data_quality_of_the_book(limits: ComplianceLimits, accepted: int, skip: tuple[int, ...], passes: bool) -> None:
    tapes, sources = {"AAA": taped(skip=skip)}, {"AAA": SOUND.model_copy(update={"accepted": accepted})}
    view = view_of(book_of(1, "AAA", LAST), tapes=tapes, sources=sources)
    assert [each.symbol for each in DataQuality().breaches(view, limits)] == ([] if passes else ["AAA"])
    unknown = view_of(book_of(1, "AAA", LAST), tapes=tapes)
    assert [each.value for each in DataQuality().breaches(unknown, limits)] == [None]


def _costs(totals: Sequence[int | str]) -> Costs:
    costs = Costs(20)
    for number, total in enumerate(totals):
        ended = order(BUY, 10, order_id=f"e{number}")
        costs.take_book(book_of(2 * number, "AAA", LAST, working=[ended]))
        costs.take_book(book_of(2 * number + 1, "AAA", LAST))
        costs.take(cost_of(ended, total))
    return costs


def _holding(positions: dict[str, int | str], **changes: Any) -> View:
    return view_of(book_of(1, "AAA", LAST, positions=positions), **changes)


def _is(breaches: Sequence[Breach], passes: bool, symbol: str, value: Decimal, limit: Decimal, words: str) -> bool:
    """Tell whether there is no breach, or exactly this one."""
    if passes:
        return not breaches
    (breach,) = breaches
    return breach[:3] == (symbol, value, limit) and breach.detail.startswith(words)
