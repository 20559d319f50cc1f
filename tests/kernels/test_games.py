"""Equilibria: published games to every digit, exact arithmetic, Nashpy, and the laws of the concept."""

import itertools
import math
import warnings
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, cast

import nashpy
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kernels import games as module
from kernels import replicator as replicator_module
from kernels.arrays import Floats
from kernels.games import CERTIFICATE, Enumeration, regret, support_enumeration

Pairs = set[tuple[tuple[float, ...], tuple[float, ...]]]
Exact = tuple[Fraction, ...]
third, half = Fraction(1, 3), Fraction(1, 2)

# Each: payoffs of row and column, all extreme equilibria, whether degenerate.
PUBLISHED: dict[str, tuple[Any, Any, list[tuple[Any, Any]], bool]] = {
    # MODELS section 4.
    "models_2x2": (
        [[1, 0], [-2, 3]], [[3, 2], [-1, 0]],
        [((1, 0), (1, 0)), ((0, 1), (0, 1)), ((half, half), (half, half))], False,
    ),
    # MODELS section 4; the first row of the column player's payoffs is all 2: three best replies to one pure strategy.
    "models_4x3": (
        [[160, 205, 44], [175, 180, 45], [201, 204, 50], [120, 207, 49]],
        [[2, 2, 2], [1, 0, 0], [3, 4, 1], [4, 1, 2]],
        [((0, 0, Fraction(3, 4), Fraction(1, 4)), (Fraction(1, 28), Fraction(27, 28), 0))], True,
    ),
    # Nashpy, README.
    "nashpy_readme": (
        [[1, 2], [3, 0]], [[0, 2], [3, 1]],
        [((1, 0), (0, 1)), ((0, 1), (1, 0)), ((half, half), (half, half))], False,
    ),
    # Nashpy, how-to/solve-with-support-enumeration: matching pennies.
    "matching_pennies": ([[1, -1], [-1, 1]], [[-1, 1], [1, -1]], [((half, half), (half, half))], False),
    # Knight and Campbell 2018, "Nashpy", Journal of Open Source Software: rock, paper, scissors.
    "rock_paper_scissors": (
        [[0, -1, 1], [1, 0, -1], [-1, 1, 0]], [[0, 1, -1], [-1, 0, 1], [1, -1, 0]],
        [((third, third, third), (third, third, third))], False,
    ),
    # Nashpy, text-book/support-enumeration: the coordination game.
    "nashpy_coordination": (
        [[3, 1], [0, 2]], [[2, 1], [0, 3]],
        [((1, 0), (1, 0)), ((0, 1), (0, 1)), ((Fraction(3, 4), Fraction(1, 4)), (Fraction(1, 4), Fraction(3, 4)))],
        False,
    ),
    # Nashpy, text-book/support-enumeration: the question.
    "nashpy_question": (
        [[1, 1, -1], [2, -1, 0]], [[0.5, -1, -0.5], [-1, 3, 2]],
        [((Fraction(2, 3), third), (0, third, Fraction(2, 3)))], False,
    ),
    # Nashpy, how-to/handle-degenerate-games: two ends of a segment of equilibria.
    "nashpy_degenerate": (
        [[0, -1, 1], [-1, 0, 1], [-1, 0, 1]], [[0, 1, -1], [1, 0, -1], [1, 0, -1]],
        [((half, half, 0), (half, half, 0)), ((half, 0, half), (half, half, 0))], True,
    ),
    # OpenSpiel's and Gambit's catalogue: Bach or Stravinsky, the battle of the sexes.
    "battle_of_the_sexes": (
        [[3, 0], [0, 2]], [[2, 0], [0, 3]],
        [((1, 0), (1, 0)), ((0, 1), (0, 1)), ((Fraction(3, 5), Fraction(2, 5)), (Fraction(2, 5), Fraction(3, 5)))],
        False,
    ),
    # Gambit, documentation of gambit-enummixed: e02.nfg (Selten 1975, figure 2), one segment of equilibria.
    "selten_1975": (
        [[1, 1], [0, 0], [0, 2]], [[1, 1], [2, 3], [2, 0]],
        [((1, 0, 0), (1, 0)), ((1, 0, 0), (half, half))], True,
    ),
    # Von Stengel 2007, "Equilibrium computation for two-player games", in Algorithmic Game Theory, example 3.3.
    "von_stengel_2007": (
        [[3, 3], [2, 5], [0, 6]], [[3, 2], [2, 6], [3, 1]],
        [
            ((1, 0, 0), (1, 0)),
            ((Fraction(4, 5), Fraction(1, 5), 0), (Fraction(2, 3), third)),
            ((0, third, Fraction(2, 3)), (third, Fraction(2, 3))),
        ], False,
    ),
    # The same book, section 3.6: the degenerate game made of it, solved by lrsnash in jlgametheory's documentation.
    "lrsnash": (
        [[3, 3], [2, 5], [0, 6]], [[3, 3], [2, 6], [3, 1]],
        [
            ((1, 0, 0), (1, 0)), ((1, 0, 0), (Fraction(2, 3), third)),
            ((0, third, Fraction(2, 3)), (third, Fraction(2, 3))),
        ], True,
    ),
}  # fmt: skip

# Savani and von Stengel 2006, "Hard-to-solve bimatrix games": the 6x6 game of von Stengel 1999 with 75 equilibria.
SEVENTY_FIVE = np.array([
    [-81, 36, -126, 126, -36, 90], [-180, 72, -333, 297, -153, 270], [20, -3, 42, -33, 17, -30],
    [-30, 17, -33, 42, -3, 20], [270, -153, 297, -333, 72, -180], [90, -36, 126, -126, 36, -81],
], dtype=float)  # fmt: skip
SEVENTY_FIVE_COLUMN = np.array([
    [72, 36, 17, -3, -36, -153], [-180, -81, -30, 20, 90, 270], [297, 126, 42, -33, -126, -333],
    [-333, -126, -33, 42, 126, 297], [270, 90, 20, -30, -81, -180], [-153, -36, -3, 17, 36, 72],
], dtype=float)  # fmt: skip


def game(row: Any, column: Any) -> tuple[Floats, Floats]:
    return np.array(row, dtype=float), np.array(column, dtype=float)


def pairs(rows: Any, columns: Any) -> Pairs:
    """Equilibria as a set that can be compared: rounded, and with no negative zero."""
    return {(rounded(x), rounded(y)) for x, y in zip(rows, columns, strict=True)}


def rounded(strategy: Any) -> tuple[float, ...]:
    return tuple(round(float(share), 8) + 0.0 for share in strategy)


def drawn(seed: int, m: int, n: int) -> tuple[Floats, Floats]:
    draw = np.random.default_rng(seed)
    return draw.normal(size=(m, n)), draw.normal(size=(m, n))


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_games_have_their_published_equilibria(name: str) -> None:
    row, column, expected, is_degenerate = PUBLISHED[name]
    found = support_enumeration(*game(row, column))
    np.testing.assert_allclose(found.rows, np.array([x for x, _ in expected], dtype=float), rtol=0, atol=2e-16)
    np.testing.assert_allclose(found.columns, np.array([y for _, y in expected], dtype=float), rtol=0, atol=2e-16)
    assert found.is_degenerate is is_degenerate
    assert found.regrets.max() <= 3e-14


def test_the_game_with_seventy_five_equilibria() -> None:
    found = support_enumeration(SEVENTY_FIVE, SEVENTY_FIVE_COLUMN)
    assert len(pairs(found.rows, found.columns)) == len(found.regrets) == 75
    assert not found.is_degenerate
    assert found.regrets.max() <= 1e-9 * 630
    sizes = (found.rows > 0).sum(axis=1)
    np.testing.assert_array_equal(sizes, (found.columns > 0).sum(axis=1))
    np.testing.assert_array_equal(np.bincount(sizes)[1:], [2, 26, 18, 26, 2, 1])


def solve(equations: list[list[Fraction]]) -> Exact | None:
    """Gauss and Jordan in exact arithmetic; None where there is no single solution."""
    size = len(equations)
    for k in range(size):
        pivot = next((r for r in range(k, size) if equations[r][k] != 0), None)
        if pivot is None:
            return None
        equations[k], equations[pivot] = equations[pivot], equations[k]
        equations[k] = [value / equations[k][k] for value in equations[k]]
        for r in range(size):
            if r != k:
                equations[r] = [a - equations[r][k] * b for a, b in zip(equations[r], equations[k], strict=True)]
    return tuple(equation[-1] for equation in equations)


def determined(payoffs: list[list[Fraction]]) -> dict[Exact, frozenset[int]]:
    """Every mixed strategy (over the first index) that is fixed by its support and best replies, with these replies."""
    m, n = len(payoffs), len(payoffs[0])
    found: dict[Exact, frozenset[int]] = {}
    for size in range(1, min(m, n) + 1):
        for support, chosen in itertools.product(itertools.combinations(range(m), size),
                                                 itertools.combinations(range(n), size)):  # fmt: skip
            alike = [[payoffs[i][j] - payoffs[i][chosen[0]] for i in support] + [Fraction(0)] for j in chosen[1:]]
            shares = solve([*alike, [Fraction(1)] * (size + 1)])
            if shares is None or min(shares) <= 0:
                continue
            strategy = tuple(shares[support.index(i)] if i in support else Fraction(0) for i in range(m))
            utility = [sum(strategy[i] * payoffs[i][j] for i in range(m)) for j in range(n)]
            best = frozenset(j for j in range(n) if utility[j] == max(utility))
            if set(chosen) <= best:
                found[strategy] = best
    return found


def carriers(strategy: Exact) -> set[int]:
    return {i for i, share in enumerate(strategy) if share > 0}


def exactly(row: Floats, column: Floats) -> tuple[list[tuple[Exact, Exact]], bool]:
    """Extreme equilibria and the flag, in rational arithmetic and without any pruning."""
    xs = determined([[Fraction(value) for value in line] for line in column.tolist()])
    ys = determined([[Fraction(value) for value in line] for line in row.T.tolist()])
    has_ties = any(len(best) > len(carriers(x)) for x, best in [*xs.items(), *ys.items()])
    matched = itertools.product(xs, ys)
    return [(x, y) for x, y in matched if carriers(x) <= ys[y] and carriers(y) <= xs[x]], has_ties


@st.composite
def small_games(draw: st.DrawFn, most: int = 3) -> tuple[Floats, Floats]:
    shape = (draw(st.integers(1, most)), draw(st.integers(1, most)))
    values = draw(st.sampled_from([st.integers(0, 1), st.integers(-3, 3), st.integers(-50, 50)]))
    row, column = (draw(arrays.arrays(np.int64, shape, elements=values)) for _ in range(2))
    return row.astype(float), column.astype(float)


@settings(deadline=None, max_examples=100)
@given(played=small_games())
def test_exact_arithmetic_finds_the_same_equilibria_and_ties(played: tuple[Floats, Floats]) -> None:
    found = support_enumeration(*played)
    expected, is_degenerate = exactly(*played)
    assert pairs(found.rows, found.columns) == pairs([x for x, _ in expected], [y for _, y in expected])
    assert found.is_degenerate is is_degenerate


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_exact_arithmetic_finds_the_same_in_four_by_four(seed: int) -> None:
    draw = np.random.default_rng(seed)
    played = game(draw.integers(-4, 5, (4, 4)), draw.integers(-4, 5, (4, 4)))
    found = support_enumeration(*played)
    expected, is_degenerate = exactly(*played)
    assert pairs(found.rows, found.columns) == pairs([x for x, _ in expected], [y for _, y in expected])
    assert found.is_degenerate is is_degenerate


@pytest.mark.parametrize(("size", "count"), [(3, 25), (4, 8)])
def test_nashpy_finds_the_same_equilibria(size: int, count: int) -> None:
    """Nashpy's supports compare floats with ==, and lose some; what they lose, its vertices have."""
    agreed = 0
    for seed in range(count):
        played = drawn(seed, size, size)
        found = support_enumeration(*played)
        assert not found.is_degenerate
        ours = pairs(found.rows, found.columns)
        by_supports = nashpy_pairs(nashpy.Game(*played).support_enumeration(non_degenerate=True))
        by_vertices = nashpy_pairs(nashpy.Game(*played).vertex_enumeration())
        assert by_supports <= ours
        assert by_supports | by_vertices == ours
        agreed += by_supports == ours
    assert agreed >= count // 4


def nashpy_pairs(equilibria: Iterator[tuple[Floats, Floats]]) -> Pairs:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = list(equilibria)
    return pairs([x for x, _ in found], [y for _, y in found])


def regret_in_numpy(row: Floats, column: Floats, x: Floats, y: Floats) -> float:
    return float(max((row @ y).max() - x @ row @ y, (x @ column).max() - x @ column @ y))


def assert_certified(row: Floats, column: Floats, found: Enumeration) -> None:
    m, n = row.shape
    k = len(found.regrets)
    assert k >= 1
    assert found.rows.shape == (k, m)
    assert found.columns.shape == (k, n)
    for strategies in (found.rows, found.columns):
        assert (strategies >= 0).all()
        np.testing.assert_allclose(strategies.sum(axis=1), 1.0, atol=1e-12)
    for x, y, stated in zip(found.rows, found.columns, found.regrets, strict=True):
        assert stated == regret(row, column, x, y)
        scale = max(1.0, np.abs(row).max(), np.abs(column).max())
        assert stated == pytest.approx(regret_in_numpy(row, column, x, y), abs=1e-14 * scale)
        gains = (row @ y).max() - x @ row @ y, (x @ column).max() - x @ column @ y
        assert gains[0] <= CERTIFICATE * np.ptp(row) + 1e-14 * scale
        assert gains[1] <= CERTIFICATE * np.ptp(column) + 1e-14 * scale


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), m=st.integers(1, 6), n=st.integers(1, 6))
def test_every_equilibrium_is_certified(seed: int, m: int, n: int) -> None:
    row, column = drawn(seed, m, n)
    found = support_enumeration(row, column)
    assert_certified(row, column, found)
    assert not found.is_degenerate
    assert len(found.regrets) % 2 == 1, "Wilson 1971: nondegenerate games have an odd number"
    np.testing.assert_array_equal((found.rows > 0).sum(axis=1), (found.columns > 0).sum(axis=1))


@settings(deadline=None, max_examples=100)
@given(
    played=small_games(most=6), seed=st.integers(0, 10_000), noise=st.sampled_from([0.0, *10.0 ** np.arange(-16, -5)])
)
def test_nearly_degenerate_games_have_an_equilibrium_too(
    played: tuple[Floats, Floats], seed: int, noise: float
) -> None:
    """Nash 1951: every game has one, however its payoffs almost tie."""
    draw = np.random.default_rng(seed)
    row, column = (payoffs + noise * draw.normal(size=payoffs.shape) for payoffs in played)
    assert_certified(row, column, support_enumeration(row, column))


@settings(deadline=None, max_examples=60)
@given(played=small_games(most=4))
def test_pure_equilibria_are_all_there(played: tuple[Floats, Floats]) -> None:
    row, column = played
    found = support_enumeration(row, column)
    cells = {(int(np.argmax(x)), int(np.argmax(y))) for x, y in zip(found.rows, found.columns, strict=True)
             if x.max() == y.max() == 1.0}  # fmt: skip
    is_pure = (row == row.max(axis=0)) & (column == column.max(axis=1, keepdims=True))
    assert cells == set(zip(*np.nonzero(is_pure), strict=True))


@pytest.mark.parametrize("level", [0.0, 7.0, -1e100])
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (6, 6)])
def test_with_all_payoffs_equal_every_pure_pair_is_an_equilibrium(shape: tuple[int, int], level: float) -> None:
    flat = np.full(shape, level)
    found = support_enumeration(flat, flat)
    m, n = shape
    np.testing.assert_array_equal(found.rows, np.repeat(np.eye(m), n, axis=0))
    np.testing.assert_array_equal(found.columns, np.tile(np.eye(n), (m, 1)))
    assert not found.regrets.any()
    assert found.is_degenerate is (m * n > 1)


def test_singular_payoffs_have_their_pure_equilibria() -> None:
    row, column = game([[1, 1], [1, 1]], [[2, 1], [2, 1]])
    found = support_enumeration(row, column)
    assert found.is_degenerate
    assert pairs(found.rows, found.columns) == {((1.0, 0.0), (1.0, 0.0)), ((0.0, 1.0), (1.0, 0.0))}


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), m=st.integers(2, 4), n=st.integers(2, 4),
       scale=st.sampled_from([1e-300, 1e-9, 0.3, 7.0, 1e12, 1e140]), shift=st.floats(-5, 5))  # fmt: skip
def test_scale_and_shift_change_nothing(seed: int, m: int, n: int, scale: float, shift: float) -> None:
    row, column = drawn(seed, m, n)
    found = support_enumeration(row, column)
    again = support_enumeration(scale * (row + shift), scale * (column + np.arange(m)[:, None]))
    assert_same(found, again)
    assert again.regrets.max() <= CERTIFICATE * scale * 10


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), m=st.integers(1, 4), n=st.integers(1, 4))
def test_own_payoffs_may_shift_by_what_the_other_does(seed: int, m: int, n: int) -> None:
    row, column = drawn(seed, m, n)
    draw = np.random.default_rng(seed + 1)
    moved = support_enumeration(row + draw.normal(size=(1, n)), column + draw.normal(size=(m, 1)))
    assert_same(support_enumeration(row, column), moved)


def assert_same(one: Enumeration, other: Enumeration) -> None:
    assert one.is_degenerate == other.is_degenerate
    np.testing.assert_allclose(one.rows, other.rows, atol=1e-9)
    np.testing.assert_allclose(one.columns, other.columns, atol=1e-9)


@settings(deadline=None, max_examples=60)
@given(played=small_games(most=4))
def test_transposition_swaps_the_players(played: tuple[Floats, Floats]) -> None:
    row, column = played
    found = support_enumeration(row, column)
    swapped = support_enumeration(column.T, row.T)
    assert pairs(found.rows, found.columns) == pairs(swapped.columns, swapped.rows)
    assert found.is_degenerate == swapped.is_degenerate


@settings(deadline=None, max_examples=40)
@given(played=small_games(most=4), seed=st.integers(0, 10_000))
def test_names_of_strategies_do_not_matter(played: tuple[Floats, Floats], seed: int) -> None:
    row, column = played
    draw = np.random.default_rng(seed)
    p, q = draw.permutation(row.shape[0]), draw.permutation(row.shape[1])
    found = support_enumeration(row, column)
    renamed = support_enumeration(row[p][:, q], column[p][:, q])
    assert pairs(found.rows[:, p], found.columns[:, q]) == pairs(renamed.rows, renamed.columns)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_a_dominated_strategy_changes_nothing_else(seed: int) -> None:
    row, column = drawn(seed, 3, 3)
    worse = np.vstack([row, row[1] - 0.5])
    found = support_enumeration(row, column)
    more = support_enumeration(worse, np.vstack([column, np.random.default_rng(seed + 1).normal(size=(1, 3))]))
    assume(not more.is_degenerate)
    assert not more.rows[:, 3].any()
    assert pairs(found.rows, found.columns) == pairs(more.rows[:, :3], more.columns)


def test_order_is_by_support_and_repeats_to_the_bit() -> None:
    first = support_enumeration(SEVENTY_FIVE, SEVENTY_FIVE_COLUMN)
    again = support_enumeration(np.asfortranarray(SEVENTY_FIVE), SEVENTY_FIVE_COLUMN.copy())
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    bits = 1 << np.arange(6)
    keys = [
        ((x > 0).sum(), bits[x > 0].sum(), bits[y > 0].sum()) for x, y in zip(first.rows, first.columns, strict=True)
    ]
    assert keys == sorted(keys)


def test_input_is_left_alone() -> None:
    row, column = drawn(1, 4, 3)
    kept = row.copy(), column.copy()
    support_enumeration(row, column)
    regret(row, column, np.full(4, 0.25), np.full(3, 1 / 3))
    np.testing.assert_array_equal(row, kept[0])
    np.testing.assert_array_equal(column, kept[1])


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), m=st.integers(1, 8), n=st.integers(1, 8))
def test_regret_equals_plain_numpy(seed: int, m: int, n: int) -> None:
    row, column = drawn(seed, m, n)
    draw = np.random.default_rng(seed + 1)
    x, y = draw.dirichlet(np.ones(m)), draw.dirichlet(np.ones(n))
    found = regret(row, column, x, y)
    assert found == pytest.approx(regret_in_numpy(row, column, x, y), abs=1e-13)
    plain = cast("Any", module._regret).py_func(row.copy(), column.T.copy(), x.copy(), y.copy())
    assert found == plain


def test_regret_keeps_its_digits_at_a_high_level() -> None:
    row = 1e12 + np.array([[1.0, 0.0], [0.0, 1.0]])
    assert regret(row, -row, np.array([0.75, 0.25]), np.array([0.5, 0.5])) == 0.25


def test_compiled_and_plain_agree() -> None:
    for seed, (m, n) in enumerate([(2, 2), (3, 4), (4, 2)]):
        row, column = drawn(seed, m, n)
        found = support_enumeration(row, column)
        plain = cast("Any", module._support_enumeration).py_func(row.copy(), column.T.copy())
        for one, other in zip(found, plain, strict=True):
            np.testing.assert_array_equal(one, other)
        whole, again = (run(column.T.copy()) for run in (module._vertices, cast("Any", module._vertices).py_func))
        for one, other in zip(whole, again, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["_undominated", "_best_replies", "_scaled", "_count"])
def test_the_parts_agree_with_plain_python(name: str) -> None:
    payoffs = np.round(drawn(3, 5, 4)[0])
    arguments: dict[str, tuple[Any, ...]] = {
        "_undominated": (payoffs, 0b101), "_best_replies": (payoffs, np.array([0.5, 0.0, 0.25, 0.25])),
        "_scaled": (payoffs,), "_count": (0b101101,),
    }  # fmt: skip
    part: Any = getattr(module, name)
    np.testing.assert_array_equal(part(*arguments[name]), part.py_func(*arguments[name]))


def test_replicator_is_at_hand() -> None:
    assert module.replicator is replicator_module.replicator


@pytest.mark.parametrize(("row", "column", "complaint"), [
    (np.zeros((2, 3)), np.zeros((3, 2)), r"\(m, n\) twice"),
    (np.zeros(3), np.zeros(3), r"\(m, n\) twice"),
    (np.zeros((0, 2)), np.zeros((0, 2)), "m, n >= 1"),
    (np.zeros((7, 2)), np.zeros((7, 2)), "at most 6"),
    (np.zeros((2, 7)), np.zeros((2, 7)), "at most 6"),
    (np.array([[1.0, math.nan]]), np.zeros((1, 2)), "finite"),
    (np.zeros((1, 2)), np.array([[1.0, math.inf]]), "finite"),
    (np.array([[1e200]]), np.array([[0.0]]), "finite"),
])  # fmt: skip
def test_what_is_no_game_is_refused(row: Floats, column: Floats, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        support_enumeration(row, column)


@pytest.mark.parametrize(("x", "complaint"), [
    (np.full(3, 1 / 3), "expected 2 probabilities"),
    (np.array([0.5, 0.6]), "add up to 1"),
    (np.array([1.5, -0.5]), "probabilities"),
    (np.array([math.nan, 0.5]), "probabilities"),
])  # fmt: skip
def test_what_is_no_mixture_is_refused(x: Floats, complaint: str) -> None:
    for strategies in ((x, np.full(2, 0.5)), (np.full(2, 0.5), x)):
        with pytest.raises(ValueError, match=complaint):
            regret(np.eye(2), np.eye(2), *strategies)
