"""The incomplete beta and gamma functions against scipy, closed forms and their symmetries."""

import math
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from kernels import incomplete as module
from kernels.incomplete import incomplete_beta, upper_gamma

SHAPES = st.floats(0.05, 400.0)
UNIT = st.floats(0.0, 1.0)


@settings(deadline=None, max_examples=100)
@given(a=SHAPES, b=SHAPES, x=UNIT)
def test_beta_is_scipys(a: float, b: float, x: float) -> None:
    found = incomplete_beta(a, b, x)
    assert found == pytest.approx(float(special.betainc(a, b, x)), rel=1e-10, abs=1e-13)
    assert found == pytest.approx(cast("Any", module._incomplete_beta).py_func(a, b, x, 1.0 - x), rel=1e-10, abs=1e-300)


@settings(deadline=None, max_examples=50)
@given(a=SHAPES, b=SHAPES, x=st.integers(0, 64).map(lambda part: part / 64))
def test_beta_has_a_mirror_and_rises(a: float, b: float, x: float) -> None:
    found = incomplete_beta(a, b, x)
    assert found + incomplete_beta(b, a, 1.0 - x) == pytest.approx(1.0, abs=1e-11)
    assert 0.0 <= found <= incomplete_beta(a, b, min(1.0, x + 1 / 64)) + 1e-12


@settings(deadline=None, max_examples=100)
@given(a=SHAPES, x=st.floats(0.0, 800.0))
def test_gamma_is_scipys(a: float, x: float) -> None:
    found = upper_gamma(a, x)
    assert found == pytest.approx(float(special.gammaincc(a, x)), rel=1e-10, abs=1e-13)
    assert found == pytest.approx(cast("Any", module._upper_gamma).py_func(a, x), rel=1e-10, abs=1e-300)


def test_closed_forms() -> None:
    for x in (0.0, 0.1, 0.37, 0.5, 0.99, 1.0):
        assert incomplete_beta(1.0, 1.0, x) == pytest.approx(x, abs=1e-15)
        assert incomplete_beta(3.0, 1.0, x) == pytest.approx(x**3, abs=1e-15)
        assert incomplete_beta(0.5, 0.5, x) == pytest.approx(2 / math.pi * math.asin(math.sqrt(x)), abs=1e-14)
    for x in (0.01, 1.0, 1.49, 1.51, 30.0, 300.0):
        assert upper_gamma(1.0, x) == pytest.approx(math.exp(-x), rel=1e-13)
        assert upper_gamma(0.5, x) == pytest.approx(math.erfc(math.sqrt(x)), rel=1e-12)
    assert upper_gamma(2.0, 0.0) == 1.0


@pytest.mark.parametrize("arguments", [
    (0.0, 1.0, 0.5), (1.0, -1.0, 0.5), (1.0, 1.0, 1.1), (1.0, 1.0, math.nan), (math.inf, 1.0, 0.5),
    (math.nan, 1.0, 0.5),
])  # fmt: skip
def test_what_beta_is_not_defined_for_is_refused(arguments: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        incomplete_beta(*arguments)


@pytest.mark.parametrize("arguments", [(0.0, 1.0), (1.0, -1.0), (1.0, math.nan), (1.0, math.inf), (math.nan, 1.0)])
def test_what_gamma_is_not_defined_for_is_refused(arguments: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        upper_gamma(*arguments)
