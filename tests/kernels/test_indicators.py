"""Indicators against plain numpy, and the laws they must keep."""

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import indicators as module
from kernels.arrays import Floats
from kernels.indicators import LEAST_BARS, NAMES, indicators
from tests.seats.driver import mirrored, walk

DECAY = 0.94
FLIPS = ("return", "return_5", "return_10", "trend", "momentum", "sma_ratio", "rsi", "macd", "anomaly")


def named(rows: Floats) -> dict[str, float]:
    values, _ = indicators(rows, DECAY)
    return dict(zip(NAMES, values.tolist(), strict=True))


def squash(x: float) -> float:
    return x / (1 + abs(x))


def ewma(values: Floats, weight: float) -> Floats:
    out = np.zeros(len(values))
    for i in range(1, len(values)):
        out[i] = out[i - 1] + weight * (values[i] - out[i - 1])
    return out


def expected(rows: Floats) -> dict[str, float]:
    logs = np.log(rows[:, 3])
    moves = np.diff(logs)
    weights = DECAY ** np.arange(len(moves))[::-1]
    sigma = np.sqrt(weights @ moves**2 / weights.sum())
    earlier = np.sqrt(weights[1:] @ moves[:-1] ** 2 / weights[1:].sum())
    x = np.arange(20)
    macd = ewma(logs - logs[0], 2 / 13) - ewma(logs - logs[0], 2 / 27)
    gain = ewma(np.concatenate(([0.0], np.maximum(moves, 0))), 1 / 14)[-1]
    loss = ewma(np.concatenate(([0.0], np.maximum(-moves, 0))), 1 / 14)[-1]
    ups, downs = np.diff(np.log(rows[:, 1])), -np.diff(np.log(rows[:, 2]))
    plus = ewma(np.concatenate(([0.0], np.where((ups > downs) & (ups > 0), ups, 0))), 1 / 14)
    minus = ewma(np.concatenate(([0.0], np.where((downs > ups) & (downs > 0), downs, 0))), 1 / 14)
    both = plus + minus
    index = np.divide(np.abs(plus - minus), both, out=np.zeros_like(both), where=both > 0)
    step_sd = np.sqrt(np.mean(np.arange(20) ** 2 / 20**2) * 20)
    return {
        "return": squash(moves[-1] / sigma),
        "return_5": squash(moves[-5:].sum() / sigma / 5**0.5),
        "return_10": squash(moves[-10:].sum() / sigma / 10**0.5),
        "trend": squash(np.polyfit(x, logs[-20:], 1)[0] / sigma * (5 * 20 / 6) ** 0.5),
        "momentum": squash((logs[-1] - logs[-21]) / sigma / 20**0.5),
        "sma_ratio": squash((logs[-1] - logs[-20:].mean()) / sigma / step_sd),
        "rsi": (gain - loss) / (gain + loss),
        "macd": squash((macd - ewma(macd, 2 / 10))[-1] / sigma),
        "volatility": squash(np.log(sigma / np.sqrt(np.mean(moves**2)))),
        "adx": ewma(index, 1 / 14)[-1],
        "liquidity": squash(np.log(rows[-5:, 4].mean() / rows[:, 4].mean())),
        "anomaly": np.sign(moves[-1]) * squash(max(abs(moves[-1]) / earlier - 2, 0)),
    }


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bars", [LEAST_BARS, 64])
def test_indicators_equal_plain_numpy(seed: int, bars: int) -> None:
    rows = walk(seed, bars)
    assert named(rows) == pytest.approx(expected(rows), abs=1e-11)


def test_compiled_and_plain_agree() -> None:
    rows = walk(8, 64)
    plain = cast("Any", module._indicators).py_func
    values, sigma = plain(rows.copy(), DECAY)
    compiled, other = indicators(rows, DECAY)
    np.testing.assert_allclose(compiled, values, atol=1e-14)
    assert other == pytest.approx(sigma, abs=1e-16)


def test_a_surprise_is_an_anomaly() -> None:
    rows = walk(1, 64)
    rows[-1, 1:4] *= 0.8
    assert named(rows)["anomaly"] < -0.8
    rows[:-1, :4] = 100.0
    rows[-1, 3] = 80.0
    assert named(rows)["anomaly"] == -1.0


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), sigma=st.floats(1e-6, 0.5), bars=st.integers(LEAST_BARS, 90))
def test_a_mirror_flips_the_directional_ones_only(seed: int, sigma: float, bars: int) -> None:
    rows = walk(seed, bars, sigma=sigma)
    ups, downs = named(rows), named(mirrored(rows))
    tolerance = 1e-12 + 1e-14 / sigma
    for name in NAMES:
        assert -1.0 <= ups[name] <= 1.0
        assert downs[name] == pytest.approx(-ups[name] if name in FLIPS else ups[name], abs=tolerance)


@settings(deadline=None)
@given(price=st.floats(1e-3, 1e6), volume=st.floats(0, 1e9))
def test_constant_closes_are_neutral(price: float, volume: float) -> None:
    rows = np.tile([price, price * 1.1, price * 0.9, price, volume], (40, 1))
    rows[3, 4] = 7.0
    values, sigma = indicators(rows, DECAY)
    assert sigma == 0.0
    assert not values.any()


def test_zero_volume_says_nothing_of_liquidity() -> None:
    rows = walk(1, 40)
    rows[-5:, 4] = 0.0
    assert named(rows)["liquidity"] == 0.0


def test_prices_in_another_currency_say_the_same() -> None:
    rows = walk(4, 64)
    other = rows * np.array([137.0, 137.0, 137.0, 137.0, 1.0])
    assert named(other) == pytest.approx(named(rows), abs=1e-9)


def test_bars_before_the_window_do_not_matter() -> None:
    rows = walk(6, 200)
    for end in range(64, 200, 17):
        first, _ = indicators(rows[end - 64 : end], DECAY)
        second, _ = indicators(rows[end - 64 : end].copy(), DECAY)
        assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize(("rows", "decay"), [(np.ones((29, 5)), 0.9), (np.ones((40, 4)), 0.9), (np.ones((40, 5)), 1.0)])
def test_wrong_shapes_are_refused(rows: Floats, decay: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        indicators(rows, decay)
