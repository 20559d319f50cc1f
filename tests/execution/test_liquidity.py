"""Volatility, volume and the length of a bar, from past bars."""

import math

import pytest

from bus.messages import CorporateAction
from bus.plain import pack, unpack
from execution.liquidity import Tape
from kernels.impact import impact
from tests.execution.venue import DAY_NS, MINUTE_NS, bar, dec


def tape(*changes: str) -> Tape:
    """A tape of bars that open and close at the given prices, one after the other."""
    first, *rest = changes
    made = Tape(bar(0, first))
    for number, price in enumerate(rest, start=1):
        made.append(bar(number, price))
    return made


def test_the_impact_does_not_depend_on_the_length_of_the_bar() -> None:
    daily = impact(1.0, 0.02, 5_000.0, 1e6)
    minute = impact(1.0, 0.02 / math.sqrt(390), 5_000.0, 1e6 / 390)
    assert minute == pytest.approx(daily)


def test_the_first_bar_speaks_through_its_range() -> None:
    first = Tape(bar(0, "100", high="110", low="100", volume="7"))
    assert first.sigma == pytest.approx(math.log(1.1) / (2 * math.sqrt(math.log(2))))
    assert (first.volume, first.price) == (7.0, dec(100))


def test_later_bars_speak_through_their_returns() -> None:
    later = tape("100")
    later.append(bar(1, "100", close="110", high="150", volume="20000"))
    assert later.variance == pytest.approx(0.06 * math.log(1.1) ** 2)
    assert later.volume == pytest.approx(10_600)
    assert later.price == dec(110)


def test_a_hole_gives_no_return() -> None:
    holed = tape("100")
    holed.append(bar(2, "100", close="200"))
    assert holed.variance == 0.0
    holed.append(bar(3, "200", close="220"))
    assert holed.variance == pytest.approx(0.06 * math.log(1.1) ** 2)


def test_a_split_and_a_dividend_are_no_return() -> None:
    split = tape("100")
    split.adjust(CorporateAction(split=dec(4), dividend=dec("0.5")))
    split.append(bar(1, "24.5", volume="40000"))
    assert (split.variance, split.volume) == (0.0, 40_000.0)


def test_a_dividend_of_all_there_is_leaves_a_price_to_measure_from() -> None:
    paid = tape("100")
    paid.adjust(CorporateAction(dividend=dec(100)))
    assert paid.close == 100.0


def test_the_step_is_the_least_time_between_bars_that_follow_each_other() -> None:
    steps = tape("100")
    assert steps.step_ns == 0
    for number, opened_ns, expected in [
        (1, DAY_NS, DAY_NS),
        (2, DAY_NS + MINUTE_NS, MINUTE_NS),
        (3, DAY_NS + 9 * MINUTE_NS, MINUTE_NS),
        (5, DAY_NS + 9 * MINUTE_NS + 1, MINUTE_NS),
        (6, DAY_NS, MINUTE_NS),
    ]:
        update = bar(number).model_copy(update={"opened_ns": opened_ns})
        assert steps.step_to(update) == expected
        steps.append(update)
        assert steps.step_ns == expected


def test_a_restored_tape_goes_on_the_same() -> None:
    one = tape("100", "104", "99")
    other = Tape.restored(unpack(pack(one.snapshot())))
    for each in (one, other):
        each.append(bar(3, "120", volume="3"))
    assert one.snapshot() == other.snapshot()
