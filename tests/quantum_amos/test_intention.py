"""What the agent would do: plans, their prospect value, and the commitment to the evidence they were weighed on."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.messages import Action, Phase
from kernels.prospect import NEUTRAL, TVERSKY_KAHNEMAN, Parameters
from market.factors import FACTORS
from quantum_amos.config import QuantumAmosConfig
from quantum_amos.intention import (
    FLAT,
    Commitment,
    Deliberation,
    Holding,
    Plan,
    Scenarios,
    deliberate,
    holding_of,
    plans,
)
from quantum_amos.posterior import Situation
from tests.seats.driver import request

CONFIG = QuantumAmosConfig(cost_bps=10.0, release_cost=3.0, hedge_share=0.7)
SCENARIOS = Scenarios(21)
DEVIATION = 0.02
GAINS = st.floats(-0.3, 0.3)
HERE = np.ones(len(FACTORS), np.bool_)


def weighed(
    holding: Holding,
    mean: float,
    *,
    ceiling: float = 0.08,
    phase: Phase = Phase.GROWTH,
    parameters: Parameters = TVERSKY_KAHNEMAN,
) -> Deliberation:
    returns = DEVIATION * (mean + SCENARIOS.points)
    options = plans(holding, ceiling, phase, CONFIG)
    return deliberate(holding, options, returns, DEVIATION, SCENARIOS.weights(parameters), parameters)


def held(exposure: float, gain: float = 0.0) -> Holding:
    return Holding(exposure, exposure * gain)


def test_from_flat_one_buys_sells_or_holds() -> None:
    assert plans(FLAT, 0.08, Phase.GROWTH, CONFIG) == (
        Plan(Action.HOLD, 0.0, 0.0),
        Plan(Action.BUY, 0.04, 0.00004),
        Plan(Action.SELL, -0.04, 0.00004),
    )


@pytest.mark.parametrize(("side", "reverse"), [(1.0, Action.SELL), (-1.0, Action.BUY)])
def test_a_position_may_grow_shrink_end_or_turn(side: float, reverse: Action) -> None:
    found = {plan.action: plan for plan in plans(held(side * 0.05), 0.08, Phase.GROWTH, CONFIG)}
    assert {action: plan.exposure for action, plan in found.items()} == {
        Action.HOLD: side * 0.05,
        Action.INCREASE: side * 0.08,
        Action.EXIT: 0.0,
        Action.DECREASE: side * 0.025,
        reverse: -side * 0.04,
    }
    assert found[reverse].cost == pytest.approx(0.09 * 0.001)


def test_a_position_above_the_ceiling_only_shrinks() -> None:
    found = {plan.action: plan.exposure for plan in plans(held(0.05), 0.01, Phase.GROWTH, CONFIG)}
    assert found == {Action.HOLD: 0.05, Action.EXIT: 0.0, Action.DECREASE: 0.01, Action.SELL: -0.005}
    assert [plan.action for plan in plans(held(0.05), 0.0, Phase.GROWTH, CONFIG)] == [Action.HOLD, Action.EXIT]
    assert [plan.action for plan in plans(FLAT, 0.0, Phase.GROWTH, CONFIG)] == [Action.HOLD]


def test_in_release_leaving_is_dear_and_a_hedge_is_open() -> None:
    found = {plan.action: plan for plan in plans(held(0.05), 0.08, Phase.RELEASE, CONFIG)}
    assert found[Action.EXIT].cost == pytest.approx(3 * 0.05 * 0.001)
    assert found[Action.HEDGE].exposure == pytest.approx(0.05 * 0.3)
    assert found[Action.HEDGE].cost == pytest.approx(0.05 * 0.7 * 0.001)
    assert Action.HEDGE not in {plan.action for plan in plans(FLAT, 0.08, Phase.RELEASE, CONFIG)}


def test_scenarios_are_a_normal_law_of_variance_one() -> None:
    for count in (3, 20, 21):
        points = Scenarios(count).points
        assert len(points) == count
        assert np.mean(points**2) == pytest.approx(1.0)
        np.testing.assert_array_equal(points, -points[::-1])
        assert (np.diff(points) > 0).all()


def test_to_a_neutral_eye_a_plan_is_worth_its_expected_gain() -> None:
    found = weighed(held(0.05, 0.01), 0.4, parameters=NEUTRAL)
    widest = 0.08 * DEVIATION
    for plan, worth in zip(found.plans, found.worths, strict=True):
        expected = 0.05 * 0.01 + plan.exposure * DEVIATION * 0.4 - plan.cost
        assert worth == pytest.approx(expected / widest, abs=1e-12)


def test_the_loss_averse_stay_out_of_a_fair_gamble() -> None:
    fair = weighed(FLAT, 0.0)
    assert (fair.best, fair.advantage) == (Action.HOLD, 0.0)
    assert fair.worth(Action.BUY) == fair.worth(Action.SELL) < -0.6
    assert weighed(FLAT, 0.3).best is Action.HOLD
    assert weighed(FLAT, 0.7).best is Action.BUY


def test_gains_are_taken_and_losses_are_ridden() -> None:
    """The disposition that the reference point brings: with the same outlook, out of a gain and more into a loss."""
    assert weighed(held(0.05, 0.03), -0.05).best is Action.EXIT
    assert weighed(held(0.05, -0.10), 0.02, ceiling=0.08).best is Action.INCREASE


@settings(deadline=None)
@given(
    exposure=st.sampled_from([0.0, 0.01, 0.05, 0.2]), gain=GAINS, mean=st.floats(-2, 2), phase=st.sampled_from(Phase)
)
def test_long_and_short_are_treated_alike(exposure: float, gain: float, mean: float, phase: Phase) -> None:
    """Loss aversion is about money, not direction."""
    holding = held(exposure, gain) if exposure else FLAT
    one = weighed(holding, mean, phase=phase)
    other = weighed(Holding(-holding.exposure, holding.gain) if exposure else FLAT, -mean, phase=phase)
    swap = {Action.BUY: Action.SELL, Action.SELL: Action.BUY}
    mirror = dict(zip((swap.get(plan.action, plan.action) for plan in other.plans), other.worths, strict=True))
    for plan, worth in zip(one.plans, one.worths, strict=True):
        assert worth == pytest.approx(mirror[plan.action], abs=1e-12)


def test_every_action_is_meant_for_some_position() -> None:
    found = {
        weighed(held(exposure, gain) if exposure else FLAT, mean, ceiling=ceiling, phase=phase).best
        for exposure in (0.0, 0.05)
        for gain in (-0.1, -0.01, 0.0, 0.03)
        for mean in (-1.0, -0.1, 0.0, 0.1, 1.0)
        for ceiling in (0.01, 0.08)
        for phase in (Phase.GROWTH, Phase.RELEASE)
    }
    assert found == set(Action)


def test_a_tie_is_no_reason() -> None:
    assert Deliberation(plans(FLAT, 0.08, Phase.GROWTH, CONFIG), (0.0, 0.5, 0.5)).best is Action.HOLD


def test_the_holding_is_what_the_question_tells() -> None:
    assert holding_of(request(3), 100.0) is FLAT
    asked = request(3, position=Decimal(-5), exposure=-0.04, entry_price=Decimal(125))
    assert holding_of(asked, 100.0) == Holding(-0.04, -0.04 * (math.log(100.0) - math.log(125.0)))


@pytest.mark.parametrize(
    ("exposure", "entry"),
    [(0.0, "100"), (0.04, "0"), (-0.04, "100"), (1e-300, "100"), (0.04, "1e-400"), (0.04, "1e400")],
    ids=["no stake", "no price", "wrong side", "next to no stake", "a price below floats", "a price above floats"],
)
def test_a_position_that_is_not_told_is_not_weighed(exposure: float, entry: str) -> None:
    assert holding_of(request(3, position=Decimal(5), exposure=exposure, entry_price=Decimal(entry)), 100.0) is None


def at(*values: float) -> Situation:
    return Situation(np.array([*values, *[0.0] * (8 - len(values))]), HERE)


def test_a_commitment_lasts_until_the_evidence_has_moved_too_far() -> None:
    commitment = Commitment(0.25)
    first, near, far = at(0.1, 0.0), at(0.5, 0.5), at(0.6, 0.6)
    commitment.observe(first)
    commitment.observe(near)
    assert math.sqrt((0.4**2 + 0.5**2) / 8) < 0.25 < math.sqrt((0.5**2 + 0.6**2) / 8)
    assert commitment.situation is first
    commitment.observe(far)
    assert commitment.situation is far


def test_the_cautious_think_again_at_every_change_and_after_a_hole() -> None:
    commitment = Commitment(0.0)
    commitment.observe(at(0.1))
    moved = at(0.1 + 1e-9)
    commitment.observe(moved)
    assert commitment.situation is moved
    commitment.clear()
    assert commitment.situation is None
    assert commitment.snapshot() is None


def test_a_restored_commitment_is_to_the_same_evidence() -> None:
    commitment, twin = Commitment(0.25), Commitment(0.25)
    commitment.observe(at(0.1, -0.3))
    twin.restore(commitment.snapshot())
    assert twin.situation is not None
    np.testing.assert_array_equal(twin.situation.factors, at(0.1, -0.3).factors)
    np.testing.assert_array_equal(twin.situation.present, HERE)
