import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.message import Probabilities
from bus.messages import Phase
from bus.plain import pack, unpack
from pads.adaptability import STRENGTHS, PhaseMemory
from pads.board import ABSENT

PRIOR: Probabilities = (0.3, 0.4, 0.3)
HORIZON = 5
OUTCOMES = st.lists(st.tuples(st.sampled_from(list(Phase)), st.integers(0, 2)), max_size=60)


def memory(observed: list[tuple[Phase, int]], prior: Probabilities = PRIOR, discount: float = 0.998) -> PhaseMemory:
    kept = PhaseMemory(discount, HORIZON)
    for phase, outcome in observed:
        kept.observe(phase, outcome, kept.seen(phase), prior)
    return kept


def test_a_phase_without_outcomes_has_no_belief() -> None:
    kept = memory([(Phase.GROWTH, 2)])
    assert kept.opinion(Phase.RELEASE, PRIOR) == ABSENT
    assert kept.opinion(Phase.GROWTH, PRIOR).belief is not None


def test_an_outcome_of_h_bars_counts_one_hth() -> None:
    assert memory([(Phase.GROWTH, 2)] * 3, discount=1.0).seen(Phase.GROWTH) == pytest.approx((0.0, 0.0, 0.6))


def test_the_first_outcome_by_hand() -> None:
    opinion = memory([(Phase.GROWTH, 2)]).opinion(Phase.GROWTH, PRIOR)
    share = sum(0.2 / (0.2 + m) for m in STRENGTHS) / 6
    assert opinion.confidence == pytest.approx(share)
    assert opinion.belief == pytest.approx((0.3 * (1 - share), 0.4 * (1 - share), 0.3 * (1 - share) + share))


def test_where_phases_tell_nothing_the_belief_goes_back_to_the_prior() -> None:
    generator = random.Random(3)
    drawn = [
        (generator.choice(list(Phase)), generator.choices(range(3), PRIOR)[0]) for _ in range(4000) for _ in range(1)
    ]
    few, many = memory(drawn[:100], discount=1.0), memory(drawn, discount=1.0)
    away = [
        max(abs(p - q) for p, q in zip(kept.opinion(Phase.GROWTH, PRIOR).belief or PRIOR, PRIOR, strict=True))
        for kept in (few, many)
    ]
    assert away[1] < 0.03
    assert many.opinion(Phase.GROWTH, PRIOR).confidence < 0.8


def test_where_phases_tell_a_lot_it_is_learned() -> None:
    observed = [(Phase.GROWTH, 2), (Phase.RELEASE, 0)] * 300
    belief = memory(observed, discount=1.0).opinion(Phase.GROWTH, PRIOR).belief
    assert belief is not None
    assert belief[2] > 0.95


def test_what_is_known_when_a_round_is_decided_is_what_it_is_judged_by() -> None:
    """Outcomes that came since overlap the one in question; they must not speak for themselves."""
    honest, cheating = PhaseMemory(1.0, HORIZON), PhaseMemory(1.0, HORIZON)
    outcomes = [(number // 10) % 3 for number in range(300)]
    seen = [honest.seen(Phase.GROWTH)] * HORIZON
    for outcome in outcomes:
        honest.observe(Phase.GROWTH, outcome, seen[-HORIZON], PRIOR)
        cheating.observe(Phase.GROWTH, outcome, cheating.seen(Phase.GROWTH), PRIOR)
        seen.append(honest.seen(Phase.GROWTH))
    assert honest.seen(Phase.GROWTH) == cheating.seen(Phase.GROWTH)
    assert honest.opinion(Phase.GROWTH, PRIOR).confidence < cheating.opinion(Phase.GROWTH, PRIOR).confidence


@given(OUTCOMES, st.tuples(st.floats(0.01, 1.0), st.floats(0.01, 1.0), st.floats(0.01, 1.0)))
def test_a_belief_is_a_distribution_between_prior_and_counts(
    observed: list[tuple[Phase, int]], weights: tuple[float, float, float]
) -> None:
    prior = (weights[0] / sum(weights), weights[1] / sum(weights), weights[2] / sum(weights))
    kept = memory(observed, prior)
    for phase in Phase:
        opinion = kept.opinion(phase, prior)
        if opinion.belief is None:
            assert sum(kept.seen(phase)) == 0.0
            continue
        assert math.fsum(opinion.belief) == pytest.approx(1.0)
        assert 0.0 < opinion.confidence < 1.0
        total = math.fsum(kept.seen(phase))
        for belief, base, count in zip(opinion.belief, prior, kept.seen(phase), strict=True):
            low, high = sorted((base, count / total))
            assert low - 1e-12 <= belief <= high + 1e-12


@given(OUTCOMES)
def test_mirrored_outcomes_give_the_mirrored_belief(observed: list[tuple[Phase, int]]) -> None:
    kept, mirrored = memory(observed), memory([(phase, 2 - outcome) for phase, outcome in observed])
    for phase in Phase:
        one, other = kept.opinion(phase, PRIOR), mirrored.opinion(phase, PRIOR)
        assert (one.belief is None) == (other.belief is None)
        if one.belief is not None:
            assert other.belief == pytest.approx(one.belief[::-1], abs=1e-12)


@given(OUTCOMES, OUTCOMES)
def test_a_restored_memory_goes_on_the_same(before: list[tuple[Phase, int]], later: list[tuple[Phase, int]]) -> None:
    kept, copy = memory(before), memory([])
    copy.restore(unpack(pack(kept.snapshot())))
    for phase, outcome in later:
        for each in (kept, copy):
            each.observe(phase, outcome, each.seen(phase), PRIOR)
    assert pack(kept.snapshot()) == pack(copy.snapshot())
    assert [kept.opinion(phase, PRIOR) for phase in Phase] == [copy.opinion(phase, PRIOR) for phase in Phase]
