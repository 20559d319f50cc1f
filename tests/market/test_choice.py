"""The rule from belief to action, at each of its edges."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.message import Probabilities
from bus.messages import Action, Phase
from market.choice import THRESHOLDS, choose, conviction

FLAT, LONG, SHORT = Decimal(0), Decimal(3), Decimal(-3)
EVEN = (0.3, 0.4, 0.3)
UNIT = st.floats(0.001, 1)
PROBABILITIES = st.tuples(UNIT, UNIT, UNIT).map(lambda w: (w[0] / sum(w), w[1] / sum(w), w[2] / sum(w)))
WHEN_FLAT = {Action.BUY, Action.SELL, Action.HOLD}
WHEN_OPEN = {Action.INCREASE, Action.DECREASE, Action.EXIT, Action.SELL, Action.HEDGE, Action.HOLD}


def convinced(up: float) -> Probabilities:
    """A belief whose conviction of up is ``up``, sides summing to one half."""
    return (0.5 * (1 - up), 0.5, 0.5 * up)


@pytest.mark.parametrize("phase", list(Phase))
def test_flat_acts_at_the_threshold_of_the_phase(phase: Phase) -> None:
    meant = THRESHOLDS[phase]
    assert choose(convinced(meant + 1e-6), EVEN, FLAT, phase) is Action.BUY
    assert choose(convinced(meant - 1e-6), EVEN, FLAT, phase) is Action.HOLD
    assert choose(convinced(1 - meant - 1e-6), EVEN, FLAT, phase) is Action.SELL
    assert choose(convinced(1 - meant + 1e-6), EVEN, FLAT, phase) is Action.HOLD


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("position", [LONG, SHORT])
def test_open_acts_at_each_edge(phase: Phase, position: Decimal) -> None:
    meant = THRESHOLDS[phase]
    suspected, certain = (0.5 + meant) / 2, (meant + 1) / 2
    warned = Action.HEDGE if phase is Phase.RELEASE else Action.DECREASE
    reversed_ = Action.SELL if position > 0 else Action.EXIT

    def against(strength: float) -> Action:
        return choose(convinced(1 - strength if position > 0 else strength), EVEN, position, phase)

    assert against(suspected - 1e-6) is Action.HOLD
    assert against(suspected + 1e-6) is warned
    assert against(meant - 1e-6) is warned
    assert against(meant + 1e-6) is Action.EXIT
    assert against(certain - 1e-6) is Action.EXIT
    assert against(certain + 1e-6) is reversed_
    assert against(1 - meant + 1e-6) is Action.HOLD
    assert against(1 - meant - 1e-6) is Action.INCREASE


@given(prior=PROBABILITIES, position=st.sampled_from([FLAT, LONG, SHORT]), phase=st.sampled_from(list(Phase)))
def test_a_belief_that_says_what_the_prior_says_holds(prior: Probabilities, position: Decimal, phase: Phase) -> None:
    assert choose(prior, prior, position, phase) is Action.HOLD


def test_a_strong_prior_is_no_evidence_against_itself() -> None:
    """The prior leans up by far; a belief that leans up less is evidence of down, and too weak to sell on."""
    assert choose(convinced(0.8), convinced(0.9), FLAT, Phase.GROWTH) is Action.HOLD
    assert choose(convinced(0.95), convinced(0.9), FLAT, Phase.GROWTH) is Action.BUY


@given(
    belief=PROBABILITIES,
    prior=PROBABILITIES,
    position=st.sampled_from([FLAT, LONG, SHORT]),
    phase=st.sampled_from(list(Phase)),
)
def test_actions_fit_the_position(belief: Probabilities, prior: Probabilities, position: Decimal, phase: Phase) -> None:
    action = choose(belief, prior, position, phase)
    assert action in (WHEN_FLAT if position == 0 else WHEN_OPEN)
    mirrored = choose(belief[::-1], prior[::-1], -position, phase)
    flips = {Action.BUY: Action.SELL, Action.SELL: Action.BUY} if position == 0 else {}
    if action is Action.SELL and position > 0:
        assert mirrored is Action.EXIT
    elif mirrored is Action.SELL and position < 0:
        assert action is Action.EXIT
    else:
        assert mirrored is flips.get(action, action)


def test_every_action_is_reached() -> None:
    reached = {
        choose(convinced(up / 100), EVEN, position, phase)
        for up in range(101)
        for position in (FLAT, LONG, SHORT)
        for phase in Phase
    }
    assert reached == set(Action)


def test_conviction_is_a_share_of_the_sides() -> None:
    assert conviction((0.2, 0.5, 0.3)) == pytest.approx(0.6)
    assert conviction((0.0, 1.0, 0.0)) == 0.5
