"""QUANTUM AMOS as a whole: every layer shows, none sees what it should not, and each can be switched off."""

import math
from collections.abc import Iterator
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.config import Config, Settings
from bus.messages import Action, DecisionResponse, Gap, MarketUpdate, Phase
from bus.plain import pack, unpack
from kernels.arrays import Floats
from market.belief import tilt
from market.choice import choose
from market.factors import FACTORS, LEAST_BARS, Reading
from quantum_amos.affect import coloured
from quantum_amos.agent import QuantumAmos, build
from quantum_amos.config import PartsConfig, ProspectConfig, QuantumAmosConfig
from quantum_amos.intention import Scenarios
from quantum_amos.mind import Mind
from quantum_amos.posterior import belief
from tests.conftest import ROOT
from tests.seats.driver import SYMBOL, Table, bar, mirrored, request, walk

PRIOR = (0.3, 0.4, 0.3)
SWAP = {Action.BUY: Action.SELL, Action.SELL: Action.BUY}
LAYERS = ("mean", "deviation", "resolved", "desire", "affect", "intention", "hold", "lean")


def seat(*, is_quantum: bool = True, **parameters: Any) -> QuantumAmos:
    config = QuantumAmosConfig.model_validate({"window_bars": LEAST_BARS, **parameters})
    return QuantumAmos(config, is_quantum=is_quantum)


def played(table: Table, rows: Floats, **asked: object) -> list[DecisionResponse]:
    return [table.play(row, **asked) for row in rows]


def told(response: DecisionResponse) -> dict[str, float]:
    return dict(response.reasons)


def certain(rows: Floats, slope: float, **parameters: Any) -> Table:
    """Return a table whose seat has seen ``rows`` and has come to be sure that returns are ``slope`` times trend."""
    agent = seat(**parameters)
    table = Table(agent)
    played(table, rows)
    state = agent.snapshot()
    trend, posterior = FACTORS.index("trend"), state["minds"][SYMBOL]["posterior"]
    posterior["state"][0] = 5_000.0
    posterior["state"][1] = 0.0
    posterior["state"][1, trend] = 5_000.0 * slope
    posterior["weights"][:] = 0.01
    posterior["weights"][trend] = 0.93
    agent.restore(state)
    return table


def positions(close: float) -> Iterator[dict[str, Any]]:
    """Ask about no position, a gain, a loss and a short one, in and out of release."""
    for exposure, gain in ((0.0, 0.0), (0.05, 0.0), (0.05, 0.03), (0.05, -0.08), (-0.06, 0.01)):
        for phase in (Phase.GROWTH, Phase.RELEASE):
            for drawdown, appetite in ((0.0, 0.7), (0.05, 0.4), (0.149, 0.7)):
                yield {
                    "position": Decimal(int(exposure * 1_000)),
                    "exposure": exposure,
                    "entry_price": Decimal(repr(close * math.exp(-gain))) if exposure else Decimal(0),
                    "phase": phase,
                    "drawdown": drawdown,
                    "appetite": appetite,
                }


def test_every_layer_shows_in_the_reasons() -> None:
    table = Table(seat())
    response = played(table, walk(3, 90))[-1]
    names = [name for name, _ in response.reasons]
    assert names == [*(name for name in FACTORS if name not in ("sentiment", "correlation")), *LAYERS]
    found = told(response)
    assert sum(value for name, value in response.reasons if name in FACTORS) == pytest.approx(found["mean"])
    assert 0.0 < found["resolved"] < 1.0
    assert 0.0 < found["hold"] < 1.0


def test_confidence_is_credibility_times_certainty_coloured_by_mood() -> None:
    agent = seat()
    response = played(Table(agent), walk(3, 90))[-1]
    found = told(response)
    assert found["affect"] != 0.0
    assert response.confidence == coloured(found["resolved"] * agent.credibility(SYMBOL), found["affect"], 0.5)


def test_without_fusion_the_belief_is_the_posterior() -> None:
    table = Table(seat(parts={"fusion": 0.0}))
    rows = walk(3, 90)
    played(table, rows[:-1])
    response = table.play(rows[-1], prior=PRIOR, band=0.004)
    found, sigma = told(response), table.stepper.snapshot()["agent"]["factors"]["tracks"][SYMBOL]["values"][13]
    assert "lean" not in found
    assert response.belief == belief(PRIOR, found["mean"], found["deviation"] ** 2, 0.004 / sigma)


def test_the_fusion_leans_with_the_forecast_and_more_so_with_interference() -> None:
    rows = walk(5, 160, persistence=0.6)
    leans = {}
    for is_quantum in (True, False):
        response = played(Table(seat(is_quantum=is_quantum)), rows)[-1]
        leans[is_quantum] = told(response)["lean"]
        assert math.copysign(1.0, leans[is_quantum]) == math.copysign(1.0, told(response)["mean"])
    assert abs(leans[True]) > 1.5 * abs(leans[False])


def test_what_the_firm_owns_and_wants_moves_the_choice_and_never_the_belief() -> None:
    rows = walk(7, 120)
    table = certain(rows, 3.0)
    answers = [_ask(table, 119, **asked) for asked in positions(float(rows[-1, 3]))]
    assert len({(each.belief, each.confidence) for each in answers}) == 1
    assert len({each.choice for each in answers}) > 2
    assert len({told(each)["intention"] for each in answers}) > 10


def test_every_action_is_chosen_by_some_input() -> None:
    rows = walk(7, 120)
    close = float(rows[-1, 3])
    reached: set[Action] = set()
    for slope in (-3.0, -0.1, 0.0, 0.1, 3.0):
        table = certain(rows, slope)
        for asked in positions(close):
            reached.add(_ask(table, 119, **asked).choice)
    assert reached == set(Action)


def test_a_question_asked_again_changes_nothing() -> None:
    rows = walk(11, 200)
    quiet, nagged = Table(seat()), Table(seat())
    situations = cycle(positions(100.0))
    for number, row in enumerate(rows):
        expected = quiet.play(row)
        assert nagged.play(row) == expected
        for each in range(3):
            question = request(number, settled=len(nagged.played), **_positional(next(situations)))
            nagged.hand(question.model_copy(update={"round_id": f"{SYMBOL}-{number}-ask{each}"}))
    assert pack(_minds(nagged)) == pack(_minds(quiet))


def test_a_mirrored_market_and_position_give_the_mirrored_answer() -> None:
    rows = walk(13, 260, persistence=0.4)
    ups, downs = Table(seat()), Table(seat())
    for row, other, asked in zip(rows, mirrored(rows), cycle(positions(100.0)), strict=False):
        opposite = {
            **asked,
            "position": -asked["position"],
            "exposure": -asked["exposure"],
            "entry_price": 1 / asked["entry_price"] if asked["entry_price"] else Decimal(0),
        }
        one, two = ups.play(row, **asked), downs.play(other, **opposite)
        if one.belief is None or two.belief is None:
            continue
        assert one.belief == pytest.approx(two.belief[::-1], abs=1e-9)
        assert one.confidence == pytest.approx(two.confidence, abs=1e-9)
        assert two.choice is SWAP.get(one.choice, one.choice)


def test_prices_that_never_moved_leave_the_prior() -> None:
    responses = played(Table(seat()), np.tile([100.0, 100.0, 100.0, 100.0, 50.0], (LEAST_BARS + 5, 1)), prior=PRIOR)
    for response in responses[LEAST_BARS:]:
        assert (response.belief, response.confidence, response.choice) == (PRIOR, 0.0, Action.HOLD)
        assert response.reasons == (("still", 1.0),)


def test_a_position_whose_stake_is_not_told_is_left_to_the_common_rule() -> None:
    table = certain(walk(7, 120), 3.0)
    for prior in (PRIOR, tilt(PRIOR, 0.6), tilt(PRIOR, -0.6)):
        response = _ask(table, 119, position=Decimal(5), prior=prior)
        assert response.belief is not None
        assert response.choice is choose(response.belief, prior, Decimal(5), Phase.GROWTH)
        assert "intention" not in told(response)


def test_a_hole_in_the_bars_ends_the_commitment() -> None:
    table = Table(seat())
    played(table, walk(17, 90))
    assert _minds(table)[SYMBOL]["commitment"] is not None
    table.hand(Gap(sender="market", stream=MarketUpdate.KIND, first=91, last=91))
    assert _minds(table)[SYMBOL]["commitment"] is None


def test_the_commitment_outlasts_small_changes() -> None:
    rows, bold, cautious = walk(19, 200), Table(seat(reconsideration=0.2)), Table(seat(reconsideration=0.0))
    changes = {"bold": 0, "cautious": 0}
    for number, row in enumerate(rows):
        before = [_committed(table) for table in (bold, cautious)]
        for table in (bold, cautious):
            table.play(row)
        if number >= LEAST_BARS:
            changes["bold"] += _committed(bold) != before[0]
            changes["cautious"] += _committed(cautious) != before[1]
    assert changes["cautious"] == 200 - LEAST_BARS
    assert 10 < changes["bold"] < 100


def test_a_restored_seat_goes_on_to_the_last_bit_with_positions_and_moods() -> None:
    rows = walk(23, 220, persistence=0.3)
    table, twin = Table(seat(), horizon=5), Table(seat(), horizon=5)
    played(table, rows[:150])
    played(twin, rows[:150])
    twin.stepper.agent.restore(unpack(pack(table.stepper.agent.snapshot())))
    for row, asked in zip(rows[150:], cycle(positions(100.0)), strict=False):
        assert twin.play(row, **asked) == table.play(row, **asked)
    assert pack(twin.stepper.agent.snapshot()) == pack(table.stepper.agent.snapshot())


ALTERNATIVES: dict[str, Any] = {
    "window_bars": LEAST_BARS + 3,
    "initial_confidence": 0.5,
    "score_discount": 0.9,
    "volatility_decay": 0.8,
    "prior_variance": 0.5,
    "forgetting": 0.9,
    "noise_rounds": 5.0,
    "outlier_sigmas": 0.5,
    "learning_rate": 0.5,
    "risk_budget": 0.001,
    "max_exposure": 0.05,
    "drawdown_budget": 0.3,
    "scenarios": 11,
    "cost_bps": 20.0,
    "release_cost": 5.0,
    "hedge_share": 0.3,
    "reconsideration": 0.0,
    "mood_decay": 0.5,
    "quantum": False,
    "parts.affect": 0.0,
    "parts.intention": 0.0,
    "parts.fusion": 0.0,
    "prospect.alpha": 0.5,
    "prospect.beta": 0.5,
    "prospect.loss_aversion": 1.0,
    "prospect.gamma": 1.0,
    "prospect.delta": 1.0,
}


def test_every_parameter_but_the_threshold_of_alerts_has_an_alternative() -> None:
    """A danger in the market is not among what this seat looks for."""
    fields = QuantumAmosConfig.model_fields
    tables: dict[str, type[Config]] = {"parts": PartsConfig, "prospect": ProspectConfig}
    nested = [f"{name}.{each}" for name, table in tables.items() for each in table.model_fields]
    assert set(ALTERNATIVES) == {*fields, *nested} - {*tables, "alert_severity"}


@pytest.fixture(scope="module")
def usual() -> list[DecisionResponse]:
    return _cycled(seat())


def _cycled(agent: QuantumAmos) -> list[DecisionResponse]:
    table = Table(agent)
    return [table.play(row, **asked) for row, asked in zip(walk(29, 130), cycle(positions(100.0)), strict=False)]


@pytest.mark.parametrize("field", ALTERNATIVES)
def test_every_parameter_changes_an_answer(field: str, usual: list[DecisionResponse]) -> None:
    name, _, inner = field.partition(".")
    changed: dict[str, Any] = {name: {inner: ALTERNATIVES[field]} if inner else ALTERNATIVES[field]}
    assert _cycled(seat(**changed)) != usual


def test_the_quantum_switch_changes_an_answer(usual: list[DecisionResponse]) -> None:
    assert _cycled(seat(is_quantum=False)) != usual


def test_a_market_of_long_drifts_is_found() -> None:
    rng = np.random.default_rng(5)
    drift = np.repeat(rng.choice([-1.0, 1.0], 40) * 0.006, 50)
    rows = walk(6, 2_000)
    factor = np.exp(np.cumsum(drift))
    rows[:, :4] *= factor[:, None]
    table = Table(seat())
    responses = played(table, rows)
    gains = [each.gain for each in table.played if each.gain is not None]
    assert sum(gains[500:]) / len(gains[500:]) > 0.01
    assert responses[LEAST_BARS - 1].confidence == 0.0
    assert max(each.confidence for each in responses[-200:]) > 0.5


def test_a_mood_darkens_when_published_leans_lose() -> None:
    """A seat sure of the wrong sign loses by it; one sure of the right sign gains by it."""
    rows, moods = walk(31, 160), {}
    rows[:, :4] *= np.exp(0.01 * np.arange(160))[:, None]
    for slope in (3.0, -3.0):
        table = certain(rows[:100], slope, forgetting=1.0)
        moods[slope] = told(played(table, rows[100:])[-1])["affect"]
    assert moods[3.0] > 0.0 > moods[-3.0]


@settings(deadline=None, max_examples=60)
@given(
    factors=st.lists(st.floats(-1, 1), min_size=8, max_size=8),
    present=st.lists(st.booleans(), min_size=8, max_size=8),
    sigma=st.sampled_from([1e-160, 1e-9, 0.01, 0.6]),
    band=st.sampled_from([1e-12, 0.005, 2.0]),
    exposure=st.sampled_from([0.0, 1e-9, 0.05, -0.05, -3.0]),
    entry_price=st.sampled_from(["0", "1e-90", "100", "180", "1e90"]),
    realized=st.floats(-1.6, 0.6),
    phase=st.sampled_from(Phase),
)
def test_whatever_is_measured_is_answered(
    factors: list[float],
    present: list[bool],
    sigma: float,
    band: float,
    exposure: float,
    entry_price: str,
    realized: float,
    phase: Phase,
) -> None:
    """A jump of 80 % either way, stillness, absent factors, strange positions: always a belief and a choice."""
    config = QuantumAmosConfig()
    mind = Mind(config, Scenarios(config.scenarios), is_quantum=True)
    reading = Reading(9, np.array(factors), tuple(present), np.zeros(10), sigma)
    asked = request(
        9,
        band=band,
        position=Decimal(int(math.copysign(5, exposure)) if exposure else 0),
        exposure=exposure,
        entry_price=Decimal(entry_price),
        phase=phase,
    )
    mind.observe(reading)
    for _ in range(3):
        view = mind.view(asked, reading, 100.0, 0.4)
        assert view.belief is not None
        assert sum(view.belief) == pytest.approx(1.0, abs=1e-12)
        assert min(view.belief) > 0.0
        assert 0.0 <= view.confidence <= 1.0
        assert all(math.isfinite(value) for _, value in view.reasons)
        mind.learn(view.evidence, realized, 1)


@pytest.mark.parametrize("quantum", [True, False])
def test_the_firm_switches_the_quantum_part(quantum: bool, tmp_path: Path) -> None:
    built = build(Settings.load(ROOT / "configs", tmp_path, {"models": {"quantum": quantum}}))
    assert isinstance(built, QuantumAmos)
    rows = walk(41, 100)
    assert played(Table(built), rows) == played(Table(seat(is_quantum=quantum)), rows)
    assert played(Table(seat(is_quantum=not quantum)), rows) != played(Table(seat(is_quantum=quantum)), rows)


def _positional(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if name != "appetite"}


def _ask(table: Table, number: int, **asked: Any) -> DecisionResponse:
    question = request(number, settled=len(table.played)).model_copy(update=asked)
    (response,) = table.hand(question)
    assert isinstance(response, DecisionResponse)
    return response


def _minds(table: Table) -> dict[str, Any]:
    minds: dict[str, Any] = table.stepper.agent.snapshot()["minds"]
    return minds


def _committed(table: Table) -> list[float] | None:
    commitment = _minds(table).get(SYMBOL, {}).get("commitment")
    return None if commitment is None else list(commitment[0])


def test_bars_without_an_answer_leave_nothing_behind() -> None:
    agent = seat()
    table = Table(agent)
    for number, row in enumerate(walk(37, LEAST_BARS - 1)):
        table.hand(bar(number, row))
    assert agent.snapshot()["minds"] == {}
