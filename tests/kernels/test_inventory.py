"""The crowd's side of a window of bars against plain numpy."""

from typing import Any, cast

import numpy as np
import pytest

from kernels import inventory
from kernels.arrays import Floats
from kernels.concentration import gini
from kernels.inventory import Holding, holding
from tests.seats.driver import mirrored, walk


def expected(rows: Floats, discount: float, recent: int) -> Holding:
    logs, volumes = np.log(rows[:, 1:4]), rows[:, 4]
    span = logs[:, 0] - logs[:, 1]
    safe = np.where(span > 0, span, 1.0)
    place = np.where(span > 0, (2 * logs[:, 2] - logs[:, 0] - logs[:, 1]) / safe, 0.0)
    weights = discount ** np.arange(len(rows) - 1, -1, -1.0)
    moves = np.abs(np.diff(logs[:, 2]))
    thin = np.log(moves[-recent:].sum() / volumes[-recent:].sum()) - np.log(moves.sum() / volumes[1:].sum())
    bought = float((weights * place * volumes).sum() / (weights * volumes).sum())
    return Holding(bought, gini(volumes.copy()), gini(moves), float(thin), float((volumes == 0).mean()))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("discount", "recent"), [(1.0, 5), (0.9, 1), (0.5, 20)])
def test_it_equals_plain_numpy(seed: int, discount: float, recent: int) -> None:
    rows = walk(seed, 64)
    rows[::9, 4] = 0.0
    rows[-1, 4] = 5.0
    rows[7, 1:3] = rows[7, 3]
    rows[7, 0] = rows[7, 3]
    np.testing.assert_allclose(holding(rows, discount, recent), expected(rows, discount, recent), atol=1e-12)
    plain = cast("Any", inventory._holding).py_func(rows.copy(), discount, recent)
    np.testing.assert_allclose(holding(rows, discount, recent), plain, atol=1e-12)


def test_a_mirror_flips_the_inventory_only() -> None:
    one, other = holding(walk(3, 64), 0.9, 5), holding(mirrored(walk(3, 64)), 0.9, 5)
    assert one.inventory == pytest.approx(-other.inventory, abs=1e-12)
    np.testing.assert_allclose(one[1:], other[1:], atol=1e-12)


def test_a_crowd_that_only_buys_holds_all_it_can() -> None:
    rows = np.tile([10.0, 11.0, 10.0, 11.0, 100.0], (30, 1))
    assert holding(rows, 0.9, 5).inventory == pytest.approx(1.0)
    assert holding(rows, 0.9, 5).thinness == 0.0


def test_a_window_without_a_trade_is_all_gaps() -> None:
    rows = walk(1, 20)
    rows[:, 4] = 0.0
    found = holding(rows, 0.9, 5)
    assert (found.gaps, found.inventory, found.volume_gini, found.thinness) == (1.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("rows", "discount", "recent"),
    [(walk(1, 1), 0.9, 1), (np.ones((9, 4)), 0.9, 1), (walk(1, 9), 0.0, 1), (walk(1, 9), 0.9, 9), (walk(1, 9), 0.9, 0)],
)
def test_wrong_input_is_refused(rows: Floats, discount: float, recent: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        holding(rows, discount, recent)
