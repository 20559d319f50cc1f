"""Q* on planted markets: it beats chance, and it learns what follows, not what was."""

import numpy as np
import pytest

from kernels.arrays import Floats
from kernels.qlearning import ACTIONS, BUY, HOLD, SELL
from quasar.config import QStarConfig
from quasar.learner import Learner, Situation, Step
from quasar.training import Rounds, play, play_at_random, train
from tests.quasar.worlds import periodic


def test_it_beats_a_random_policy_on_a_periodic_market_over_ten_seeds() -> None:
    """Trained on two thirds, greedy on the rest: at least 0.03 nats a round more, and 15 standard errors, in each."""
    config = QStarConfig()
    for seed in range(10):
        rounds = periodic(seed)
        cut = 2 * len(rounds.moves) // 3
        learner = Learner(config)
        train(learner, config, Rounds(*(each[:cut] for each in rounds)), epsilon=0.2, rng=np.random.default_rng(seed))
        unseen = Rounds(*(each[cut:] for each in rounds))
        earned = play(learner, config, unseen)
        chance = [play_at_random(config, unseen, np.random.default_rng(100 + k)).mean() for k in range(5)]
        margin = earned.mean() - np.mean(chance)
        assert margin > 0.03
        assert margin > 15.0 * earned.std() / len(earned) ** 0.5


def test_to_play_changes_nothing_and_explores_nothing() -> None:
    config = QStarConfig()
    rounds = periodic(1, 400)
    learner = Learner(config)
    train(learner, config, rounds, epsilon=0.2, rng=np.random.default_rng(1))
    before = learner.table.values.copy()
    np.testing.assert_array_equal(play(learner, config, rounds), play(learner, config, rounds))
    np.testing.assert_array_equal(learner.table.values, before)


def test_without_exploration_training_draws_nothing_from_its_generator() -> None:
    config = QStarConfig()
    rng = np.random.default_rng(1)
    train(Learner(config), config, periodic(1, 200), epsilon=0.0, rng=rng)
    assert rng.random() == np.random.default_rng(1).random()


def features(sign: float) -> Floats:
    return sign * np.array([0.5, 0.5, 0.5, 0.0, 0.5, 0.5, 0.5, 0.5, 0.0, 0.5])


def test_the_reward_is_of_the_round_that_begins_where_the_situation_is() -> None:
    """Moves of +2, +2, -2, -2: after the second, the next is down; a lag or a leak would say up or nothing."""
    config = QStarConfig(doubt_visits=0.0, cost=0.0, discount=0.0)
    learner = Learner(config)
    moves = np.tile([2.0, 2.0, -2.0, -2.0], 100)
    # At bar t the last two moves are known; the situation tells them apart, and its round earns the next move.
    seen = {
        (2.0, 2.0): Situation(1, 1),
        (2.0, -2.0): Situation(2, 1),
        (-2.0, -2.0): Situation(3, 1),
        (-2.0, 2.0): Situation(4, 1),
    }
    following = {(2.0, 2.0): -2.0, (2.0, -2.0): -2.0, (-2.0, -2.0): 2.0, (-2.0, 2.0): 2.0}
    for t in range(2, len(moves)):
        known = (float(moves[t - 2]), float(moves[t - 1]))
        assert moves[t] == following[known]
        learner.settle(t, 1, Step(seen[known], 0, HOLD, float(moves[t]), 0.0))
    for known, situation in seen.items():
        assert learner.edge(situation) == pytest.approx(following[known], abs=0.1)
        assert learner.act(situation, 0) == (BUY if following[known] > 0 else SELL)


def test_a_chain_of_overlapping_rounds_follows_the_horizon() -> None:
    """With horizon 3 the next state of the round at t is that of the round at t + 3, whose chain is its own."""
    config = QStarConfig(discount=0.9, cost=0.0, replays=0)
    learner = Learner(config)
    for t in range(6):
        learner.settle(t, 3, Step(Situation(t, 1), 0, BUY, 1.0, 0.0))
    kept = learner.snapshot()["memory"]
    rows = [learner.table.find(t) for t in range(6)]
    assert [tuple(row) for row in kept[:3, :2]] == [(rows[t], rows[t + 3]) for t in range(3)]
    assert not kept[3:, 5].any()


def test_a_round_that_is_missing_breaks_its_chain() -> None:
    config = QStarConfig(replays=0)
    learner = Learner(config)
    for bar in (0, 1, 3, 4):
        learner.settle(bar, 1, Step(Situation(bar, 1), 0, BUY, 1.0, 0.0))
    kept = learner.snapshot()["memory"]
    assert np.count_nonzero(kept[:, 5]) == 2
    assert {tuple(row[:2]) for row in kept[:2]} == {
        (learner.table.find(0), learner.table.find(1)), (learner.table.find(3), learner.table.find(4))
    }  # fmt: skip


def test_all_seven_actions_are_reached() -> None:
    """Moves of plus and minus two bands about an edge that the desk learns: each size of edge has its own action."""
    config = QStarConfig(unit=0.1, discount=0.0, learning_rate=0.05, replays=8)
    reached = set()
    for edge in (-1.5, -0.6, -0.2, -0.1, 0.0, 0.1, 0.2, 0.4, 0.6, 1.5):
        learner = Learner(config)
        here = Situation(0, 1)
        for t in range(600):
            learner.settle(t, 1, Step(here, 0, HOLD, edge + (2.0 if t % 2 else -2.0), 0.0))
        reached |= {learner.act(here, position) for position in (-1, 0, 1)}
    assert reached == set(range(ACTIONS))


def test_a_mirrored_situation_has_the_mirrored_edge_and_action() -> None:
    learner = Learner(QStarConfig(cost=0.0))
    for t in range(100):
        learner.settle(t, 1, Step(Situation(0, 1), 0, HOLD, 1.0, 0.0))
    assert learner.act(Situation(0, 1), 0) == BUY
    assert learner.act(Situation(0, -1), 0) == SELL
    assert learner.edge(Situation(0, -1)) == -learner.edge(Situation(0, 1)) < 0.0
    assert learner.edge(Situation(0, 0)) == 0.0
    assert learner.act(Situation(0, 0), 0) == HOLD


def test_what_was_never_met_is_worth_nothing() -> None:
    learner = Learner(QStarConfig())
    assert learner.situation(features(1.0)) == (0, 0)
    assert learner.edge(Situation(9, 1)) == 0.0
    assert learner.visits(Situation(9, 1)) == 0.0
    assert learner.act(Situation(9, 1), 1) == HOLD


def test_the_table_is_bounded_and_forgets_what_was_not_met_for_longest() -> None:
    config = QStarConfig(situations=5)
    learner = Learner(config)
    for t in range(200):
        learner.settle(t, 1, Step(Situation(t % 12 if t % 2 else 100, 1), 0, HOLD, 1.0, 0.0))
        assert len(learner.table) <= 5
    assert learner.visits(Situation(100, 1)) == 100.0
    assert learner.visits(Situation(199 % 12, 1)) == 1.0
    assert learner.visits(Situation(189 % 12, 1)) == 0.0
    memory = learner.snapshot()["memory"]
    alive = memory[memory[:, 5] > 0.0]
    held = {learner.table.find(number) for number in (100, *range(12))}
    assert set(alive[:, 0].astype(int)) | set(alive[:, 1].astype(int)) <= held


@pytest.mark.parametrize("horizon", [1, 3])
def test_a_restored_learner_continues_to_the_last_bit(horizon: int) -> None:
    config = QStarConfig(situations=20, memory_rounds=30)
    rounds = periodic(3, 400)

    def walk(learner: Learner, first: int, last: int) -> None:
        for t in range(first, last):
            here = learner.situation(rounds.features[t])
            step = Step(here, 0, learner.act(here, 0), float(rounds.moves[t]), 0.04)
            learner.settle(t, horizon, step)
            learner.observe(rounds.features[t], 1.0 / horizon)

    whole, first, second = Learner(config), Learner(config), Learner(config)
    walk(whole, 0, 300)
    walk(first, 0, 150)
    second.restore(first.snapshot())
    walk(second, 150, 300)
    expected, got = whole.snapshot(), second.snapshot()
    np.testing.assert_equal(got, expected)
