"""The soak's judgement: growth, leaks and backlogs planted in samples, and found; noise, and not."""

from math import isclose

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.soak.__main__ import tables
from research.soak.sample import Samples, Series
from research.soak.trend import Trend, trend
from research.soak.verdict import as_data, judge

SECONDS = [5.0 * number for number in range(121)]


def samples(**changes: list[float]) -> Samples:
    """Ten minutes of one process whose own memory is flat, some of its series replaced; pages of files come in."""
    count = len(SECONDS)
    noise = np.random.default_rng(1).normal(0.0, 0.2, count)
    resident = [150.0 + 0.1 * at_s + float(each) for at_s, each in zip(SECONDS, noise, strict=True)]
    own = [120.0 + float(each) for each in noise]
    series = Series("pads", 1, list(SECONDS), resident, own, [38] * count, [3] * count, [0] * count)
    for name, values in changes.items():
        setattr(series, name, values)
    rounds = [1_000 * number for number in range(count)]
    return Samples({"pads": series}, list(SECONDS), rounds, {"journal": [0.02 * each for each in rounds]})


def complaints(found: Samples) -> list[str]:
    verdict = judge(found, 600.0)
    assert verdict.complaints == ()
    [grown] = verdict.grown
    return list(grown.complaints)


def test_a_straight_line_has_its_slope_and_no_doubt() -> None:
    found = trend([0.0, 600.0, 1_200.0, 1_800.0], [1.0, 2.0, 3.0, 4.0], blocks=4)
    assert isclose(found.per_hour, 6.0)
    assert isclose(found.low, 6.0, abs_tol=1e-9)
    assert isclose(found.high, 6.0, abs_tol=1e-9)


def test_the_interval_is_students() -> None:
    found = trend([0.0, 3_600.0, 7_200.0], [0.0, 2.0, 1.0], blocks=3)
    assert isclose(found.per_hour, 0.5)
    reach = 12.706204736432095 * np.sqrt(1.5 / 2)
    assert isclose(found.high, 0.5 + reach, rel_tol=1e-9)
    assert isclose(found.low, 0.5 - reach, rel_tol=1e-9)


@settings(deadline=None, max_examples=40)
@given(slope=st.floats(-50, 50), seed=st.integers(0, 1_000))
def test_shifting_a_series_moves_neither_end_and_tilting_it_moves_both(slope: float, seed: int) -> None:
    seconds = [15.0 * number for number in range(240)]
    values = [float(each) for each in np.random.default_rng(seed).normal(0.0, 1.0, 240).cumsum()]
    moved = [each + 7.0 + slope * at_s / 3_600.0 for at_s, each in zip(seconds, values, strict=True)]
    flat, tilted = trend(seconds, values), trend(seconds, moved)
    for here, there in zip(flat, tilted, strict=True):
        assert isclose(here + slope, there, abs_tol=1e-6)


@pytest.mark.parametrize(("count", "blocks"), [(5, 12), (100, 2)])
def test_too_little_to_judge_is_refused(count: int, blocks: int) -> None:
    with pytest.raises(ValueError, match="are needed"):
        trend(list(range(count)), [1.0] * count, blocks)


def test_a_flat_process_passes_and_its_disk_is_told() -> None:
    verdict = judge(samples(), 600.0)
    assert verdict.is_good
    assert verdict.rounds == 120_000
    assert isclose(verdict.rounds_per_s, 200.0)
    assert isclose(verdict.disk_mb["journal"], 20.0)
    assert as_data(verdict)["passed"] is True


def test_memory_that_surely_grows_is_named() -> None:
    found = complaints(samples(own_mb=[120.0 + 0.01 * at_s for at_s in SECONDS]))
    assert found == ["memory grows by 36.0 to 36.0 MiB an hour, more than 4.0"]


def test_memory_that_grows_in_the_warm_up_alone_is_flat() -> None:
    assert complaints(samples(own_mb=[min(140.0, 100.0 + at_s) for at_s in SECONDS])) == []


def test_growth_is_measured_against_what_a_large_process_holds() -> None:
    assert complaints(samples(own_mb=[1_000.0 + 19.0 * at_s / 3_600 for at_s in SECONDS])) == []
    assert complaints(samples(own_mb=[1_000.0 + 21.0 * at_s / 3_600 for at_s in SECONDS]))


@pytest.mark.parametrize(
    ("series", "fine", "wrong", "words"),
    [
        ("fds", 2, 3, "descriptors rose from 38 to 41"),
        ("threads", 1, 2, "threads rose from 3 to 5"),
        ("inbox", 32, 33, "the inbox grew from 0 to 33"),
    ],
)
def test_a_leak_is_named_one_step_beyond_what_is_allowed(series: str, fine: int, wrong: int, words: str) -> None:
    flat = getattr(samples().processes["pads"], series)
    for rise, expected in ((fine, []), (wrong, [words])):
        later = [value + (rise if place >= 90 else 0) for place, value in enumerate(flat)]
        assert complaints(samples(**{series: later})) == expected


def test_trouble_that_was_counted_is_named() -> None:
    found = samples()
    found.processes["pads"].trouble = {"gaps_lost": 2, "lost": 0}
    assert complaints(found) == ["2 gaps_lost"]


def test_a_run_that_ended_early_or_stood_still_is_named() -> None:
    short = samples()
    assert judge(short, 700.0).complaints == ("it lasted 600 s instead of 700 s: nobody answered any more",)
    short.is_done = True
    assert "the market had no more bars" in judge(short, 700.0).complaints[0]
    short.ended.append("pads")
    assert judge(short, 700.0).complaints == ("pads ended in the middle",)
    still = samples()
    still.rounds = [50_000] * len(SECONDS)
    assert judge(still, 600.0).complaints == ("no round was concluded",)
    assert not judge(Samples({}), 600.0).is_good


def test_memory_is_not_judged_by_rounds_in_which_windows_still_fill() -> None:
    slow = samples(own_mb=[120.0 + 0.01 * at_s for at_s in SECONDS])
    slow.rounds = [200 * number for number in range(len(SECONDS))]
    verdict = judge(slow, 600.0)
    assert verdict.grown == ()
    [complaint] = verdict.complaints
    assert complaint.startswith("24000 rounds are too few to judge memory by: the first 15000 must be over in 60% of")
    slow.rounds = [250 * number for number in range(len(SECONDS))]
    assert judge(slow, 600.0).grown


def test_too_few_looks_are_no_verdict() -> None:
    few = samples()
    few.processes["pads"].seconds = few.processes["pads"].seconds[::12]
    verdict = judge(few, 600.0)
    assert verdict.grown == ()
    assert "looked at too seldom" in verdict.complaints[0]


def test_the_market_of_a_soak_has_a_bar_for_every_round() -> None:
    market = tables(1_001, 7)["market"]
    assert market["bars"] * len(market["symbols"]) == 1_000
    assert market["speed"] == "lockstep"
    assert isinstance(trend([0, 1, 2], [1, 1, 1], 3), Trend)
