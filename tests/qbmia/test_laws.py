"""The laws that bind every strategy, each of them alone at a table."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.messages import DecisionResponse
from bus.plain import pack, unpack
from bus.stepper import Stepper
from kernels.arrays import Floats
from qbmia.config import QbmiaConfig
from tests.qbmia.alone import STRATEGIES, alone
from tests.seats.driver import Table, mirrored, walk

FEW = settings(deadline=None, max_examples=6)
NAMES = st.sampled_from(STRATEGIES)
SHORT: dict[str, dict[str, Any]] = {"machiavellian": {"memory_bars": 40}}
ALTERNATIVES: dict[str, Any] = {
    "calibration": 0.3,
    "learning_rate": 0.5,
    "memory_bars": 60,
    "discount": 0.8,
    "shrinkage_bars": 5.0,
    "least_bars": 70,
    "crowding": 0.3,
    "cost": 0.0,
    "fast_bars": 3,
    "tolerance": 2.0,
    "recent_bars": 20,
    "risk_aversion": 3.0,
    "memories_bars": (5,),
    "payoff_discount": 0.9,
    "delay_bars": 5,
    "temperature": 0.5,
    "history_bars": 70,
    "level": 0.7,
    "gap_errors": 3.0,
}
PARAMETERS = [(name, key) for name in STRATEGIES for key in type(getattr(QbmiaConfig(), name)).model_fields]
PARAMETERS.remove(("robin_hood", "fairness"))
"""It shares among several strategies: tests/qbmia/test_robin_hood.py."""


def wild(seed: int, bars: int) -> Floats:
    """Bars that persist, with bursts of volume and of volatility."""
    draw = np.random.default_rng(seed)
    rows = walk(seed, bars, persistence=0.3)
    logs = np.log(rows[:, :4])
    calm = np.repeat(draw.choice([1.0, 3.0], bars // 10 + 1, p=[0.8, 0.2]), 10)[:bars]
    moves = np.diff(logs[:, 3], prepend=logs[0, 0]) * calm
    closes = np.cumsum(moves)
    shift = closes - logs[:, 3]
    rows[:, 3] = np.exp(closes)
    rows[:, 0] = np.exp(logs[:, 0] + np.concatenate([[0.0], shift[:-1]]))
    rows[:, 1] = np.maximum(np.exp(logs[:, 1] + shift), rows[:, [0, 3]].max(axis=1))
    rows[:, 2] = np.minimum(np.exp(logs[:, 2] + shift), rows[:, [0, 3]].min(axis=1))
    rows[:, 4] *= draw.choice([1.0, 4.0], bars, p=[0.9, 0.1])
    return rows


def answers(table: Table, rows: Floats) -> list[DecisionResponse]:
    return [table.play(row) for row in rows]


@FEW
@given(name=NAMES, seed=st.integers(0, 1_000))
def test_later_bars_change_nothing_before_them(name: str, seed: int) -> None:
    rows = wild(seed, 130)
    changed = rows.copy()
    changed[110:] = wild(seed + 1, 20) * 3.0
    whole = answers(alone(name, **SHORT.get(name, {})), rows)
    assert answers(alone(name, **SHORT.get(name, {})), changed)[:110] == whole[:110]
    assert whole[109].belief is not None


@FEW
@given(name=NAMES, seed=st.integers(0, 1_000), horizon=st.sampled_from([1, 5]))
def test_mirrored_prices_give_the_mirrored_belief(name: str, seed: int, horizon: int) -> None:
    rows = wild(seed, 160)
    ups = answers(alone(name, horizon=horizon, **SHORT.get(name, {})), rows)
    downs = answers(alone(name, horizon=horizon, **SHORT.get(name, {})), mirrored(rows))
    for one, other in zip(ups, downs, strict=True):
        assert (one.belief is None) == (other.belief is None)
        if one.belief is not None and other.belief is not None:
            assert one.belief == pytest.approx(other.belief[::-1], abs=1e-9)
        assert one.severity == pytest.approx(other.severity, abs=1e-9)


@pytest.mark.parametrize("name", STRATEGIES)
def test_constant_prices_give_the_prior(name: str) -> None:
    table = alone(name, **SHORT.get(name, {}))
    answers(table, wild(7, 80))
    flat = (100.0, 101.0, 99.0, 100.0, 5_000.0)
    for _ in range(70):
        response = table.play(flat, prior=(0.1, 0.2, 0.7))
    assert response.belief == (0.1, 0.2, 0.7)
    assert response.severity <= 0.7


@pytest.mark.parametrize("name", STRATEGIES)
def test_prices_constant_from_the_start_give_the_prior_or_nothing(name: str) -> None:
    table = alone(name, **SHORT.get(name, {}))
    for _ in range(90):
        response = table.play((100.0, 100.0, 100.0, 100.0, 10.0), prior=(0.2, 0.5, 0.3))
        assert response.belief in (None, (0.2, 0.5, 0.3))


@pytest.mark.parametrize("name", STRATEGIES)
def test_both_leans_are_reached(name: str) -> None:
    table = alone(name, **SHORT.get(name, {}))
    leans = set()
    for row in wild(11, 300):
        belief = table.play(row, prior=(0.3, 0.4, 0.3)).belief
        if belief is not None:
            leans.add(np.sign(round(belief[2] - belief[0], 12)))
    assert {-1.0, 1.0} <= leans


@pytest.mark.parametrize(("name", "key"), PARAMETERS)
def test_every_parameter_changes_an_answer(name: str, key: str) -> None:
    rows = wild(13, 150)
    usual = answers(alone(name, **SHORT.get(name, {})), rows)
    assert answers(alone(name, **{**SHORT.get(name, {}), key: ALTERNATIVES[key]}), rows) != usual


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_restored_strategy_goes_on_to_the_last_bit(name: str) -> None:
    rows = wild(17, 150)
    table, again = (alone(name, horizon=3, **SHORT.get(name, {})) for _ in range(2))
    answers(table, rows[:110])
    answers(again, rows[:110])
    fresh = Stepper(alone(name, horizon=3, **SHORT.get(name, {})).stepper.agent)
    fresh.restore(unpack(pack(table.stepper.snapshot())))
    again.stepper = fresh
    assert answers(again, rows[110:]) == answers(table, rows[110:])
    assert pack(fresh.snapshot()) == pack(table.stepper.snapshot())


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("flaw", ["no volume", "jump", "no range", "tiny", "huge volume"])
def test_bad_bars_get_a_stated_answer(name: str, flaw: str) -> None:
    rows = wild(19, 130)
    match flaw:
        case "no volume":
            rows[:, 4] = 0.0
        case "jump":
            rows[90:, :4] *= 1.8
        case "no range":
            rows[:, 1] = rows[:, 2] = rows[:, 0] = rows[:, 3]
        case "tiny":
            rows[:, :4] *= 1e-12
        case _:
            rows[100:, 4] *= 1e12
    table = alone(name, **SHORT.get(name, {}))
    for response in answers(table, rows):
        assert all(np.isfinite(value) for _, value in response.reasons)
        assert response.belief is None or min(response.belief) > 1e-3
    assert table.stepper.counters["invalid"] == 0
    is_silent = flaw == "no volume" and name in ("machiavellian", "robin_hood")
    is_silent |= flaw == "no range" and name == "quantum_nash"
    assert (response.belief is None) == is_silent


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_hole_in_the_data_starts_anew(name: str) -> None:
    """After a gap the strategy knows no more than one that begins there, but for its record."""
    rows = wild(23, 220)
    table = alone(name, learning_rate=0.0, **SHORT.get(name, {}))
    answers(table, rows[:90])
    panel = table.stepper.agent.snapshot()["panels"]["SPX"]["strategies"][name]
    table.stepper.agent.forget("SPX")  # type: ignore[attr-defined]
    cleared = table.stepper.agent.snapshot()["panels"]["SPX"]["strategies"][name]
    fresh = alone(name, learning_rate=0.0, **SHORT.get(name, {}))
    fresh.stepper.agent.forget("SPX")  # type: ignore[attr-defined]
    assert pack(cleared) == pack(fresh.stepper.agent.snapshot()["panels"]["SPX"]["strategies"][name])
    assert (pack(panel) != pack(cleared)) == (name not in ("robin_hood", "temporal_biological_nash"))
