"""Implementation shortfall against a textbook's order, and parts that sum to the whole."""

import math
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.attribution import Execution, Sign, attribute, slippage

TEXTBOOK = Execution(1, 1_000, 4_000, 4_004, 4_008, [(700, 4_005)], 1_700)
"""An order for 1,000 shares decided at 40.00, 700 filled at 40.05 when the market stood at 40.04, the rest given up at
40.08, commission 17 (the CFA Institute's example, after Wagner and Edwards 1993); here in cents."""
TICKS = st.integers(1, 10**9)
PRICES = st.floats(0.01, 1e5)


@st.composite
def executions(draw: st.DrawFn, price: st.SearchStrategy[Any], units: st.SearchStrategy[Any]) -> Execution[Any]:
    fills = draw(st.lists(st.tuples(units, price), max_size=8))
    quantity = sum(amount for amount, _ in fills) + draw(units)
    side = cast("Sign", draw(st.sampled_from([1, -1])))
    return Execution(side, quantity, draw(price), draw(price), draw(price), fills, draw(price))


def test_the_textbooks_order() -> None:
    found = attribute(TEXTBOOK)
    assert (found.delay, found.trading, found.opportunity, found.fees) == (2_800, 700, 2_400, 1_700)
    assert found.total == 7_600  # 0.19 % of the paper portfolio's 40,000.00


@settings(deadline=None, max_examples=100)
@given(execution=executions(TICKS, TICKS))
def test_parts_in_whole_numbers_sum_exactly(execution: Execution[int]) -> None:
    found = attribute(execution)
    assert isinstance(found.total, int)
    assert found.delay + found.trading + found.opportunity + found.fees == found.total


@settings(deadline=None, max_examples=100)
@given(execution=executions(PRICES, st.floats(0.01, 1e6)))
def test_parts_in_floats_sum_to_rounding(execution: Execution[float]) -> None:
    found = attribute(execution)
    gross = execution.quantity * max(
        execution.decision, execution.arrival, execution.end, *(price for _, price in execution.fills), 0.0
    )
    parts = found.delay + found.trading + found.opportunity + found.fees
    assert abs(parts - found.total) <= 1e-12 * (gross + execution.fees)


@settings(deadline=None, max_examples=60)
@given(execution=executions(st.integers(1, 10**6), TICKS))
def test_a_sale_at_mirrored_prices_costs_the_same(execution: Execution[int]) -> None:
    about = 2 * 10**6
    mirror = replace(
        execution,
        side=-execution.side,
        decision=about - execution.decision,
        arrival=about - execution.arrival,
        end=about - execution.end,
        fills=[(units, about - price) for units, price in execution.fills],
    )
    assert attribute(mirror) == attribute(execution)


def test_the_whole_is_paper_less_real() -> None:
    """A purchase marked at the end price: paper's gain less the firm's."""
    paper = 1_000 * (4_008 - 4_000)
    real = 700 * (4_008 - 4_005) - 1_700
    assert attribute(TEXTBOOK).total == paper - real


def test_an_order_without_a_fill_is_all_opportunity() -> None:
    found = attribute(replace(TEXTBOOK, fills=[], fees=0))
    assert (found.delay, found.trading, found.opportunity, found.total) == (0, 0, 8_000, 8_000)


@pytest.mark.parametrize("side", [1, -1])
def test_slippage_against_each_benchmark(side: Sign) -> None:
    order = Execution(side, 300.0, 99.0, 100.0, 103.0, [(100.0, 101.0), (200.0, 102.5)], 0.0)
    found = slippage(order, np.array([100.0, 101.0, 103.0, 104.0]), np.array([10.0, 30.0, 50.0, 10.0]))
    assert found == pytest.approx((side * 0.02, side * (102 - 102) / 102, side * (102 - 102.2) / 102.2), abs=1e-15)


def test_no_benchmark_is_nan() -> None:
    prices, none = np.array([100.0]), np.zeros(0)
    assert all(map(math.isnan, slippage(replace(TEXTBOOK, fills=[]), prices, np.ones(1))))
    dry, blind = slippage(TEXTBOOK, prices, np.zeros(1)), slippage(TEXTBOOK, none, none)
    assert [math.isnan(value) for value in dry] == [False, False, True]
    assert [math.isnan(value) for value in blind] == [False, True, True]


@pytest.mark.parametrize(
    "change",
    [
        {"side": 0},
        {"quantity": 0},
        {"quantity": 699},
        {"decision": math.nan},
        {"arrival": -1},
        {"end": math.inf},
        {"fees": math.nan},
        {"fills": [(0, 4_000)]},
        {"fills": [(5, math.nan)]},
    ],
)
def test_a_wrong_order_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        attribute(replace(TEXTBOOK, **change))


@pytest.mark.parametrize(
    ("prices", "volumes"), [([1.0, 2.0], [1.0]), ([math.nan], [1.0]), ([0.0], [1.0]), ([1.0], [-1.0])]
)
def test_a_wrong_market_is_refused(prices: list[float], volumes: list[float]) -> None:
    with pytest.raises(ValueError, match=r"expected|must"):
        slippage(TEXTBOOK, np.array(prices), np.array(volumes))
