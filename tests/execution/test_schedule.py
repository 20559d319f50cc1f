"""Schedules send all of an order and no more, as the market lets them."""

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.messages import ExecutionReport, MarketUpdate, Quote, Side, Urgency
from bus.plain import pack, unpack
from execution.conditions import Conditions
from execution.config import ExecutionConfig
from execution.schedule import Adaptive, Course, Progress, plain, restored, set_out
from kernels.participation import Thresholds
from tests.execution.desks import Floor, of, statuses
from tests.execution.driver import dec, make_bar, plain_config

NAMES = ("immediate", "twap", "vwap", "pov", "shortfall", "adaptive")
MINUTE_NS = 60_000_000_000
DAY_NS = 1440 * MINUTE_NS
CALM = Thresholds(1.5, 2.5, 4.0, 2.5, 2)


def moving(bars: int = 30, volume: str = "1000", price: str = "100") -> Conditions:
    """Conditions after bars that move a percent up and down."""
    conditions = Conditions(make_bar(0, price, high="101", low="100", volume=volume))
    for number in range(1, bars):
        conditions.append(make_bar(number, price, close="101" if number % 2 else "100", volume=volume))
    return conditions


def progress(lots: int, done: int = 0, bars: int = 0, volume: float = 0.0, *, is_reducing: bool = False) -> Progress:
    return Progress(lots, done, bars, volume, 1.0, is_reducing)


def config(**changes: Any) -> ExecutionConfig:
    return ExecutionConfig.model_validate({"lot": "1", "horizon_bars": 4, "expire_bars": 6} | changes)


def course(name: str, lots: int = 100, conditions: Conditions | None = None, **changes: Any) -> Course:
    chosen = config(schedule=name, **changes)
    return set_out(chosen, lots, Urgency.MEDIUM, conditions or moving(), 1.0)


def due(made: Course, lots: int, bars: int) -> list[int]:
    """What a plan reaches bar by bar."""
    return [made.due(progress(lots, bars=bar), moving()) for bar in range(bars)]


def test_immediate_is_all_at_once() -> None:
    assert due(course("immediate"), 100, 3) == [100, 100, 100]


def test_twap_is_even() -> None:
    assert due(course("twap"), 100, 6) == [25, 50, 75, 100, 100, 100]


def test_vwap_follows_the_volumes_of_the_time_of_day() -> None:
    conditions = Conditions(at(0, 0, "10"))
    for minute, volume in ((1, "100"), (2, "200"), (3, "300"), (4, "400")):
        conditions.append(at(0, minute, volume))
    conditions.append(at(1, 0, "10"))
    assert due(course("vwap", conditions=conditions), 100, 4) == [25, 50, 75, 100]
    for minute in range(1, 5):
        conditions.append(at(1, minute, "1"))
    conditions.append(at(2, 0, "10"))
    conditions.spacing_ns = MINUTE_NS
    assert due(course("vwap", conditions=conditions), 100, 4) == [10, 30, 60, 100]


def at(day: int, minute: int, volume: str) -> MarketUpdate:
    """A bar of a market that is open five minutes a day."""
    bar = make_bar(5 * day + minute, volume=volume, high="101")
    return bar.model_copy(update={"opened_ns": day * DAY_NS + minute * MINUTE_NS})


def test_vwap_is_even_on_daily_bars() -> None:
    conditions = Conditions(at(0, 0, "10"))
    for day in range(1, 9):
        conditions.append(at(day, 0, str(100 * day)))
    assert due(course("vwap", conditions=conditions), 100, 4) == [25, 50, 75, 100]


def test_shortfall_hurries_with_risk_aversion() -> None:
    patient = due(course("shortfall", risk_aversion=0.0), 100, 4)
    eager = due(course("shortfall", risk_aversion=0.1), 100, 4)
    frantic = due(course("shortfall", risk_aversion=1e6), 100, 4)
    assert patient == [25, 50, 75, 100]
    assert patient < eager < frantic
    assert frantic[0] == 100


def test_shortfall_is_even_where_nothing_is_known_of_impact() -> None:
    still = Conditions(make_bar(0))
    assert due(course("shortfall", conditions=still, risk_aversion=1.0), 100, 4) == [25, 50, 75, 100]
    silent = Conditions(make_bar(0, high="101", volume="0"))
    assert due(course("shortfall", conditions=silent, risk_aversion=1.0), 100, 4) == [25, 50, 75, 100]


def test_pov_follows_the_volume_seen() -> None:
    made = course("pov", pov_rate=0.1)
    assert made.due(progress(100), moving()) == 0
    assert made.due(progress(100, volume=555.0), moving()) == 55
    assert made.due(progress(100, done=55, bars=1, volume=900.0), moving()) == 90
    assert made.due(progress(100, done=90, bars=2, volume=9000.0), moving()) == 100


@pytest.mark.parametrize(
    ("urgency", "lots"), [(Urgency.LOW, 100), (Urgency.MEDIUM, 200), (Urgency.HIGH, 300), (Urgency.URGENT, 500)]
)
def test_adaptive_takes_the_top_of_its_band_in_calm(urgency: Urgency, lots: int) -> None:
    assert Adaptive(urgency, CALM, 5).due(progress(10_000), moving()) == lots


@pytest.mark.parametrize(
    ("urgency", "lots"), [(Urgency.LOW, 50), (Urgency.MEDIUM, 100), (Urgency.HIGH, 200), (Urgency.URGENT, 300)]
)
def test_adaptive_takes_the_bottom_of_its_band_in_a_wide_market(urgency: Urgency, lots: int) -> None:
    assert Adaptive(urgency, CALM, 5).due(progress(10_000), stressed(2.6)) == lots


def stressed(times: float) -> Conditions:
    """Conditions with volatility at a multiple of the usual one."""
    conditions = moving()
    conditions.quick = conditions.slow * times * times
    return conditions


def test_adaptive_pauses_and_resumes_with_patience() -> None:
    made = Adaptive(Urgency.MEDIUM, CALM, 5)
    lots = [made.due(progress(10_000, done=7), stressed(times)) for times in (1.0, 4.1, 2.6, 2.4, 3.0, 2.0, 2.0, 1.0)]
    assert [each - 7 for each in lots] == [200, 0, 0, 0, 0, 0, pytest.approx(150, abs=1), 200]


def test_adaptive_widens_with_the_spread() -> None:
    conditions = moving()
    conditions.usual_spread, conditions.spread = 0.001, 0.002
    assert Adaptive(Urgency.MEDIUM, CALM, 5).due(progress(10_000), conditions) == 150
    conditions.spread = 0.004
    assert Adaptive(Urgency.MEDIUM, CALM, 5).due(progress(10_000), conditions) == 0


def test_adaptive_does_not_wait_for_calm_where_it_takes_risk_away() -> None:
    made = Adaptive(Urgency.HIGH, CALM, 5)
    assert made.due(progress(10_000), stressed(9.0)) == 0
    assert made.due(progress(10_000, is_reducing=True), stressed(9.0)) == 200
    assert made.pace.is_paused


def test_adaptive_is_blind_where_nothing_moved_and_stops_where_nothing_trades() -> None:
    assert Adaptive(Urgency.HIGH, CALM, 5).due(progress(100), Conditions(make_bar(0))) == 0
    silent = Conditions(make_bar(0, high="101", volume="0"))
    assert Adaptive(Urgency.HIGH, CALM, 5).due(progress(100), silent) == 0
    scarce = Conditions(make_bar(0, high="101", volume="0.001"))
    assert Adaptive(Urgency.HIGH, CALM, 5).due(progress(100), scarce) == 1


@pytest.mark.parametrize("name", NAMES)
@given(lots=st.integers(1, 10**6), fills=st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
@settings(deadline=None, max_examples=30)
def test_what_is_due_is_never_more_than_ordered_and_never_less_than_done(
    name: str, lots: int, fills: list[int]
) -> None:
    made = course(name, lots)
    done, volume = 0, 0.0
    for bars, size in enumerate(fills):
        reached = made.due(progress(lots, done, bars, volume), moving())
        assert reached <= lots
        if name in ("pov", "adaptive"):
            assert reached >= done
        done = max(done, min(reached, done + size))
        volume += 1000.0
    if name not in ("pov", "adaptive"):
        assert made.due(progress(lots, bars=made.life), moving()) == lots


@pytest.mark.parametrize("name", NAMES)
def test_a_course_survives_a_snapshot(name: str) -> None:
    made = course(name)
    made.due(progress(100), stressed(5.0))
    copy = restored(unpack(pack(plain(made))))
    assert copy.life == made.life == (6 if name in ("immediate", "pov", "adaptive") else 4)
    steps = [progress(100, bars=bar, volume=100.0 * bar) for bar in range(5)]
    assert [copy.due(step, stressed(2.0)) for step in steps] == [made.due(step, stressed(2.0)) for step in steps]


@pytest.mark.parametrize("name", NAMES)
def test_every_schedule_works_an_order_at_the_desk_to_its_last_unit(name: str) -> None:
    floor = Floor(plain_config(schedule=name, lot="1", horizon_bars=4, expire_bars=9, max_volume_share="0.5"))
    for number in range(1, 20):
        floor.bar(close="101" if number % 2 else "100")
    quantity = {"pov": "2000", "adaptive": "3000"}.get(name, "3000")
    filed = floor.accept(quantity=quantity)
    for number in range(9):
        filed += floor.bar(close="101" if number % 2 else "100")
    assert statuses(filed)[-1] == ("o1", "filled")
    reports = of(ExecutionReport, filed)
    assert sum((report.last_quantity for report in reports), Decimal(0)) == dec(quantity)
    children = len(floor.broker.submitted)
    assert {"immediate": children == 1, "twap": children == 4}.get(name, children >= 1)
    names = [f"bd-o1-{number + 1}" for number in range(children)]
    assert [child.client_order_id for child in floor.broker.submitted] == names


def test_what_is_less_than_a_lot_goes_with_the_last_one() -> None:
    floor = Floor(plain_config(schedule="twap", lot="10", horizon_bars=2))
    floor.accept(quantity="45")
    floor.bar()
    assert [child.quantity for child in floor.broker.submitted] == [dec(20), dec(25)]


def test_a_market_that_widens_takes_child_orders_back_and_calm_sends_them_again() -> None:
    floor = Floor(plain_config(schedule="adaptive", lot="1", expire_bars=30, max_volume_share="0.01"))
    for number in range(1, 30):
        floor.bar(close="101" if number % 2 else "100")
    conditions = floor.desk._planner._conditions["SPX"]
    conditions.quick = conditions.slow
    floor.accept(quantity="30000")
    assert [child.quantity for child in floor.broker.submitted] == [dec(2000)]
    conditions.quick = conditions.slow * 5.0
    floor.bar(close="101")
    (first, *_) = floor.broker.asked
    assert first[:2] == ("amend", "bd-o1-1")
    assert first[2] < 2000
    conditions.quick = conditions.slow * 25.0
    floor.bar()
    assert ("cancel", "bd-o1-1", dec(0)) in floor.broker.asked
    sent = len(floor.broker.submitted)
    for _ in range(30):
        conditions.quick = conditions.slow
        floor.bar(close="101")
        conditions.quick = conditions.slow
    assert len(floor.broker.submitted) > sent


def test_an_order_that_runs_out_of_time_expires_after_its_child_orders_are_gone() -> None:
    floor = Floor(plain_config(schedule="twap", horizon_bars=2, lot="1"))
    floor.accept(quantity="100")
    floor.bar(volume="0")
    assert statuses(floor.bar(volume="0")) == []
    assert floor.broker.asked == [("cancel", "bd-o1-2", dec(0)), ("cancel", "bd-o1-1", dec(0))]
    filed = floor.bar()
    assert statuses(filed) == [("o1", "expired")]
    assert of(ExecutionReport, filed)[0].reason == "not filled within 2 bars"


def test_conditions_learn_spread_volume_and_volatility() -> None:
    quote = Quote(bid=dec(99), ask=dec(101), bid_size=dec(1), ask_size=dec(1))
    conditions = Conditions(make_bar(0, high="110", low="100", volume="50").model_copy(update={"quote": quote}))
    assert conditions.spread == conditions.usual_spread == pytest.approx(0.02)
    assert conditions.sigma == pytest.approx(math.log(1.1) / math.sqrt(4 * math.log(2)))
    before = conditions.quick
    conditions.append(make_bar(1, close="110", volume="150"))
    assert conditions.quick == pytest.approx(0.94 * before + 0.06 * math.log(1.1) ** 2)
    assert conditions.slow == pytest.approx(0.99 * before + 0.01 * math.log(1.1) ** 2)
    assert conditions.volume == pytest.approx(0.94 * 50 + 0.06 * 150)
    assert math.isnan(conditions.spread)
    quick = conditions.quick
    conditions.append(make_bar(3, "200"))
    assert (conditions.quick, conditions.bar) == (quick, 3)
    conditions.split(dec(2))
    assert conditions.close == 100
    assert unpack(pack(conditions.snapshot())) == conditions.snapshot()
    assert Conditions.restored(conditions.snapshot()).snapshot() == conditions.snapshot()


def test_sides_are_worked_alike() -> None:
    sold = Floor(plain_config(schedule="twap", horizon_bars=4))
    sold.accept(quantity="100", side=Side.SELL)
    for _ in range(4):
        sold.bar()
    assert sold.desk.book.quantity("SPX") == -100
