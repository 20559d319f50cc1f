"""Online logistic regression: its gradient against finite differences, and what it learns."""

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import logistic as module
from kernels.arrays import Floats
from kernels.logistic import learn, scores

PRIOR = (0.3, 0.45, 0.25)
DIRECTIONAL = 3
UNIT = st.floats(-1, 1)
VECTOR = st.lists(UNIT, min_size=5, max_size=5).map(np.array)


def likelihood(weights: Floats, features: Floats, direction: int) -> float:
    """Log probability of the outcome under the three-class model written out in full."""
    lean = weights[:DIRECTIONAL] @ features[:DIRECTIONAL]
    spread = weights[DIRECTIONAL:] @ features[DIRECTIONAL:]
    logits = np.log(PRIOR) + np.array([spread - lean, 0.0, spread + lean])
    return float(logits[direction + 1] - np.log(np.exp(logits).sum()))


def test_scores_split_lean_and_spread() -> None:
    assert scores(np.arange(1.0, 6.0), np.ones(5), DIRECTIONAL) == (6.0, 9.0)


@settings(deadline=None)
@given(weights=VECTOR, features=VECTOR, direction=st.sampled_from([-1, 0, 1]))
def test_a_step_follows_the_gradient_of_the_log_score(weights: Floats, features: Floats, direction: int) -> None:
    new, squares = learn(
        weights, np.zeros(5), features, PRIOR, direction, directional=DIRECTIONAL, rate=1.0, shrinkage=0.0
    )
    step = 1e-6
    gradient = np.array(
        [
            (
                likelihood(weights + step * unit, features, direction)
                - likelihood(weights - step * unit, features, direction)
            )
            / (2 * step)
            for unit in np.eye(5)
        ]
    )
    np.testing.assert_allclose(squares, gradient**2, atol=1e-6)
    np.testing.assert_allclose(new - weights, gradient / np.sqrt(1 + gradient**2), atol=1e-6)


@settings(deadline=None)
@given(weights=VECTOR, features=VECTOR, direction=st.sampled_from([-1, 0, 1]))
def test_a_mirrored_round_teaches_the_same(weights: Floats, features: Floats, direction: int) -> None:
    flipped = features * np.array([-1.0, -1.0, -1.0, 1.0, 1.0])
    one = learn(weights, np.ones(5), features, PRIOR, direction, directional=DIRECTIONAL, rate=0.3, shrinkage=0.01)
    other = learn(
        weights, np.ones(5), flipped, PRIOR[::-1], -direction, directional=DIRECTIONAL, rate=0.3, shrinkage=0.01
    )
    for ours, theirs in zip(one, other, strict=True):
        assert ours.tobytes() == theirs.tobytes()


def test_compiled_and_plain_agree() -> None:
    rng = np.random.default_rng(1)
    weights, features = rng.normal(size=5), rng.uniform(-1, 1, 5)
    plain = cast("Any", module._learn).py_func(weights.copy(), np.ones(5), features.copy(), PRIOR, 1, 3, 0.1, 0.01)
    compiled = learn(weights, np.ones(5), features, PRIOR, 1, directional=3, rate=0.1, shrinkage=0.01)
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-14)


def test_a_planted_model_is_found() -> None:
    rng = np.random.default_rng(2)
    truth = np.array([1.0, -0.5, 0.0, 0.8, 0.0])
    weights, squares = np.zeros(5), np.zeros(5)
    for _ in range(20_000):
        features = rng.uniform(-1, 1, 5)
        chances = np.exp([likelihood(truth, features, direction) for direction in (-1, 0, 1)])
        direction = int(rng.choice([-1, 0, 1], p=chances / chances.sum()))
        weights, squares = learn(
            weights, squares, features, PRIOR, direction, directional=DIRECTIONAL, rate=1.0, shrinkage=0.0
        )
    np.testing.assert_allclose(weights, truth, atol=0.15)


def test_shrinkage_leads_back_to_the_prior() -> None:
    weights, squares = np.ones(2), np.zeros(2)
    for _ in range(2_000):
        weights, squares = learn(weights, squares, np.zeros(2), PRIOR, 1, directional=1, rate=0.5, shrinkage=0.1)
    assert np.abs(weights).max() < 0.01


def test_enormous_weights_stay_finite() -> None:
    new, _ = learn(np.full(2, 1e5), np.zeros(2), np.ones(2), PRIOR, -1, directional=1, rate=0.1, shrinkage=0.0)
    assert np.isfinite(new).all()


@pytest.mark.parametrize(
    ("weights", "features", "squares", "direction", "rate"),
    [
        (np.ones(2), np.ones(3), np.ones(2), 1, 0.1),
        (np.ones(2), np.ones(2), np.ones(3), 1, 0.1),
        (np.ones(2), np.ones(2), np.ones(2), 2, 0.1),
        (np.ones(2), np.ones(2), np.ones(2), 1, -0.1),
    ],
)
def test_wrong_input_is_refused(
    weights: Floats, features: Floats, squares: Floats, direction: int, rate: float
) -> None:
    with pytest.raises(ValueError, match="expected"):
        learn(weights, squares, features, PRIOR, direction, directional=1, rate=rate, shrinkage=0.0)


def test_more_directional_features_than_features_is_refused() -> None:
    with pytest.raises(ValueError, match="expected"):
        scores(np.ones(2), np.ones(2), 3)
