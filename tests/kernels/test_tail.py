"""The tail of a sample: MODELS' numbers, closed forms, plain numpy, and the worst corner."""

import itertools
import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import tail as module
from kernels.arrays import Floats
from kernels.tail import expected_shortfall, value_at_risk, worst_shortfall

LOSSES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60).map(np.array)
LEVELS = st.sampled_from([0.5, 0.9, 0.95, 0.975, 0.99, 1 / 3])


def plain_shortfall(losses: Floats, level: float) -> float:
    """The formula, with plain numpy: the mean of the quantile function over the tail."""
    ordered = np.sort(losses)[::-1]
    m = losses.size * (1 - level)
    m = round(m) if abs(m - round(m)) < 1e-9 else m
    weights = np.clip(m - np.arange(losses.size), 0.0, 1.0)
    return float(np.sum(weights * ordered) / m)


def test_losses_of_one_to_a_hundred() -> None:
    losses = np.arange(1.0, 101.0)
    assert expected_shortfall(losses, 0.975) == pytest.approx(99.2, abs=1e-12)
    assert expected_shortfall(losses[::-1].copy(), 0.975) == pytest.approx(99.2, abs=1e-12)
    assert value_at_risk(losses, 0.975) == 98.0


@pytest.mark.parametrize(("count", "level", "expected", "at_risk"), [
    (100, 0.95, 98.0, 95.0),      # five whole observations
    (10, 0.9, 10.0, 9.0),         # 0.9999999999999998 of one observation
    (10, 0.99, 10.0, 10.0),       # a tenth of one observation
    (1, 0.975, 1.0, 1.0),
    (4, 0.5, 3.5, 2.0),
])  # fmt: skip
def test_tails_of_whole_and_broken_size(count: int, level: float, expected: float, at_risk: float) -> None:
    losses = np.arange(1.0, count + 1.0)
    assert expected_shortfall(losses, level) == pytest.approx(expected, abs=1e-12)
    assert value_at_risk(losses, level) == at_risk


def test_a_gain_in_the_tail_stays_negative() -> None:
    assert expected_shortfall(np.full(100, -3.0), 0.975) == -3.0
    assert expected_shortfall(np.arange(-100.0, 0.0), 0.975) == pytest.approx(-1.8)


def quantiles_of_t(freedom: int) -> Floats:
    """Invert the distribution function of Student's t at the middles of 100,000 equal shares, by quadrature."""
    scale = math.gamma((freedom + 1) / 2) / math.sqrt(freedom * math.pi) / math.gamma(freedom / 2)
    x = np.sinh(np.linspace(-8, 8, 400_001))
    density = scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2)
    steps = np.diff(x) * (density[1:] + density[:-1]) / 2
    cumulative = np.concatenate(([0.0], np.cumsum(steps)))
    return np.interp((np.arange(100_000) + 0.5) / 100_000, cumulative / cumulative[-1], x)


def quantiles_of_normal() -> Floats:
    law = NormalDist()
    return np.array([law.inv_cdf((i + 0.5) / 100_000) for i in range(100_000)])


@pytest.mark.parametrize(("sample", "at_risk", "shortfall", "within"), [
    (quantiles_of_normal, 1.9600, 2.3378, 2e-4),
    (lambda: quantiles_of_t(5), 2.5706, 3.5216, 1e-3),
    (lambda: quantiles_of_t(3), 3.1824, 5.0396, 6e-3),
], ids=["normal", "t5", "t3"])  # fmt: skip
def test_fine_samples_of_known_laws(
    sample: Callable[[], Floats], at_risk: float, shortfall: float, within: float
) -> None:
    """The heavier the tail, the more the last of a finite sample leaves out."""
    losses = sample()
    np.random.default_rng(1).shuffle(losses)
    assert value_at_risk(losses, 0.975) == pytest.approx(at_risk, abs=3e-4)
    assert expected_shortfall(losses, 0.975) == pytest.approx(shortfall, abs=within)


@settings(deadline=None)
@given(losses=LOSSES, level=LEVELS)
def test_the_compiled_formula_is_that_of_plain_numpy(losses: Floats, level: float) -> None:
    found = expected_shortfall(losses.copy(), level)
    assert found == pytest.approx(plain_shortfall(losses.copy(), level), rel=1e-9, abs=1e-9)
    assert found == cast("Any", module._expected_shortfall).py_func(losses.copy(), level)
    (worst, size), (plain_worst, plain_size) = (
        run(losses.copy(), level) for run in (module._tail, cast("Any", module._tail).py_func)
    )
    np.testing.assert_array_equal(worst, plain_worst)
    assert size == plain_size
    ordered = np.sort(losses)
    place = math.ceil(round(losses.size * level, 9)) - 1
    assert value_at_risk(losses.copy(), level) == ordered[place]
    assert value_at_risk(losses, level) <= found + 1e-9 <= ordered[-1] + 2e-9


@settings(deadline=None)
@given(losses=LOSSES, other=st.floats(-10, 10), level=LEVELS)
def test_shortfall_moves_with_the_losses(losses: Floats, other: float, level: float) -> None:
    """Translation, scale, and order do what a coherent measure promises."""
    base = expected_shortfall(losses, level)
    assert expected_shortfall(losses + other, level) == pytest.approx(base + other, abs=1e-6)
    assert expected_shortfall(losses * 2.5, level) == pytest.approx(base * 2.5, abs=1e-6)
    assert expected_shortfall(losses[::-1].copy(), level) == base


def test_input_is_left_alone() -> None:
    losses = np.array([3.0, 1.0, 2.0])
    expected_shortfall(losses, 0.5)
    np.testing.assert_array_equal(losses, [3.0, 1.0, 2.0])


@pytest.mark.parametrize(("losses", "level", "complaint"), [
    (np.empty(0), 0.975, "at least one"),
    (np.zeros((2, 2)), 0.975, "one row"),
    (np.array([1.0, math.nan]), 0.975, "finite"),
    (np.array([1.0, math.inf]), 0.975, "finite"),
    (np.array([1.0]), 1.0, "level"),
    (np.array([1.0]), 0.0, "level"),
    (np.array([1.0]), math.nan, "level"),
])  # fmt: skip
def test_what_has_no_tail_is_refused(losses: Floats, level: float, complaint: str) -> None:
    for measure in (expected_shortfall, value_at_risk):
        with pytest.raises(ValueError, match=complaint):
            measure(losses, level)


def corners(returns: Floats, low: Floats, high: Floats, level: float) -> float:
    """The worst of all corners, one by one."""
    books = itertools.product(*zip(low, high, strict=True))
    return max(plain_shortfall(-np.array(book) @ returns, level) for book in books)


def test_the_worst_fill_of_one_order() -> None:
    returns = np.random.default_rng(2).normal(0.0, 0.01, (2, 200))
    held, low, high = np.array([0.3, 0.2]), np.array([0.3, -0.1]), np.array([0.3, 0.5])
    found = worst_shortfall(returns, held, low, high, 0.975)
    assert found == pytest.approx(corners(returns, low, high, 0.975), rel=1e-12)
    assert found > worst_shortfall(returns, held, held, held, 0.975)


def test_a_hedge_that_may_not_fill_does_not_count() -> None:
    """A purchase and the sale that hedges it: the worst is the purchase alone."""
    move = np.random.default_rng(3).normal(0.0, 0.01, 200)
    returns = np.stack((move, move))
    nothing = np.zeros(2)
    found = worst_shortfall(returns, nothing, np.array([0.0, -0.5]), np.array([0.5, 0.0]), 0.975)
    assert found == pytest.approx(max(plain_shortfall(-0.5 * move, 0.975), plain_shortfall(0.5 * move, 0.975)))


def box(rng: np.random.Generator, holdings: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Returns of 120 days, and holdings of which some are open to one side or both."""
    held = rng.uniform(-1, 1, holdings)
    down, up = rng.uniform(0, 0.5, (2, holdings)) * rng.integers(0, 2, (2, holdings))
    return rng.normal(0.0, 0.01, (holdings, 120)), held, held - down, held + up


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), holdings=st.integers(1, 6))
def test_up_to_six_open_holdings_every_corner_is_seen(seed: int, holdings: int) -> None:
    returns, held, low, high = box(np.random.default_rng(seed), holdings)
    found = worst_shortfall(returns, held, low, high, 0.975)
    assert found == pytest.approx(corners(returns, low, high, 0.975), rel=1e-9)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_with_more_open_holdings_the_worst_is_bounded_from_above(seed: int) -> None:
    returns, held, low, high = box(np.random.default_rng(seed), 9)
    found = worst_shortfall(returns, held, low, high, 0.975)
    assert found >= corners(returns, low, high, 0.975) - 1e-12
    plain = cast("Any", module._worst_shortfall).py_func(returns.copy(), held.copy(), low.copy(), high.copy(), 0.975)
    assert found == pytest.approx(plain, rel=1e-12)


def test_a_box_without_width_is_the_shortfall_of_the_book() -> None:
    returns, held, _, _ = box(np.random.default_rng(5), 8)
    assert worst_shortfall(returns, held, held, held, 0.975) == pytest.approx(plain_shortfall(-held @ returns, 0.975))


@pytest.mark.parametrize(("change", "complaint"), [
    ({"returns": np.zeros((2, 0))}, "n >= 1"),
    ({"returns": np.zeros(3)}, "n >= 1"),
    ({"low": np.zeros(3)}, "rows of returns"),
    ({"returns": np.full((2, 3), math.nan)}, "finite"),
    ({"low": np.array([0.1, 0.0])}, "between"),
    ({"level": 1.5}, "level"),
])  # fmt: skip
def test_a_box_that_is_none_is_refused(change: dict[str, Any], complaint: str) -> None:
    zero = np.zeros(2)
    given = {"returns": np.zeros((2, 3)), "held": zero, "low": zero, "high": zero, "level": 0.975, **change}
    with pytest.raises(ValueError, match=complaint):
        worst_shortfall(**given)
