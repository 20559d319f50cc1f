"""The normal law, Student's t and chi-square against closed forms, scipy and each other."""

import math
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from kernels import law as module
from kernels.law import chi_square_tail, quantile, standard_shortfall, tail_probability

FREEDOM = st.one_of(st.floats(1.2, 300.0), st.just(math.inf))
LEVELS = st.floats(1e-6, 1.0 - 1e-6)


def peer(freedom: float) -> Any:
    return stats.norm() if math.isinf(freedom) else stats.t(freedom)


@pytest.mark.parametrize(("freedom", "at_risk", "shortfall"), [
    (math.inf, 1.9600, 2.3378),
    (5.0, 2.5706, 3.5216),
    (3.0, 3.1824, 5.0396),
], ids=["normal", "t5", "t3"])  # fmt: skip
def test_closed_forms_at_97_and_a_half_percent(freedom: float, at_risk: float, shortfall: float) -> None:
    """The table of McNeil, Frey and Embrechts' formulas (2015, 2.3.4), to the digits given."""
    assert round(quantile(0.975, freedom), 4) == at_risk
    assert round(standard_shortfall(0.975, freedom), 4) == shortfall


@settings(deadline=None, max_examples=80)
@given(x=st.floats(-50.0, 50.0), freedom=FREEDOM)
def test_tails_are_scipys(x: float, freedom: float) -> None:
    found = tail_probability(x, freedom)
    assert found == pytest.approx(float(peer(freedom).sf(x)), rel=1e-10, abs=1e-14)
    assert found + tail_probability(-x, freedom) == pytest.approx(1.0, abs=1e-12)
    assert found == pytest.approx(cast("Any", module._tail_probability).py_func(x, freedom), rel=1e-10)


@settings(deadline=None, max_examples=80)
@given(level=LEVELS, freedom=FREEDOM)
def test_quantiles_are_scipys_and_invert_the_tail(level: float, freedom: float) -> None:
    found = quantile(level, freedom)
    assert found == pytest.approx(float(peer(freedom).ppf(level)), rel=1e-9, abs=1e-12)
    assert tail_probability(found, freedom) == pytest.approx(1.0 - level, rel=1e-9)
    assert found == pytest.approx(cast("Any", module._quantile).py_func(level, freedom), rel=1e-10, abs=1e-14)


@settings(deadline=None, max_examples=60)
@given(level=st.floats(0.01, 0.999), freedom=FREEDOM)
def test_shortfall_is_the_mean_beyond_the_quantile(level: float, freedom: float) -> None:
    found = standard_shortfall(level, freedom)
    law = peer(freedom)
    mean, _ = integrate.quad(lambda share: law.isf(share), 0.0, 1.0 - level, limit=200)
    assert found == pytest.approx(mean / (1.0 - level), rel=2e-3)
    assert found > quantile(level, freedom)


def test_many_degrees_of_freedom_come_to_the_normal_law() -> None:
    assert quantile(0.975, 1e6) == pytest.approx(quantile(0.975), abs=1e-5)
    assert standard_shortfall(0.975, 1e6) == pytest.approx(standard_shortfall(0.975), abs=1e-5)


def test_far_tails_and_the_middle() -> None:
    assert tail_probability(30.0) == pytest.approx(4.906713927148187e-198, rel=1e-10)
    assert tail_probability(1e6, 3.0) == pytest.approx(float(stats.t.sf(1e6, 3.0)), rel=1e-12)
    assert tail_probability(1e200, 3.0) == 0.0
    for freedom in (0.5, 1.0, 7.0, math.inf):
        assert quantile(0.5, freedom) == 0.0
        assert tail_probability(0.0, freedom) == 0.5
    assert quantile(0.75, 1.0) == pytest.approx(1.0, rel=1e-13)
    assert quantile(1.0 - 1e-9, 1.0) == pytest.approx(1.0 / math.tan(math.pi * (1.0 - (1.0 - 1e-9))), rel=1e-9)


@settings(deadline=None, max_examples=60)
@given(x=st.floats(0.0, 200.0), freedom=st.floats(0.5, 60.0))
def test_chi_square_is_scipys(x: float, freedom: float) -> None:
    assert chi_square_tail(x, freedom) == pytest.approx(float(stats.chi2.sf(x, freedom)), rel=1e-10, abs=1e-14)


def test_known_bounds_of_chi_square() -> None:
    assert chi_square_tail(3.841458820694124, 1.0) == pytest.approx(0.05, rel=1e-12)
    assert chi_square_tail(5.991464547107979, 2.0) == pytest.approx(0.05, rel=1e-12)
    assert chi_square_tail(-1.0, 2.0) == 1.0


@pytest.mark.parametrize("call", [
    lambda: tail_probability(math.nan), lambda: tail_probability(1.0, 0.0), lambda: tail_probability(1.0, math.nan),
    lambda: quantile(0.0), lambda: quantile(1.0), lambda: quantile(math.nan), lambda: quantile(0.9, -1.0),
    lambda: standard_shortfall(0.9, 1.0), lambda: standard_shortfall(math.nan, 3.0), lambda: standard_shortfall(1.0),
    lambda: chi_square_tail(math.nan, 1.0), lambda: chi_square_tail(1.0, 0.0), lambda: chi_square_tail(1.0, math.inf),
])  # fmt: skip
def test_what_is_no_law_is_refused(call: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        call()
