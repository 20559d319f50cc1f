"""Rolling risk against risk from scratch: shortfall to the last bit, variance as pandas has it."""

import math
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.plain import pack, unpack
from kernels import rolling as module
from kernels.arrays import Floats
from kernels.rolling import RollingShortfall, RollingVariance
from kernels.tail import expected_shortfall
from research.bench.peer_rolling import cases

LOSSES = st.lists(st.one_of(st.floats(-1e3, 1e3), st.sampled_from([0.0, -0.0, 1.0, 2.0])), min_size=1, max_size=80)
LEVELS = st.sampled_from([1e-12, 0.5, 0.9, 0.95, 0.975, 0.99, 1 / 3])


@settings(deadline=None, max_examples=100)
@given(losses=LOSSES, window=st.integers(1, 30), level=LEVELS)
def test_shortfall_equals_that_of_the_window_to_the_last_bit(losses: list[float], window: int, level: float) -> None:
    ours = RollingShortfall(window, level)
    for i, loss in enumerate(losses):
        held = np.array(losses[max(0, i + 1 - window) : i + 1])
        assert ours.update(loss).hex() == expected_shortfall(held, level).hex()
        assert len(ours) == len(held)


def test_a_long_run_through_a_wide_window() -> None:
    losses = np.random.default_rng(1).standard_t(3, 5_000)
    ours = RollingShortfall(1_000, 0.975)
    found = [ours.update(loss) for loss in losses.tolist()]
    for end in (1, 39, 40, 41, 999, 1_000, 1_001, 3_456, 5_000):
        assert found[end - 1] == expected_shortfall(losses[max(0, end - 1_000) : end].copy(), 0.975)


def test_losses_of_one_to_a_hundred() -> None:
    """The figure of MODELS 7, from losses that pushed others out."""
    ours = RollingShortfall(100, 0.975)
    assert [ours.update(float(loss)) for loss in (*range(500, 0, -1), *range(1, 101))][-1] == pytest.approx(99.2)


def test_compiled_and_plain_agree() -> None:
    losses = np.random.default_rng(2).normal(0, 1, 60).round(1)
    state, worst, other, others = np.zeros(22), np.zeros(20), np.zeros(22), np.zeros(20)
    for loss in losses.tolist():
        found = module._shortfall(state, worst, loss, 0.9)
        assert found == cast("Any", module._shortfall).py_func(other, others, loss, 0.9)
    np.testing.assert_array_equal(state, other)
    np.testing.assert_array_equal(worst, others)


@settings(deadline=None, max_examples=50)
@given(
    x=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60).map(np.array),
    decay=st.sampled_from([0.0, 0.5, 0.94, 0.999]),
)
def test_variance_equals_that_of_pandas(x: Floats, decay: float) -> None:
    ours = RollingVariance(decay)
    found = [ours.update(each) for each in x.tolist()]
    theirs = (pd.Series(x) ** 2).ewm(alpha=1 - decay, adjust=True).mean()
    np.testing.assert_allclose(found, theirs, rtol=1e-9, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(losses=LOSSES, cut=st.integers(0, 80), window=st.integers(1, 30))
def test_a_restored_one_continues_to_the_last_bit(losses: list[float], cut: int, window: int) -> None:
    first, second = (RollingShortfall(window, 0.9) for _ in range(2))
    variance, other = (RollingVariance(0.9) for _ in range(2))
    for loss in losses[:cut]:
        first.update(loss)
        variance.update(loss)
    second.restore(cast("Any", unpack(pack(first.snapshot()))))
    other.restore(cast("Any", unpack(pack(variance.snapshot()))))
    for loss in losses[cut:]:
        assert first.update(loss) == second.update(loss)
        assert variance.update(loss) == other.update(loss)
    assert pack(first.snapshot()) == pack(second.snapshot())


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused_and_changes_nothing(loss: float) -> None:
    shortfall, variance = RollingShortfall(3, 0.5), RollingVariance(0.9)
    for ours in (shortfall, variance):
        ours.update(1.0)
        before = pack(ours.snapshot())
        with pytest.raises(ValueError, match="finite"):
            ours.update(loss)
        assert pack(ours.snapshot()) == before
    with pytest.raises(ValueError, match="finite"):
        variance.update(1e200)


@pytest.mark.parametrize(("window", "level"), [(0, 0.9), (5, 0.0), (5, 1.0), (5, math.nan)])
def test_windows_and_levels_out_of_range_are_refused(window: int, level: float) -> None:
    with pytest.raises(ValueError, match="must"):
        RollingShortfall(window, level)


@pytest.mark.parametrize("decay", [1.0, -0.1, math.nan])
def test_decays_out_of_range_are_refused(decay: float) -> None:
    with pytest.raises(ValueError, match="decay"):
        RollingVariance(decay)


def test_the_state_of_another_window_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 4"):
        RollingShortfall(4, 0.9).restore(RollingShortfall(3, 0.9).snapshot())


def test_the_bench_compares_like_with_like() -> None:
    """After a whole turn of the window ours holds what the peer computes from."""
    for name, (ours, peer) in cases().items():
        for _ in range(1_000):
            found = ours()
        assert found == pytest.approx(peer(), rel=1e-12), name
