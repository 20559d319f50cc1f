"""Five strategies at one table: quorum, weights, and what the answer says of them."""

import pytest

from bus.errors import ConfigError
from tests.qbmia.alone import STRATEGIES
from tests.seats.driver import Table, make, walk


def test_the_prior_weights_are_those_of_the_design() -> None:
    table = Table(make("qbmia"))
    for row in walk(1, 120):
        response = table.play(row)
    reasons = dict(response.reasons)
    weights = [reasons[f"{name}.weight"] for name in STRATEGIES]
    assert sum(weights) == pytest.approx(1.0)
    assert weights == pytest.approx([0.25, 0.20, 0.20, 0.20, 0.15], abs=0.02)
    assert weights != [0.25, 0.20, 0.20, 0.20, 0.15]


def test_fewer_than_three_abstain() -> None:
    """Without volume two strategies have nothing to say; with one of the others off, so has the seat."""
    rows = walk(1, 120)
    rows[:, 4] = 0.0
    whole, less = Table(make("qbmia")), Table(make("qbmia", strategies={"quantum_nash": 0.0}))
    for row in rows:
        voted, abstained = whole.play(row), less.play(row)
    assert voted.belief is not None
    assert abstained.belief is None
    assert abstained.confidence == 0.0
    assert abstained.reasons[0] == ("strategies voting", 2.0)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_switched_off_leaves_no_trace(name: str) -> None:
    table = Table(make("qbmia", strategies={name: 0.0}))
    for row in walk(1, 120):
        response = table.play(row)
    assert response.belief is not None
    assert not [reason for reason, _ in response.reasons if reason.startswith(f"{name}.")]


def test_a_quorum_nobody_can_reach_is_refused() -> None:
    with pytest.raises(ConfigError, match="only 5 strategies"):
        make("qbmia", quorum=6)


def test_a_market_that_persists_is_found() -> None:
    table = Table(make("qbmia"))
    for row in walk(2, 800, persistence=0.5):
        table.play(row)
    gains = [played.gain for played in table.played if played.gain is not None]
    assert sum(gains) / len(gains) > 0.001
    weights = dict(zip(STRATEGIES, table.stepper.agent.snapshot()["panels"]["SPX"]["weights"], strict=True))
    assert weights["quantum_nash"] + weights["temporal_biological_nash"] > 0.8
