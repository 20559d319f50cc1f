"""Cumulative prospect theory against the numbers and the identities of Tversky and Kahneman 1992."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import prospect as module
from kernels.arrays import Floats
from kernels.prospect import (
    LEAST_CURVATURE,
    NEUTRAL,
    TVERSKY_KAHNEMAN,
    Parameters,
    certainty_equivalent,
    cumulative,
    rank_weights,
    value,
    values_of,
    weight,
    worths,
)

MIRRORED = Parameters(alpha=0.88, beta=0.88, loss_aversion=1.0, gamma=0.61, delta=0.61)
outcomes = st.floats(-1000, 1000).map(lambda x: round(x, 3))
curvatures = st.floats(LEAST_CURVATURE, 1)


@st.composite
def gambles(draw: st.DrawFn) -> tuple[Floats, Floats]:
    found = draw(st.lists(outcomes, min_size=1, max_size=8))
    raw = draw(st.lists(st.integers(0, 20), min_size=len(found), max_size=len(found)).filter(any))
    return np.array(found), np.array(raw) / sum(raw)


def plain(gamble: tuple[Floats, Floats], parameters: Parameters) -> float:
    """Return the worth by the definition, outcome by outcome, each distinct one once."""
    worth = 0.0
    found, chances = gamble
    for x in np.unique(found):
        if x > 0:
            tails = chances[found >= x].sum(), chances[found > x].sum()
        else:
            tails = chances[found <= x].sum(), chances[found < x].sum()
        high, low = (weighed(min(tail, 1.0), parameters.gamma if x > 0 else parameters.delta) for tail in tails)
        size = abs(x) ** (parameters.alpha if x > 0 else parameters.beta)
        worth += (high - low) * (size if x > 0 else -parameters.loss_aversion * size)
    return float(worth)


def weighed(p: float, gamma: float) -> float:
    return float(p**gamma / (p**gamma + (1 - p) ** gamma) ** (1 / gamma))


@pytest.mark.parametrize(
    ("p", "gain", "loss"),
    [
        (0.01, 0.0553, 0.0397),
        (0.05, 0.1316, 0.1114),
        (0.25, 0.2907, 0.2935),
        (0.5, 0.4206, 0.4540),
        (0.9, 0.7117, 0.7749),
        (0.99, 0.9116, 0.9451),
    ],
)
def test_published_weights(p: float, gain: float, loss: float) -> None:
    """The formula of Tversky and Kahneman 1992 at gamma .61 and delta .69."""
    assert weight(p, TVERSKY_KAHNEMAN.gamma) == pytest.approx(gain, abs=5e-5)
    assert weight(p, TVERSKY_KAHNEMAN.delta) == pytest.approx(loss, abs=5e-5)


def test_published_values() -> None:
    """Tversky and Kahneman 1992: alpha = beta = .88, lambda = 2.25."""
    assert value(100.0, 0.88, 0.88, 2.25) == pytest.approx(57.544, abs=5e-4)
    assert value(-100.0, 0.88, 0.88, 2.25) == pytest.approx(-129.474, abs=5e-4)


@pytest.mark.parametrize(
    ("chance", "outcome", "expected"),
    [(0.05, 100, 9.98), (0.95, 100, 76.85), (0.05, -100, -8.26), (0.95, -100, -83.12)],
)
def test_the_fourfold_pattern(chance: float, outcome: float, expected: float) -> None:
    """Risk is sought for rare gains and common losses, shunned for common gains and rare losses."""
    equivalent = certainty_equivalent(np.array([outcome, 0.0]), np.array([chance, 1 - chance]), TVERSKY_KAHNEMAN)
    assert equivalent == pytest.approx(expected, abs=5e-3)
    assert (equivalent > chance * outcome) == ((chance < 0.5) == (outcome > 0))


@settings(deadline=None, max_examples=60)
@given(gambles(), curvatures, curvatures)
def test_worth_equals_the_definition(gamble: tuple[Floats, Floats], gamma: float, delta: float) -> None:
    parameters = Parameters(0.7, 0.9, 1.8, gamma, delta)
    expected = plain((gamble[0].copy(), gamble[1].copy()), parameters)
    assert cumulative(*gamble, parameters) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(gambles())
def test_the_kernels_in_python_agree(gamble: tuple[Floats, Floats]) -> None:
    compiled = values_of(gamble[0][None, :], gamble[1], TVERSKY_KAHNEMAN)
    worths = cast("Any", module._values_of).py_func(gamble[0][None, :].copy(), gamble[1].copy(), *TVERSKY_KAHNEMAN)
    assert worths == pytest.approx(compiled, rel=1e-12, abs=1e-12)
    assert cast("Any", module._value).py_func(-3.0, 0.88, 0.8, 2.0) == pytest.approx(value(-3.0, 0.88, 0.8, 2.0))
    assert cast("Any", module._weight).py_func(0.3, 0.7, 0.61) == pytest.approx(weight(0.3, 0.61))


@settings(deadline=None, max_examples=60)
@given(gambles())
def test_neutral_parameters_give_the_expected_value(gamble: tuple[Floats, Floats]) -> None:
    assert cumulative(*gamble, NEUTRAL) == pytest.approx(float(gamble[0] @ gamble[1]), abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(gambles())
def test_mirrored_gambles_have_mirrored_worth(gamble: tuple[Floats, Floats]) -> None:
    assert cumulative(-gamble[0], gamble[1], MIRRORED) == pytest.approx(-cumulative(*gamble, MIRRORED), abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(gambles(), st.floats(0.001, 500), st.data())
def test_a_better_outcome_is_never_worth_less(gamble: tuple[Floats, Floats], more: float, data: st.DataObject) -> None:
    better = gamble[0].copy()
    better[data.draw(st.integers(0, len(better) - 1))] += more
    assert cumulative(better, gamble[1], TVERSKY_KAHNEMAN) >= cumulative(*gamble, TVERSKY_KAHNEMAN) - 1e-9


@settings(deadline=None, max_examples=60)
@given(gambles(), st.randoms(use_true_random=False))
def test_order_and_split_outcomes_do_not_matter(gamble: tuple[Floats, Floats], chance: Any) -> None:
    order = list(range(len(gamble[0])))
    chance.shuffle(order)
    found, chances = np.tile(gamble[0][order], 2), np.tile(gamble[1][order] / 2, 2)
    assert cumulative(found, chances, TVERSKY_KAHNEMAN) == pytest.approx(
        cumulative(*gamble, TVERSKY_KAHNEMAN), rel=1e-9, abs=1e-9
    )


@settings(deadline=None, max_examples=40)
@given(outcomes, st.integers(1, 9))
def test_a_sure_outcome_is_its_own_certainty_equivalent(x: float, pieces: int) -> None:
    found, chances = np.full(pieces, x), np.full(pieces, 1 / pieces)
    assert cumulative(found, chances, TVERSKY_KAHNEMAN) == pytest.approx(value(x, *TVERSKY_KAHNEMAN[:3]), rel=1e-12)
    assert certainty_equivalent(found, chances, TVERSKY_KAHNEMAN) == pytest.approx(x, rel=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(outcomes, min_size=5, max_size=5), min_size=1, max_size=7))
def test_an_action_is_worth_the_same_alone_and_among_others_to_the_last_bit(rows: list[list[float]]) -> None:
    chances = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
    alone = [cumulative(np.array(row), chances, TVERSKY_KAHNEMAN) for row in rows]
    assert values_of(np.array(rows), chances, TVERSKY_KAHNEMAN).tolist() == alone


def test_weights_rise_from_0_to_1_at_every_curvature() -> None:
    for gamma in (LEAST_CURVATURE, 0.4, 0.61, 0.69, 1.0):
        weights = [weight(p, gamma) for p in np.linspace(0, 1, 400)]
        assert weights[0] == 0.0
        assert weights[-1] == 1.0
        assert np.all(np.diff(weights) > 0)


@pytest.mark.parametrize("name", Parameters._fields)
def test_every_parameter_matters(name: str) -> None:
    gamble = np.array([-40.0, -10.0, 5.0, 60.0]), np.array([0.2, 0.3, 0.3, 0.2])
    changed = TVERSKY_KAHNEMAN._replace(**{name: 0.95})
    assert cumulative(*gamble, changed) != cumulative(*gamble, TVERSKY_KAHNEMAN)


def test_fair_bets_are_declined() -> None:
    assert cumulative(np.array([100.0, -100.0]), np.array([0.5, 0.5]), TVERSKY_KAHNEMAN) < 0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_outcomes_that_are_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        cumulative(np.array([1.0, bad]), np.array([0.5, 0.5]), TVERSKY_KAHNEMAN)
    with pytest.raises(ValueError, match="finite"):
        value(bad, 0.88, 0.88, 2.25)


@pytest.mark.parametrize("chances", [(0.5, 0.4), (1.5, -0.5), (math.nan, 0.5)])
def test_what_is_no_distribution_is_refused(chances: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        cumulative(np.array([1.0, 2.0]), np.array(chances), TVERSKY_KAHNEMAN)


def test_other_shapes_and_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="expected"):
        values_of(np.zeros((2, 3)), np.array([0.5, 0.5]), TVERSKY_KAHNEMAN)
    with pytest.raises(ValueError, match="expected"):
        cumulative(np.zeros((1, 1)), np.array([1.0]), TVERSKY_KAHNEMAN)
    with pytest.raises(ValueError, match="expected"):
        cumulative(np.zeros(0), np.zeros(0), TVERSKY_KAHNEMAN)
    for name, bad in (("alpha", 0.0), ("beta", math.nan), ("loss_aversion", -1.0), ("gamma", 0.2), ("delta", 1.1)):
        with pytest.raises(ValueError, match="expected"):
            cumulative(np.ones(1), np.ones(1), TVERSKY_KAHNEMAN._replace(**{name: bad}))
    with pytest.raises(ValueError, match="expected"):
        weight(1.1, 0.61)
    with pytest.raises(ValueError, match="expected"):
        weight(0.5, 0.2)


def test_no_actions_have_no_worths() -> None:
    assert values_of(np.zeros((0, 2)), np.array([0.5, 0.5]), TVERSKY_KAHNEMAN).shape == (0,)


@settings(deadline=None, max_examples=60)
@given(
    returns=st.lists(st.floats(-5, 5), min_size=1, max_size=9).map(sorted),
    stakes=st.lists(st.tuples(st.floats(-2, 2), st.floats(-1, 1)), min_size=1, max_size=4),
)
def test_stakes_in_equally_likely_returns_are_worth_what_their_outcomes_are(
    returns: list[float], stakes: list[tuple[float, float]]
) -> None:
    rising, table = np.array(returns), np.array(stakes).T.copy()
    count = len(rising)
    weights = rank_weights(count, TVERSKY_KAHNEMAN)
    found = worths(table, rising, weights, TVERSKY_KAHNEMAN)
    outcomes = table[0][:, None] * rising + table[1][:, None]
    np.testing.assert_array_equal(found, values_of(outcomes, np.full(count, 1.0 / count), TVERSKY_KAHNEMAN))
    plain = np.empty(len(found))
    powers = TVERSKY_KAHNEMAN[:3]
    assert cast("Any", module._worths).py_func(table, rising, weights, *powers, plain)
    np.testing.assert_allclose(found, plain, atol=1e-13)
    np.testing.assert_allclose(weights, cast("Any", module._rank_weights).py_func(count, 0.61, 0.69), atol=1e-14)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-12)


def test_stakes_that_make_no_sense_are_refused() -> None:
    weights = rank_weights(2, NEUTRAL)
    with pytest.raises(ValueError, match="rise"):
        worths(np.ones((2, 1)), np.array([1.0, 0.0]), weights, NEUTRAL)
    with pytest.raises(ValueError, match="finite"):
        worths(np.array([[math.nan], [0.0]]), np.array([0.0, 1.0]), weights, NEUTRAL)
    with pytest.raises(ValueError, match="expected"):
        worths(np.ones((2, 1)), np.array([0.0, 0.5, 1.0]), weights, NEUTRAL)
    with pytest.raises(ValueError, match="one or more"):
        rank_weights(0, NEUTRAL)
