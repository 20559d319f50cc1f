"""Correlation across symbols: which returns are common, what it equals, and that later bars change nothing."""

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.plain import pack, unpack
from kernels.arrays import Floats
from market.comovement import LEAST_COMMON, Comovement

DECAY = 0.94


def moves(seed: int, symbols: int, bars: int) -> Floats:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.01, (bars, symbols)) + rng.normal(0, 0.01, (bars, 1))


def play(all_moves: Floats, decay: float = DECAY) -> list[list[float | None]]:
    """Answers, bar by bar, where every symbol has every bar."""
    ours = Comovement(decay)
    return [[ours.take(f"S{s}", t, float(move)) for s, move in enumerate(row)] for t, row in enumerate(all_moves)]


def plain(own: Floats, others: Floats) -> float:
    """The formula, by whole arrays."""
    weights = DECAY ** np.arange(len(own))[::-1]
    mean = others.mean(axis=1)
    return float(np.sum(weights * own * mean) / np.sqrt(np.sum(weights * own**2) * np.sum(weights * mean**2)))


@pytest.mark.parametrize("symbols", [2, 3, 5])
def test_correlation_is_that_of_earlier_common_returns(symbols: int) -> None:
    all_moves = moves(1, symbols, 60)
    answers = play(all_moves)
    for bar in (LEAST_COMMON + 1, 40, 59):
        for s in range(symbols):
            earlier = all_moves[1:bar]
            expected = plain(earlier[:, s], np.delete(earlier, s, axis=1))
            assert answers[bar][s] == pytest.approx(expected, abs=1e-12)


def test_twenty_common_returns_are_needed() -> None:
    answers = play(moves(1, 2, 30))
    assert all(answer is None for row in answers[: LEAST_COMMON + 1] for answer in row)
    assert all(answer is not None for row in answers[LEAST_COMMON + 1 :] for answer in row)


def test_one_symbol_has_no_correlation() -> None:
    assert all(row == [None] for row in play(moves(1, 1, 100)))


def test_copies_and_mirrors_reach_both_ends() -> None:
    one = moves(2, 1, 40)
    assert play(np.hstack((one, one)))[-1] == pytest.approx([1.0, 1.0])
    assert play(np.hstack((one, -one)))[-1] == pytest.approx([-1.0, -1.0])
    assert play(np.hstack((one, np.zeros_like(one))))[-1] == [0.0, 0.0]


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000), symbols=st.integers(2, 4))
def test_signs_and_order_within_a_bar_do_not_matter(seed: int, symbols: int) -> None:
    all_moves = moves(seed, symbols, 40)
    straight = play(all_moves)
    assert play(-all_moves) == straight
    ours = Comovement(DECAY)
    order = np.random.default_rng(seed)
    for t, row in enumerate(all_moves):
        answers = {s: ours.take(f"S{s}", t, float(row[s])) for s in order.permutation(symbols).tolist()}
        assert [answers[s] for s in range(symbols)] == pytest.approx(straight[t], abs=1e-9)


def test_only_returns_of_the_same_interval_are_common() -> None:
    """One symbol has every bar, the other every second: no return of theirs is of the same interval."""
    ours = Comovement(DECAY)
    for t, (first, second) in enumerate(moves(3, 2, 100).tolist()):
        assert ours.take("A", t, first) is None
        if t % 2 == 0:
            assert ours.take("B", t, second) is None


def test_a_correlation_lapses_when_the_others_fall_silent() -> None:
    ours = Comovement(DECAY)
    answers = []
    for t, (first, second) in enumerate(moves(4, 2, 100).tolist()):
        answers.append(ours.take("A", t, first))
        if t < 50:
            ours.take("B", t, second)
    assert answers[50 + LEAST_COMMON] is not None
    assert all(answer is None for answer in answers[51 + LEAST_COMMON :])


def test_a_cleared_symbol_starts_anew_and_leaves_the_others_alone() -> None:
    kept, cleared = Comovement(DECAY), Comovement(DECAY)
    for t, row in enumerate(moves(5, 3, 80).tolist()):
        if t == 40:
            cleared.clear("S0")
        expected = [kept.take(f"S{s}", t, move) for s, move in enumerate(row)]
        found = [cleared.take(f"S{s}", t, move) for s, move in enumerate(row)]
        if t < 41:
            assert found[1:] == expected[1:]
        if 40 <= t < 41 + LEAST_COMMON:
            assert found[0] is None
    assert found[0] is not None


def test_a_symbol_far_behind_is_not_paired_and_nothing_piles_up() -> None:
    ours = Comovement(DECAY)
    for t, (first, second) in enumerate(moves(6, 2, 60).tolist()):
        ours.take("A", t, first)
        if t >= 5:
            assert ours.take("B", t - 5, second) is None
        assert len(ours.snapshot()["waiting"]) <= 2


@pytest.mark.parametrize("symbols", [1, 3])
def test_a_restored_one_continues_to_the_last_bit(symbols: int) -> None:
    all_moves = moves(7, symbols, 60)
    for cut in (0, 1, 30):
        first, second = Comovement(DECAY), Comovement(DECAY)
        for t, row in enumerate(all_moves.tolist()):
            if t == cut:
                second.restore(cast("Any", unpack(pack(first.snapshot()))))
            found = [first.take(f"S{s}", t, move) for s, move in enumerate(row)]
            if t >= cut:
                assert [second.take(f"S{s}", t, move) for s, move in enumerate(row)] == found
        assert pack(first.snapshot()) == pack(second.snapshot())


def test_decay_changes_the_correlation() -> None:
    assert play(moves(8, 2, 50), 0.94)[-1] != play(moves(8, 2, 50), 0.9)[-1]


@pytest.mark.parametrize("size", [1e-250, 1e-160, 300.0])
def test_returns_of_any_size_stay_in_range(size: float) -> None:
    last = play(size * moves(9, 2, 50) / 0.01)[-1]
    assert all(answer is not None and math.isfinite(answer) and -1.0 <= answer <= 1.0 for answer in last)
