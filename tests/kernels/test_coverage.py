"""Kupiec's and Christoffersen's tests against published examples, plain numpy, and their own laws."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from kernels import coverage as module
from kernels.arrays import Bools
from kernels.coverage import conditional_coverage, exceedances, independence, kupiec

DAYS = st.integers(100, 300).flatmap(
    lambda n: st.tuples(st.integers(0, 10_000), st.sampled_from([0.0, 0.01, 0.05, 0.3, 1.0])).map(
        lambda draw: np.random.default_rng(draw[0]).random(n) < draw[1]
    )
)


def days_of(calm: int, into: int, out: int, still: int) -> Bools:
    """Make a record with these numbers of pairs: one run of exceedances of length still + 1, the others alone."""
    assert abs(into - out) <= 1
    runs = max(into, out)
    record = [False] if into >= out else []
    for run in range(runs):
        record += [True] * (1 + still * (run == 0)) + [False]
    if into > out:
        record.pop()
    at = record.index(False)
    record[at:at] = [False] * calm
    return np.array(record)


def pairs(record: Bools) -> tuple[int, ...]:
    before, after = record[:-1], record[1:]
    return tuple(int((before == i)[after == j].sum()) for i in (0, 1) for j in (0, 1))


def plain_kupiec(x: int, n: int, level: float) -> float:
    free = special.xlogy(x, x / n) + special.xlogy(n - x, 1 - x / n)
    return float(2 * (free - x * np.log(1 - level) - (n - x) * np.log(level)))


def plain_independence(record: Bools) -> float:
    n = np.array(pairs(record), np.float64).reshape(2, 2)
    with np.errstate(invalid="ignore"):
        rows = np.nan_to_num(n / n.sum(axis=1, keepdims=True))
    column = n.sum(axis=0)
    return float(2 * (special.xlogy(n, rows).sum() - special.xlogy(column, column / n.sum()).sum()))


def test_published_example_of_1043_days() -> None:
    """MathWorks, Risk Management Toolbox, varbacktest.cc: an equity index and 95 % normal value at risk."""
    record = days_of(932, 53, 53, 4)
    assert (record.size, record.sum(), pairs(record)) == (1043, 57, (932, 53, 53, 4))
    proportion, alone, both = kupiec(57, 1043, 0.95), independence(record), conditional_coverage(record, 0.95)
    assert (round(proportion.statistic, 5), round(proportion.p_value, 5)) == (0.46147, 0.49694)
    assert (round(alone.statistic, 5), round(alone.p_value, 5)) == (0.25866, 0.61104)
    assert (round(both.statistic, 5), round(both.p_value, 5)) == (0.72013, 0.69763)


def test_published_example_of_bunched_exceptions() -> None:
    """Jorion, Value at Risk, 3rd edition, chapter 6, question 10: 6 exceptions in 252 days at 99 %, 4 after another."""
    assert kupiec(6, 252, 0.99).statistic == pytest.approx(3.498, abs=1e-3)
    assert kupiec(6, 252, 0.99).p_value > 0.05
    # The book counts 252 pairs: the day before the first one is known to be calm.
    record = days_of(244, 2, 2, 4)
    assert (record.size, record.sum(), pairs(record)) == (253, 6, (244, 2, 2, 4))
    assert independence(record).statistic == pytest.approx(25.837, abs=5e-4)
    assert independence(record).p_value < 1e-6


@pytest.mark.parametrize(("level", "regions"), [
    (0.99, {255: (None, 7), 510: (1, 11), 1000: (4, 17)}),
    (0.975, {255: (2, 12), 510: (6, 21), 1000: (15, 36)}),
    (0.95, {255: (6, 21), 510: (16, 36), 1000: (37, 65)}),
    (0.925, {255: (11, 28), 510: (27, 51), 1000: (59, 92)}),
    (0.90, {255: (16, 36), 510: (38, 65), 1000: (81, 120)}),
])  # fmt: skip
def test_kupiecs_table_of_what_is_not_rejected(level: float, regions: dict[int, tuple[int | None, int]]) -> None:
    """Kupiec (1995), table of regions at 95 %: strictly between these numbers of failures the model stands."""
    for days, (low, high) in regions.items():
        stands = [x for x in range(1, days) if kupiec(x, days, level).p_value > 0.05]
        assert stands == list(range(1 if low is None else low + 1, high))


@settings(deadline=None, max_examples=80)
@given(record=DAYS, level=st.sampled_from([0.9, 0.975, 0.99]))
def test_they_are_those_of_plain_numpy(record: Bools, level: float) -> None:
    x, n = int(record.sum()), record.size
    proportion, alone, both = kupiec(x, n, level), independence(record.copy()), conditional_coverage(record, level)
    assert proportion.statistic == pytest.approx(plain_kupiec(x, n, level), rel=1e-9, abs=1e-9)
    assert alone.statistic == pytest.approx(plain_independence(record), rel=1e-9, abs=1e-9)
    assert both.statistic == proportion.statistic + alone.statistic
    for found, freedom in ((proportion, 1), (alone, 1), (both, 2)):
        assert found.statistic >= 0.0
        assert found.p_value == pytest.approx(float(stats.chi2.sf(found.statistic, freedom)), rel=1e-9, abs=1e-14)
    assert module._transitions(record) == pairs(record)
    assert cast("Any", module._transitions).py_func(record) == pairs(record)


@settings(deadline=None, max_examples=40)
@given(record=DAYS)
def test_time_backwards_is_as_dependent(record: Bools) -> None:
    """Turning time swaps n01 and n10, which differ by at most one."""
    calm, into, out, still = pairs(record)
    if into == out:
        assert independence(record[::-1].copy()).statistic == pytest.approx(independence(record).statistic, abs=1e-9)
    assert pairs(record[::-1]) == (calm, out, into, still)


def test_order_matters_to_independence_alone() -> None:
    bunched = np.arange(250) < 13
    spread = np.arange(250) % 20 == 0
    assert bunched.sum() == spread.sum()
    assert independence(bunched).p_value < 1e-9
    assert independence(spread).p_value > 0.05
    assert conditional_coverage(bunched, 0.95).p_value < 1e-9 < conditional_coverage(spread, 0.95).p_value


def test_nothing_or_everything_exceeded_shows_no_dependence() -> None:
    for record in (np.zeros(250, np.bool_), np.ones(250, np.bool_)):
        assert independence(record) == (0.0, 1.0)
    assert kupiec(0, 250, 0.99).statistic == pytest.approx(-500 * math.log(0.99))
    assert kupiec(250, 250, 0.99).p_value == 0.0
    assert kupiec(25, 250, 0.9).statistic == pytest.approx(0.0, abs=1e-12)
    assert kupiec(25, 250, 0.9).p_value == pytest.approx(1.0, abs=1e-6)


def test_right_models_are_rejected_about_as_often_as_said() -> None:
    """5 % of 2,000 records of 1,000 days; with so many days the counts are fine enough for the law to hold."""
    rng = np.random.default_rng(1)
    records = rng.random((2_000, 1_000)) < 0.05
    share = np.mean([kupiec(int(record.sum()), 1_000, 0.95).p_value < 0.05 for record in records])
    assert share == pytest.approx(0.05, abs=0.015)
    share = np.mean([conditional_coverage(record, 0.95).p_value < 0.05 for record in records])
    assert share == pytest.approx(0.05, abs=0.025)


def test_exceedances_are_strict() -> None:
    found = exceedances(np.array([1.0, 2.0, 3.0]), np.full(3, 2.0))
    np.testing.assert_array_equal(found, [False, False, True])


@pytest.mark.parametrize("call", [
    lambda: kupiec(1, 99, 0.99), lambda: kupiec(-1, 250, 0.99), lambda: kupiec(251, 250, 0.99),
    lambda: kupiec(1, 250, 1.0), lambda: kupiec(1, 250, math.nan),
    lambda: independence(np.zeros(99, np.bool_)), lambda: independence(np.zeros((2, 200), np.bool_)),
    lambda: independence(cast("Any", np.full(200, math.nan))),
    lambda: conditional_coverage(np.zeros(200, np.bool_), 0.0),
    lambda: exceedances(np.zeros(3), np.zeros(4)), lambda: exceedances(np.zeros(3), np.full(3, math.nan)),
])  # fmt: skip
def test_what_is_no_record_is_refused(call: Any) -> None:
    with pytest.raises(ValueError, match=r"expected|must"):
        call()
