"""River: what the regression learns, what a drift does to it, and what is unusual."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.messages import Phase
from kernels.arrays import Floats
from market.factors import FEATURES
from quasar.anomaly import AnomalyTrees
from quasar.config import RiverConfig
from quasar.stream import River, directed
from tests.quasar.worlds import FLIPS, PRIOR, scene, settle

VECTOR = st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=10, max_size=10).map(np.array)


def situations(seed: int, rounds: int) -> Floats:
    drawn: Floats = np.random.default_rng(seed).uniform(-0.6, 0.6, (rounds, len(FEATURES)))
    drawn[:, FEATURES.index("adx")] = np.abs(drawn[:, FEATURES.index("adx")])
    return drawn


def teach(river: River, seed: int, rounds: int, sign: float = 1.0) -> None:
    """Let the next move go with the return feature, or against it."""
    for features in situations(seed, rounds):
        settle(river, scene(features), sign * math.copysign(0.02, features[0]))


@settings(deadline=None)
@given(features=VECTOR)
def test_every_input_of_the_regression_flips_in_a_mirror(features: Floats) -> None:
    one, other = directed(features), directed(features * FLIPS)
    assert len(one) == 10
    assert other == {name: -value for name, value in one.items()}


def test_it_begins_at_the_prior_and_keeps_the_share_of_flat() -> None:
    river = River(RiverConfig())
    features = situations(1, 1)[0]
    prior = (0.2, 0.3, 0.5)
    assert river.vote(scene(features, prior=prior)).belief == pytest.approx(prior, abs=1e-15)
    teach(river, 1, 100)
    belief = river.vote(scene(features, prior=prior)).belief
    assert belief is not None
    assert belief[1] == pytest.approx(0.3, abs=1e-15)
    assert belief[2] != pytest.approx(0.5, abs=1e-3)


def test_its_first_step_is_that_of_adagrad_from_the_prior() -> None:
    """w <- rate (y - p) x / sqrt(1 + ((y - p) x)^2), with p the prior's own odds, and 1/h of it for horizon h."""
    features = situations(2, 1)[0]
    prior = (0.2, 0.3, 0.5)
    upward = 0.5 / 0.7
    for horizon in (1, 4):
        river = River(RiverConfig(learning_rate=0.1))
        settle(river, scene(features, prior=prior, horizon=horizon), 0.02)
        inputs = directed(features)
        expected = {}
        for name, x in inputs.items():
            gradient = (1.0 - upward) * x
            expected[name] = 0.1 / horizon * gradient / math.sqrt(1.0 + gradient**2)
        assert river.snapshot()["weights"] == pytest.approx(expected, abs=1e-15)


def test_a_flat_round_teaches_no_direction() -> None:
    river = River(RiverConfig())
    settle(river, scene(situations(2, 1)[0]), 0.0)
    assert river.snapshot()["weights"] == {}
    assert river.snapshot()["rounds"] == 1.0


def test_a_planted_dependence_is_learned() -> None:
    river = River(RiverConfig())
    teach(river, 3, 400)
    up = river.vote(scene(np.eye(10)[0] * 0.5))
    assert up.belief is not None
    assert up.belief[2] > 0.42 > PRIOR[2]
    assert 0.6 < up.confidence < 0.7


def test_a_drift_lowers_confidence_raises_the_rate_and_passes() -> None:
    config = RiverConfig()
    river = River(config)
    teach(river, 4, 500)
    here = scene(np.eye(10)[0] * 0.5)
    calm = river.vote(here)
    rounds = 0
    for features in situations(5, 300):
        settle(river, scene(features), -math.copysign(0.02, features[0]))
        rounds += 1
        if dict(river.vote(here).reasons)["drift"] == 1.0:
            break
    alarmed = river.vote(here)
    assert 10 < rounds < 100
    known = (500.0 + rounds) / (500.0 + rounds + config.doubt_rounds)
    assert alarmed.confidence == pytest.approx(known * (1.0 - config.drift_doubt))
    assert alarmed.confidence < calm.confidence
    before = river.snapshot()["weights"]["return"]
    settle(river, scene(np.eye(10)[0] * 0.5), -0.02)
    quick = before - river.snapshot()["weights"]["return"]
    slow = River(RiverConfig(drift_boost=1.0))
    slow.restore(River.snapshot(river))
    # The same round once more, with and without the boost that is left of the alarm.
    settle(slow, scene(np.eye(10)[0] * 0.5), -0.02)
    last = river.snapshot()["weights"]["return"]
    settle(river, scene(np.eye(10)[0] * 0.5), -0.02)
    assert quick > 0.0
    assert last - river.snapshot()["weights"]["return"] > 3.0 * (last - slow.snapshot()["weights"]["return"]) > 0.0
    teach(river, 6, 200, sign=-1.0)
    healed = river.vote(here)
    assert healed.confidence > calm.confidence
    assert healed.belief is not None
    assert healed.belief[2] < PRIOR[2]


def test_a_drift_with_an_anomaly_suspects_a_release_and_either_alone_does_not() -> None:
    river = River(RiverConfig())
    usual, unusual = np.zeros(10), np.full(10, 0.99)
    for features in situations(7, 500) * 0.3:
        settle(river, scene(features), math.copysign(0.02, features[0]))
    assert river.vote(scene(unusual)).suspected is None
    assert dict(river.vote(scene(unusual)).reasons)["anomaly"] > 0.75
    for features in situations(8, 100) * 0.3:
        settle(river, scene(features), -math.copysign(0.02, features[0]))
        if dict(river.vote(scene(usual)).reasons)["drift"] == 1.0:
            break
    assert river.vote(scene(unusual)).suspected is Phase.RELEASE
    assert river.vote(scene(usual)).suspected is None


def test_what_is_far_from_all_the_rest_is_unusual_and_its_mirror_image_as_much() -> None:
    trees = AnomalyTrees(8, 5, 128, 7)
    far = np.array([0.9, -0.9, 0.9, 0.9, -0.9, 0.9, -0.9, 0.9, 0.9, -0.9])
    assert trees.score(far) == 0.0
    near = situations(9, 300) * 0.3
    for features in near:
        trees.learn(features)
    scores = [trees.score(features) for features in near]
    assert trees.score(far) > max(scores)
    for features in near[:50]:
        assert trees.score(features * FLIPS) == trees.score(features)
    assert all(0.0 <= score <= 1.0 for score in scores)


@pytest.mark.parametrize("rounds", [0, 1, 127, 128, 300])
def test_restored_trees_continue_to_the_last_bit(rounds: int) -> None:
    whole, twin = AnomalyTrees(3, 4, 128, 7), AnomalyTrees(3, 4, 128, 7)
    near = situations(9, 600)
    for features in near[:rounds]:
        whole.learn(features)
    twin.restore(whole.snapshot())
    for features in near[rounds:]:
        assert twin.score(features) == whole.score(features)
        whole.learn(features)
        twin.learn(features)
    np.testing.assert_equal(twin.snapshot(), whole.snapshot())


def test_where_prices_never_moved_nothing_is_trusted() -> None:
    river = River(RiverConfig())
    teach(river, 1, 100)
    assert river.vote(scene(np.zeros(10), sigma=0.0)).confidence == 0.0
