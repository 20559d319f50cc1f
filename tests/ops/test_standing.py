"""What is computed from facts: exact sums, whatever the size of the numbers."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.standing import Earned, Fill, Totals, earned, performance_rows, strategy_rows, trade_rows


def fill(count: int, quantity: str, price: str) -> Fill:
    return Fill("o", count, "d", "SPY", "BUY", count, Decimal(quantity), Decimal(price), Decimal("0.1"), Decimal(-1))


def test_each_order_is_one_trade() -> None:
    other = fill(1, "1", "2")._replace(order_id="p")
    assert [row[0] for row in trade_rows([fill(1, "1", "1"), fill(2, "1", "2"), other])] == ["o", "p"]


def test_an_average_that_does_not_end_is_rounded_to_28_digits() -> None:
    (row,) = trade_rows([fill(1, "1", "1"), fill(2, "2", "2")])
    assert row[8] == "1.666666666666666666666666667"


@given(st.lists(st.decimals("0.00000001", "1000000000000", places=8), min_size=1, max_size=20))
def test_sums_are_exact_whatever_the_context(quantities: list[Decimal]) -> None:
    fills = [fill(count, str(quantity), "3") for count, quantity in enumerate(quantities)]
    with localcontext(prec=3):
        (row,) = trade_rows(fills)
    assert Decimal(row[7]) == sum(quantities)
    assert Decimal(row[8]) == Decimal(3)


def part(settled: int, log_score: float | None, profit: float) -> Earned:
    excess = None if log_score is None else log_score + 1.0
    return Earned("SPY", settled, "qar", f"SPY-{settled}", settled, 0.2, log_score, excess, profit)


def test_totals_go_on_from_where_they_were() -> None:
    before = {"qar": Totals(1, 1, 0.5, 1, -1.0, 0.5, 10.0)}
    rows, reached = performance_rows(before, [part(2, -0.5, 1.0), part(3, None, -4.0)])
    assert [row[-4:] for row in rows] == [(2, -1.5, 1.0, 11.0), (2, -1.5, 1.0, 7.0)]
    assert reached == {"qar": Totals(3, 3, 0.2, 2, -1.5, 1.0, 7.0)}
    assert before == {"qar": Totals(1, 1, 0.5, 1, -1.0, 0.5, 10.0)}


def test_rounds_come_out_in_order_and_once() -> None:
    settlements = [(f"SPY-{n}", "SPY", n + 1, n, "up", 0.0, -1.0, -1.0, 0.0) for n in (3, 1)]
    scores = [(f"SPY-{n}", name, 0, -0.5, 1.0, 0.5) for n in (3, 1, 3) for name in ("b", "a")]
    (rounds,) = earned(settlements, scores).values()
    assert [(one.settled, one.member) for one in rounds] == [(1, "a"), (1, "b"), (3, "a"), (3, "b")]
    assert {one.excess for one in rounds} == {0.5}


def test_scores_without_their_round_are_left_out() -> None:
    assert earned([], [("SPY-1", "a", 0, -0.5, 1.0, 0.5)]) == {}


@pytest.mark.parametrize(("spy_ns", "weight"), [(5, 0.7), (3, 0.7), (1, 0.4)])
def test_the_weight_is_the_latest_in_market_time(spy_ns: int, weight: float) -> None:
    totals = {
        "SPY": {"qar": Totals(9, 8, 0.7, 9, 1.0, 2.0, 3.0)},
        "IBM": {"qar": Totals(4, 3, 0.4, 2, 10.0, 20.0, 30.0)},
    }
    rows = strategy_rows(totals, {("SPY", 8): spy_ns, ("IBM", 3): 3})
    assert rows == [("qar", weight, 13, 11, 11.0, 22.0, 33.0)]
