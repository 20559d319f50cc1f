"""The population of momentum, reversion and idle traders."""

import pytest

from kernels import logit
from tests.qbmia.alone import alone
from tests.seats.driver import walk


@pytest.mark.parametrize("persistence", [0.4, -0.4])
def test_a_market_that_persists_or_reverts_is_found(persistence: float) -> None:
    table = alone("temporal_biological_nash")
    for row in walk(2, 1_200, persistence=persistence):
        response = table.play(row)
    gains = [played.gain for played in table.played if played.gain is not None]
    assert sum(gains) / len(gains) > 0.003
    assert response.confidence > 0.25


def test_reasons_tell_shares_convergence_and_exploitability() -> None:
    table = alone("temporal_biological_nash")
    for row in walk(2, 80):
        response = table.play(row)
    reasons = dict(response.reasons)
    assert 0.0 < reasons["temporal_biological_nash.momentum"] < 1.0
    assert reasons["temporal_biological_nash.residual"] <= 1e-10
    assert reasons["temporal_biological_nash.exploitability"] >= 0.0


def test_dynamics_that_do_not_rest_are_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    table = alone("temporal_biological_nash", crowding=1.0)
    for row in walk(2, 80):
        table.play(row)
    monkeypatch.setattr(logit, "_MOST_STEPS", 1)
    response = table.play(walk(2, 81)[80], prior=(0.3, 0.4, 0.3))
    assert dict(response.reasons)["temporal_biological_nash.residual"] > 1e-10
    assert response.belief == (0.3, 0.4, 0.3)
