"""Volatility and volume from past bars."""

import math

import pytest

from execution.liquidity import Tape, square_root_impact
from tests.execution.driver import make_bar


def test_the_square_root_law() -> None:
    assert square_root_impact(0.8, 0.02, 100.0, 10_000.0) == pytest.approx(0.0016)


def test_the_law_does_not_depend_on_the_length_of_the_bar() -> None:
    daily = square_root_impact(1.0, 0.02, 5_000.0, 1e6)
    minute = square_root_impact(1.0, 0.02 / math.sqrt(390), 5_000.0, 1e6 / 390)
    assert minute == pytest.approx(daily)


def test_the_first_bar_speaks_through_its_range() -> None:
    tape = Tape(make_bar(0, "100", high="110", low="100", volume="7"))
    assert tape.sigma == pytest.approx(math.log(1.1) / (2 * math.sqrt(math.log(2))))
    assert tape.volume == 7.0


def test_later_bars_speak_through_their_returns() -> None:
    tape = Tape(make_bar(0))
    tape.append(make_bar(1, "100", close="110", high="150", volume="20000"))
    assert tape.variance == pytest.approx(0.06 * math.log(1.1) ** 2)
    assert tape.volume == pytest.approx(10_600)


def test_a_hole_gives_no_return() -> None:
    tape = Tape(make_bar(0))
    tape.append(make_bar(2, "100", close="200"))
    assert tape.variance == 0.0
    tape.append(make_bar(3, "200", close="220"))
    assert tape.variance == pytest.approx(0.06 * math.log(1.1) ** 2)
