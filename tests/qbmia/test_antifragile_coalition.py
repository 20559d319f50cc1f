"""The coalition that leads: who gains from volatility and calms the others' tail."""

import pytest

from qbmia.config import AntifragileCoalitionConfig
from tests.qbmia.alone import alone
from tests.seats.driver import walk


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
