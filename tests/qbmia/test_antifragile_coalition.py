"""The coalition that leads: who gains from volatility and calms the others' tail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbmia.antifragile_coalition import lead
from qbmia.config import AntifragileCoalitionConfig
from tests.qbmia.alone import alone
from tests.seats.driver import walk

FOUR = st.lists(st.floats(-1, 1), min_size=4, max_size=4)


@given(positions=FOUR, shares=FOUR, gaps=st.lists(st.floats(-5, 5), min_size=4, max_size=4))
def test_the_lead_is_an_exposure_and_odd_in_the_positions(
    positions: list[float], shares: list[float], gaps: list[float]
) -> None:
    found = lead(positions, shares, gaps, 0.2, 1.0)
    assert -1.0 <= found <= 1.0
    assert lead([-each for each in positions], shares, gaps, 0.2, 1.0) == -found


def test_who_loses_by_volatility_does_not_lead() -> None:
    assert lead([1.0, -1.0], [0.0, 0.0], [-2.0, -1.0], 0.2, 1.0) == 0.0
    assert lead([1.0, -1.0], [0.0, 0.0], [3.0, -1.0], 0.2, 1.0) == pytest.approx(0.5 * 0.75)


def test_the_better_share_leads_more() -> None:
    assert lead([1.0, -1.0], [0.1, 0.0], [1.0, 1.0], 0.2, 1.0) > 0.0
    assert lead([1.0, -1.0], [0.1, 0.0], [1.0, 1.0], 0.01, 1.0) == pytest.approx(0.5, abs=1e-3)
    assert abs(lead([1.0, -1.0], [0.1, 0.0], [1.0, 1.0], 100.0, 1.0)) < 1e-3


def test_too_few_earnings_abstain() -> None:
    table = alone("antifragile_coalition", least_bars=80)
    beliefs = [table.play(row).belief for row in walk(3, 90)]
    assert beliefs[79] is None
    assert beliefs[80] is not None
    with pytest.raises(ValueError, match="must not exceed"):
        AntifragileCoalitionConfig(history_bars=20, least_bars=21)


def test_reasons_tell_value_share_gap_and_core() -> None:
    table = alone("antifragile_coalition")
    for row in walk(3, 120):
        response = table.play(row)
    reasons = {name.removeprefix("antifragile_coalition."): value for name, value in response.reasons}
    assert reasons["value"] < 0.0
    assert -10.0 < reasons["best_gap"] < 10.0
    assert reasons["in_core"] in (0.0, 1.0)
