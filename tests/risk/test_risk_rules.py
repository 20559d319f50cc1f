"""Each rule of risk at its limit and one tick over, both ways; and what an order that only shrinks may do."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from bus.gate import Finding, Rule, judge
from bus.in_flight import InFlight, Passed
from bus.messages import Command, Order, Severity, Side, SystemCommand, Tail, Verdict
from portfolio.history import Histories
from portfolio.tail import TailGauge
from risk.config import RiskLimits
from risk.exposure import RiskBook, order_risk
from risk.rules import RULES
from risk.rules.order import Clearance, Duplicate, Observations, StalePrices, WholeBook
from risk.rules.size import Correlation, ExpectedShortfall, Gross, PositionWeight, SectorWeight
from risk.rules.standing import DailyLoss, Drawdown, DrawdownTier, Halt
from risk.standing import Standing
from risk.stress import Stress
from tests.gates.driver import (
    DAY_NS,
    bar_of,
    book_limits_of,
    book_of,
    calm,
    cleared,
    closes_from,
    order,
    settings,
)

LAST = 139
BUY, SELL = Side.BUY, Side.SELL
STATED = {
    "expected_shortfall": "0.05",
    "correlation": "0.8",
    "daily_loss": "0.03",
    "observations": 100,
    "stale_bars": 3,
}
LIMITS = book_limits_of(sectors={"AAA": "first", "BBB": "first", "CCC": "second"})


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


def standing_at(drawdown: str = "0") -> Standing:
    """A standing that has seen one book, so far below the peak of 200,000."""
    standing = Standing(LIMITS)
    standing.take(book_of(1, "AAA", LAST, equity=200_000 * (1 - Decimal(drawdown)), peak=200_000))
    return standing


def lost(*equities: str) -> Standing:
    """A standing of days that ended with so much."""
    standing = standing_at()
    for day, equity in enumerate(equities):
        standing.daily.enter(day, Decimal(equity))
    return standing


def book_for(
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
) -> RiskBook:
    """A book that is fine for an order but for what is said."""
    portfolio = book_of(
        1, "AAA", LAST, positions=positions, prices=prices, working=working, equity=equity, peak=200_000
    )
    given: dict[str, Any] = {
        "cleared": cleared(judged),
        "objection": "",
        "is_repeat": False,
        "portfolio": portfolio,
        "is_whole": True,
        "in_flight": in_flight or InFlight(),
        "histories": histories,
        "standing": standing or standing_at(),
        "gauge": TailGauge(histories),
        "stress": Stress(LIMITS.regime),
        **changes,
    }
    return RiskBook(**given)


def found(rule: Rule[RiskBook, RiskLimits], limits: RiskLimits, judged: Order, **book: Any) -> Finding:
    """Judge an order by one rule on a book that is fine but for what is said."""
    return rule.check(judged, book_for(judged, **book), limits)


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


@pytest.mark.parametrize(("held", "side", "quantity", "remedy"), [
    (60, BUY, "41", "at most 40 units would pass this rule"),
    (60, SELL, "161", "at most 160 units would pass this rule"),
    (-60, BUY, "160.5", "at most 160 units would pass this rule"),
    (100, BUY, "1", ""), (-120, SELL, "1", ""), (60, BUY, "40", ""),
])  # fmt: skip
def test_the_largest_position_that_would_pass_is_told(
    limits: RiskLimits, held: int, side: Side, quantity: str, remedy: str
) -> None:
    assert found(PositionWeight(), limits, asked(side, quantity), positions={"AAA": held}).remedy == remedy


@pytest.mark.parametrize(("drawdown", "units"), [("0.0799", 100), ("0.08", 90), ("0.12", 75), ("0.15", 50)])
def test_a_drawdown_tier_multiplies_the_position_limit(limits: RiskLimits, drawdown: str, units: int) -> None:
    standing = standing_at(drawdown)
    for side in (BUY, SELL):
        assert found(PositionWeight(), limits, asked(side, units), standing=standing).passes
        assert not found(PositionWeight(), limits, asked(side, f"{units}.0001"), standing=standing).passes


def stressed(factor: str) -> Stress:
    """The stress of a market whose last moves leave roughly so much of the limit."""
    stress = Stress(LIMITS.regime)
    moves = [0.001, -0.001] * 100 + {"1": [], "floor": [0.05, -0.05] * 10}[factor]
    for bar, close in enumerate(closes_from(moves)):
        stress.take(bar_of("AAA", bar, close))
    return stress


def test_stress_multiplies_the_position_limit_too(limits: RiskLimits) -> None:
    tight, loose = stressed("floor"), stressed("1")
    share = tight.factor("AAA")
    assert loose.factor("AAA") == 1
    assert 0.5 <= share < 1
    units = 75 * share
    book: dict[str, Any] = {"standing": standing_at("0.12"), "stress": tight}
    for side in (BUY, SELL):
        assert found(PositionWeight(), limits, asked(side, units), **book).passes
        finding = found(PositionWeight(), limits, asked(side, units + Decimal("0.0001")), **book)
        assert not finding.passes
        assert finding.limit == Decimal("0.075") * share


@given(
    drawdown=st.decimals("0", "0.3", places=4),
    moves=st.lists(st.floats(-0.2, 0.2), max_size=60),
    held=st.integers(-150, 150),
    side=st.sampled_from(Side),
    quantity=st.integers(1, 300),
)
@profile(deadline=None, max_examples=50)
def test_tier_and_stress_can_only_tighten(
    drawdown: Decimal, moves: list[float], held: int, side: Side, quantity: int
) -> None:
    """What passes under a tier and stress passes without them, and no limit ever exceeds the one stated."""
    stress, firm = Stress(LIMITS.regime), RiskLimits.model_validate(STATED)
    for bar, close in enumerate(closes_from(moves)):
        stress.take(bar_of("AAA", bar, close))
    judged, book = asked(side, quantity), {"positions": {"AAA": held}}
    free = found(PositionWeight(), firm, judged, **book)
    tight = found(PositionWeight(), firm, judged, standing=standing_at(str(drawdown)), stress=stress, **book)
    assert free.passes or not tight.passes
    assert tight.limit is not None
    assert LIMITS.position_weight / 4 <= tight.limit <= LIMITS.position_weight


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
    assert finding.remedy == ("" if passes else "at most 300 units would pass this rule")


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


# The limit is 25 % of 100,000: 250 units at 100 in the sector of AAA and BBB.
@pytest.mark.parametrize(("side", "quantity", "passes"), [
    (BUY, "80", True), (BUY, "80.0001", False), (SELL, "80", True), (SELL, "80.0001", False),
])  # fmt: skip
def test_sector_weight(limits: RiskLimits, side: Side, quantity: str, passes: bool) -> None:
    finding = found(
        SectorWeight(), limits, asked(side, quantity), positions={"BBB": -100, "CCC": 900},
        working=[order(BUY, 30, symbol="BBB", order_id="w")], in_flight=flying(order(SELL, 70, symbol="BBB")),
        histories=seen(AAA=[100.0], BBB=[100.0], CCC=[100.0]),
    )  # fmt: skip
    assert finding.passes is passes
    assert finding.value == (Decimal("0.25") if passes else Decimal("0.2500001"))
    assert finding.remedy == ("" if passes else "at most 80 units would pass this rule")


def test_symbols_without_a_sector_share_one(limits: RiskLimits) -> None:
    both = seen(YYY=[100.0], ZZZ=[100.0], AAA=[100.0])
    book: dict[str, Any] = {"histories": both, "positions": {"YYY": 200, "AAA": 200}}
    assert found(SectorWeight(), limits, asked(BUY, 50, "ZZZ"), **book).passes
    finding = found(SectorWeight(), limits, asked(BUY, 51, "ZZZ"), **book)
    assert not finding.passes
    assert "of sector unclassified" in finding.detail


# Every move is of 8 %, up and down in turn: volatility never changes, and the shortfall of one is 8 %.
SWING = [0.08, -0.08] * 60
TAIL = seen(AAA=closes_from(SWING))
SWUNG = 120


def weighing(share: str, histories: Histories, side: Side = BUY) -> Order:
    """An order worth a share of the equity of 100,000."""
    history = histories.get("AAA")
    assert history is not None
    return order(side, Decimal(share) * 100_000 / history.close, bar=SWUNG)


@pytest.mark.parametrize("side", [BUY, SELL], ids=["long", "short"])
def test_expected_shortfall_at_its_limit(limits: RiskLimits, side: Side) -> None:
    finding = found(ExpectedShortfall(), limits, weighing("0.5", TAIL, side), histories=TAIL)
    assert finding.value == pytest.approx(0.04, abs=1e-12)
    assert finding.detail == "0.000% before, 4.000% after, marginal +4.000%"
    assert isinstance(finding.value, float)
    for limit, passes in ((finding.value, True), (math.nextafter(finding.value, 0), False)):
        tight = limits.model_copy(update={"expected_shortfall": Decimal(repr(limit))})
        again = found(ExpectedShortfall(), tight, weighing("0.5", TAIL, side), histories=TAIL)
        assert again.passes is passes


def test_expected_shortfall_of_the_firm_s_limit(limits: RiskLimits) -> None:
    assert found(ExpectedShortfall(), limits, weighing("0.624", TAIL), histories=TAIL).passes
    assert not found(ExpectedShortfall(), limits, weighing("0.626", TAIL), histories=TAIL).passes


@pytest.mark.parametrize("side", Side)
def test_the_largest_order_that_the_tail_would_let_pass_is_told_and_passes(limits: RiskLimits, side: Side) -> None:
    """At 5 % of equity and 8 % a unit, 0.625 of equity; the next millionth of a unit is too much."""
    finding = found(ExpectedShortfall(), limits, weighing("1", TAIL, side), histories=TAIL)
    told = Decimal(finding.remedy.split()[2])
    assert told == pytest.approx(weighing("0.625", TAIL).quantity, abs=Decimal("0.000002"))
    assert found(ExpectedShortfall(), limits, order(side, told, bar=SWUNG), histories=TAIL).passes
    more = order(side, told + Decimal("0.000002"), bar=SWUNG)
    assert not found(ExpectedShortfall(), limits, more, histories=TAIL).passes


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
    rising = seen(AAA=closes_from([0.01] * SWUNG))
    finding = found(ExpectedShortfall(), limits, weighing("0.5", rising), histories=rising)
    assert finding.value == pytest.approx(-0.005, abs=1e-12)


def test_bars_of_a_session_are_measured_over_its_day(limits: RiskLimits) -> None:
    """Ten bars an hour apart on each date: a day is ten of them, not twenty-four."""
    histories = Histories(500)
    for bar, close in enumerate(closes_from(SWING)):
        histories.append(bar_of("AAA", bar, close, bar // 10 * DAY_NS + bar % 10 * DAY_NS // 24))
    finding = found(ExpectedShortfall(), limits, weighing("0.01", histories), histories=histories)
    assert finding.value == pytest.approx(0.0008 * math.sqrt(10), rel=1e-9)


def test_a_hedge_lowers_the_shortfall_and_says_so(limits: RiskLimits) -> None:
    closes = closes_from(SWING)
    both = seen(AAA=closes, BBB=closes)
    held = {"BBB": Decimal(50_000) / Decimal(repr(closes[-1]))}
    finding = found(ExpectedShortfall(), limits, weighing("0.5", both, SELL), histories=both, positions=held)
    assert finding.value == pytest.approx(0.0, abs=1e-12)
    assert "marginal -4.000%" in finding.detail


def test_prices_that_stood_still_and_then_moved_have_no_tail(limits: RiskLimits) -> None:
    """There is no volatility to scale the first move by: nothing may grow, what is held may still shrink."""
    still = seen(AAA=closes_from([0.0] * 60 + [0.01, -0.01] * 30))
    finding = found(ExpectedShortfall(), limits, order(BUY, 1, bar=SWUNG), histories=still)
    assert (finding.passes, finding.value) == (False, None)
    assert found(ExpectedShortfall(), limits, order(SELL, 1, bar=SWUNG), histories=still, positions={"AAA": 1}).passes


@pytest.mark.parametrize(("bars", "passes"), [(121, True), (120, False), (1, False)])
def test_too_little_history_refuses(limits: RiskLimits, bars: int, passes: bool) -> None:
    judged = order(BUY, 1, bar=bars - 1)
    finding = found(Observations(), limits, judged, histories=seen(AAA=calm(bars, 1) if bars > 1 else [100.0]))
    assert finding.passes is passes
    assert (finding.value, finding.limit) == (max(bars - 21, 0), 100)


def test_history_is_what_all_symbols_at_stake_share(limits: RiskLimits) -> None:
    histories = seen(AAA=calm(LAST + 1, 1), BBB=calm(60, 2))
    assert found(Observations(), limits, asked(BUY, 1), histories=histories).value == LAST - 20
    for held in ({"positions": {"BBB": 1}}, {"in_flight": flying(order(symbol="BBB"))}):
        finding = found(Observations(), limits, asked(BUY, 1), histories=histories, **held)
        assert (finding.passes, finding.value) == (False, 39)
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


@pytest.mark.parametrize(("drawdown", "reduces_only"), [("0.1499", False), ("0.15", True)])
def test_in_the_last_tier_only_reductions_pass(limits: RiskLimits, drawdown: str, reduces_only: bool) -> None:
    book: dict[str, Any] = {"standing": standing_at(drawdown), "positions": {"AAA": 10}}
    assert found(DrawdownTier(), limits, asked(BUY, 1), **book).passes is not reduces_only
    assert found(DrawdownTier(), limits, asked(SELL, 11), **book).passes is not reduces_only
    finding = found(DrawdownTier(), limits, asked(SELL, 10), **book)
    assert (finding.passes, finding.value, finding.limit) == (True, 3 if reduces_only else 2, 2)


@pytest.mark.parametrize(("drawdown", "passes"), [("0", True), ("0.15", True), ("0.1501", False)])
def test_beyond_the_drawdown_budget_only_reductions_pass(limits: RiskLimits, drawdown: str, passes: bool) -> None:
    book: dict[str, Any] = {"standing": standing_at(drawdown), "positions": {"AAA": -10}}
    for judged in (asked(SELL, 1), asked(BUY, 11)):
        finding = found(Drawdown(), limits, judged, **book)
        assert (finding.passes, finding.value, finding.limit) == (passes, Decimal(drawdown), Decimal("0.15"))
    assert found(Drawdown(), limits, asked(BUY, 10), **book).passes
    assert (Drawdown.id, Drawdown.severity) == ("RISK_002", Severity.CRITICAL)


@pytest.mark.parametrize(("equity", "passes"), [("97000", True), ("96999.99", False), ("120000", True)])
def test_daily_loss(limits: RiskLimits, equity: str, passes: bool) -> None:
    standing = lost("100000", equity)
    assert found(DailyLoss(), limits, asked(BUY, 1), standing=standing).passes is passes
    assert found(DailyLoss(), limits, asked(SELL, 1), standing=standing).passes is passes
    assert found(DailyLoss(), limits, asked(SELL, 1), standing=standing, positions={"AAA": 1}).passes


# Two markets of one mind, and one that goes its own way.
ONE, OTHER = calm(LAST + 1, 1), calm(LAST + 1, 3)
MIXED = [0.9 * one + 0.1 * other for one, other in zip(ONE, OTHER, strict=True)]
ALIKE = seen(AAA=ONE, BBB=MIXED, CCC=OTHER)


@pytest.mark.parametrize(("held", "growing", "hedging"), [(10, BUY, SELL), (-10, SELL, BUY)], ids=["long", "short"])
def test_correlation_at_its_limit(limits: RiskLimits, held: int, growing: Side, hedging: Side) -> None:
    book: dict[str, Any] = {"histories": ALIKE, "positions": {"BBB": held}}
    finding = found(Correlation(), limits, asked(growing, 1), **book)
    assert isinstance(finding.value, float)
    assert 0.9 < finding.value < 1.0
    assert not finding.passes
    for limit, passes in ((finding.value, True), (math.nextafter(finding.value, 0), False)):
        stated = limits.model_copy(update={"correlation": Decimal(repr(limit))})
        assert found(Correlation(), stated, asked(growing, 1), **book).passes is passes
    hedge = found(Correlation(), limits, asked(hedging, 1), **book)
    assert (hedge.passes, hedge.value) == (True, -finding.value)


def test_correlation_is_that_of_an_exponentially_weighted_covariance(limits: RiskLimits) -> None:
    book: dict[str, Any] = {"histories": ALIKE, "positions": {"BBB": 7, "CCC": -5, "AAA": 40}}
    finding = found(Correlation(), limits, asked(BUY, 1), **book)
    moves = {symbol: np.diff(series)[20:] / np.array(series)[20:-1] for symbol, series in
             {"AAA": ONE, "BBB": MIXED, "CCC": OTHER}.items()}  # fmt: skip
    rest = 7 * moves["BBB"] - 5 * moves["CCC"]
    weights = 0.94 ** np.arange(rest.size)[::-1]
    own = moves["AAA"]
    expected = (weights * own * rest).sum() / math.sqrt((weights * own**2).sum() * (weights * rest**2).sum())
    assert finding.value == pytest.approx(expected, rel=1e-9)


def test_open_orders_of_other_symbols_count_for_correlation_where_they_raise_it(limits: RiskLimits) -> None:
    """The book holds what goes its own way, and is about to buy far more of what moves with the order."""
    book: dict[str, Any] = {"histories": ALIKE, "positions": {"CCC": 1}}
    opened = order(BUY, 100, symbol="BBB", order_id="f", bar=LAST)
    before, after = (
        found(Correlation(), limits, asked(BUY, 1), in_flight=flying(*each), **book) for each in ((), (opened,))
    )
    assert before.passes
    assert not after.passes
    assert isinstance(before.value, float)
    away = order(SELL, 100, symbol="BBB", order_id="f", bar=LAST)
    assert found(Correlation(), limits, asked(BUY, 1), in_flight=flying(away), **book).value == before.value


def test_where_nothing_else_is_held_nothing_correlates(limits: RiskLimits) -> None:
    for positions in ({}, {"AAA": 60}):
        finding = found(Correlation(), limits, asked(BUY, 1), histories=ALIKE, positions=positions)
        assert (finding.passes, finding.value) == (True, 0.0)


def test_a_correlation_that_cannot_be_told_refuses_what_grows(limits: RiskLimits) -> None:
    frozen = seen(AAA=ONE, BBB=[100.0] * (LAST + 1))
    judged = asked(BUY, 1)
    for histories in (frozen, seen(AAA=ONE, BBB=[100.0, 101.0]), seen(AAA=ONE)):
        book = book_for(judged, histories=histories, positions={"BBB": 5})
        (word,) = judge("risk", [Correlation()], judged, book, limits)
        assert (word.passes, word.value) == (False, None)
    assert found(Correlation(), limits, asked(SELL, 1), histories=frozen, positions={"AAA": 5, "BBB": 5}).passes


def test_halt(limits: RiskLimits) -> None:
    standing = standing_at()
    assert found(Halt(), limits, asked(BUY, 1), standing=standing) == (True, 0, 0, "not halted", "")
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


@pytest.mark.parametrize(("objection", "verdicts", "passes"), [
    ("", [("compliance", True)], True),
    ("", [("compliance", True), ("compliance", False)], False),
    ("", [("risk", True)], False),
    ("", [], False),
    ("the signature of compliance does not fit the order", [("compliance", True)], False),
])  # fmt: skip
def test_clearance(limits: RiskLimits, objection: str, verdicts: list[tuple[str, bool]], passes: bool) -> None:
    judged = asked(BUY, 1)
    spoken = tuple(verdict(gate, word) for gate, word in verdicts)
    handed = cleared(judged, verdicts=spoken)
    finding = found(Clearance(), limits, judged, objection=objection, cleared=handed)
    assert finding.passes is passes
    assert not objection or finding.detail == objection


def test_a_warning_of_compliance_does_not_speak_against_an_order(limits: RiskLimits) -> None:
    warning = verdict("compliance", False).model_copy(update={"severity": Severity.WARNING})
    assert found(Clearance(), limits, asked(BUY, 1), cleared=cleared(asked(BUY, 1), verdicts=(warning,))).passes


SIZE_RULES = [
    StalePrices(), Observations(), ExpectedShortfall(), PositionWeight(), Gross(), SectorWeight(), Correlation(),
    Drawdown(), DrawdownTier(), DailyLoss(),
]  # fmt: skip


@pytest.mark.parametrize("rule", SIZE_RULES, ids=lambda rule: rule.name)
def test_an_order_that_only_shrinks_is_always_possible(limits: RiskLimits, rule: Rule[RiskBook, RiskLimits]) -> None:
    """On its first bar, deep in a drawdown, far above every limit, with a holding nobody has seen a bar of."""
    standing = standing_at("0.5")
    for day, closing in enumerate(("100000", "50000")):
        standing.daily.enter(day, Decimal(closing))
    unseen: dict[str, Any] = {
        "standing": standing, "histories": seen(AAA=[100.0]), "positions": {"AAA": 10_000, "ZZZ": 10_000},
    }  # fmt: skip
    wild = seen(AAA=closes_from([*[0.001, -0.001] * 60, -0.5, 0.6, -0.4]))
    ruined: dict[str, Any] = {"standing": standing, "histories": wild, "positions": {"AAA": 10_000}}
    assert found(rule, limits, order(SELL, 10_000, bar=0), **unseen).passes
    for equity in (0, -5, 100):
        assert found(rule, limits, order(SELL, 10_000, bar=123), equity=equity, **ruined).passes
    assert not found(rule, limits, order(SELL, 20_001, bar=0), **unseen).passes


def hedged(bars: int, share: int = 4) -> dict[str, Any]:
    """A book that is long once its equity in one symbol, and short a share of that in another that moves alike."""
    closes = closes_from(SWING[:bars])
    unit = Decimal(100_000) / Decimal(repr(closes[-1]))
    return {"histories": seen(AAA=closes, BBB=closes), "positions": {"AAA": unit, "BBB": -unit / share}}


def test_a_reduction_may_not_raise_a_shortfall_that_is_too_high(limits: RiskLimits) -> None:
    """Closing the hedge of a book above its limit is refused; closing what is hedged is not."""
    book = hedged(SWUNG)
    unit = book["positions"]["AAA"]
    risky, hedge = order(SELL, unit / 2, bar=SWUNG), order(BUY, unit / 4, symbol="BBB", bar=SWUNG)
    assert found(ExpectedShortfall(), limits, risky, **book).passes
    finding = found(ExpectedShortfall(), limits, hedge, **book)
    assert not finding.passes
    assert finding.detail.startswith("6.000% before, 8.000% after, marginal +2.000%")
    assert finding.remedy == ""


def test_on_too_little_history_what_shrinks_passes_and_nothing_else(limits: RiskLimits) -> None:
    book = hedged(100)
    unit = book["positions"]["AAA"]
    assert found(ExpectedShortfall(), limits, order(BUY, unit / 4, symbol="BBB", bar=100), **book).passes
    assert not found(ExpectedShortfall(), limits, order(BUY, unit, symbol="BBB", bar=100), **book).passes


def test_a_new_hedge_that_leaves_the_shortfall_too_high_is_refused(limits: RiskLimits) -> None:
    book = hedged(SWUNG)
    unit = book["positions"]["AAA"]
    book["positions"] = {"AAA": unit}
    assert not found(ExpectedShortfall(), limits, order(SELL, unit / 4, symbol="BBB", bar=SWUNG), **book).passes
    assert found(ExpectedShortfall(), limits, order(SELL, unit / 2, symbol="BBB", bar=SWUNG), **book).passes


@pytest.mark.parametrize("equity", [0, -1])
def test_without_equity_nothing_is_a_fraction_of_it(limits: RiskLimits, equity: int) -> None:
    for rule in (PositionWeight(), Gross(), SectorWeight(), Observations(), ExpectedShortfall()):
        assert not found(rule, limits, asked(BUY, 1), equity=equity).passes


def test_without_a_book_every_rule_that_needs_one_refuses(limits: RiskLimits) -> None:
    judged = asked(BUY, 1)
    book = book_for(judged, portfolio=None, is_whole=False, standing=Standing(LIMITS))
    refusing = [each.rule for each in judge("risk", RULES, judged, book, limits) if each.refuses]
    assert refusing == [
        "whole_book", "stale_prices", "observations", "expected_shortfall", "position_weight", "gross",
        "sector_weight", "correlation", "drawdown", "drawdown_tier", "daily_loss",
    ]  # fmt: skip
    told = order_risk(book)
    nothing = Tail(historical=None, filtered=None, student=None)
    assert (told.before, told.after, told.marginal, told.observations) == (nothing, nothing, nothing, 0)


def test_what_an_order_does_to_the_tail_is_told_by_all_estimators() -> None:
    judged = weighing("0.5", TAIL)
    told = order_risk(book_for(judged, histories=TAIL, positions={"AAA": judged.quantity / 5}))
    assert (told.order_id, told.symbol, told.bar, told.observations) == ("o1", "AAA", SWUNG, 100)
    for estimator in ("historical", "filtered"):
        tails = [getattr(tail, estimator) for tail in (told.before, told.after, told.marginal)]
        assert tails == pytest.approx([0.008, 0.048, 0.04])
    assert told.before.student is None
    moving = order_risk(book_for(asked(BUY, 60), positions={"AAA": 20, "BBB": 30}))
    for estimator in ("historical", "filtered", "student"):
        before, after = getattr(moving.before, estimator), getattr(moving.after, estimator)
        assert 0 < before < after < 0.01
        assert getattr(moving.marginal, estimator) == after - before


@pytest.mark.parametrize("quantity", ["1e12", "1e400", "1e999999"])
@pytest.mark.parametrize("side", Side)
def test_an_order_beyond_all_measure_is_refused_and_told(limits: RiskLimits, side: Side, quantity: str) -> None:
    """By the rules that can still say no, and by those that fail at it; nothing falls over."""
    book = book_for(asked(side, quantity), positions={"AAA": 10, "BBB": 10})
    refusing = [each.rule for each in judge("risk", RULES, asked(side, quantity), book, limits) if each.refuses]
    assert {"expected_shortfall", "position_weight", "gross", "sector_weight"} <= {*refusing}
    told = order_risk(book)
    assert told.before.filtered is not None
    assert (told.after.filtered, told.marginal.student) == (None, None)


def test_every_rule_has_a_number_a_name_and_a_remedy_of_its_own() -> None:
    assert len({rule.name for rule in RULES}) == len({rule.id for rule in RULES}) == len(RULES) == 14
    assert all(rule.unit and rule.remedy for rule in RULES)
    assert [rule.id for rule in RULES if rule.severity is Severity.CRITICAL] == ["RISK_002"]
