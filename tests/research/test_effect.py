"""Estimates of differences: what an interval allows to say, and what it says among many."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.summary import Skill, skill
from research.ablation.effect import (
    DRAWS,
    Estimate,
    Reading,
    against_prior,
    estimate,
    holm,
    read,
    sentence,
    together,
)

P_VALUES = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=12)


def found(
    interval: tuple[float, float] | None, *, p_value: float | None = 0.5, adjusted: float | None = None
) -> Estimate:
    known = Skill(scored=80, excess=0.0, interval=interval, mean_block=5.0)
    return Estimate(skill=known, p_value=p_value, adjusted=adjusted, is_idle=False)


def test_holm_by_hand() -> None:
    # Sorted .005 .01 .03 .04 times 4 3 2 1 is .02 .03 .06 .04; what follows may not be smaller.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(P_VALUES)
def test_holm_lies_between_no_correction_and_bonferroni(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for raw, corrected in zip(p_values, adjusted, strict=True):
        assert raw <= corrected <= min(1.0, len(p_values) * raw) + 1e-12
    ranks = sorted(range(len(p_values)), key=lambda i: p_values[i])
    assert [adjusted[i] for i in ranks] == sorted(adjusted)
    assert adjusted[ranks[0]] == pytest.approx(min(1.0, len(p_values) * min(p_values)))


def test_an_estimate_has_the_interval_of_a_summary() -> None:
    values = np.random.default_rng(5).normal(0.02, 0.1, 400)
    mine = estimate(values, least_block=5.0, seed=3)
    assert mine.skill == skill(values, least_block=5.0, seed=3, draws=DRAWS)
    assert mine == estimate(values, least_block=5.0, seed=3)
    assert mine != estimate(values, least_block=5.0, seed=4)


@settings(deadline=None, max_examples=12)
@given(st.floats(-0.05, 0.05), st.integers(0, 2**31))
def test_interval_and_p_value_agree(mean: float, seed: int) -> None:
    values = np.random.default_rng(seed).normal(mean, 0.2, 150)
    mine, mirrored = (estimate(sign * values, least_block=5.0, seed=1) for sign in (1.0, -1.0))
    assert mine.p_value is not None
    assert mine.p_value == mirrored.p_value
    if abs(mine.p_value - 0.05) > 0.002:
        assert (mine.p_value < 0.05) == (read(mine) in (Reading.HELPS, Reading.HURTS))
    opposite = {Reading.HELPS: Reading.HURTS, Reading.HURTS: Reading.HELPS, Reading.UNCLEAR: Reading.UNCLEAR}
    assert read(mirrored) is opposite[read(mine)]


def test_an_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    missed = sum(
        read(estimate(rng.normal(0.0, 1.0, 60), least_block=1.0, seed=0)) is not Reading.UNCLEAR for _ in range(60)
    )
    assert 1 <= missed <= 10


@pytest.mark.parametrize(
    ("interval", "reading"),
    [
        ((0.001, 0.002), Reading.HELPS),
        ((-0.002, -0.001), Reading.HURTS),
        ((-0.001, 0.002), Reading.UNCLEAR),
        ((0.0, 0.002), Reading.UNCLEAR),
        ((-0.002, 0.0), Reading.UNCLEAR),
        (None, Reading.SHORT),
    ],
)
def test_an_interval_is_read_at_zero(interval: tuple[float, float] | None, reading: Reading) -> None:
    assert read(found(interval)) is reading


def test_what_changes_nothing_is_called_so_and_takes_no_part_in_a_correction() -> None:
    idle = estimate(np.zeros(200), least_block=5.0, seed=0)
    short = estimate(np.array([0.1, -0.2]), least_block=5.0, seed=0)
    assert [read(idle), read(short)] == [Reading.IDLE, Reading.SHORT]
    corrected = together([idle, found((0.1, 0.2), p_value=0.01), short, found((0.1, 0.2), p_value=0.04)])
    assert [each.adjusted for each in corrected] == [None, 0.02, None, 0.04]
    assert read(estimate(np.empty(0), least_block=5.0, seed=0)) is Reading.SHORT


def test_sentences_say_what_is_known() -> None:
    sure = found((0.001, 0.002), p_value=0.001, adjusted=0.01)
    unsure = found((-0.002, -0.001), p_value=0.03, adjusted=0.2)
    assert sentence("a", sure, beside=7) == (
        "a helps: between +1.00 and +2.00 thousandths of a nat a round; it also holds among 7 (Holm)."
    )
    assert sentence("b", unsure, beside=7) == (
        "b hurts: between -2.00 and -1.00 thousandths of a nat a round; among 7 looked at, that may be chance (Holm)."
    )
    assert sentence("c", found((-0.001, 0.002)), beside=7) == (
        "c cannot be told from nothing: between -1.00 and +2.00 thousandths of a nat a round."
    )
    assert sentence("d", found(None, p_value=None), beside=7) == "d: 80 rounds are too few to tell."
    idle = estimate(np.zeros(200), least_block=5.0, seed=0)
    assert sentence("e", idle, beside=7) == "e changes nothing: every round has the same price without it."


def test_a_forecaster_is_set_beside_the_prior() -> None:
    assert against_prior("a", found((0.001, 0.002))).startswith("a beats the prior: between +1.00 and +2.00")
    assert against_prior("a", found((-0.002, -0.001))).startswith("a is worse than the prior")
    assert against_prior("a", found((-0.002, 0.001))).startswith("a cannot be told from the prior")
    assert against_prior("a", found(None, p_value=None)) == "a against the prior: 80 rounds are too few to tell."
    assert against_prior("a", estimate(np.zeros(99), least_block=1.0, seed=0)) == "a says what the prior says."
