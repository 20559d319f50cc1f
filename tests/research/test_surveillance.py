"""The measurement of detectors: the area itself, what is injected, and that every detector beats a coin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.arrays import Floats
from qbmia.surveillance.event import check
from research.surveillance.__main__ import order_cases, print_bars
from research.surveillance.bars import PATTERNS, Pattern, alert_rates, bend, cases
from research.surveillance.roc import area, roc
from research.surveillance.stream import PATTERNS as ORDER_PATTERNS
from research.surveillance.stream import Stream
from tests.seats.driver import walk

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def quotes(minutes: int) -> Floats:
    mid = walk(5, minutes, sigma=0.0005)[:, 3]
    return np.column_stack([mid * 0.9999, mid * 1.0001])


@given(bent=SCORES, clean=SCORES)
def test_the_area_is_the_chance_to_rank_a_pair_rightly(bent: list[float], clean: list[float]) -> None:
    pairs = [(b > c) + 0.5 * (b == c) for b in bent for c in clean]
    assert area(np.array(bent), np.array(clean)) == pytest.approx(sum(pairs) / len(pairs))


def test_the_interval_holds_the_area() -> None:
    draw = np.random.default_rng(1)
    found = roc(draw.normal(1, 1, 200), draw.normal(0, 1, 200), draw)
    assert found.low < found.area < found.high
    assert found.area == pytest.approx(0.76, abs=0.05)
    assert found.high - found.low < 0.12


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_a_bent_stretch_is_made_of_sound_bars(pattern: Pattern) -> None:
    rows = walk(3, 400)
    for seed in range(20):
        stretch = bend(rows, 300, pattern, np.random.default_rng(seed))
        assert stretch.shape == (pattern.bars + 2, 5)
        assert (stretch[:, 1] >= stretch[:, [0, 2, 3]].max(axis=1)).all()
        assert (stretch[:, 2] <= stretch[:, [0, 1, 3]].min(axis=1)).all()
        assert (stretch > 0.0).all()
        np.testing.assert_allclose(
            np.diff(np.log(stretch[-2:, 3])), np.diff(np.log(rows[pattern.bars + 300 :, 3]))[:1], atol=1e-12
        )
    np.testing.assert_array_equal(rows, walk(3, 400))


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_every_detector_beats_a_coin_on_its_pattern(pattern: Pattern) -> None:
    draw = np.random.default_rng(2)
    found = cases(walk(4, 900), pattern, 60, draw)
    own = roc(found.bent[:, pattern.detector], found.clean[:, pattern.detector], draw)
    assert own.low > 0.5
    assert own.alarmed < 0.1


def test_a_clean_walk_seldom_sounds() -> None:
    rates = alert_rates(walk(6, 3_000))
    assert rates[-1] < 0.02
    assert rates[-1] >= rates[:-1].max()


@pytest.mark.parametrize("pattern", ORDER_PATTERNS)
def test_order_detectors_beat_a_coin_on_simulated_streams(pattern: str) -> None:
    draw = np.random.default_rng(3)
    bent, clean = order_cases(quotes(30 * 8 + 1), pattern, draw)
    assert len(bent) == 8
    found = roc(bent, clean, draw)
    assert found.low > 0.5
    assert found.alarmed < 0.02


def test_a_stream_is_made_of_sound_events() -> None:
    stream = Stream(quotes(30), np.random.default_rng(4))
    for pattern in ORDER_PATTERNS:
        stream.bend(pattern)
    check(*stream.events())


def test_the_table_names_every_detector(capsys: pytest.CaptureFixture[str]) -> None:
    print_bars("a walk", [walk(7, 700)])
    printed = capsys.readouterr().out
    assert all(f"| {pattern.name} | " in printed for pattern in PATTERNS)
    assert "Any detector sounds at" in printed
