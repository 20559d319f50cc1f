"""The two tests for drift: how soon they find a shift, how seldom they cry wolf, and what remains of an alarm."""

from typing import Any

import numpy as np
import pytest

from bus.errors import Fatal
from bus.plain import pack, unpack
from quasar.drift import DriftWatch

NEVER = 1e9
"""A Page-Hinkley threshold that is not reached, so that ADWIN is alone."""


def watch(threshold: float = NEVER, delta: float = 0.002) -> DriftWatch:
    return DriftWatch(delta, threshold, 0.97)


def losses(seed: int, rounds: int, rate: float) -> list[float]:
    return [float(x) for x in np.random.default_rng(seed).random(rounds) < rate]


def delay(drift: DriftWatch, seed: int) -> int:
    """Return how many losses at rate .60, after 1,000 at .30, it takes to find the shift."""
    assert not any(drift.take(loss, 1.0) for loss in losses(seed, 1_000, 0.30))
    return next(n for n, loss in enumerate(losses(1_000 + seed, 1_000, 0.60), start=1) if drift.take(loss, 1.0))


def test_adwin_finds_a_shift_of_the_loss_rate_from_30_to_60_per_cent() -> None:
    """About 110 observations, 200 at most over 30 seeds (delta .002)."""
    delays = [delay(watch(), seed) for seed in range(30)]
    assert np.mean(delays) == pytest.approx(110.0, abs=20.0)
    assert max(delays) <= 200


def test_page_hinkley_finds_it_too() -> None:
    delays = [delay(watch(30.0, 1e-12), seed) for seed in range(30)]
    assert np.mean(delays) == pytest.approx(120.0, abs=25.0)
    assert max(delays) <= 200


@pytest.mark.parametrize("rate", [0.3, 0.5])
def test_no_false_alarm_in_ten_thousand(rate: float) -> None:
    drift = DriftWatch(0.002, 30.0, 0.97)
    assert not any(drift.take(loss, 1.0) for loss in losses(7, 10_000, rate))
    assert drift.alarm == 0.0


def test_a_change_for_the_better_is_no_drift() -> None:
    drift = watch()
    assert not any(drift.take(loss, 1.0) for loss in losses(1, 1_000, 0.6) + losses(2, 1_000, 0.3))


def test_the_alarm_is_one_at_a_drift_and_fades() -> None:
    drift = watch()
    delay(drift, 1)
    assert drift.alarm == 1.0
    drift.take(0.0, 1.0)
    drift.take(0.0, 0.5)
    assert drift.alarm == pytest.approx(0.97**1.5)


def test_rounds_that_overlap_count_as_one() -> None:
    """Losses of horizon 4 are averaged by fours: the same detections as those of their means."""
    means = [float(x) for x in np.random.default_rng(5).choice([0.25, 0.5], 600)] + [0.75] * 200
    one, four = watch(), watch()
    found = [n for n, mean in enumerate(means) if one.take(mean, 1.0)]
    again = [n // 4 for n in range(4 * len(means)) if four.take(means[n // 4], 0.25)]
    assert found == again != []


@pytest.mark.parametrize("threshold", [NEVER, 30.0])
@pytest.mark.parametrize("rounds", [0, 1, 33, 900, 1_100])
def test_a_restored_watch_continues_to_the_last_bit(rounds: int, threshold: float) -> None:
    whole = losses(3, 1_000, 0.3) + losses(4, 1_000, 0.7)
    drift, twin = watch(threshold), watch(threshold)
    for loss in whole[:rounds]:
        drift.take(loss, 0.5)
    state = unpack(pack(drift.snapshot()))
    twin.restore(state)
    assert pack(twin.snapshot()) == pack(drift.snapshot())
    for loss in whole[rounds:]:
        assert twin.take(loss, 0.5) == drift.take(loss, 0.5)
    assert pack(twin.snapshot()) == pack(drift.snapshot())
    assert twin.drifts == drift.drifts > 0


def test_a_snapshot_of_another_river_is_refused() -> None:
    state: dict[str, Any] = watch().snapshot()
    state["adwin"][0] = "0.1.0"
    with pytest.raises(Fatal, match=r"river 0\.1\.0"):
        watch().restore(state)
