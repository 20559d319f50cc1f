"""QAR: the pool of markets and memory, with its quantum parts and without."""

import math

import numpy as np
import pytest

from market.factors import FACTORS
from market.window import CLOSE
from quasar.config import QarConfig
from quasar.phase import cycle
from quasar.qar import Qar
from tests.quasar.worlds import PRIOR, scene, settle
from tests.seats.driver import walk

TREND = FACTORS.index("trend")
VOLATILITY = FACTORS.index("volatility")


def qar(*, quantum: bool = True, **parameters: float) -> Qar:
    return Qar(QarConfig.model_validate(parameters), quantum=quantum)


def test_it_begins_at_the_prior() -> None:
    vote = qar().vote(scene(np.full(10, 0.5), factors=np.full(8, 0.5)))
    assert (vote.belief, vote.confidence) == (PRIOR, 0.0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_factor_that_tells_the_direction_is_learned(sign: float) -> None:
    strategy = qar()
    rng = np.random.default_rng(1)
    for _ in range(300):
        factors = rng.uniform(-1, 1, 8)
        settle(strategy, scene(np.zeros(10), factors=factors), sign * math.copysign(0.02, factors[TREND]))
    asked = np.zeros(8)
    asked[TREND] = 0.8
    belief = strategy.vote(scene(np.zeros(10), factors=asked)).belief
    assert belief is not None
    assert sign * (belief[2] - belief[0]) > 0.1


def test_a_factor_that_tells_of_moves_is_learned() -> None:
    strategy = qar()
    rng = np.random.default_rng(2)
    for n in range(300):
        factors = rng.uniform(-1, 1, 8)
        move = 0.02 * (-1) ** n if factors[VOLATILITY] > 0 else 0.0
        settle(strategy, scene(np.zeros(10), factors=factors), move)
    high, low = np.zeros(8), np.zeros(8)
    high[VOLATILITY], low[VOLATILITY] = 0.8, -0.8
    moving, still = (strategy.vote(scene(np.zeros(10), factors=each)).belief for each in (high, low))
    assert moving is not None
    assert still is not None
    assert moving[1] < 0.35 < 0.45 < still[1]


def test_the_cycle_is_read_from_the_bars_with_the_quantum_part_and_from_the_factor_without() -> None:
    rows = walk(3, 64)
    factors = np.zeros(8)
    factors[FACTORS.index("cycle")] = 0.25
    asked = scene(np.zeros(10), factors=factors, rows=rows)
    assert dict(qar().vote(asked).reasons)["cycle"] == cycle(rows[:, CLOSE]).factor
    assert dict(qar(quantum=False).vote(asked).reasons)["cycle"] == 0.25


def test_a_longer_horizon_is_less_evidence() -> None:
    short, long = qar(), qar()
    rng = np.random.default_rng(4)
    for _ in range(30):
        factors = rng.uniform(-1, 1, 8)
        move = math.copysign(0.02, factors[TREND])
        settle(short, scene(np.zeros(10), factors=factors), move)
        settle(long, scene(np.zeros(10), factors=factors, horizon=5), move)
    assert short.vote(scene(np.zeros(10))).confidence == pytest.approx(30 / (30 + 50))
    assert long.vote(scene(np.zeros(10))).confidence == pytest.approx(6 / (6 + 50))
