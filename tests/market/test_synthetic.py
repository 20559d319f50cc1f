from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import ConfigError
from market.bar import Bar, flaw_of, show_opened
from market.config import Regime, SyntheticConfig
from market.sources.synthetic import label, regime_path, synthesize

DEFAULT = SyntheticConfig()


def log_returns(bars: tuple[Bar, ...]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    closes = np.array([float(bar.close) for bar in bars])
    returns: np.ndarray[tuple[int], np.dtype[np.float64]] = np.diff(np.log(closes))
    return returns


def test_the_same_seed_gives_the_same_bars_and_another_seed_others() -> None:
    assert synthesize("A", 200, DEFAULT) == synthesize("A", 200, DEFAULT)
    assert synthesize("A", 200, DEFAULT) != synthesize("A", 200, SyntheticConfig(seed=2))
    assert synthesize("A", 200, DEFAULT) != synthesize("B", 200, DEFAULT)


def test_a_longer_series_begins_with_the_shorter() -> None:
    assert synthesize("A", 500, DEFAULT)[:120] == synthesize("A", 120, DEFAULT)


def test_the_name_says_synthetic_first() -> None:
    assert label(SyntheticConfig(seed=7)) == "synthetic seed 7 (calm, volatile, crash)"


def test_daily_bars_skip_weekends_and_others_do_not() -> None:
    days = [show_opened(bar.opened_ns) for bar in synthesize("A", 6, DEFAULT)]
    assert days == ["2000-01-03", "2000-01-04", "2000-01-05", "2000-01-06", "2000-01-07", "2000-01-10"]
    minutes = synthesize("A", 3, SyntheticConfig(bar_s=60, start=date(2000, 1, 1)))
    assert [show_opened(bar.opened_ns) for bar in minutes] == [
        "2000-01-01",
        "2000-01-01T00:01:00Z",
        "2000-01-01T00:02:00Z",
    ]


def test_every_regime_is_reached_and_lasts_about_as_long_as_stated() -> None:
    path = regime_path(100_000, DEFAULT)
    starts = [int(path[0]), *(int(after) for before, after in pairwise(path.tolist()) if after != before)]
    for state, regime in enumerate(DEFAULT.regimes):
        mean_bars = float(np.count_nonzero(path == state)) / starts.count(state)
        assert mean_bars == pytest.approx(regime.mean_bars, rel=0.15)


def test_regimes_show_in_the_returns() -> None:
    count = 20_000
    returns = log_returns(synthesize("A", count, DEFAULT))
    path = regime_path(count, DEFAULT)[1:]
    for state, regime in enumerate(DEFAULT.regimes):
        mine = returns[path == state]
        assert mine.std() == pytest.approx(regime.volatility, rel=0.1)
        assert mine.mean() == pytest.approx(regime.drift, abs=4 * regime.volatility / np.sqrt(len(mine)))


@pytest.mark.parametrize("correlation", [0.0, 0.6, 1.0])
def test_symbols_move_together_as_stated(correlation: float) -> None:
    calm = (Regime(name="calm", drift=0, volatility=0.01, mean_bars=100, weight=1),)
    config = SyntheticConfig(correlation=correlation, regimes=calm, decimals=6)
    one, other = (log_returns(synthesize(symbol, 10_000, config)) for symbol in "AB")
    assert np.corrcoef(one, other)[0, 1] == pytest.approx(correlation, abs=0.03)


def test_every_parameter_changes_the_bars() -> None:
    plain = synthesize("A", 300, DEFAULT)
    changes = (
        {"seed": 9},
        {"start": date(2001, 1, 1)},
        {"bar_s": 60},
        {"price": 50.0},
        {"volume": 5.0},
        {"decimals": 4},
        {"correlation": 0.1},
        {"regimes": DEFAULT.regimes[1:]},
    )
    for change in changes:
        assert synthesize("A", 300, DEFAULT.model_copy(update=change)) != plain


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**63),
    drift=st.floats(-0.2, 0.0),
    volatility=st.floats(1e-4, 0.5),
    decimals=st.integers(0, 6),
    price=st.floats(0.01, 1e5),
)
def test_bars_are_sound_whatever_the_parameters(
    seed: int, drift: float, volatility: float, decimals: int, price: float
) -> None:
    steep = (Regime(name="steep", drift=drift, volatility=volatility, mean_bars=1, weight=1),)
    bars = synthesize("A", 60, SyntheticConfig(seed=seed, decimals=decimals, price=price, regimes=steep))
    assert len(bars) == 60
    assert all(flaw_of(bar) is None for bar in bars)
    assert all(-bar.close.as_tuple().exponent == decimals for bar in bars)  # type: ignore[operator]


@pytest.mark.parametrize("count", [300, 9_000])
def test_a_price_that_leaves_the_range_is_a_clear_error(count: int) -> None:
    mad = (Regime(name="mad", drift=0.2, volatility=0.1, mean_bars=1, weight=1),)
    with pytest.raises(ConfigError, match=r"market.synthetic: A bar \d+: out of range; lower drift or volatility"):
        synthesize("A", count, SyntheticConfig(regimes=mad))
