"""What QUASAR's regression learns, and what its confidence is made of."""

import numpy as np
import pytest

from kernels.indicators import NAMES
from quasar.regression import DIRECTIONAL, FEATURES, Regression
from tests.seats.driver import Table, make, walk


def test_the_ten_features_are_those_of_the_model() -> None:
    assert set(FEATURES) == {
        "return", "return_5", "return_10", "volatility", "trend", "momentum", "sma_ratio", "rsi", "adx", "macd",
    }  # fmt: skip
    assert NAMES[: len(FEATURES)] == FEATURES
    assert FEATURES[DIRECTIONAL:] == ("volatility", "adx")


def test_it_begins_at_the_prior() -> None:
    regression = Regression()
    assert regression.scores(np.ones(10)) == (0.0, 0.0)
    assert regression.contributions(np.ones(10)) == tuple((name, 0.0) for name in FEATURES)


def test_contributions_sum_to_lean_and_spread() -> None:
    regression = Regression()
    rng = np.random.default_rng(1)
    for _ in range(50):
        features = rng.uniform(-1, 1, 10)
        regression.learn(features, (0.3, 0.4, 0.3), int(np.sign(features[0])), horizon=1, rate=0.1, shrinkage=0.0)
    values = [value for _, value in regression.contributions(features)]
    lean, spread = regression.scores(features)
    assert sum(values[:DIRECTIONAL]) == pytest.approx(lean)
    assert sum(values[DIRECTIONAL:]) == pytest.approx(spread)
    assert abs(lean) > 0.0


def test_a_round_over_a_longer_horizon_is_less_evidence() -> None:
    short, long = Regression(), Regression()
    for regression, horizon in ((short, 1), (long, 5)):
        regression.learn(np.ones(10), (0.3, 0.4, 0.3), 1, horizon=horizon, rate=0.1, shrinkage=0.0)
    assert (short.evidence, long.evidence) == (1.0, 0.2)
    assert short.scores(np.ones(10))[0] == pytest.approx(5 * long.scores(np.ones(10))[0])


@pytest.mark.parametrize("persistence", [0.3, -0.3])
def test_a_planted_dependence_is_found_and_earns_confidence(persistence: float) -> None:
    table = Table(make("quasar"))
    responses = [table.play(row) for row in walk(2, 1_500, persistence=persistence)]
    gains = [played.gain for played in table.played if played.gain is not None]
    assert sum(gains[500:]) / len(gains[500:]) > 0.01
    assert responses[63].confidence == 0.0
    assert max(each.confidence for each in responses[-200:]) > 0.4


def test_confidence_grows_with_evidence() -> None:
    table = Table(make("quasar", window_bars=30))
    confidences = [table.play(row).confidence for row in walk(4, 200)][29:]
    assert 0.0 == confidences[0] < confidences[5] < confidences[15] < confidences[30]
