"""The laws that bind every model, over each strategy of QUASAR alone and over its mixture."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.errors import ConfigError
from bus.messages import Action, DecisionResponse
from bus.plain import pack, unpack
from bus.stepper import Stepper
from kernels.arrays import Floats
from quasar.agent import Quasar
from quasar.config import QuasarConfig
from tests.quasar.worlds import STRATEGIES, seat, turning
from tests.seats.driver import Table, mirrored, walk

ALONE = pytest.mark.parametrize("only", [*STRATEGIES, ""])
FEW = settings(deadline=None, max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
FLAT = (100.0, 100.0, 100.0, 100.0, 5_000.0)


def answers(agent: Quasar, rows: Floats, horizon: int = 1) -> list[DecisionResponse]:
    table = Table(agent, horizon=horizon)
    return [table.play(row) for row in rows]


@ALONE
@FEW
@given(seed=st.integers(0, 1_000), cut=st.integers(100, 160))
def test_later_bars_change_nothing_before_them(only: str, seed: int, cut: int) -> None:
    rows = walk(seed, 170)
    changed = np.concatenate([rows[:cut], walk(seed + 1, 170 - cut) * np.array([3.0, 3.0, 3.0, 3.0, 1.0])])
    whole, other = answers(seat(only), rows), answers(seat(only), changed)
    assert other[:cut] == whole[:cut]
    assert answers(seat(only), rows[:cut]) == whole[:cut]
    assert other[cut:] != whole[cut:]


@ALONE
@FEW
@given(seed=st.integers(0, 1_000), persistence=st.sampled_from([-0.5, 0.0, 0.5]))
def test_mirrored_prices_give_the_mirrored_belief(only: str, seed: int, persistence: float) -> None:
    rows = walk(seed, 220, persistence=persistence)
    ups, downs = Table(seat(only)), Table(seat(only))
    for row, flipped in zip(rows, mirrored(rows), strict=True):
        one, other = ups.play(row), downs.play(flipped)
        assert one.confidence == pytest.approx(other.confidence, abs=1e-9)
        assert (one.belief is None) == (other.belief is None)
        if one.belief is not None and other.belief is not None:
            assert one.belief == pytest.approx(other.belief[::-1], abs=1e-9)


@ALONE
def test_prices_that_stand_still_give_the_prior_and_hold(only: str) -> None:
    table = Table(seat(only))
    for row in walk(1, 100):
        table.play(row)
    for _ in range(70):
        table.play(FLAT)
    prior = (0.1, 0.2, 0.7)
    response = table.play(FLAT, prior=prior)
    assert (response.belief, response.choice) == (prior, Action.HOLD)
    fresh = answers(seat(only), np.array([FLAT] * 80))
    assert [each.choice for each in fresh] == [Action.HOLD] * 80


@ALONE
@pytest.mark.parametrize("horizon", [1, 3])
def test_a_restored_seat_goes_on_to_the_last_bit(only: str, horizon: int) -> None:
    rows = turning(5, 320, 240)
    table = Table(seat(only), horizon=horizon)
    for row in rows[:250]:
        table.play(row)
    twin = Stepper(seat(only))
    twin.restore(unpack(pack(table.stepper.snapshot())))
    other = Table(seat(only), horizon=horizon)
    for row in rows[:250]:
        other.play(row)
    other.stepper = twin
    for row in rows[250:]:
        assert other.play(row) == table.play(row)
    assert pack(twin.snapshot()) == pack(table.stepper.snapshot())


@ALONE
@pytest.mark.parametrize("kind", ["jump", "fall", "still volume", "tiny", "huge"])
def test_bad_input_is_answered_with_a_belief(only: str, kind: str) -> None:
    rows = walk(7, 180)
    prices = rows[:, :4]
    if kind in ("jump", "fall"):
        prices[120:] *= 1.8 if kind == "jump" else 0.2
    elif kind == "still volume":
        rows[:, 4] = 0.0
    else:
        prices *= 1e-80 if kind == "tiny" else 1e80
    for response in answers(seat(only), rows)[64:]:
        assert response.belief is not None
        assert min(response.belief) > 1e-3
        assert 0.0 <= response.confidence < 1.0


@ALONE
def test_reasons_are_few_and_finite(only: str) -> None:
    response = answers(seat(only), walk(9, 150))[-1]
    strategies = [only] if only else list(STRATEGIES)
    for name in strategies:
        own = [reason for reason, _ in response.reasons if reason.startswith(f"{name}.") and reason != f"{name}.weight"]
        assert 0 < len(own) <= 4
    assert np.isfinite([value for _, value in response.reasons]).all()


def test_a_strategy_that_is_right_gains_weight() -> None:
    """In a market whose returns persist, River and QAR, which see it, take the weight of Q*, which sees it later."""
    table = Table(seat())
    for row in walk(3, 700, persistence=0.6):
        response = table.play(row)
    reasons = dict(response.reasons)
    assert sum(reasons[f"{name}.weight"] for name in STRATEGIES) == pytest.approx(1.0)
    gains = [played.gain for played in table.played if played.gain is not None]
    assert np.mean(gains[300:]) > 0.03
    assert reasons["qar.weight"] + reasons["river.weight"] > 0.6


@pytest.mark.parametrize("persistence", [0.5, -0.5])
@ALONE
def test_a_planted_dependence_is_found(only: str, persistence: float) -> None:
    table = Table(seat(only))
    for row in walk(2, 900, persistence=persistence):
        table.play(row)
    gains = [played.gain for played in table.played if played.gain is not None]
    assert np.mean(gains[400:]) > {"qstar": 0.002}.get(only, 0.01)


ALTERNATIVES: dict[str, dict[str, Any]] = {
    "qstar": {
        "bins": 3, "situations": 3, "memory_rounds": 5, "replays": 1, "discount": 0.5, "trace_decay": 0.0,
        "learning_rate": 0.2, "unit": 0.1, "cost": 0.01, "doubt_visits": 5.0, "calibration": 2.0,
        "calibration_rate": 0.9, "seed": 8,
    },
    "river": {
        "learning_rate": 0.3, "shrinkage": 0.1, "doubt_rounds": 5.0, "drift_delta": 0.3, "drift_threshold": 5.0,
        "drift_boost": 1.0, "drift_doubt": 0.9, "drift_decay": 0.5, "trees": 3, "tree_height": 2, "tree_rounds": 50,
        "anomaly_score": 0.0, "seed": 8,
    },
    "qar": {
        "market_discount": 0.9, "market_doubt": 5.0, "weight": 1.0, "learning_rate": 0.5, "shrinkage": 0.1,
        "memory_situations": 20, "match_fidelity": 0.5, "recall_doubt": 5.0, "contrast": 0.5,
    },
}  # fmt: skip
PARAMETERS = [(name, field) for name in STRATEGIES for field in type(getattr(QuasarConfig(), name)).model_fields]
TURNING = turning(11, 380, 290)


@pytest.fixture(scope="module")
def usual() -> dict[str, list[DecisionResponse]]:
    return {name: answers(seat(name), TURNING) for name in STRATEGIES}


@pytest.mark.parametrize(("name", "field"), PARAMETERS)
def test_every_parameter_of_a_strategy_changes_an_answer(
    name: str, field: str, usual: dict[str, list[DecisionResponse]]
) -> None:
    changed: dict[str, Any] = {name: {field: ALTERNATIVES[name][field]}}
    table = Table(seat(name, **changed))
    assert any(table.play(row) != expected for row, expected in zip(TURNING, usual[name], strict=True))


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_weight_changes_an_answer(name: str) -> None:
    rows = walk(13, 120)
    weights = dict.fromkeys(STRATEGIES, 1.0)
    assert answers(seat(strategies=weights), rows) != answers(seat(strategies={**weights, name: 0.0}), rows)


def test_the_quantum_parts_change_answers_and_can_be_switched_off() -> None:
    rows = walk(17, 200)
    with_them, without = answers(seat("qar"), rows), answers(seat("qar", quantum=False), rows)
    assert with_them != without
    assert [each.belief is None for each in with_them] == [each.belief is None for each in without]
    assert answers(seat("qstar", quantum=False), rows) == answers(seat("qstar"), rows)


def test_a_quorum_that_cannot_be_reached_is_refused() -> None:
    assert answers(seat(quorum=3), walk(1, 70))[-1].belief is not None
    with pytest.raises(ConfigError, match="only 1 strategies are switched on"):
        seat("qar", quorum=2)


def test_the_blend_begins_as_configured() -> None:
    response = answers(seat(), walk(1, 65))[-1]
    reasons = dict(response.reasons)
    assert [reasons[f"{name}.weight"] for name in STRATEGIES] == pytest.approx([0.4, 0.2, 0.4])
