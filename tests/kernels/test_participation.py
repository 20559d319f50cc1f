"""The adaptive rate: within its band, slower under stress, paused and resumed at the limit."""

import math
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.participation import BANDS, START, Band, Observation, Pace, Thresholds, Urgency, paced, stress

THRESHOLDS = Thresholds(calm=1.25, wide=2.5, pause=4.0, resume=2.0, patience=3)
URGENCIES = st.sampled_from(get_args(Urgency))
VALUES = st.one_of(st.floats(0, 10), st.sampled_from([math.nan, math.inf, -1.0, 0.0]))
OBSERVATIONS = st.builds(Observation, VALUES, VALUES, VALUES, VALUES)


def felt(spread: float, sigma: float = 1.0) -> Observation:
    return Observation(spread * 0.01, 0.01, sigma * 0.02, 0.02)


def run(urgency: Urgency, levels: list[float]) -> list[float]:
    pace, rates = START, []
    for level in levels:
        pace = paced(pace, urgency, felt(level), THRESHOLDS)
        rates.append(pace.rate)
    return rates


def test_the_bands() -> None:
    assert dict(BANDS) == {"low": (0.05, 0.1), "medium": (0.1, 0.2), "high": (0.2, 0.3), "urgent": (0.3, 0.5)}
    assert set(BANDS) == set(get_args(Urgency))


@pytest.mark.parametrize(("urgency", "band"), BANDS.items())
def test_calm_trades_at_the_top_and_wide_at_the_bottom(urgency: Urgency, band: Band) -> None:
    assert run(urgency, [0.5]) == [band.most]
    assert run(urgency, [1.25]) == [band.most]
    assert run(urgency, [1.875]) == [pytest.approx((band.least + band.most) / 2)]
    assert run(urgency, [2.5, 3.9]) == [band.least, band.least]


def test_the_wider_of_the_two_counts() -> None:
    assert stress(felt(1.5, 3.0)) == pytest.approx(3.0)
    assert stress(felt(3.0, 1.5)) == pytest.approx(3.0)


def test_it_pauses_at_the_limit_and_not_a_tick_under() -> None:
    observation = Observation(4.0, 1.0, 1.0, 1.0)
    assert paced(START, "urgent", observation, THRESHOLDS) == Pace(True, 0, 0.0)
    assert paced(START, "urgent", observation._replace(spread=3.999), THRESHOLDS).rate == 0.3


def test_it_resumes_only_after_a_quiet_spell() -> None:
    assert run("low", [5.0, 3.0, 2.5, 2.0, 2.0, 2.0]) == [0, 0, 0, 0, 0, pytest.approx(0.07)]
    assert run("low", [5.0, 1.0, 1.0, 2.01, 1.0, 1.0, 1.0]) == [0, 0, 0, 0, 0, 0, 0.1]


def test_the_unseen_is_left_out_and_the_blind_pause() -> None:
    assert stress(Observation(math.nan, 0.01, 0.03, 0.02)) == pytest.approx(1.5)
    assert stress(Observation(0.03, 0.01, 0.03, 0.0)) == pytest.approx(3.0)
    assert paced(START, "high", Observation(math.nan, 0.01, 0.02, math.nan), THRESHOLDS).is_paused


@settings(deadline=None, max_examples=100)
@given(urgency=URGENCIES, observations=st.lists(OBSERVATIONS, max_size=20), cut=st.integers(0, 20))
def test_the_rate_is_0_or_in_its_band_and_the_state_is_all(
    urgency: Urgency, observations: list[Observation], cut: int
) -> None:
    pace, seen = START, [START]
    for observation in observations:
        pace = paced(pace, urgency, observation, THRESHOLDS)
        seen.append(pace)
        band = BANDS[urgency]
        assert pace.rate == 0.0 if pace.is_paused else band.least <= pace.rate <= band.most
        assert pace.quiet < THRESHOLDS.patience
    restored = Pace._make(tuple(seen[min(cut, len(observations))]))
    for observation in observations[cut:]:
        restored = paced(restored, urgency, observation, THRESHOLDS)
    assert restored == pace


@settings(deadline=None, max_examples=60)
@given(urgency=URGENCIES, levels=st.tuples(st.floats(0, 6), st.floats(0, 6)))
def test_more_stress_is_never_faster_and_more_urgency_never_slower(
    urgency: Urgency, levels: tuple[float, float]
) -> None:
    low, high = sorted(levels)
    assert run(urgency, [high])[0] <= run(urgency, [low])[0]
    rates = [run(each, [low])[0] for each in get_args(Urgency)]
    assert rates == sorted(rates)


@pytest.mark.parametrize(
    ("field", "value"), [("calm", 1.5), ("wide", 3.0), ("pause", 6.0), ("resume", 1.2), ("patience", 1)]
)
def test_every_threshold_counts(field: str, value: Any) -> None:
    def rates(thresholds: Thresholds) -> list[float]:
        pace, out = START, []
        for level in (1.4, 2.0, 5.0, 1.5, 1.5, 1.5, 1.5):
            pace = paced(pace, "high", felt(level), thresholds)
            out.append(pace.rate)
        return out

    assert rates(THRESHOLDS._replace(**{field: value})) != rates(THRESHOLDS)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("calm", 0.0),
        ("calm", 2.5),
        ("wide", 4.1),
        ("pause", math.inf),
        ("resume", 4.0),
        ("resume", 0.0),
        ("patience", 0),
    ],
)
def test_wrong_thresholds_are_refused(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        paced(START, "low", felt(1.0), THRESHOLDS._replace(**{field: value}))
