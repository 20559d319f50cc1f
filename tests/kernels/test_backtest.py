"""Acerbi and Szekely's Z2: by hand, in plain numpy, and its published critical values by simulation."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kernels import backtest as module
from kernels.arrays import Floats
from kernels.backtest import RED, YELLOW, critical_value, light, z2
from kernels.law import quantile, standard_shortfall

SEEDS = st.integers(0, 10_000)
LEVEL = 0.975
DAYS = 250
DRAWS = 1_000_000


def flat(value: float, days: int = DAYS) -> Floats:
    return np.full(days, value)


def simulated(law: Any, seed: int) -> Floats:
    """Draw Z2 of ``DRAWS`` records of right forecasts, sizes of exceedances by scipy's quantiles on a fine grid."""
    rng = np.random.default_rng(seed)
    counts = rng.binomial(DAYS, 1 - LEVEL, DRAWS)
    logs = np.linspace(math.log((1 - LEVEL) * 1e-9), math.log(1 - LEVEL), 20_001)
    sizes = np.interp(np.log((1 - LEVEL) * (1 - rng.random(counts.sum()))), logs, law.isf(np.exp(logs)))
    sums = np.bincount(np.repeat(np.arange(DRAWS), counts), weights=sizes, minlength=DRAWS)
    shortfall = law.expect(lambda x: x, lb=law.isf(1 - LEVEL), ub=np.inf) / (1 - LEVEL)
    statistics: Floats = 1 - sums / (DAYS * (1 - LEVEL) * shortfall)
    return statistics


@pytest.mark.parametrize(("law", "yellow", "red", "within"), [
    (stats.norm(), -0.70, -1.80, 0.05),
    (stats.t(3), -0.82, -4.48, 0.45),
], ids=["normal", "t3"])  # fmt: skip
def test_critical_values_of_250_days(law: Any, yellow: float, red: float, within: float) -> None:
    """Acerbi and Szekely (2014), critical values of Z2 at 5 % and 0.01 %, from a million seeded records.

    The standard error at 5 % is about 0.001; at 0.01 % only a hundred records lie below, and it is a tenth of the
    distance in which the tail falls by a factor of e: about 0.02 normal, 0.2 for Student's t.
    """
    found = np.quantile(simulated(law, 1), [0.05, 0.0001])
    assert found[0] == pytest.approx(yellow, abs=0.02)
    assert found[1] == pytest.approx(red, abs=within)


@pytest.mark.parametrize(("freedom", "yellow"), [(math.inf, -0.70), (3.0, -0.82)])
def test_our_own_simulation_finds_them(freedom: float, yellow: float) -> None:
    """40,000 records: a standard error of about 0.005."""
    run = [
        critical_value(DAYS, LEVEL, 0.05, draws=40_000, generator=np.random.default_rng(2), freedom=freedom)
        for _ in range(2)
    ]
    assert run[0] == pytest.approx(yellow, abs=0.02)
    assert run[0] == run[1]


def test_more_days_less_chance() -> None:
    short, long = (
        critical_value(days, LEVEL, 0.05, draws=5_000, generator=np.random.default_rng(3)) for days in (250, 1_000)
    )
    assert short < long < 0.0
    lower = critical_value(250, LEVEL, 0.01, draws=5_000, generator=np.random.default_rng(3))
    assert lower < short
    assert critical_value(250, 0.9, 0.05, draws=5_000, generator=np.random.default_rng(3)) > short


def test_by_hand() -> None:
    """6.25 exceedances of the size of the shortfall are expected: none, five, 12.5 times that."""
    losses = flat(0.0)
    at_risk, shortfall = flat(2.0), flat(4.0)
    assert z2(losses, at_risk, shortfall, LEVEL) == 1.0
    losses[:5] = 4.0
    assert z2(losses, at_risk, shortfall, LEVEL) == pytest.approx(1 - 5 / 6.25)
    losses[:5] = 10.0
    assert z2(losses, at_risk, shortfall, LEVEL) == pytest.approx(1 - 12.5 / 6.25)
    losses[:] = 2.0
    assert z2(losses, at_risk, shortfall, LEVEL) == 1.0


@settings(deadline=None, max_examples=50)
@given(seed=SEEDS, days=st.integers(100, 300))
def test_it_is_that_of_plain_numpy_in_any_order_and_unit(seed: int, days: int) -> None:
    rng = np.random.default_rng(seed)
    losses, at_risk = rng.standard_t(4, days), rng.uniform(0.5, 2.0, days)
    shortfall = at_risk * rng.uniform(1.0, 2.0, days)
    expected = 1 - np.sum(losses * (losses > at_risk) / shortfall) / (days * (1 - LEVEL))
    found = z2(losses.copy(), at_risk.copy(), shortfall.copy(), LEVEL)
    assert found == pytest.approx(expected, rel=1e-10, abs=1e-10)
    assert found == cast("Any", module._z2).py_func(losses, at_risk, shortfall, LEVEL)
    order = rng.permutation(days)
    assert z2(losses[order], at_risk[order], shortfall[order], LEVEL) == pytest.approx(found, abs=1e-10)
    assert z2(losses * 4, at_risk * 4, shortfall * 4, LEVEL) == pytest.approx(found, abs=1e-10)
    assert z2(losses, at_risk, shortfall * 1.5, LEVEL) >= found


def test_a_right_model_is_about_zero_and_a_bold_one_is_seen() -> None:
    losses = np.random.default_rng(4).standard_t(3, 200_000)
    right, bold = (
        z2(losses, flat(quantile(LEVEL, nu), 200_000), flat(standard_shortfall(LEVEL, nu), 200_000), LEVEL)
        for nu in (3.0, math.inf)
    )
    assert right == pytest.approx(0.0, abs=0.05)
    assert light(right) == "green"
    assert light(bold) == "red"


def test_the_compiled_simulation_is_the_plain_one() -> None:
    rng = np.random.default_rng(5)
    counts = rng.binomial(DAYS, 0.025, 20)
    shares = rng.random(counts.sum())
    for freedom in (math.inf, 3.0):
        found = module._simulated(counts, shares, DAYS, LEVEL, freedom)
        plain = cast("Any", module._simulated).py_func(counts, shares, DAYS, LEVEL, freedom)
        np.testing.assert_allclose(found, plain, rtol=1e-10)


@pytest.mark.parametrize(("statistic", "colour"), [
    (1.0, "green"), (YELLOW + 1e-12, "green"), (YELLOW, "yellow"), (RED + 1e-12, "yellow"), (RED, "red"), (-9.0, "red"),
])  # fmt: skip
def test_each_colour_at_its_bound_and_a_hair_over(statistic: float, colour: str) -> None:
    assert light(statistic) == colour


def test_the_bounds_of_the_light_can_be_others() -> None:
    assert light(-0.75, yellow=-0.82, red=-4.48) == "green"
    assert light(-4.0, yellow=-0.82, red=-4.48) == "yellow"


@pytest.mark.parametrize("call", [
    lambda: z2(flat(1.0, 99), flat(1.0, 99), flat(1.0, 99), LEVEL),
    lambda: z2(flat(1.0), flat(1.0, 249), flat(1.0), LEVEL),
    lambda: z2(flat(math.nan), flat(1.0), flat(2.0), LEVEL), lambda: z2(flat(1.0), flat(1.0), flat(math.inf), LEVEL),
    lambda: z2(flat(1.0), flat(2.0), flat(1.0), LEVEL), lambda: z2(flat(1.0), flat(-1.0), flat(0.0), LEVEL),
    lambda: z2(flat(1.0), flat(1.0), flat(2.0), 1.0),
    lambda: light(math.nan), lambda: light(0.0, yellow=-1.0, red=-0.5), lambda: light(0.0, yellow=math.nan),
    lambda: critical_value(99, LEVEL, 0.05, draws=1_000, generator=np.random.default_rng(1)),
    lambda: critical_value(250, 1.0, 0.05, draws=1_000, generator=np.random.default_rng(1)),
    lambda: critical_value(250, LEVEL, 0.0, draws=1_000, generator=np.random.default_rng(1)),
    lambda: critical_value(250, LEVEL, 0.05, draws=199, generator=np.random.default_rng(1)),
    lambda: critical_value(250, LEVEL, 0.05, draws=1_000, generator=np.random.default_rng(1), freedom=1.0),
])  # fmt: skip
def test_what_cannot_be_tested_is_refused(call: Any) -> None:
    with pytest.raises(ValueError, match=r"expected|must"):
        call()
