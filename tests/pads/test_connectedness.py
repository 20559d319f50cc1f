import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.plain import pack, unpack
from kernels.spectrum import MOST_ASSETS, absorption_ratio
from pads.config import PanarchyConfig
from pads.connectedness import Connectedness

DAY_NS = 86_400_000_000_000
CONFIG = PanarchyConfig(fast=5, meso=10, slow=20, min_history=4, history=30)
LEVEL = CONFIG.model_copy(update={"connectedness": "level"})
Moments = list[dict[str, float]]


def moments(count: int, names: str = "ABC", seed: int = 1) -> Moments:
    generator = random.Random(seed)
    found: Moments = []
    for _ in range(count):
        common = generator.gauss(0.0, 0.01)
        found.append({name: common + generator.gauss(0.0, 0.01) for name in names})
    return found


def show(table: Connectedness, moments: Moments, first: int = 1) -> None:
    for number, moment in enumerate(moments, first):
        for symbol, value in moment.items():
            table.observe(symbol, (number - 1) * DAY_NS, number * DAY_NS, value)


def test_it_is_the_absorption_ratio_of_the_last_whole_moments() -> None:
    table, told = Connectedness(LEVEL), moments(30)
    show(table, told)
    rows = np.array([list(moment.values()) for moment in told[:-1]])
    for scale, window in enumerate(LEVEL.windows):
        for symbol in "ABC":
            assert table.of(symbol, scale) == absorption_ratio(rows[-window:])


def test_ranked_it_is_the_share_of_earlier_ratios_that_were_lower() -> None:
    table, told = Connectedness(CONFIG), moments(30)
    show(table, told)
    rows = np.array([list(moment.values()) for moment in told[:-1]])
    ratios = [absorption_ratio(rows[end - 5 : end]) for end in range(5, 30)]
    assert table.of("A", 0) == sum(ratio < ratios[-1] for ratio in ratios[:-1]) / (len(ratios) - 1)


@pytest.mark.parametrize("order", ["ABC", "CAB"])
def test_all_of_one_moment_read_the_same_whichever_is_first(order: str) -> None:
    table = Connectedness(LEVEL)
    show(table, moments(30))
    read = []
    last = moments(31)[-1]
    for symbol in order:
        table.observe(symbol, 30 * DAY_NS, 31 * DAY_NS, last[symbol])
        read.append(table.of(symbol, 0))
    assert len(set(read)) == 1


def test_one_alone_has_no_market() -> None:
    table = Connectedness(LEVEL)
    show(table, moments(40, "A"))
    assert table.of("A", 0) is None
    assert table.of("B", 0) is None


def test_one_with_a_hole_in_the_window_is_not_of_the_market() -> None:
    table, told = Connectedness(LEVEL), moments(40)
    del told[25]["C"]
    show(table, told)
    assert [table.of("C", scale) is None for scale in range(3)] == [False, False, True]
    rows = np.array([[moment["A"], moment["B"]] for moment in told[:-1]])
    assert table.of("A", 2) == absorption_ratio(rows[-20:])


def test_returns_of_other_intervals_do_not_count() -> None:
    table = Connectedness(LEVEL)
    for number in range(1, 40):
        table.observe("A", (number - 1) * DAY_NS, number * DAY_NS, 0.01 * (number % 3))
        table.observe("B", (number - 2) * DAY_NS, number * DAY_NS, 0.01 * (number % 2))
    assert table.of("A", 0) is None


def test_bars_of_an_earlier_moment_are_too_late() -> None:
    one, other = Connectedness(LEVEL), Connectedness(LEVEL)
    for table in (one, other):
        show(table, moments(30))
    other.observe("A", 3 * DAY_NS, 4 * DAY_NS, 0.5)
    assert pack(one.snapshot()) == pack(other.snapshot())


def test_another_market_begins_its_own_history() -> None:
    table = Connectedness(CONFIG)
    show(table, moments(30, "AB"))
    assert table.of("A", 0) is not None
    show(table, moments(7, "ABC", 2), 31)
    assert table.of("A", 0) is None
    show(table, moments(5, "ABC", 3), 38)
    assert table.of("A", 0) is not None


def test_no_more_columns_than_the_kernel_takes() -> None:
    names = [f"S{number}" for number in range(MOST_ASSETS + 3)]
    generator = random.Random(1)
    table = Connectedness(LEVEL)
    show(table, [{name: generator.gauss(0.0, 0.01) for name in names} for _ in range(8)])
    assert table.of(names[0], 0) is not None
    assert table.of(names[-1], 0) is None


def test_instruments_that_never_moved_are_as_unconnected_as_can_be() -> None:
    table = Connectedness(LEVEL)
    show(table, [{"A": 0.0, "B": 0.0}] * 12)
    assert table.of("A", 0) == 0.5


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 60), st.integers(1, 40), st.sampled_from(["AB", "ABC"]))
def test_a_restored_table_goes_on_the_same(before: int, later: int, names: str) -> None:
    first, copy = Connectedness(CONFIG), Connectedness(CONFIG)
    told = moments(before + later, names)
    show(first, told[:before])
    copy.restore(unpack(pack(first.snapshot())))
    for table in (first, copy):
        show(table, told[before:], before + 1)
    assert [first.of(name, scale) for name in names for scale in range(3)] == [
        copy.of(name, scale) for name in names for scale in range(3)
    ]
    assert pack(first.snapshot()) == pack(copy.snapshot())
