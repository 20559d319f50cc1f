"""The factors' markets: prices from their own record, against the prior's expectation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.arrays import Floats
from market.factors import DIRECTIONAL_FACTORS, FACTORS
from quasar.markets import FactorMarkets
from tests.quasar.worlds import FACTOR_FLIPS, PRIOR

TREND = FACTORS.index("trend")
VOLATILITY = FACTORS.index("volatility")
SENTIMENT = FACTORS.index("sentiment")
VECTOR = st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=8, max_size=8).map(np.array)
ROUNDS = st.lists(st.tuples(VECTOR, st.sampled_from([-1, 0, 1])), min_size=1, max_size=8)


def only(place: int, value: float) -> Floats:
    factors = np.zeros(8)
    factors[place] = value
    return factors


def test_a_price_is_its_record_against_the_prior() -> None:
    """Three rounds with the factor and one against it, at half strength, beside two rounds of doubt."""
    markets = FactorMarkets(1.0, 2.0)
    for direction in (1, 1, -1, 1):
        markets.learn(only(TREND, 0.5), (0.2, 0.4, 0.4), direction, 1.0)
    expected = math.log((1.5 + 1) / (0.5 + 1)) - math.log((4 * 0.5 * 2 / 3 + 1) / (4 * 0.5 / 3 + 1))
    evidence = markets.evidence(only(TREND, 1.0))
    assert evidence[TREND] == pytest.approx(expected, abs=1e-12)
    assert not evidence[np.arange(8) != TREND].any()


def test_a_neutral_factor_has_a_market_on_whether_there_is_a_move() -> None:
    markets = FactorMarkets(1.0, 2.0)
    for direction in (1, -1, 0):
        markets.learn(only(VOLATILITY, -1.0), PRIOR, direction, 1.0)
    # Below 0 it pays for flat: one of three, where the prior expected 0.4 of each.
    expected = math.log((1 + 1) / (2 + 1)) - math.log((1.2 + 1) / (1.8 + 1))
    assert markets.evidence(only(VOLATILITY, 1.0))[VOLATILITY] == pytest.approx(expected, abs=1e-12)
    # A high value is then evidence against a move where low ones went with moves.
    assert expected < 0.0


def test_a_flat_round_settles_no_market_on_direction() -> None:
    markets = FactorMarkets(1.0, 2.0)
    markets.learn(np.full(8, 0.5), PRIOR, 0, 1.0)
    evidence = markets.evidence(np.ones(8))
    assert [bool(x) for x in evidence] == [not flips for flips in DIRECTIONAL_FACTORS]


def test_old_rounds_fade_and_long_ones_count_less() -> None:
    markets = FactorMarkets(0.5, 2.0)
    markets.learn(only(TREND, 1.0), PRIOR, 1, 1.0)
    markets.learn(only(TREND, 1.0), PRIOR, 1, 0.25)
    record = 0.5**0.25 + 0.25
    expected = math.log(record + 1) - math.log(0.0 + 1)
    assert markets.evidence(only(TREND, 1.0))[TREND] == pytest.approx(expected, abs=1e-12)


def test_an_absent_factor_neither_trades_nor_speaks() -> None:
    markets = FactorMarkets(0.9, 2.0)
    for _ in range(5):
        markets.learn(only(TREND, 1.0), PRIOR, 1, 1.0)
    assert markets.evidence(np.ones(8))[SENTIMENT] == 0.0


@settings(deadline=None, max_examples=50)
@given(rounds=ROUNDS, asked=VECTOR)
def test_mirrored_rounds_give_mirrored_evidence(rounds: list[tuple[Floats, int]], asked: Floats) -> None:
    one, other = FactorMarkets(0.99, 10.0), FactorMarkets(0.99, 10.0)
    for factors, direction in rounds:
        one.learn(factors, (0.25, 0.3, 0.45), direction, 1.0)
        other.learn(factors * FACTOR_FLIPS, (0.45, 0.3, 0.25), -direction, 1.0)
    np.testing.assert_allclose(other.evidence(asked * FACTOR_FLIPS), one.evidence(asked) * FACTOR_FLIPS, atol=1e-12)
