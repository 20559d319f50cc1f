"""Position care: what is drawn, when the stop moves, what targets take, and how danger is scored."""

import math
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bus.messages import Grade, Side
from bus.plain import pack, unpack
from kernels import pivot
from kernels.bracket import EXTENSIONS, RETRACEMENTS
from kernels.pivot import Leg, Sign
from pads.care import UNGUARDED, WEIGHTS, Care, Guard, Holding, Watch, draw
from pads.chart import Chart, Row
from pads.config import CareConfig
from pads.levels import told

D = Decimal
LEVEL = 100.0
"""About which prices are mirrored."""


def row(close: float, spread: float = 0.5) -> Row:
    return close, close + spread, close - spread, close, 1000.0


def chart_of(closes: Sequence[float], spread: float = 0.5) -> Chart:
    chart = Chart(0.94)
    for close in closes:
        chart.take(row(close, spread))
    return chart


def zigzag(bars: int = 40) -> list[float]:
    """Rise from a swing low to a higher high and part of the way back: a rise that is confirmed and stands."""
    flat = [100.0 + 0.1 * (number % 2) for number in range(bars)]
    return [*flat, 99.0, 98.0, 97.0, 98.0, 99.5, 101.0, 102.5, 104.0, 103.0, 102.5, 102.0]


def mirrored(closes: Sequence[float]) -> list[float]:
    return [2 * LEVEL - close for close in closes]


def holding(units: str, entry: float, close: float, equity: float = 100_000.0) -> Holding:
    return Holding(D(units), entry, close, float(units) * close / equity)


@pytest.fixture
def chart() -> Chart:
    return chart_of(zigzag())


@pytest.fixture
def care() -> Care:
    return Care(CareConfig())


def guard_of(care: Care) -> Guard:
    assert care.guard is not None
    return care.guard


def test_a_purchase_stops_under_the_swing_and_its_targets_are_the_extensions(chart: Chart) -> None:
    swing, atr = chart.leg(1), chart.atr
    assert swing is not None
    assert (swing.start, swing.end) == (96.5, 104.5)
    assert atr is not None
    drawn = draw(1, 102.0, D(10), chart)
    assert drawn is not None
    assert drawn.multiple == 2.0
    assert drawn.stop == min(96.5, 102.0 - 2.0 * atr)
    assert drawn.targets == pytest.approx([104.5 + (k - 1.0) * 8.0 for k in EXTENSIONS])
    assert drawn.retracements == pytest.approx([104.5 - k * 8.0 for k in RETRACEMENTS])
    assert drawn.distance == 102.0 - drawn.stop
    assert (drawn.stage, drawn.grade, drawn.kept) == (0, Grade.LOW, D(10))


def test_without_a_swing_the_stop_is_that_of_the_range_alone() -> None:
    rising = chart_of([100.0 + 0.5 * number for number in range(30)])
    assert rising.leg(1) is None
    atr = rising.atr
    assert atr is not None
    drawn = draw(1, 114.0, D(10), rising)
    assert drawn is not None
    assert drawn.stop == 114.0 - 2.0 * atr
    assert (drawn.swing, drawn.targets, drawn.shares) == (None, (), ())


def test_a_swing_whose_first_target_lies_behind_the_entry_gives_no_levels(chart: Chart) -> None:
    drawn = draw(1, 107.0, D(10), chart)
    assert drawn is not None
    assert drawn.targets == ()
    assert drawn.stop == 107.0 - 2.0 * (chart.atr or math.nan)


@pytest.mark.parametrize("closes", [[100.0] * 13, [100.0] * 40], ids=["too few bars", "never moved"])
def test_without_a_range_there_is_no_care(care: Care, closes: list[float]) -> None:
    still = chart_of(closes, spread=0.0)
    assert still.atr is None
    assert not care.look(holding("10", 100.0, 50.0), 40, still)
    assert (care.guard, care.watch) == (None, UNGUARDED)
    assert care.extent(1, 100.0, still) == math.inf


def test_a_stop_that_would_not_be_positive_is_none() -> None:
    wild = chart_of([100.0 + 30.0 * (-1) ** number for number in range(30)], spread=1.0)
    assert draw(1, 100.0, D(10), wild) is None
    assert draw(-1, 100.0, D(10), wild) is not None


def test_a_bar_out_of_order_begins_the_chart_anew(chart: Chart) -> None:
    chart.take((100.0, 101.0, 99.0, 102.0, 1.0))
    assert (chart.atr, chart.leg(1), chart.strength) == (None, None, 0.0)


def test_the_chart_is_that_of_the_kernels_and_goes_on_after_a_restart() -> None:
    closes = [100.0 + 3.0 * math.sin(number / 4.0) for number in range(100)]
    chart, state = chart_of(closes[:70]), pivot.initial()
    again = Chart(0.94)
    again.restore(unpack(pack(chart.snapshot())))
    for close in closes[70:]:
        chart.take(row(close))
        again.take(row(close))
    for close in closes:
        pivot.update(state, row(close))
    assert chart.leg(1) == pivot.leg(state, 1) == again.leg(1)
    assert chart.atr == pivot.atr(state) == again.atr
    assert 0.0 < chart.strength == again.strength < 1.0


def test_a_close_at_the_stop_ends_the_position_and_one_above_it_does_not(care: Care, chart: Chart) -> None:
    care.look(holding("10", 102.0, 102.0), 50, chart)
    stop = guard_of(care).stop
    care.look(holding("10", 102.0, math.nextafter(stop, math.inf)), 51, chart)
    assert not care.watch.is_exit
    care.look(holding("10", 102.0, stop), 52, chart)
    assert care.watch == Watch(D(0), f"the close {stop:.6g} has reached the stop {stop:.6g}", True)


def test_after_a_stop_its_side_rests(chart: Chart) -> None:
    care = Care(CareConfig(rest_bars=3))
    care.look(holding("10", 102.0, 90.0), 50, chart)
    assert [bool(care.rests.why(Side.BUY, bar)) for bar in (50, 53, 54)] == [True, True, False]
    assert care.rests.why(Side.BUY, 53) == "a position was given up at bar 50: no more BUY before bar 54"
    assert care.rests.why(Side.SELL, 51) == ""


def test_the_stop_follows_once_the_close_has_gone_as_far_as_the_stop_was(care: Care, chart: Chart) -> None:
    care.look(holding("10", 102.0, 102.0), 50, chart)
    drawn, atr = guard_of(care), chart.atr
    assert atr is not None
    care.look(holding("10", 102.0, 102.0 + drawn.distance - 0.01), 51, chart)
    assert guard_of(care).stage == 1
    assert guard_of(care).stop == pytest.approx(102.0 + drawn.distance - 0.01 - 2.0 * atr)
    high = guard_of(care).stop
    assert care.look(holding("10", 102.0, 109.0), 52, chart)
    assert guard_of(care).stop > high
    high = guard_of(care).stop
    assert not care.look(holding("10", 102.0, high + 0.1), 53, chart)
    assert guard_of(care).stop == high


def test_without_targets_the_stop_waits_for_its_own_distance() -> None:
    rising = chart_of([100.0 + 0.5 * number for number in range(30)])
    care = Care(CareConfig())
    care.look(holding("10", 114.0, 114.0), 30, rising)
    stop, distance = guard_of(care).stop, guard_of(care).distance
    care.look(holding("10", 114.0, 114.0 + distance * 0.999), 31, rising)
    assert guard_of(care).stop == stop
    care.look(holding("10", 114.0, 114.0 + distance), 32, rising)
    assert guard_of(care).stop == pytest.approx(114.0)


def test_each_target_takes_its_share_and_the_last_one_all(care: Care, chart: Chart) -> None:
    care.look(holding("10", 102.0, 102.0), 50, chart)
    first, second, third = guard_of(care).targets
    assert guard_of(care).shares == (60, 25, 15)
    for close, kept in ((first, "4"), (second, "1.5")):
        care.look(holding("10", 102.0, close), 51, chart)
        assert (care.watch.keep, care.watch.is_exit) == (D(kept), False)
    assert care.watch.why == f"target 2 of 3 at {second:.6g} is reached"
    care.look(holding("1.5", 102.0, third), 52, chart)
    assert (care.watch.keep, care.watch.is_exit) == (D(0), True)


def test_a_strong_trend_leaves_more_for_the_last_target() -> None:
    trend = chart_of([*(60.0 + 0.5 * number for number in range(80)), *zigzag(0), 101.5])
    drawn = draw(1, 102.0, D(10), trend)
    assert trend.strength > 0.4
    assert drawn is not None
    assert drawn.shares == (25, 30, 45)


def test_a_position_that_grows_is_drawn_anew_and_its_stop_never_goes_back(care: Care, chart: Chart) -> None:
    care.look(holding("10", 102.0, 102.0), 50, chart)
    first = guard_of(care)
    assert care.look(holding("15", 103.0, 103.0), 51, chart)
    grown = guard_of(care)
    assert (grown.entry, grown.units) == (103.0, D(15))
    assert grown.stop >= first.stop
    assert not care.look(holding("12", 103.0, 103.0), 52, chart)
    assert guard_of(care) == grown


def test_the_other_side_is_another_position(care: Care, chart: Chart) -> None:
    care.look(holding("10", 102.0, 102.0), 50, chart)
    assert care.look(holding("-10", 102.0, 102.0), 51, chart)
    assert guard_of(care).side == -1
    care.release()
    assert care.guard is None


def test_the_score_is_the_weighted_sum_of_way_unrest_and_loss(chart: Chart) -> None:
    care = Care(CareConfig(risk_per_trade=0.02, medium=0.05, high=1.0))
    care.look(holding("1000", 102.0, 102.0), 50, chart)
    assert guard_of(care).score == 0.0
    for close in (100.0, 98.0):
        chart.take(row(close, 2.0))
    drawn, atr = guard_of(care), chart.atr
    assert atr is not None
    care.look(holding("1000", 102.0, 98.0), 52, chart)
    way = 4.0 / drawn.distance
    loss = 1000.0 * 4.0 / 100_000.0 / 0.02
    expected = WEIGHTS[0] * way + WEIGHTS[1] * (atr / drawn.atr - 1.0) + WEIGHTS[2] * min(loss, 1.0)
    assert guard_of(care).score == pytest.approx(expected)
    assert guard_of(care).grade is Grade.MEDIUM


@pytest.mark.parametrize(("medium", "high", "grade"), [(0.4, 0.5, "low"), (0.2, 0.5, "medium"), (0.1, 0.2, "high")])
def test_grades_begin_at_their_thresholds_and_high_ends_the_position(
    chart: Chart, medium: float, high: float, grade: str
) -> None:
    care = Care(CareConfig(medium=medium, high=high))
    care.look(holding("10", 102.0, 102.0), 50, chart)
    half = 102.0 - 0.4 * guard_of(care).distance - 1e-9
    care.look(Holding(D(10), 102.0, half, 0.0), 51, chart)
    assert guard_of(care).score == pytest.approx(0.2)
    assert guard_of(care).grade == grade
    assert care.watch == (
        Watch(D(0), "the risk of the position, 0.200, is high", True) if grade == "high" else UNGUARDED
    )


def test_the_extent_is_what_the_stop_may_cost(chart: Chart) -> None:
    care = Care(CareConfig(risk_per_trade=0.002))
    drawn = draw(1, 102.0, D(0), chart)
    assert drawn is not None
    assert care.extent(1, 102.0, chart) == pytest.approx(0.002 * 102.0 / drawn.distance)
    care.look(holding("10", 102.0, 102.0), 50, chart)
    assert care.extent(1, 100.0, chart) == pytest.approx(0.002 * 100.0 / (100.0 - drawn.stop))
    assert care.extent(1, drawn.stop, chart) == 0.0


def test_switched_off_there_is_none(chart: Chart) -> None:
    care = Care(CareConfig(enabled=False))
    assert not care.look(holding("10", 102.0, 50.0), 50, chart)
    assert (care.guard, care.watch, care.extent(1, 102.0, chart)) == (None, UNGUARDED, math.inf)


def test_a_split_multiplies_the_units_that_are_guarded(care: Care, chart: Chart) -> None:
    care.look(holding("10", 102.0, 102.0), 50, chart)
    care.split(D(4))
    assert guard_of(care).units == D(40)
    assert not care.look(holding("40", 102.0, 102.0), 51, chart)


def test_what_is_told_names_every_level_in_money(care: Care, chart: Chart) -> None:
    care.look(holding("10", 102.0, 102.0), 50, chart)
    guard = guard_of(care)
    said = told("X", 50, guard, 2.0)
    assert (said.symbol, said.bar, said.side, said.entry) == ("X", 50, Side.BUY, D(51))
    assert float(said.stop) == pytest.approx(guard.stop / 2.0)
    assert (said.swing_start, said.swing_end) == (D("48.25"), D("52.25"))
    assert [(each.kind, each.ratio) for each in said.levels] == [
        *(("retracement", D(str(k))) for k in RETRACEMENTS),
        *(("extension", D(str(k))) for k in EXTENSIONS),
    ]
    assert [float(each.price) for each in said.levels[5:]] == pytest.approx([each / 2.0 for each in guard.targets])
    assert (said.score, said.grade) == (0.0, Grade.LOW)


def test_a_restored_care_goes_on_the_same(care: Care, chart: Chart) -> None:
    care.look(holding("10", 102.0, 102.0), 50, chart)
    care.look(holding("10", 102.0, guard_of(care).targets[0]), 51, chart)
    again = Care(CareConfig())
    again.restore(unpack(pack(care.snapshot())))
    for each in (care, again):
        each.look(holding("4", 102.0, 101.0), 52, chart)
    assert (again.guard, again.watch) == (care.guard, care.watch)
    assert again.snapshot() == care.snapshot()


def walks() -> st.SearchStrategy[list[float]]:
    """Closes around the level, their steps multiples of 1/8, so that mirrored prices are exact."""
    steps = st.lists(st.integers(-8, 8), min_size=30, max_size=60)
    return steps.map(lambda taken: [LEVEL + sum(taken[: n + 1]) / 8.0 for n in range(len(taken))])


@settings(max_examples=50, deadline=None)
@given(walks(), st.integers(20, 29))
def test_mirrored_prices_give_mirrored_care(closes: list[float], entered: int) -> None:
    both = []
    for path, side in ((closes, 1), (mirrored(closes), -1)):
        chart, care = chart_of(path[:entered]), Care(CareConfig(high=0.6))
        for number, close in enumerate(path[entered:]):
            chart.take(row(close))
            # The share of equity is the same for both: what mirrored money is worth is no question of care.
            care.look(Holding(D(10 * side), path[entered], close, 0.0), entered + number, chart)
        both.append(care)
    long, short = both
    assert (long.guard is None) == (short.guard is None)
    assert (long.watch.keep, long.watch.is_exit) == (short.watch.keep, short.watch.is_exit)
    assert long.rests.why(Side.BUY, 60)[:35] == short.rests.why(Side.SELL, 60)[:35]
    if long.guard is not None and short.guard is not None:
        assert (long.guard.stage, long.guard.grade) == (short.guard.stage, short.guard.grade)
        assert short.guard.score == pytest.approx(long.guard.score, abs=1e-9)
        if long.guard.multiple == short.guard.multiple == 2.0:
            assert short.guard.stop == pytest.approx(2 * LEVEL - long.guard.stop)
            assert short.guard.targets == pytest.approx([2 * LEVEL - each for each in long.guard.targets])


@settings(max_examples=50, deadline=None)
@given(walks(), st.sampled_from([1, -1]))
def test_the_stop_never_goes_back_and_the_score_stays_in_range(closes: list[float], side: Sign) -> None:
    chart, care = chart_of(closes[:20]), Care(CareConfig())
    before = -math.inf
    for number, close in enumerate(closes[20:], 20):
        chart.take(row(close))
        care.look(Holding(D(10 * side), closes[20], close, side * 0.05), number, chart)
        if care.guard is not None:
            assert side * care.guard.stop >= before
            assert 0.0 <= care.guard.score <= 1.0
            before = side * care.guard.stop


@pytest.mark.parametrize("table", [{"medium": 0.75}, {"high": 0.3}, {"risk_per_trade": 0.0}, {"rest_bars": -1}])
def test_tables_that_do_not_fit_are_refused(table: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CareConfig.model_validate(table)


def test_a_leg_survives_in_a_guard() -> None:
    guard = Guard(1, 102.0, D(10), 96.5, 5.5, 1.0, 2.0, Leg(96.5, 42, 104.5, 47), (100.0,), (110.0,), (60, 25, 15))
    assert Guard.restored(unpack(pack(guard.snapshot()))) == guard
