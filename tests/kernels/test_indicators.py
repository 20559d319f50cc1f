"""Indicators against plain numpy, one bar at a time against the whole array, and the laws they must keep."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import indicators as module
from kernels.arrays import Floats
from kernels.indicators import NAMES, STATE_SIZE, WIDTH, WINDOW, initial, last_return, series, update
from tests.seats.driver import mirrored, walk

DECAY = 0.94
FLIPS = ("return", "return_5", "return_10", "trend", "momentum", "sma_ratio", "rsi", "macd", "anomaly", "cycle")
SUMMED = ("return_5", "return_10", "trend", "momentum", "sma_ratio")


def named(rows: Floats, decay: float = DECAY) -> dict[str, float]:
    return dict(zip(NAMES, series(rows, decay)[-1].tolist(), strict=True))


def fed(rows: Floats, decay: float = DECAY) -> Floats:
    """The indicators bar by bar, as an agent sees them."""
    state, found = initial(), np.full((len(rows), WIDTH), np.nan)
    for i, row in enumerate(rows):
        assert update(state, tuple(row.tolist()), decay, found[i]) == (i + 1 >= WINDOW)
    return found


def squash(x: float) -> float:
    return x / (1 + abs(x))


def ewma(values: Floats, weight: float) -> Floats:
    out = np.zeros(len(values))
    for i in range(1, len(values)):
        out[i] = out[i - 1] + weight * (values[i] - out[i - 1])
    return out


def wave(logs: Floats) -> float:
    """The cycle, by numpy's own transform."""
    x = np.arange(len(logs))
    rest = (logs - np.polyval(np.polyfit(x, logs, 1), x))[::-1]
    parts = np.conj(np.fft.rfft(rest))[1:]
    power = np.abs(parts) ** 2 * np.where(np.arange(len(parts)) < len(parts) - 1, 2, 1)
    best = int(np.argmax(power))
    return float(-power[best] / power.sum() * np.sin(np.angle(parts[best])))


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
        "volatility": squash(np.log(sigma / np.sqrt(np.mean(moves[-63:] ** 2)))),
        "adx": ewma(index, 1 / 14)[-1],
        "liquidity": squash(np.log(rows[-5:, 4].mean() / rows[-64:, 4].mean())),
        "anomaly": np.sign(moves[-1]) * squash(max(abs(moves[-1]) / earlier - 2, 0)),
        "cycle": wave(logs[-64:]),
        "sigma": sigma,
    }


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bars", [WINDOW, WINDOW + 1, 300])
def test_indicators_equal_plain_numpy(seed: int, bars: int) -> None:
    rows = walk(seed, bars)
    assert named(rows) == pytest.approx(expected(rows), abs=1e-10)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), bars=st.integers(1, 200), decay=st.floats(0, 0.999), sigma=st.floats(1e-9, 0.5))
def test_bar_by_bar_and_whole_array_agree_to_the_last_bit(seed: int, bars: int, decay: float, sigma: float) -> None:
    rows = walk(seed, bars, sigma=sigma)
    assert fed(rows, decay).tobytes() == series(rows, decay).tobytes()


def test_compiled_and_plain_agree() -> None:
    rows = walk(8, 90)
    plain = cast("Any", module._series).py_func(rows.copy(), DECAY)
    np.testing.assert_allclose(series(rows, DECAY), plain, atol=1e-14)
    state, other = initial(), initial()
    values, others = np.zeros(WIDTH), np.zeros(WIDTH)
    for row in rows:
        update(state, row, DECAY, values)
        cast("Any", module._update).py_func(other, *row[1:], DECAY, others)
    np.testing.assert_allclose(state, other, atol=1e-14)
    np.testing.assert_allclose(values, others, atol=1e-14)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), end=st.integers(0, 150))
def test_later_bars_change_nothing(seed: int, end: int) -> None:
    rows = walk(seed, 150)
    assert series(rows[:end], DECAY).tobytes() == series(rows, DECAY)[:end].tobytes()


def test_the_first_bars_have_no_indicators() -> None:
    found = series(walk(2, 100), DECAY)
    assert np.isnan(found[: WINDOW - 1]).all()
    assert np.isfinite(found[WINDOW - 1 :]).all()
    assert series(np.ones((1, 5)), DECAY).shape == (1, WIDTH)
    assert series(np.ones((0, 5)), DECAY).shape == (0, WIDTH)


def test_windows_do_not_drift_in_a_long_run() -> None:
    """What looks back over a window is the same after 20,000 bars and a jump as from a fresh start."""
    rows = walk(3, 20_000)
    rows[1_000:, :4] *= 1e6
    late, fresh = named(rows), named(rows[-300:])
    sigma = late["sigma"] / fresh["sigma"]
    for name in SUMMED:
        unsquashed = [each[name] / (1 - abs(each[name])) for each in (late, fresh)]
        assert unsquashed[0] * sigma == pytest.approx(unsquashed[1], rel=1e-12)
    for name in ("liquidity", "cycle"):
        assert late[name] == fresh[name]


def test_a_surprise_is_an_anomaly() -> None:
    rows = walk(1, 64)
    rows[-1, 1:4] *= 0.8
    assert named(rows)["anomaly"] < -0.8
    rows[:-1, :4] = 100.0
    rows[-1, 3] = 80.0
    assert named(rows)["anomaly"] == -1.0


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), sigma=st.floats(1e-6, 0.5), bars=st.integers(WINDOW, 120))
def test_a_mirror_flips_the_directional_ones_only(seed: int, sigma: float, bars: int) -> None:
    rows = walk(seed, bars, sigma=sigma)
    ups, downs = named(rows), named(mirrored(rows))
    tolerance = 1e-12 + 1e-14 / sigma
    for name in NAMES:
        assert -1.0 <= ups[name] <= 1.0
        assert downs[name] == pytest.approx(-ups[name] if name in FLIPS else ups[name], abs=tolerance)


@settings(deadline=None, max_examples=40)
@given(price=st.floats(1e-3, 1e6), volume=st.floats(0, 1e9), decay=st.floats(0, 0.999))
def test_constant_closes_are_neutral(price: float, volume: float, decay: float) -> None:
    rows = np.tile([price, price * 1.1, price * 0.9, price, volume], (70, 1))
    rows[30, 4] = 7.0
    assert not series(rows, decay)[-1].any()


def test_closes_that_stopped_moving_long_ago_are_neutral() -> None:
    rows = np.tile([100.0, 101.0, 99.0, 100.0, 5.0], (200, 1))
    rows[:50] = walk(1, 50)
    found = named(rows)
    assert found.pop("sigma") > 0.0
    assert not any(found.values())


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 1000), factor=st.sampled_from([1e-90, 0.2, 1.8, 5.0, 1e90]), decay=st.sampled_from([0.0, 0.94])
)
def test_a_jump_stays_in_range(seed: int, factor: float, decay: float) -> None:
    rows = walk(seed, 140)
    rows[70:, :4] *= factor
    found = series(rows, decay)[WINDOW - 1 :]
    assert np.isfinite(found).all()
    assert (np.abs(found[:, : WIDTH - 1]) <= 1.0).all()


def test_zero_volume_says_nothing_of_liquidity() -> None:
    rows = walk(1, 70)
    rows[-5:, 4] = 0.0
    assert named(rows)["liquidity"] == 0.0
    rows[:, 4] = 0.0
    assert named(rows)["liquidity"] == 0.0


def test_prices_in_another_currency_say_the_same() -> None:
    rows = walk(4, 80)
    other = rows * np.array([137.0, 137.0, 137.0, 137.0, 1.0])
    assert named(other) == pytest.approx(named(rows), abs=1e-9)


def test_decay_changes_what_is_measured_in_volatility() -> None:
    rows = walk(5, 100)
    slow, fast = named(rows, 0.99), named(rows, 0.5)
    assert {name for name in NAMES if slow[name] != fast[name]} == set(NAMES) - {"rsi", "adx", "liquidity", "cycle"} - {
        name for name in ("anomaly",) if slow[name] == fast[name] == 0.0
    }


def test_the_last_return_is_that_of_the_closes() -> None:
    state, values = initial(), np.zeros(WIDTH)
    update(state, (1.0, 1.0, 1.0, 2.0, 0.0), DECAY, values)
    assert last_return(state) == 0.0
    update(state, (1.0, 1.0, 1.0, 3.0, 0.0), DECAY, values)
    assert last_return(state) == math.log(3.0) - math.log(2.0)


@pytest.mark.parametrize(("rows", "decay"), [
    (np.ones((64, 4)), 0.9), (np.ones(5), 0.9), (np.ones((64, 5)), 1.0), (np.ones((64, 5)), -0.1),
    (np.ones((64, 5)), math.nan), (np.zeros((64, 5)), 0.9), (np.full((64, 5), math.nan), 0.9),
    (np.full((64, 5), math.inf), 0.9), (-np.ones((64, 5)), 0.9),
])  # fmt: skip
def test_what_cannot_be_measured_is_refused(rows: Floats, decay: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        series(rows, decay)


@pytest.mark.parametrize(("size", "row", "decay"), [
    (STATE_SIZE, (1.0, 1.0, 1.0, 0.0, 1.0), 0.9), (STATE_SIZE, (1.0, math.inf, 1.0, 1.0, 1.0), 0.9),
    (STATE_SIZE, (1.0, 1.0, math.nan, 1.0, 1.0), 0.9), (STATE_SIZE, (1.0, 1.0, 1.0, 1.0, -1.0), 0.9),
    (STATE_SIZE, (1.0, 1.0, 1.0, 1.0, 1.0), 1.0), (STATE_SIZE - 1, (1.0, 1.0, 1.0, 1.0, 1.0), 0.9),
])  # fmt: skip
def test_a_refused_bar_leaves_the_state_alone(size: int, row: tuple[float, ...], decay: float) -> None:
    state = np.zeros(size)
    with pytest.raises(ValueError, match="expected"):
        update(state, row, decay, np.zeros(WIDTH))
    assert not state.any()
