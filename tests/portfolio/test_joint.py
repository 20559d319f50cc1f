"""The returns that several symbols share, found anew and kept up."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.arrays import Floats
from portfolio.history import Histories, History
from portfolio.joint import Joint
from tests.gates.driver import DAY_NS, bar_of

SYMBOLS = ("AAA", "BBB", "CCC")


def history(closes: Sequence[float], days: Sequence[int] | None = None) -> History:
    """A history of daily bars, or of bars on ``days``."""
    made = History(50)
    for bar, close in enumerate(closes):
        made.append(bar_of("AAA", bar, close, (bar if days is None else days[bar]) * DAY_NS))
    return made


def joint_returns(histories: Sequence[History]) -> Floats:
    """The joint returns, found anew."""
    joint = Joint(histories, 50)
    joint.refresh()
    return joint.returns


def test_returns_of_one_symbol() -> None:
    np.testing.assert_allclose(joint_returns([history([100.0, 110.0, 99.0])]), [[0.1, -0.1]])


def test_symbols_share_the_times_both_have() -> None:
    """A day that one symbol lacks makes the other's return longer."""
    one = history([100.0, 110.0, 121.0, 100.0], [0, 1, 2, 3])
    other = history([10.0, 11.0, 22.0], [0, 2, 3])
    np.testing.assert_allclose(joint_returns([one, other]), [[0.21, 100 / 121 - 1], [0.1, 1.0]])


def test_a_symbol_one_bar_behind_loses_one_bar() -> None:
    assert joint_returns([history([1.0, 2.0, 3.0]), history([1.0, 2.0])]).shape == (2, 1)


@pytest.mark.parametrize("closes", [[], [1.0]])
def test_less_than_two_shared_bars_give_no_return(closes: list[float]) -> None:
    assert joint_returns([history([1.0, 2.0, 3.0]), history(closes)]).shape == (2, 0)


def test_a_symbol_without_bars_has_no_joint_returns() -> None:
    histories = Histories(5)
    histories.append(bar_of("AAA", 0, 100))
    assert histories.joint(("AAA", "ZZZ")) is None
    assert histories.joint(()) is None
    joint = histories.joint(("AAA",))
    assert joint is not None
    assert joint.returns.shape == (1, 0)


def test_it_changes_only_when_shared_bars_do() -> None:
    histories = Histories(10)
    for bar in range(5):
        for symbol in ("AAA", "BBB"):
            histories.append(bar_of(symbol, bar, 100 + bar))
    joint = histories.joint(("AAA", "BBB"))
    assert joint is not None
    version = joint.version
    histories.append(bar_of("CCC", 0, 100))
    histories.append(bar_of("AAA", 5, 105))
    assert histories.joint(("AAA", "BBB")) is joint
    assert joint.version == version
    histories.append(bar_of("BBB", 5, 105))
    histories.joint(("AAA", "BBB"))
    assert joint.version > version
    assert joint.returns.shape == (2, 5)
    assert joint.times.tolist() == [day * DAY_NS for day in range(1, 6)]


def test_a_day_is_that_of_the_symbol_with_fewest_bars() -> None:
    histories = Histories(50)
    for day in range(3):
        for hour in range(10):
            histories.append(bar_of("AAA", day * 10 + hour, 100, day * DAY_NS + hour * DAY_NS // 24))
        for hour in range(0, 10, 5):
            histories.append(bar_of("BBB", day * 2 + hour // 5, 100, day * DAY_NS + hour * DAY_NS // 24))
    joint = histories.joint(("AAA", "BBB"))
    assert joint is not None
    assert joint.bars_per_day == 2.0


STEP = st.one_of(
    st.tuples(st.just("bar"), st.sampled_from(SYMBOLS), st.integers(50, 200)),
    st.tuples(st.just("all"), st.integers(1, 40), st.integers(50, 200)),
    st.tuples(st.just("skip"), st.sampled_from(SYMBOLS), st.just(0)),
    st.tuples(st.just("clear"), st.just(""), st.just(0)),
    st.tuples(st.just("ask"), st.sets(st.sampled_from(SYMBOLS), min_size=1), st.just(0)),
)


@given(steps=st.lists(STEP, max_size=40))
@settings(deadline=None, max_examples=50)
def test_kept_up_is_found_anew_to_the_last_bit(steps: list[tuple[str, object, int]]) -> None:
    """With bars that come in any order, that one symbol lacks, that are lost, and however rarely one asks."""
    histories, bars, days = Histories(12), dict.fromkeys(SYMBOLS, 0), dict.fromkeys(SYMBOLS, 0)

    def show(symbol: str, day: int, close: int) -> None:
        histories.append(bar_of(symbol, bars[symbol], close, day * DAY_NS // 2))
        bars[symbol] += 1
        days[symbol] = day + 1

    for what, which, close in steps:
        if what == "bar":
            show(str(which), days[str(which)], close)
        elif what == "all":
            for _ in range(int(str(which))):
                day = max(days.values())
                for place, symbol in enumerate(SYMBOLS):
                    show(symbol, day, close + place * bars[symbol] % 7)
        elif what == "skip":
            bars[str(which)] += 1
        elif what == "clear":
            histories.clear()
        else:
            assert isinstance(which, set)
            asked = tuple(sorted(which))
            found = [each for symbol in asked if (each := histories.get(symbol)) is not None]
            joint = histories.joint(asked)
            if len(found) < len(asked):
                assert joint is None
                continue
            assert joint is not None
            np.testing.assert_array_equal(joint.returns, joint_returns(found))
            assert joint.bars_per_day == min(each.bars_per_day for each in found)
            assert joint.returns.shape[1] == joint.times.size
