"""Factors and features: the laws of every one of them, and what a missing or wild bar does."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.messages import MarketUpdate
from bus.plain import pack, unpack
from kernels import indicators
from kernels.arrays import Floats
from market.catalog import read_series
from market.config import MarketConfig
from market.factors import (
    DIRECTIONAL_FACTORS,
    DIRECTIONAL_FEATURES,
    FACTORS,
    FEATURES,
    LEAST_BARS,
    Factors,
    Reading,
)
from market.feed import Feed
from tests.seats.driver import bar, mirrored, walk

ALL = (*FACTORS, *FEATURES)
SENTIMENT, CORRELATION = FACTORS.index("sentiment"), FACTORS.index("correlation")


def play(factors: Factors, **markets: Floats) -> list[dict[str, Reading | None]]:
    """Give every symbol's bars, side by side, and keep the reading at each."""
    readings = []
    for number in range(max(len(rows) for rows in markets.values())):
        found = {}
        for symbol, rows in markets.items():
            if number < len(rows):
                factors.take(bar(number, rows[number], symbol))
                found[symbol] = factors.reading(symbol)
        readings.append(found)
    return readings


def last(rows: Floats, *, decay: float = 0.94) -> Reading:
    factors = Factors(decay)
    play(factors, A=rows)
    reading = factors.reading("A")
    assert reading is not None
    return reading


def values(reading: Reading | None) -> dict[str, float]:
    assert reading is not None
    both = np.concatenate((reading.factors, reading.features)).tolist()
    return {f"{'factor' if i < len(FACTORS) else 'feature'} {ALL[i]}": value for i, value in enumerate(both)}


def same(first: Reading | None, second: Reading | None) -> bool:
    return pack(first and list(first)) == pack(second and list(second))


def test_names_flags_and_shapes_belong_together() -> None:
    reading = last(walk(1, LEAST_BARS))
    assert reading.factors.shape == (len(FACTORS),) == (len(DIRECTIONAL_FACTORS),) == (len(reading.present),)
    assert reading.features.shape == (len(FEATURES),) == (len(DIRECTIONAL_FEATURES),)
    assert reading.bar == LEAST_BARS - 1


def test_shared_names_share_their_values() -> None:
    reading = last(walk(2, 80))
    for name in set(FACTORS) & set(FEATURES):
        assert reading.factors[FACTORS.index(name)] == reading.features[FEATURES.index(name)]


def test_a_reading_is_the_whole_array_to_the_last_bit() -> None:
    rows = walk(3, 150)
    whole = indicators.series(rows, 0.9)
    for number, found in enumerate(play(Factors(0.9), A=rows)):
        reading = found["A"]
        if number + 1 < LEAST_BARS:
            assert reading is None
            continue
        assert reading is not None
        expected = dict(zip(indicators.NAMES, whole[number].tolist(), strict=True))
        assert reading.features.tolist() == [expected[name] for name in FEATURES]
        assert reading.factors.tolist() == [expected.get(name, 0.0) for name in FACTORS]
        assert reading.sigma == expected["sigma"]


def test_too_little_history_has_no_reading() -> None:
    factors = Factors()
    assert factors.reading("A") is None
    factors.take(bar(0, (1.0, 1.0, 1.0, 1.0, 1.0), "A"))
    assert factors.reading("A") is None


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000), end=st.integers(LEAST_BARS, 110))
def test_later_bars_change_nothing(seed: int, end: int) -> None:
    first, second = walk(seed, 110), walk(seed + 1, 110)
    whole = play(Factors(), A=first, B=second)
    cut = play(Factors(), A=first[:end], B=second[:end])
    changed = play(Factors(), A=first, B=np.concatenate((second[:end], second[end:] * 3)))
    for number in range(end):
        for symbol in ("A", "B"):
            assert same(cut[number][symbol], whole[number][symbol])
            assert same(changed[number][symbol], whole[number][symbol])


def test_a_bar_of_another_symbol_leaves_a_reading_alone() -> None:
    factors = Factors()
    first, second = walk(1, 90), walk(2, 90)
    for number in range(90):
        factors.take(bar(number, first[number], "A"))
        before = factors.reading("A")
        factors.take(bar(number, second[number], "B"))
        assert same(factors.reading("A"), before)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), sigma=st.floats(1e-4, 0.3))
def test_a_mirror_flips_the_directional_ones_only(seed: int, sigma: float) -> None:
    rows = {"A": walk(seed, 90, sigma=sigma), "B": walk(seed + 1, 90, sigma=sigma)}
    ups = play(Factors(), **rows)[-1]["A"]
    downs = play(Factors(), **{symbol: mirrored(each) for symbol, each in rows.items()})[-1]["A"]
    assert ups is not None
    assert downs is not None
    factor_signs = np.where(DIRECTIONAL_FACTORS, -1.0, 1.0)
    feature_signs = np.where(DIRECTIONAL_FEATURES, -1.0, 1.0)
    np.testing.assert_allclose(downs.factors, factor_signs * ups.factors, atol=1e-9)
    np.testing.assert_allclose(downs.features, feature_signs * ups.features, atol=1e-9)
    assert downs.sigma == pytest.approx(ups.sigma, rel=1e-9)
    assert downs.present == ups.present


@settings(deadline=None, max_examples=15)
@given(price=st.floats(1e-3, 1e6), volume=st.floats(0, 1e9), decay=st.floats(0, 0.99))
def test_constant_prices_are_neutral(price: float, volume: float, decay: float) -> None:
    still = np.tile([price, price, price, price, volume], (LEAST_BARS + 30, 1))
    for symbols in ({"A": still}, {"A": still, "B": still}, {"A": still, "B": walk(1, len(still))}):
        reading = play(Factors(decay), **symbols)[-1]["A"]
        assert not any(values(reading).values())
        assert reading is not None
        assert reading.sigma == 0.0
        assert reading.present[CORRELATION] == (len(symbols) > 1)


@settings(deadline=None, max_examples=15)
@given(
    seed=st.integers(0, 1000), place=st.integers(1, 89), factor=st.sampled_from([0.2, 1.8, 1e-60, 1e60]),
    volume=st.sampled_from([0.0, 1.0, 1e90]),
)  # fmt: skip
def test_jumps_stay_in_range(seed: int, place: int, factor: float, volume: float) -> None:
    rows = walk(seed, 90)
    rows[place:, :4] *= factor
    rows[place, 4] = volume
    for found in play(Factors(), A=rows, B=walk(seed + 1, 90))[LEAST_BARS:]:
        assert all(math.isfinite(value) and -1.0 <= value <= 1.0 for value in values(found["A"]).values())


def test_zero_volume_is_neutral_liquidity() -> None:
    rows = walk(4, 80)
    rows[:, 4] = 0.0
    assert values(last(rows))["factor liquidity"] == 0.0


SCENES: dict[str, Sequence[float]] = {
    "rise, then rest": [0.05] * 20 + [0.0001, -0.0001] * 3,
    "steady rise": [0.01] * 40,
    "jump": [0.001, -0.001] * 10 + [0.8],
    "jump, then rest": [0.001, -0.001] * 10 + [0.8, 0.0001, -0.0001],
    "wave": [0.01 * math.cos(2 * math.pi * 8 * t / 64) for t in range(64)],
}


TOPS = {
    "volatility": math.log(math.sqrt(63)) / (1 + math.log(math.sqrt(63))),
    "liquidity": math.log(12.8) / (1 + math.log(12.8)),
}


def scene(moves: Sequence[float], *, last_volume: float = 1.0) -> Floats:
    """Bars that alternate a little, then move as told."""
    logs = np.concatenate((0.0005 * (np.arange(100) % 2), np.cumsum(moves)))
    closes = 100 * np.exp(logs)
    rows = np.column_stack((closes, closes, closes, closes, np.ones(len(closes))))
    rows[-5:, 4] = last_volume
    return rows


def test_every_value_reaches_both_ends() -> None:
    """Near 1 and -1, with a memory of volatility that fits; but ADX has no sign, and two have a lower top.

    One bar of 64 that moves leaves EWMA over root mean square at most sqrt(63); five of 64 that trade leave 64 / 5.
    """
    found = []
    for moves in SCENES.values():
        for volume in (1e-12, 1e6):
            for rows in (scene(moves, last_volume=volume), scene([-move for move in moves], last_volume=volume)):
                found += [values(last(rows, decay=decay)) for decay in (0.0, 0.1, 0.5, 0.94, 0.99)]
                for other in (rows, mirrored(rows)):
                    factors = Factors(0.5)
                    play(factors, A=rows, B=other)
                    found.append(values(factors.reading("A")))
    quiet = walk(1, 100, sigma=0.1)
    quiet[60:, :4] = quiet[59, 3] * np.exp(1e-5 * (np.arange(40) % 2))[:, None]
    found.append(values(last(quiet, decay=0.5)))
    feeling = Factors()
    for sentiment in (1.0, -1.0):
        feeling.feel("A", sentiment)
        rows = walk(1, 100)
        play(feeling, A=rows)
        found.append(values(feeling.reading("A")))
        feeling = Factors()
    for name in found[0]:
        highest, lowest = max(each[name] for each in found), min(each[name] for each in found)
        top = next((top for part, top in TOPS.items() if part in name), 1.0)
        assert 0.85 * top < highest <= top, name
        assert lowest < (0.15 if "adx" in name else -0.85), name


def test_a_wild_price_is_a_missing_bar() -> None:
    factors = Factors()
    rows = walk(1, 200)
    for number in range(100):
        factors.take(bar(number, rows[number], "A"))
    wild = bar(100, rows[100], "A")
    factors.take(wild.model_copy(update={"high": wild.high.scaleb(400)}))
    assert factors.reading("A") is None
    for number in range(101, 101 + LEAST_BARS):
        assert factors.reading("A") is None
        factors.take(bar(number, rows[number], "A"))
    fresh = last(rows[101 : 101 + LEAST_BARS])
    assert same(factors.reading("A"), fresh._replace(bar=100 + LEAST_BARS))


def test_a_bar_seen_already_is_ignored() -> None:
    once, twice = Factors(), Factors()
    rows = walk(1, 80)
    for number in range(80):
        once.take(bar(number, rows[number], "A"))
        twice.take(bar(number, rows[number], "A"))
        twice.take(bar(number, rows[number] * 2, "A"))
        twice.take(bar(number // 2, rows[0], "A"))
    assert pack(once.snapshot()) == pack(twice.snapshot())


def test_a_missing_bar_starts_the_symbol_anew() -> None:
    factors, other = Factors(), Factors()
    rows, beside = walk(1, 200), walk(2, 200)
    for number in range(200):
        if number != 120:
            factors.take(bar(number, rows[number], "A"))
        factors.take(bar(number, beside[number], "B"))
        if number == 121:
            assert factors.reading("A") is None
    for number in range(121, 200):
        other.take(bar(number, rows[number], "A"))
        other.take(bar(number, beside[number], "B"))
    assert same(factors.reading("A"), other.reading("A"))
    assert factors.reading("B") is not None


def test_clearing_forgets_one_symbol() -> None:
    factors = Factors()
    play(factors, A=walk(1, 100), B=walk(2, 100))
    before = factors.reading("B")
    factors.clear("A")
    factors.clear("unheard of")
    assert factors.reading("A") is None
    assert same(factors.reading("B"), before)
    factors.take(bar(99, walk(1, 100)[99], "A"))
    assert factors.reading("A") is None


def test_correlation_needs_another_symbol_and_twenty_common_returns() -> None:
    readings = play(Factors(), A=walk(1, 120), B=walk(2, 75))
    apart = play(Factors(), A=walk(1, 120))
    for number in range(LEAST_BARS, 120):
        both, alone = readings[number]["A"], apart[number]["A"]
        assert both is not None
        assert alone is not None
        assert both.present[CORRELATION] == (number <= 75 + 20)
        assert (both.factors[CORRELATION] != 0.0) == both.present[CORRELATION]
        assert not alone.present[CORRELATION]
        others = [i for i in range(len(FACTORS)) if i != CORRELATION]
        assert both.factors[others].tobytes() == alone.factors[others].tobytes()


def test_correlation_is_absent_where_intervals_differ() -> None:
    factors = Factors()
    first, second = walk(1, 100), walk(1, 100)
    for number in range(100):
        factors.take(bar(number, first[number], "A"))
        factors.take(bar(number, second[number], "B").model_copy(update={"opened_ns": 2 * number}))
    reading = factors.reading("A")
    assert reading is not None
    assert not reading.present[CORRELATION]


def test_sentiment_is_there_from_the_next_bar_on_and_as_long_as_it_is_fed() -> None:
    factors = Factors()
    rows = walk(1, 90)

    def felt(number: int) -> tuple[bool, float]:
        factors.take(bar(number, rows[number], "A"))
        reading = factors.reading("A")
        assert reading is not None
        return reading.present[SENTIMENT], float(reading.factors[SENTIMENT])

    play(factors, A=rows[:79])
    assert felt(79) == (False, 0.0)
    factors.feel("A", 0.4)
    factors.feel("B", -1.0)
    before = factors.reading("A")
    assert before is not None
    assert not before.present[SENTIMENT]
    assert felt(80) == (True, 0.4)
    assert felt(81) == (True, 0.4)
    factors.feel("A", 0.0)
    assert felt(82) == (True, 0.0)
    factors.feel("A", None)
    factors.feel("unheard of", None)
    assert felt(83) == (False, 0.0)


@pytest.mark.parametrize("value", [1.01, -2.0, math.nan, math.inf])
def test_sentiment_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="expected one in"):
        Factors().feel("A", value)


@pytest.mark.parametrize("cut", [0, 1, 40, 90])
def test_a_restored_one_continues_to_the_last_bit(cut: int) -> None:
    first, second = Factors(), Factors()
    rows, beside = walk(1, 130), walk(2, 130)
    first.feel("A", 0.3)
    for number in range(130):
        if number == cut:
            state = first.snapshot()
            second.restore(cast("Any", unpack(pack(state))))
            kept = pack(state)
        for symbol, each in (("A", rows), ("B", beside)):
            update = bar(number, each[number], symbol)
            first.take(update)
            if number >= cut:
                second.take(update)
                assert same(first.reading(symbol), second.reading(symbol))
    assert pack(first.snapshot()) == pack(second.snapshot())
    assert pack(state) == kept


def test_a_reader_cannot_change_the_next_reading() -> None:
    factors = Factors()
    play(factors, A=walk(1, 80))
    first, before = factors.reading("A"), pack(factors.snapshot())
    assert first is not None
    first.factors[:] = first.features[:] = 9.0
    assert pack(factors.snapshot()) == before


def test_decay_changes_what_is_measured() -> None:
    rows = {"A": walk(1, 90), "B": walk(2, 90)}
    slow, fast = (values(play(Factors(decay), **rows)[-1]["A"]) for decay in (0.97, 0.8))
    assert {name for name in slow if slow[name] != fast[name]} >= {
        "factor trend", "factor volatility", "factor momentum", "factor correlation", "feature return", "feature macd",
    }  # fmt: skip


@pytest.mark.parametrize("decay", [1.0, -0.01, math.nan])
def test_decays_out_of_range_are_refused(decay: float) -> None:
    with pytest.raises(ValueError, match="decay"):
        Factors(decay)


def real_updates(folder: Path, bars: int, **paths: str) -> list[MarketUpdate]:
    series = read_series(MarketConfig(source="csv", paths=paths), folder)
    feed = Feed(tuple(each.window(None, None, bars, 0) for each in series))
    return [feed.take() for _ in range(bars * len(series))]


def test_real_days_have_real_factors(market_data: Path) -> None:
    """Stocks of one market move together; every other value takes both signs within range."""
    updates = real_updates(market_data, 1_500, SPY="SPY_1d.csv.gz", AIG="AIG_1d.csv.gz", BAC="BAC_1d.csv.gz")
    factors = Factors()
    found: dict[str, list[Reading]] = {"SPY": [], "AIG": [], "BAC": []}
    for update in updates:
        factors.take(update)
        reading = factors.reading(update.symbol)
        if reading is not None:
            found[update.symbol].append(reading)
    for readings in found.values():
        assert len(readings) == 1_500 - LEAST_BARS + 1
        assert all(reading.present[CORRELATION] and not reading.present[SENTIMENT] for reading in readings)
        table = np.array([np.concatenate((reading.factors, reading.features)) for reading in readings])
        assert np.isfinite(table).all()
        assert (np.abs(table) <= 1.0).all()
        assert np.median(table[:, CORRELATION]) > 0.5
        measured = [i for i, name in enumerate(ALL) if name not in ("sentiment", "adx", "correlation")]
        assert (table[:, measured].max(axis=0) > 0.2).all()
        assert (table[:, measured].min(axis=0) < -0.2).all()
    assert 0.005 < np.median([reading.sigma for reading in found["SPY"]]) < 0.02
