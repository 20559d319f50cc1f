"""The parts of what an order cost sum to the whole, exactly."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.messages import ExecutionCost, ExecutionReport, Order, OrderStatus, PortfolioUpdate, Quote, Side
from bus.plain import pack, unpack
from execution.conditions import Conditions
from execution.config import ImpactConfig
from execution.cost import ImpactModel, Tally, settle
from execution.flattening import Mark
from execution.money import EXACT, ZERO
from kernels.attribution import Execution, Sign, slippage
from tests.execution.desks import HEADER, Floor, of
from tests.execution.driver import dec, make_approval, make_bar, make_order, plain_config

PRICES = st.decimals("0.000001", "1000000", places=6)
UNITS = st.decimals("0.00000001", "1000000", places=8)


def model(half_spread: float = 0.0) -> ImpactModel:
    return ImpactModel(ImpactConfig(), half_spread)


def tally(arrival: str | None = "101", *fills: tuple[str, str], fees: str = "0") -> Tally:
    made = Tally(0.01, 1000.0, 0.0, 0.002, None if arrival is None else dec(arrival))
    for quantity, price in fills:
        made.fill(dec(quantity), dec(price), ZERO)
    made.fees = dec(fees)
    return made


def cost_of(made: Tally, order: Order | None = None, end: str = "104") -> ExecutionCost:
    order = order or make_order(quantity="100")
    return settle(order, OrderStatus.EXPIRED, made, model(), Mark(7, dec(end)), "twap", 3)


def test_the_parts_of_a_purchase() -> None:
    made = tally("101", ("40", "102"), ("20", "103"), fees="5.5")
    made.bars, made.prices, made.traded, made.turnover = 2, 204.0, 400.0, 300 * 100.0 + 100 * 104.0
    cost = cost_of(made)
    assert (cost.delay, cost.trading, cost.opportunity, cost.fees) == (dec(60), dec(80), dec(160), dec("5.5"))
    assert cost.total == dec("305.5")
    assert (cost.filled, cost.average_price) == (dec(60), dec("102.333333"))
    assert (cost.decision_price, cost.arrival_price, cost.end_price) == (dec(100), dec(101), dec(104))
    mean = (40 * 102 + 20 * 103) / 60
    assert cost.arrival_bps == pytest.approx(1e4 * (mean - 101) / 101)
    assert cost.twap_bps == pytest.approx(1e4 * (mean - 102) / 102)
    assert cost.vwap_bps == pytest.approx(1e4 * (mean - 101) / 101)
    assert (cost.schedule, cost.children, cost.bar, cost.impact) == ("twap", 3, 7, 0.002)


def test_a_sale_has_the_other_sign() -> None:
    cost = cost_of(tally("101", ("40", "102"), ("20", "103")), make_order(quantity="100", side=Side.SELL))
    assert (cost.delay, cost.trading, cost.opportunity, cost.total) == (dec(-60), dec(-80), dec(-160), dec(-300))


def test_an_order_without_a_fill_has_no_mean_to_compare() -> None:
    cost = cost_of(tally(None))
    assert (cost.arrival_bps, cost.twap_bps, cost.vwap_bps) == (None, None, None)
    assert (cost.arrival_price, cost.opportunity, cost.total) == (dec(104), dec(400), dec(400))
    assert (cost.filled, cost.average_price, cost.coefficient) == (ZERO, ZERO, 1.0)


@given(
    side=st.sampled_from(Side),
    decision=PRICES,
    arrival=PRICES,
    end=PRICES,
    fills=st.lists(st.tuples(UNITS, PRICES), max_size=6),
    rest=UNITS,
    fees=st.decimals("0", "1000", places=6),
)
@settings(deadline=None, max_examples=50)
def test_the_parts_sum_to_the_whole(
    side: Side,
    decision: Decimal,
    arrival: Decimal,
    end: Decimal,
    fills: list[tuple[Decimal, Decimal]],
    rest: Decimal,
    fees: Decimal,
) -> None:
    made = Tally(0.01, 1000.0, 0.0, 0.0, arrival)
    for quantity, price in fills:
        made.fill(quantity, price, ZERO)
    made.fees = fees
    with localcontext(EXACT):
        done = sum((quantity for quantity, _ in fills), ZERO)
        spent = sum((quantity * price for quantity, price in fills), ZERO)
        order = make_order(side=side).model_copy(update={"quantity": done + rest, "reference_price": decision})
        cost = settle(order, OrderStatus.CANCELLED, made, model(), Mark(1, end), "twap", 1)
        sign = 1 if side is Side.BUY else -1
        assert cost.delay + cost.trading + cost.opportunity + cost.fees == cost.total
        assert cost.total == sign * (spent + rest * end - (done + rest) * decision) + fees
        assert cost.filled == done


@given(
    steps=st.lists(st.tuples(st.integers(90, 110), st.integers(0, 3000), st.booleans()), min_size=3, max_size=25),
    name=st.sampled_from(["immediate", "twap", "pov", "adaptive"]),
)
@settings(deadline=None, max_examples=40)
def test_every_order_that_ends_has_one_cost_and_it_is_what_the_book_lost(
    steps: list[tuple[int, int, bool]], name: str
) -> None:
    floor = Floor(plain_config(schedule=name, lot="1", expire_bars=3, horizon_bars=3))
    filed = []
    for number, (price, volume, is_buying) in enumerate(steps):
        filed += floor.bar(str(price), close=str(price + 1), volume=str(volume))
        filed += floor.accept(f"o{number}", "300", Side.BUY if is_buying else Side.SELL)
    for _ in range(5):
        filed += floor.bar()
    reports, costs = of(ExecutionReport, filed), of(ExecutionCost, filed)
    ends = [r.order.order_id for r in reports if r.status.value in ("filled", "cancelled", "expired")]
    assert sorted(ends) == sorted(cost.order.order_id for cost in costs) == sorted(f"o{n}" for n in range(len(steps)))
    for cost in costs:
        assert cost.total == cost.delay + cost.trading + cost.opportunity + cost.fees
        fills = [r for r in reports if r.order.order_id == cost.order.order_id]
        assert cost.fees == sum((r.fee for r in fills), ZERO)
        assert cost.filled == sum((r.last_quantity for r in fills), ZERO)
    assert sum((cost.fees for cost in costs), ZERO) == floor.desk.book.fees
    assert floor.desk.working == ()
    assert not of(PortfolioUpdate, filed)


def test_a_refused_order_has_no_cost() -> None:
    floor = Floor()
    filed = floor.desk.refuse(make_approval(make_order()), HEADER, "drill")
    assert [type(message) for message, _ in filed] == [ExecutionReport]


def test_arrival_is_the_opening_of_the_first_bar_or_the_middle_of_its_quote() -> None:
    made = model().nothing()
    made.take(make_bar(1, "99", close="100"))
    made.take(make_bar(2, "105"))
    assert (made.arrival, made.bars, made.prices) == (dec(99), 2, 204.5)
    assert (made.traded, made.turnover) == (20_000.0, 2_045_000.0)
    quoted = model().nothing()
    quote = Quote(bid=dec(99), ask=dec("99.5"), bid_size=dec(1), ask_size=dec(1))
    quoted.take(make_bar(1, "100").model_copy(update={"quote": quote}))
    assert quoted.arrival == dec("99.25")
    assert Tally.restored(unpack(pack(made.snapshot()))) == made


def test_the_benchmarks_are_those_of_the_kernel() -> None:
    fills, bars = [(3.0, 101.0), (2.0, 104.0)], [(100.0, 30.0), (103.0, 50.0), (102.0, 5.0)]
    made = tally("100.5")
    for number, (price, volume) in enumerate(bars):
        made.take(make_bar(number, f"{price}", volume=f"{volume}"))
    mean = sum(units * price for units, price in fills) / 5.0
    for side in Side:
        sign: Sign = 1 if side is Side.BUY else -1
        execution = Execution(sign, 10.0, 99.0, 100.5, 104.0, fills, 0.0)
        expected = slippage(execution, np.array([price for price, _ in bars]), np.array([each for _, each in bars]))
        assert made.against(side, mean, 100.5) == pytest.approx([1e4 * each for each in expected])


def test_y_is_learned_from_own_fills() -> None:
    taught = model()
    conditions = Conditions(make_bar(0, high="101", volume="10000"))
    for _ in range(300):
        made = taught.open(400.0, conditions)
        paid = 2.0 * conditions.sigma * (400.0 / 10_000.0) ** 0.5
        made.arrival = dec(100)
        taught.learn(made, 400.0, paid)
    assert taught.orders == 300
    assert taught.coefficient == pytest.approx(2.0, rel=0.02)
    assert taught.open(400.0, conditions).expected == pytest.approx(2.0 * conditions.sigma * 0.2, rel=0.02)
    copy = model()
    copy.restore(unpack(pack(taught.snapshot())))
    assert (copy.coefficient, copy.orders) == (taught.coefficient, 300)


def test_half_the_spread_is_no_impact() -> None:
    wide, narrow = model(0.01), model(0.0)
    conditions = Conditions(make_bar(0, high="101", volume="10000"))
    for each in (wide, narrow):
        made = each.open(400.0, conditions)
        made.arrival = dec(100)
        each.learn(made, 400.0, 0.01)
    assert wide.coefficient < 1.0 < narrow.coefficient


def test_the_paper_venue_is_learned_from_its_own_fills() -> None:
    floor = Floor(plain_config(lot="1", impact_coefficient=3.0, max_volume_share="0.5"))
    for number in range(1, 20):
        floor.bar(close="101" if number % 2 else "100")
    for number in range(60):
        floor.accept(f"o{number}", "1500", Side.BUY if number % 2 else Side.SELL)
        floor.bar(close="101" if number % 2 else "100")
    assert floor.desk.model.coefficient == pytest.approx(3.0, abs=0.3)
