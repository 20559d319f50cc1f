"""From intention to legs and back to an action: every action is reached, and none without evidence."""

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.messages import Action, Phase
from kernels.prospect import TVERSKY_KAHNEMAN
from quantum_amos.choice import action_of, preference_of, push_of
from quantum_amos.config import QuantumAmosConfig
from quantum_amos.fusion import Legs, Push, fuse
from quantum_amos.intention import FLAT, Deliberation, Holding, Scenarios, deliberate, plans

CONFIG = QuantumAmosConfig()
SCENARIOS = Scenarios(21)
DEVIATION = 0.02
EXPOSURES = st.sampled_from([0.0, 0.01, 0.05, 0.2])
GAINS = st.floats(-0.2, 0.2)
PHASES = st.sampled_from(Phase)
SWAP = {Action.BUY: Action.SELL, Action.SELL: Action.BUY}


def weighed(exposure: float, gain: float, mean: float, ceiling: float, phase: Phase) -> Deliberation:
    holding = Holding(exposure, abs(exposure) * gain) if exposure else FLAT
    returns = DEVIATION * (mean + SCENARIOS.points)
    options = plans(holding, ceiling, phase, CONFIG)
    return deliberate(holding, options, returns, DEVIATION, SCENARIOS.weights(TVERSKY_KAHNEMAN), TVERSKY_KAHNEMAN)


def chosen(
    exposure: float,
    gain: float,
    mean: float,
    ceiling: float,
    phase: Phase,
    certainty: float,
    *,
    is_quantum: bool = True,
) -> Action:
    meant = weighed(exposure, gain, mean, ceiling, phase)
    legs = fuse(math.erf(mean / math.sqrt(2)), certainty, push_of(meant, 1.0), is_quantum=is_quantum)
    return action_of(legs, meant)


@pytest.mark.parametrize("is_quantum", [True, False])
def test_every_action_is_reached(is_quantum: bool) -> None:
    reached = Counter(
        chosen(exposure, gain, mean, ceiling, phase, certainty, is_quantum=is_quantum)
        for exposure in (0.0, 0.05)
        for gain in (-0.1, -0.02, -0.01, 0.0, 0.01, 0.1)
        for mean in (-1.5, -0.2, -0.05, 0.0, 0.05, 0.2, 1.5)
        for ceiling in (0.001, 0.04, 0.08)
        for phase in (Phase.GROWTH, Phase.RELEASE)
        for certainty in (0.5, 1.0)
    )
    assert set(reached) == set(Action)


@settings(deadline=None)
@given(exposure=EXPOSURES, gain=GAINS, mean=st.floats(-2, 2), phase=PHASES)
def test_without_certainty_the_choice_is_hold(exposure: float, gain: float, mean: float, phase: Phase) -> None:
    assert chosen(exposure, gain, mean, 0.08, phase, 0.0) is Action.HOLD


@settings(deadline=None)
@given(exposure=EXPOSURES, gain=GAINS, mean=st.floats(-2, 2), phase=PHASES, certainty=st.floats(0, 1))
def test_the_mirrored_market_gives_the_mirrored_choice(
    exposure: float, gain: float, mean: float, phase: Phase, certainty: float
) -> None:
    one = chosen(exposure, gain, mean, 0.08, phase, certainty)
    other = chosen(-exposure, gain, -mean, 0.08, phase, certainty)
    assert other is SWAP.get(one, one)


def test_an_intention_pushes_by_its_advantage() -> None:
    meant = Deliberation(plans(FLAT, 0.08, Phase.GROWTH, CONFIG), (0.0, 0.1, -2.0))
    assert push_of(meant, 1.0) == Push(0.5, 0.0)
    assert push_of(meant, 0.5) == Push(0.25, 0.0)
    assert tuple(push_of(meant._replace(worths=(0.0, -2.0, 0.3)), 1.0)) == pytest.approx((0.0, 0.75))
    assert push_of(meant._replace(worths=(0.0, -1.0, -2.0)), 1.0) == Push(0.0, 0.0)


def test_a_preference_is_for_a_side_even_of_those_who_stay_out() -> None:
    stance = weighed(0.0, 0.0, 0.2, 0.08, Phase.GROWTH)
    assert stance.best is Action.HOLD
    preferred = preference_of(stance, 1.0)
    gap = stance.worth(Action.BUY) - stance.worth(Action.SELL)
    assert tuple(preferred) == pytest.approx((gap / (1.0 + gap), 0.0))
    opposite = preference_of(weighed(0.0, 0.0, -0.2, 0.08, Phase.GROWTH), 1.0)
    assert tuple(opposite) == pytest.approx((0.0, preferred.long))


def test_both_legs_are_a_hedge_in_release_and_nothing_elsewhere() -> None:
    both = Legs(0.1, 0.1, 0.1, 0.7)
    assert action_of(both, weighed(0.05, 0.0, 0.0, 0.08, Phase.RELEASE)) is Action.HEDGE
    assert action_of(both, weighed(0.05, 0.0, 0.0, 0.08, Phase.GROWTH)) is Action.HOLD
    assert action_of(both, weighed(0.0, 0.0, 0.0, 0.08, Phase.RELEASE)) is Action.HOLD


def test_a_leg_that_nothing_stands_for_holds() -> None:
    full = weighed(0.08, 0.0, 0.5, 0.08, Phase.GROWTH)
    assert full.raising == ()
    assert action_of(Legs(0.2, 0.8, 0.0, 0.0), full) is Action.HOLD
    assert action_of(Legs(0.2, 0.4, 0.4, 0.0), weighed(0.0, 0.0, 0.5, 0.08, Phase.GROWTH)) is Action.HOLD
