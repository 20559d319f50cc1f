"""Q* playing on its own: a desk walks through a series of rounds, explores, and learns; or only plays."""

from typing import NamedTuple

import numpy as np

from kernels import qlearning
from kernels.arrays import Floats
from kernels.qlearning import holds_after, reward
from quasar.config import QStarConfig
from quasar.learner import Learner, Step


class Rounds(NamedTuple):
    """A series of rounds of one bar each.

    ``features`` of the bar at which a round begins have shape (n, 10); ``moves`` are the log returns that follow it
    and ``costs`` those of trading one unit, both in bands, shape (n,).
    """

    features: Floats
    moves: Floats
    costs: Floats


def train(learner: Learner, config: QStarConfig, rounds: Rounds, *, epsilon: float, rng: np.random.Generator) -> Floats:
    """Walk through the rounds, exploring with probability ``epsilon``, and learn; return the rewards, shape (n,)."""
    rewards = np.zeros(len(rounds.moves))
    position = 0
    for t, features in enumerate(rounds.features):
        situation = learner.situation(features)
        action = learner.act(situation, position)
        if epsilon > 0.0 and rng.random() < epsilon:
            action = _any(position, rng)
        step = Step(situation, position, action, float(rounds.moves[t]), float(rounds.costs[t]))
        rewards[t] = reward(position, action, step.move, cost=step.cost, unit=config.unit)
        learner.settle(t, 1, step)
        learner.observe(features, 1.0)
        position = _after(position, action)
    return rewards


def play(learner: Learner, config: QStarConfig, rounds: Rounds) -> Floats:
    """Walk through the rounds greedily and learn nothing; return the rewards, shape (n,)."""
    rewards = np.zeros(len(rounds.moves))
    position = 0
    for t, features in enumerate(rounds.features):
        action = learner.act(learner.situation(features), position)
        rewards[t] = reward(position, action, rounds.moves[t], cost=rounds.costs[t], unit=config.unit)
        position = _after(position, action)
    return rewards


def play_at_random(config: QStarConfig, rounds: Rounds, rng: np.random.Generator) -> Floats:
    """Walk through the rounds taking any action that has a meaning; return the rewards, shape (n,)."""
    rewards = np.zeros(len(rounds.moves))
    position = 0
    for t in range(len(rewards)):
        action = _any(position, rng)
        rewards[t] = reward(position, action, rounds.moves[t], cost=rounds.costs[t], unit=config.unit)
        position = _after(position, action)
    return rewards


def _any(position: int, rng: np.random.Generator) -> int:
    return int(rng.choice(np.flatnonzero(np.isfinite(qlearning.HOLDINGS[position + 1]))))


def _after(position: int, action: int) -> int:
    held = holds_after(position, action)
    return (held > 0.0) - (held < 0.0)
