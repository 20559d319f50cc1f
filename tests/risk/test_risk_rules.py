"""Each rule of risk at its limit and one tick over, both ways; and what an order that only shrinks may do."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bus.gate import Finding, Rule, judge
from bus.in_flight import InFlight, Passed
from bus.messages import Command, Order, OrderCleared, PortfolioUpdate, Side, SystemCommand, Verdict
from risk.config import RiskLimits
from risk.exposure import RiskBook
from risk.history import Histories
from risk.rules import (
    RULES,
    Clearance,
    DailyLoss,
    Drawdown,
    Duplicate,
    ExpectedShortfall,
    Gross,
    Halt,
    Observations,
    PositionWeight,
    StalePrices,
    WholeBook,
)
from risk.standing import Standing
from tests.gates.driver import CLEARED, DAY_NS, bar_of, book_of, calm, closes_from, order, settings

LAST = 119
BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def limits(tmp_path: Path) -> RiskLimits:
    return settings(tmp_path).limits("risk", RiskLimits)


def seen(**closes: Sequence[float]) -> Histories:
    """Histories of daily closes by symbol."""
    histories = Histories(500)
    for symbol, series in closes.items():
        for bar, close in enumerate(series):
            histories.append(bar_of(symbol, bar, close))
    return histories


CALM = seen(AAA=calm(LAST + 1, 1), BBB=calm(LAST + 1, 2))
"""Two symbols that end at 100 and hardly move, so that no tail is in the way."""


def flying(*orders: Order) -> InFlight:
    in_flight = InFlight()
    for each in orders:
        in_flight.add(Passed(each, (), "", 2**62))
    return in_flight


def found(
    rule: Rule[RiskBook, RiskLimits],
    limits: RiskLimits,
    judged: Order,
    *,
    positions: Mapping[str, int | str | Decimal] | None = None,
    prices: Mapping[str, int | str | Decimal] | None = None,
    working: Sequence[Order] = (),
    in_flight: InFlight | None = None,
    histories: Histories = CALM,
    equity: int | str | Decimal = 100_000,
    standing: Standing | None = None,
    **changes: Any,
) -> Finding:
    """Judge an order by one rule on a book that is fine but for what is said."""
    portfolio = book_of(
        1, "AAA", LAST, positions=positions, prices=prices, working=working, equity=equity, peak=200_000
    )
    given: dict[str, Any] = {
        "cleared": OrderCleared(order=judged, portfolio_version=1, verdicts=CLEARED),
        "sender": "compliance",
        "is_repeat": False,
        "portfolio": portfolio,
        "is_whole": True,
        "in_flight": in_flight or InFlight(),
        "histories": histories,
        "standing": standing or Standing(limits.drawdown_tiers),
        **changes,
    }
    return rule.check(judged, RiskBook(**given), limits)


def asked(side: Side, quantity: int | str | Decimal, symbol: str = "AAA") -> Order:
    return order(side, quantity, symbol=symbol, bar=LAST)


# The limit is 10 % of 100,000, a hundred units at 100.
@pytest.mark.parametrize(("held", "side", "quantity", "passes"), [
    (0, BUY, "100", True), (0, BUY, "100.0001", False),
    (0, SELL, "100", True), (0, SELL, "100.0001", False),
    (60, BUY, "40", True), (60, BUY, "40.0001", False),
    (60, SELL, "160", True), (60, SELL, "160.0001", False),
    (-60, SELL, "40", True), (-60, SELL, "40.0001", False),
    (-60, BUY, "160", True), (-60, BUY, "160.0001", False),
])  # fmt: skip
def test_position_weight(limits: RiskLimits, held: int, side: Side, quantity: str, passes: bool) -> None:
    finding = found(PositionWeight(), limits, asked(side, quantity), positions={"AAA": held})
    assert finding.passes is passes
    assert finding.value == (Decimal("0.1") if passes else Decimal("0.1000001"))
    assert finding.limit == Decimal("0.1")


@pytest.mark.parametrize(("side", "quantity", "passes"), [(BUY, 50, True), (BUY, 51, False), (SELL, 100, True)])
def test_working_orders_and_orders_in_flight_count_on_their_own_side(
    limits: RiskLimits, side: Side, quantity: int, passes: bool
) -> None:
    open_orders: dict[str, Any] = {
        "working": [order(BUY, 30, order_id="w")],
        "in_flight": flying(order(BUY, 20, order_id="f")),
    }
    assert found(PositionWeight(), limits, asked(side, quantity), **open_orders).passes is passes


@pytest.mark.parametrize(("cut_at", "units"), [("0.08", 90), ("0.12", 75), ("0.15", 0)])
def test_a_drawdown_tier_multiplies_the_position_limit(limits: RiskLimits, cut_at: str, units: int) -> None:
    standing = Standing(limits.drawdown_tiers)
    standing.ladder.take(1 - Decimal(cut_at), Decimal(1))
    if units:
        assert found(PositionWeight(), limits, asked(BUY, units), standing=standing).passes
    assert not found(PositionWeight(), limits, asked(BUY, units + 1), standing=standing).passes


def test_on_the_way_up_half_the_limit_is_back_before_the_rest(limits: RiskLimits) -> None:
    standing = Standing(limits.drawdown_tiers)
    for equity in ("0.84", "0.87"):
        standing.ladder.take(Decimal(equity), Decimal(1))
    assert found(PositionWeight(), limits, asked(BUY, 50), standing=standing).passes
    assert not found(PositionWeight(), limits, asked(BUY, 51), standing=standing).passes


# The limit is 1.5 times 100,000: 1,500 units at 100 in all.
@pytest.mark.parametrize(("side", "quantity", "passes"), [
    (BUY, "300", True), (BUY, "300.0001", False), (SELL, "300", True), (SELL, "300.0001", False),
])  # fmt: skip
def test_gross(limits: RiskLimits, side: Side, quantity: str, passes: bool) -> None:
    finding = found(
        Gross(), limits, asked(side, quantity), positions={"BBB": -700},
        working=[order(BUY, 100, symbol="CCC", order_id="w")], in_flight=flying(order(SELL, 400, symbol="BBB")),
        histories=seen(AAA=[100.0], BBB=[100.0], CCC=[100.0]),
    )  # fmt: skip
    assert finding.passes is passes
    assert finding.value == (Decimal("1.5") if passes else Decimal("1.5000001"))


def test_the_order_s_own_symbol_is_in_gross_once(limits: RiskLimits) -> None:
    book: dict[str, Any] = {"positions": {"AAA": 700, "BBB": 700}, "working": [order(BUY, 50, order_id="w")]}
    assert found(Gross(), limits, asked(BUY, 50), **book).passes
    assert not found(Gross(), limits, asked(BUY, 51), **book).passes


def test_gross_takes_the_worse_end_of_each_symbol(limits: RiskLimits) -> None:
    """A sale that may not fill does not make room."""
    book: dict[str, Any] = {"positions": {"BBB": 1400}, "working": [order(SELL, 1400, symbol="BBB", order_id="w")]}
    assert found(Gross(), limits, asked(BUY, 100), **book).passes
    assert not found(Gross(), limits, asked(BUY, 101), **book).passes


def test_a_holding_whose_bars_were_never_seen_counts_at_its_booked_price(limits: RiskLimits) -> None:
    book: dict[str, Any] = {"positions": {"ZZZ": 10}, "prices": {"ZZZ": 14_000}}
    assert found(Gross(), limits, asked(BUY, 100), **book).passes
    assert not found(Gross(), limits, asked(BUY, 101), **book).passes


# A hundred returns of which the worst are -10, -8 and -4 %: the shortfall of one is (.10 + .08 + .5 * .04) / 2.5 = 8 %.
TAIL = seen(AAA=closes_from([-0.04, 0.001, -0.10, *[0.001] * 96, -0.08]))
RALLY = seen(AAA=closes_from([0.04, -0.001, 0.10, *[-0.001] * 96, 0.08]))


def weighing(share: str, histories: Histories, side: Side = BUY) -> Order:
    """An order worth a share of the equity of 100,000."""
    history = histories.get("AAA")
    assert history is not None
    return order(side, Decimal(share) * 100_000 / history.close, bar=100)


@pytest.mark.parametrize(("histories", "side"), [(TAIL, BUY), (RALLY, SELL)], ids=["long", "short"])
def test_expected_shortfall_at_its_limit(limits: RiskLimits, histories: Histories, side: Side) -> None:
    finding = found(ExpectedShortfall(), limits, weighing("0.5", histories, side), histories=histories)
    assert finding.value == pytest.approx(0.04, abs=1e-12)
    assert finding.detail == "0.000% before, 4.000% after, marginal +4.000%"
    assert isinstance(finding.value, float)
    for limit, passes in ((finding.value, True), (math.nextafter(finding.value, 0), False)):
        tight = limits.model_copy(update={"expected_shortfall": Decimal(repr(limit))})
        again = found(ExpectedShortfall(), tight, weighing("0.5", histories, side), histories=histories)
        assert again.passes is passes


def test_expected_shortfall_of_the_firm_s_limit(limits: RiskLimits) -> None:
    assert found(ExpectedShortfall(), limits, weighing("0.624", TAIL), histories=TAIL).passes
    assert not found(ExpectedShortfall(), limits, weighing("0.626", TAIL), histories=TAIL).passes


def test_what_is_held_and_open_is_in_the_tail(limits: RiskLimits) -> None:
    history = TAIL.get("AAA")
    assert history is not None
    tenth = 10_000 / history.close
    finding = found(
        ExpectedShortfall(), limits, weighing("0.1", TAIL), histories=TAIL, positions={"AAA": tenth},
        working=[order(BUY, tenth, order_id="w")], in_flight=flying(order(BUY, tenth, order_id="f")),
    )  # fmt: skip
    assert finding.value == pytest.approx(0.4 * 0.08, abs=1e-12)
    assert finding.detail == "2.400% before, 3.200% after, marginal +0.800%"


def test_a_gain_in_the_tail_stays_negative(limits: RiskLimits) -> None:
    rising = seen(AAA=closes_from([0.01] * 100))
    finding = found(ExpectedShortfall(), limits, weighing("0.5", rising), histories=rising)
    assert finding.value == pytest.approx(-0.005, abs=1e-12)


def test_one_minute_bars_are_measured_over_a_day(limits: RiskLimits) -> None:
    histories = Histories(500)
    for bar, close in enumerate(closes_from([-0.04, 0.001, -0.10, *[0.001] * 96, -0.08])):
        histories.append(bar_of("AAA", bar, close, bar * DAY_NS // 1440))
    finding = found(ExpectedShortfall(), limits, weighing("0.01", histories), histories=histories)
    assert finding.value == pytest.approx(0.0008 * math.sqrt(1440), rel=1e-9)


def test_a_hedge_lowers_the_shortfall_and_says_so(limits: RiskLimits) -> None:
    closes = closes_from([-0.04, 0.001, -0.10, *[0.001] * 96, -0.08])
    both = seen(AAA=closes, BBB=closes)
    held = {"BBB": Decimal(50_000) / Decimal(repr(closes[-1]))}
    finding = found(ExpectedShortfall(), limits, weighing("0.5", both, SELL), histories=both, positions=held)
    assert finding.value == pytest.approx(0.0, abs=1e-12)
    assert "marginal -4.000%" in finding.detail


@pytest.mark.parametrize(("bars", "passes"), [(101, True), (100, False), (1, False)])
def test_too_little_history_refuses(limits: RiskLimits, bars: int, passes: bool) -> None:
    judged = order(BUY, 1, bar=bars - 1)
    finding = found(Observations(), limits, judged, histories=seen(AAA=calm(bars, 1) if bars > 1 else [100.0]))
    assert finding.passes is passes
    assert (finding.value, finding.limit) == (bars - 1, 100)


def test_history_is_what_all_symbols_at_stake_share(limits: RiskLimits) -> None:
    histories = seen(AAA=calm(LAST + 1, 1), BBB=calm(60, 2))
    assert found(Observations(), limits, asked(BUY, 1), histories=histories).value == LAST
    for held in ({"positions": {"BBB": 1}}, {"in_flight": flying(order(symbol="BBB"))}):
        finding = found(Observations(), limits, asked(BUY, 1), histories=histories, **held)
        assert (finding.passes, finding.value) == (False, 59)
    unseen = found(Observations(), limits, asked(BUY, 1), positions={"ZZZ": 1})
    assert (unseen.passes, unseen.value) == (False, 0)


@pytest.mark.parametrize(("lag", "passes"), [(0, True), (3, True), (4, False)])
def test_an_order_of_an_old_bar_is_stale(limits: RiskLimits, lag: int, passes: bool) -> None:
    finding = found(StalePrices(), limits, order(bar=LAST - lag))
    assert (finding.passes, finding.value) == (passes, lag)


@pytest.mark.parametrize(("lag", "passes"), [(0, True), (1, True), (3, True), (4, False)])
def test_a_holding_without_recent_price_is_stale(limits: RiskLimits, lag: int, passes: bool) -> None:
    histories = seen(AAA=calm(LAST + 1, 1), BBB=calm(LAST + 1 - lag, 2))
    finding = found(StalePrices(), limits, asked(BUY, 1), histories=histories, positions={"BBB": 5})
    assert (finding.passes, finding.value) == (passes, lag)
    assert found(StalePrices(), limits, asked(BUY, 1), histories=histories).passes


def test_prices_lost_in_a_gap_are_stale(limits: RiskLimits) -> None:
    histories = seen(AAA=calm(LAST + 1, 1), BBB=calm(LAST + 1, 2))
    histories.clear()
    finding = found(StalePrices(), limits, asked(SELL, 1), histories=histories, positions={"AAA": 5})
    assert (finding.passes, finding.detail) == (False, f"bar {LAST} of AAA is not held")
    histories.append(bar_of("AAA", LAST + 1, 100))
    fresh = order(BUY, 1, bar=LAST + 1)
    finding = found(StalePrices(), limits, fresh, histories=histories, positions={"BBB": 5})
    assert (finding.passes, finding.detail) == (False, "BBB is held, but its last bar is not")


def test_an_unknown_symbol_is_stale(limits: RiskLimits) -> None:
    assert not found(StalePrices(), limits, asked(BUY, 1, "ZZZ")).passes


@pytest.mark.parametrize(("equity", "reduces_only"), [("0.8501", False), ("0.85", True)])
def test_past_the_drawdown_budget_only_reductions_pass(limits: RiskLimits, equity: str, reduces_only: bool) -> None:
    standing = Standing(limits.drawdown_tiers)
    standing.ladder.take(Decimal(equity), Decimal(1))
    book: dict[str, Any] = {"standing": standing, "positions": {"AAA": 10}}
    assert found(Drawdown(), limits, asked(BUY, 1), **book).passes is not reduces_only
    assert found(Drawdown(), limits, asked(SELL, 11), **book).passes is not reduces_only
    finding = found(Drawdown(), limits, asked(SELL, 10), **book)
    assert (finding.passes, finding.value, finding.limit) == (True, 1 - Decimal(equity), Decimal("0.15"))


@pytest.mark.parametrize(("equity", "passes"), [("97000", True), ("96999.99", False), ("120000", True)])
def test_daily_loss(limits: RiskLimits, equity: str, passes: bool) -> None:
    standing = Standing(limits.drawdown_tiers)
    for bar, each in ((LAST - 1, "100000"), (LAST, equity)):
        standing.daily.take("AAA", bar, Decimal(each))
    standing.daily.date(CALM)
    assert found(DailyLoss(), limits, asked(BUY, 1), standing=standing).passes is passes
    assert found(DailyLoss(), limits, asked(SELL, 1), standing=standing, positions={"AAA": 1}).passes


def test_halt(limits: RiskLimits) -> None:
    standing = Standing(limits.drawdown_tiers)
    assert found(Halt(), limits, asked(BUY, 1), standing=standing) == (True, 0, 0, "halts", "not halted")
    standing.obey(SystemCommand(command=Command.HALT, reason="fire", operator="ada"))
    for judged in (asked(BUY, 1), asked(SELL, 1)):
        finding = found(Halt(), limits, judged, standing=standing, positions={"AAA": 1})
        assert (finding.passes, finding.value, finding.detail) == (False, 1, "halted: fire (ada)")


def test_duplicate_and_whole_book(limits: RiskLimits) -> None:
    assert found(Duplicate(), limits, asked(BUY, 1)).passes
    assert not found(Duplicate(), limits, asked(BUY, 1), is_repeat=True).passes
    assert found(WholeBook(), limits, asked(BUY, 1)).passes
    assert not found(WholeBook(), limits, asked(BUY, 1), is_whole=False).passes


def verdict(gate: str, passes: bool) -> Verdict:
    return Verdict(gate=gate, rule="r", passes=passes, value=0.0, limit=0.0, unit="", detail="")


@pytest.mark.parametrize(("sender", "verdicts", "passes"), [
    ("compliance", [("compliance", True)], True),
    ("compliance", [("compliance", True), ("compliance", False)], False),
    ("compliance", [("risk", True)], False),
    ("compliance", [], False),
    ("pads", [("compliance", True)], False),
])  # fmt: skip
def test_clearance(limits: RiskLimits, sender: str, verdicts: list[tuple[str, bool]], passes: bool) -> None:
    judged = asked(BUY, 1)
    spoken = tuple(verdict(gate, word) for gate, word in verdicts)
    cleared = OrderCleared(order=judged, portfolio_version=1, verdicts=spoken)
    assert found(Clearance(), limits, judged, sender=sender, cleared=cleared).passes is passes


SIZE_RULES = [StalePrices(), Observations(), ExpectedShortfall(), PositionWeight(), Gross(), Drawdown(), DailyLoss()]


@pytest.mark.parametrize("rule", SIZE_RULES, ids=lambda rule: rule.name)
def test_an_order_that_only_shrinks_is_always_possible(limits: RiskLimits, rule: Rule[RiskBook, RiskLimits]) -> None:
    """On its first bar, deep in a drawdown, far above every limit, with a holding nobody has seen a bar of."""
    standing = Standing(limits.drawdown_tiers)
    standing.ladder.take(Decimal("0.5"), Decimal(1))
    for bar, each in ((LAST - 1, "100000"), (LAST, "50000")):
        standing.daily.take("AAA", bar, Decimal(each))
    standing.daily.date(CALM)
    unseen: dict[str, Any] = {
        "standing": standing, "histories": seen(AAA=[100.0]), "positions": {"AAA": 10_000, "ZZZ": 10_000},
    }  # fmt: skip
    wild = seen(AAA=closes_from([-0.5, 0.6, -0.4, *[0.001] * 98]))
    ruined: dict[str, Any] = {"standing": standing, "histories": wild, "positions": {"AAA": 10_000}}
    assert found(rule, limits, order(SELL, 10_000, bar=0), **unseen).passes
    for equity in (0, -5, 100):
        assert found(rule, limits, order(SELL, 10_000, bar=101), equity=equity, **ruined).passes
    assert not found(rule, limits, order(SELL, 20_001, bar=0), **unseen).passes


def test_a_reduction_may_not_raise_a_shortfall_that_is_too_high(limits: RiskLimits) -> None:
    """Closing the hedge of a book above its limit is refused; closing what is hedged is not."""
    closes = closes_from([-0.04, 0.001, -0.10, *[0.001] * 96, -0.08])
    both = seen(AAA=closes, BBB=closes)
    unit = Decimal(100_000) / Decimal(repr(closes[-1]))
    book: dict[str, Any] = {"histories": both, "positions": {"AAA": unit, "BBB": -unit / 4}}
    risky, hedge = order(SELL, unit / 2, bar=100), order(BUY, unit / 4, symbol="BBB", bar=100)
    assert found(ExpectedShortfall(), limits, risky, **book).passes
    finding = found(ExpectedShortfall(), limits, hedge, **book)
    assert not finding.passes
    assert finding.detail.startswith("6.000% before, 8.000% after, marginal +2.000%")


def test_on_too_little_history_a_reduction_may_seem_to_raise_the_shortfall(limits: RiskLimits) -> None:
    closes = closes_from([-0.2, *[0.001] * 50])
    both = seen(AAA=closes, BBB=closes)
    unit = Decimal(100_000) / Decimal(repr(closes[-1]))
    book: dict[str, Any] = {"histories": both, "positions": {"AAA": unit, "BBB": -unit / 4}}
    assert found(ExpectedShortfall(), limits, order(BUY, unit / 4, symbol="BBB", bar=51), **book).passes
    assert not found(ExpectedShortfall(), limits, order(BUY, unit, symbol="BBB", bar=51), **book).passes


def test_a_new_hedge_that_leaves_the_shortfall_too_high_is_refused(limits: RiskLimits) -> None:
    closes = closes_from([-0.04, 0.001, -0.10, *[0.001] * 96, -0.08])
    both = seen(AAA=closes, BBB=closes)
    unit = Decimal(100_000) / Decimal(repr(closes[-1]))
    book: dict[str, Any] = {"histories": both, "positions": {"AAA": unit}}
    assert not found(ExpectedShortfall(), limits, order(SELL, unit / 4, symbol="BBB", bar=100), **book).passes
    assert found(ExpectedShortfall(), limits, order(SELL, unit / 2, symbol="BBB", bar=100), **book).passes


@pytest.mark.parametrize("equity", [0, -1])
def test_without_equity_nothing_is_a_fraction_of_it(limits: RiskLimits, equity: int) -> None:
    for rule in (PositionWeight(), Gross()):
        assert not found(rule, limits, asked(BUY, 1), equity=equity).passes


def test_without_a_book_every_rule_that_needs_one_refuses(limits: RiskLimits) -> None:
    judged = asked(BUY, 1)
    nothing: PortfolioUpdate | None = None
    book = RiskBook(
        OrderCleared(order=judged, portfolio_version=1, verdicts=CLEARED), "compliance", False, nothing, False,
        InFlight(), CALM, Standing(limits.drawdown_tiers),
    )  # fmt: skip
    refusing = [each.rule for each in judge("risk", RULES, judged, book, limits) if not each.passes]
    assert refusing == [
        "whole_book", "stale_prices", "observations", "expected_shortfall", "position_weight", "gross", "drawdown",
        "daily_loss",
    ]  # fmt: skip


def test_names_are_unique() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names) == 11
