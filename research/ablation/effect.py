"""What a difference of log scores says, and how far to believe it when many are looked at."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import numpy as np

from bus.message import Part
from kernels.arrays import Floats
from kernels.bootstrap import stationary_means
from ops.summary import LEVEL, Skill, skill

DRAWS: Final = 10_000
"""Resamples; the smallest p-value there is, 2 in 10,001, must survive a correction for some hundred comparisons."""
_MILLI: Final = 1_000.0
_LEAST_SHOWN: Final = 0.0005


class Estimate(Part):
    """A mean difference of log scores, in nats a round, with its interval and two-sided p-value.

    ``adjusted`` is the p-value after Holm's correction for all that were looked at beside it. ``is_idle`` says that
    every single difference is zero.
    """

    skill: Skill
    p_value: float | None
    adjusted: float | None
    is_idle: bool


class Reading(StrEnum):
    """What an interval at 95 % allows to say."""

    HELPS = "helps"
    HURTS = "hurts"
    UNCLEAR = "cannot be told"
    IDLE = "changes nothing"
    SHORT = "too few rounds"


def estimate(differences: Floats, *, least_block: float, seed: int) -> Estimate:
    """Estimate a mean difference in market time by the stationary block bootstrap.

    The p-value inverts the percentile interval: twice the smaller share of resampled means on one side of zero.

    Parameters
    ----------
    differences
        Log scores, one less the other, in time order, shape (n,).
    least_block
        Shortest mean block length: the rounds whose horizons overlap. See ``ops.summary.skill``.
    """
    found = skill(differences, least_block=least_block, seed=seed, draws=DRAWS)
    is_idle = bool(len(differences)) and not differences.any()
    if found.interval is None:
        return Estimate(skill=found, p_value=None, adjusted=None, is_idle=is_idle)
    means = stationary_means(differences, found.mean_block, DRAWS, np.random.default_rng(seed))
    tail = 1 + min(int((means <= 0.0).sum()), int((means >= 0.0).sum()))
    return Estimate(skill=found, p_value=min(1.0, 2.0 * tail / (DRAWS + 1)), adjusted=None, is_idle=is_idle)


def together(estimates: Sequence[Estimate]) -> list[Estimate]:
    """Return estimates with p-values adjusted for each other; those that are idle or too short take no part."""
    taking_part = [i for i, each in enumerate(estimates) if each.p_value is not None and not each.is_idle]
    adjusted = holm([estimates[i].p_value or 0.0 for i in taking_part])
    found = dict(zip(taking_part, adjusted, strict=True))
    return [each.model_copy(update={"adjusted": found.get(i)}) for i, each in enumerate(estimates)]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for each other (Holm 1979): the chance that any at all is a false alarm stays bounded.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, running = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = running
    return adjusted


def read(estimate: Estimate) -> Reading:
    """Return what the interval of an estimate allows to say."""
    interval = estimate.skill.interval
    if estimate.is_idle:
        return Reading.IDLE
    if interval is None:
        return Reading.SHORT
    if interval[0] > 0.0:
        return Reading.HELPS
    return Reading.HURTS if interval[1] < 0.0 else Reading.UNCLEAR


def sentence(name: str, estimate: Estimate, *, beside: int) -> str:
    """Say in one line what is known about a component; ``beside`` is how many are looked at together."""
    found = estimate.skill
    match read(estimate):
        case Reading.IDLE:
            return f"{name} changes nothing: every round has the same price without it."
        case Reading.SHORT:
            return f"{name}: {found.scored} rounds are too few to tell."
        case Reading.UNCLEAR:
            return f"{name} cannot be told from nothing: between {_milli(found)} thousandths of a nat a round."
        case reading:
            return (
                f"{name} {reading}: between {_milli(found)} thousandths of a nat a round; {_beside(estimate, beside)}"
            )


def against_prior(name: str, estimate: Estimate) -> str:
    """Say in one line whether a forecaster beats the prior, the plain frequency of outcomes."""
    found = estimate.skill
    match read(estimate):
        case Reading.IDLE:
            return f"{name} says what the prior says."
        case Reading.SHORT:
            return f"{name} against the prior: {found.scored} rounds are too few to tell."
        case Reading.UNCLEAR:
            return f"{name} cannot be told from the prior: between {_milli(found)} thousandths of a nat a round."
        case reading:
            verb = "beats the prior" if reading is Reading.HELPS else "is worse than the prior"
            return f"{name} {verb}: between {_milli(found)} thousandths of a nat a round."


def milli(nats: float) -> str:
    """Write nats in thousandths, so that what is not zero never looks like it.

    Examples
    --------
    >>> [milli(nats) for nats in (-0.02901, 0.00437, 0.0000123, 0.0000000213, 0.0)]
    ['-29.0', '+4.37', '+0.012', '+2e-05', '0']
    """
    value = nats * _MILLI
    size = abs(value)
    if size < _LEAST_SHOWN:
        return f"{value:+.0e}" if value else "0"
    return f"{value:+.{1 if size >= 10.0 else 2 if size >= 1.0 else 3}f}"


def _milli(found: Skill) -> str:
    assert found.interval is not None
    low, high = found.interval
    return f"{milli(low)} and {milli(high)}"


def _beside(estimate: Estimate, beside: int) -> str:
    if estimate.adjusted is not None and estimate.adjusted <= 1.0 - LEVEL:
        return f"it also holds among {beside} (Holm)."
    return f"among {beside} looked at, that may be chance (Holm)."
