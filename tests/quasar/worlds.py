"""Rounds and seats that the tests of QUASAR's strategies share."""

from decimal import Decimal
from typing import Any, Final

import numpy as np

from bus.messages import DecisionRequest, Outcome, PerformanceFeedback
from kernels import indicators
from kernels.arrays import Floats
from market.factors import DIRECTIONAL_FACTORS, DIRECTIONAL_FEATURES, FACTORS, FEATURES, Reading
from market.strategy import Scene, Strategy, Vote
from quasar.agent import Quasar
from quasar.config import QuasarConfig
from quasar.training import Rounds
from tests.seats import driver

STRATEGIES: Final = ("qstar", "river", "qar")
BAND: Final = 0.005
PRIOR: Final = (0.3, 0.4, 0.3)
FLIPS: Final = np.where(DIRECTIONAL_FEATURES, -1.0, 1.0)
FACTOR_FLIPS: Final = np.where(DIRECTIONAL_FACTORS, -1.0, 1.0)
_PLACES: Final = [indicators.NAMES.index(name) for name in FEATURES]


def seat(only: str = "", quantum: bool = True, **parameters: Any) -> Quasar:
    """Build QUASAR, of one strategy alone where one is named."""
    if only:
        parameters["strategies"] = {name: float(name == only) for name in STRATEGIES}
    return Quasar(QuasarConfig.model_validate(parameters), quantum=quantum)


def scene(
    features: Floats, *, factors: Floats | None = None, rows: Floats | None = None, sigma: float = 0.01, bar: int = 100,
    position: int = 0, prior: tuple[float, float, float] = PRIOR, horizon: int = 1,
) -> Scene:  # fmt: skip
    """Ask at a bar where these features were measured."""
    request = driver.request(bar, prior=prior, band=BAND, horizon=horizon, position=Decimal(position))
    present = tuple(name != "sentiment" for name in FACTORS)
    reading = Reading(bar, np.zeros(len(FACTORS)) if factors is None else factors, present, features, sigma)
    return Scene(request, driver.walk(1, 64) if rows is None else rows, reading)


def settle(strategy: Strategy, asked: Scene, move: float, vote: Vote | None = None) -> Vote:
    """Vote on a scene and learn that the round's log return was ``move``."""
    vote = vote or strategy.vote(asked)
    strategy.learn(asked.request, vote, outcome(asked.request, move))
    return vote


def outcome(request: DecisionRequest, move: float) -> PerformanceFeedback:
    """Settle a request with a log return."""
    message = driver.feedback(request.bar, request.bar + request.horizon, 1, move, request.band)
    assert message.outcome in Outcome
    return message


def periodic(seed: int, bars: int = 2_000, *, period: int = 24, swing: float = 0.04, noise: float = 0.004) -> Rounds:
    """Plant a market: a sine of log price and a random walk, with its features, moves and costs in bands."""
    rng = np.random.default_rng(seed)
    wave = swing * np.sin(2.0 * np.pi * (np.arange(bars) / period + rng.uniform()))
    logs = np.log(100.0) + wave + np.cumsum(rng.normal(0.0, noise, bars))
    closes = np.exp(logs)
    opens = np.concatenate(([closes[0]], closes[:-1]))
    tops, bottoms = np.maximum(opens, closes) * 1.001, np.minimum(opens, closes) * 0.999
    values = indicators.series(np.column_stack([opens, tops, bottoms, closes, np.full(bars, 1e3)]), 0.94)
    start = indicators.WINDOW
    bands = 0.5 * values[start:-1, indicators.NAMES.index("sigma")]
    return Rounds(np.ascontiguousarray(values[start:-1, _PLACES]), np.diff(logs)[start:] / bands, 0.0002 / bands)


def turning(seed: int, bars: int, turn: int) -> Floats:
    """Make bars whose returns persist until ``turn`` and reverse from there on."""
    one = driver.walk(seed, turn, persistence=0.8)
    other = driver.walk(seed + 1, bars - turn, persistence=-0.8)
    other[:, :4] *= one[-1, 3] / 100.0
    result: Floats = np.concatenate([one, other])
    return result
