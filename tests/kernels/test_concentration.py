"""The Gini coefficient against its definition, and the fair split against what it maximises."""

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import concentration
from kernels.concentration import fair_split, gini, herfindahl

AMOUNTS = st.lists(st.floats(0, 1e6), min_size=1, max_size=30)


@settings(deadline=None, max_examples=60)
@given(amounts=AMOUNTS)
def test_gini_is_half_the_relative_mean_difference(amounts: list[float]) -> None:
    x = np.array(amounts)
    mean = x.mean()
    expected = np.abs(x[:, None] - x[None, :]).mean() / (2 * mean) if mean > 0 else 0.0
    assert gini(x) == pytest.approx(expected, abs=1e-9)
    assert gini(x) == pytest.approx(cast("Any", concentration._gini).py_func(x.copy()), abs=1e-12)
    assert 0.0 <= gini(x) <= 1.0 - 1.0 / len(x) + 1e-9


def test_known_ginis() -> None:
    assert gini(np.ones(5)) == 0.0
    assert gini(np.array([0.0, 0.0, 0.0, 1.0])) == 0.75
    assert gini(np.array([1.0, 2.0, 3.0])) == pytest.approx(2 / 9)
    assert gini(np.zeros(4)) == 0.0


@pytest.mark.parametrize("wrong", [np.array([]), np.ones((2, 2)), np.array([-1.0, 1.0]), np.array([np.nan])])
def test_wrong_amounts_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        gini(wrong)


WEIGHTS = st.lists(st.floats(-1e3, 1e3).filter(lambda x: x == 0.0 or abs(x) > 1e-3), min_size=1, max_size=30)


@settings(deadline=None, max_examples=60)
@given(weights=WEIGHTS)
def test_herfindahl_is_the_sum_of_squared_shares(weights: list[float]) -> None:
    gross = np.abs(weights)
    expected = float(((gross / gross.sum()) ** 2).sum()) if gross.sum() > 0 else 0.0
    found = herfindahl(np.array(weights))
    assert found == pytest.approx(expected, rel=1e-12)
    assert found == pytest.approx(herfindahl(-np.array(weights)[::-1] * 7.0), rel=1e-12)
    assert found == 0.0 or 1.0 / len(weights) - 1e-12 <= found <= 1.0 + 1e-12


def test_known_herfindahls() -> None:
    assert herfindahl(np.full(8, -0.1)) == pytest.approx(0.125)
    assert herfindahl(np.array([0.5, 0.3, 0.2])) == pytest.approx(0.38)
    assert herfindahl(np.array([1e-200, 1e-200])) == 0.5
    assert herfindahl(np.zeros(3)) == 0.0
    for wrong in (np.array([np.nan]), np.array([np.inf, 1.0]), np.ones((2, 2))):
        with pytest.raises(ValueError, match="expected"):
            herfindahl(wrong)


@given(
    weights=st.lists(st.floats(0.01, 10), min_size=2, max_size=5),
    alpha=st.sampled_from([0.5, 1.0, 2.0, 5.0]),
    share=st.floats(0.0, 0.2),
)
def test_no_other_split_is_fairer(weights: list[float], alpha: float, share: float) -> None:
    def worth(split: Any) -> float:
        utility = np.log(split) if alpha == 1.0 else np.power(split, 1 - alpha) / (1 - alpha)
        return float(weights @ utility)

    best = np.array(fair_split(weights, alpha))
    assert best.sum() == pytest.approx(1.0)
    other = best.copy()
    other[0] -= share * best[0]
    other[-1] += share * best[0]
    assert worth(best) >= worth(other) - 1e-9 * abs(worth(best))


def test_the_ends_of_fairness() -> None:
    assert fair_split([3.0, 1.0], 1.0) == [0.75, 0.25]
    assert fair_split([3.0, 1.0], 1e9) == pytest.approx([0.5, 0.5])
    assert fair_split([3.0, 1.0], 0.01) == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize(("weights", "alpha"), [([], 1.0), ([0.0], 1.0), ([-1.0, 2.0], 1.0), ([1.0], 0.0)])
def test_wrong_splits_are_refused(weights: list[float], alpha: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        fair_split(weights, alpha)
