"""PADS over many bars: the identity, snapshots, and whether every parameter matters."""

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from bus.codec import decode, encode
from bus.message import Envelope
from bus.messages import Action, DecisionMade, OrderProposed, PerformanceFeedback, Phase, RiskAlert
from bus.plain import pack, unpack
from bus.stepper import Stepper
from pads.agent import Pads
from pads.config import PadsConfig
from tests.keys import VERIFIER
from tests.pads.desk import BULLISH, ROOMY, SECOND_NS, SHORT, Desk, crash, drifting, messages, random_beliefs

SEED = 13


def play(desk: Desk, closes: Sequence[float], generator: random.Random, start: int = 0) -> list[Envelope]:
    """Play bars of two instruments with random beliefs, a moving book, alerts, missing seats and lost answers."""
    outputs: list[Envelope] = []
    held = {"A": 0, "B": 0}
    for number, close in enumerate(closes, start):
        for symbol, price in (("A", close), ("B", 1000.0 / close * math.exp(generator.gauss(0.0, 0.003)))):
            beliefs = dict(random_beliefs(generator))
            if generator.random() < 0.05:
                beliefs.pop(generator.choice(sorted(beliefs)))
            if generator.random() < 0.15:
                alert = RiskAlert(symbol="*", severity=generator.random(), source="risk", reason="test")
                outputs += desk.step(alert, "risk")
            phases = {seat: generator.choice(list(Phase)) for seat in BULLISH if generator.random() < 0.1}
            severities = {seat: generator.random() for seat in BULLISH if generator.random() < 0.05}
            positions = {name: str(units) for name, units in held.items() if units}
            said = desk.round(price, beliefs, symbol, positions, suspected=phases, severities=severities)
            said += desk.pass_time(generator.choice([0.0, 0.5, 4.0]))
            for proposed in messages(said, OrderProposed):
                held[proposed.order.symbol] += int(proposed.order.signed_quantity)
            if generator.random() < 0.9:
                said += desk.reject(said)
            if number % 40 == 0:
                said += desk.ask("A")
            outputs += said + desk.pass_time(3.0)
    return outputs


def walk(bars: int, seed: int = SEED, jump: int | None = None) -> list[float]:
    generator = random.Random(seed)
    closes = [100.0]
    for number in range(bars - 1):
        scale = 0.04 if jump is not None and number >= jump else 0.01
        closes.append(closes[-1] * math.exp(generator.gauss(0.0, scale)))
    return closes


def told(outputs: Sequence[Envelope]) -> list[tuple[Any, ...]]:
    return [(envelope.header, envelope.message) for envelope in outputs]


def test_the_identity_holds_after_every_settled_round_of_real_bars(sp500_closes: list[float]) -> None:
    desk = Desk()
    generator = random.Random(SEED)
    for close in sp500_closes[-500:]:
        desk.reject(desk.round(close, random_beliefs(generator)))
        desk.pass_time(3.0)
    settled = messages(desk.sent, PerformanceFeedback)
    made = {each.decision_id: each for each in messages(desk.sent, DecisionMade)}
    assert len(settled) == 500 - 20 - 5
    assert [each.settled for each in settled] == list(range(1, len(settled) + 1))
    assert max(each.identity_error for each in settled) < 1e-9
    outcomes = ["down", "flat", "up"]
    for feedback in settled:
        decision = made[feedback.decision_id]
        k = outcomes.index(feedback.outcome)
        gained = math.fsum(score.profit for score in feedback.scores if score.member != "market_maker")
        expected = decision.liquidity * math.log(decision.price[k] / decision.prior[k])
        assert gained == pytest.approx(expected, rel=0, abs=1e-9)


def test_a_replay_says_the_same() -> None:
    first, second = (play(Desk(configured({}), ROOMY), walk(150, jump=100), random.Random(SEED)) for _ in range(2))
    assert told(first) == told(second)


@pytest.mark.parametrize("bars", [5, 60, 130])
def test_a_restored_agent_goes_on_exactly_the_same(bars: int) -> None:
    closes = walk(170, jump=110)
    desk, generator = Desk(configured({}), ROOMY), random.Random(SEED)
    play(desk, closes[:bars], generator)
    desk.bar(closes[bars], "A")
    desk.book("A")
    copy = Desk()
    copy.stepper = Stepper(Pads("pads", configured({}), ROOMY, VERIFIER))
    copy.stepper.restore(unpack(pack(desk.stepper.snapshot())))
    for name in ("now_ns", "version", "_ids"):
        setattr(copy, name, getattr(desk, name))
    copy._bars = dict(desk._bars)
    seeds = generator.getstate()
    rest = []
    for each in (desk, copy):
        generator.setstate(seeds)
        early = each.pass_time(4.0)
        each._bars["A"] -= 1
        rest.append(told(early + play(each, closes[bars:], generator)))
    assert rest[0] == rest[1]
    assert len(rest[0]) > 100
    assert pack(desk.stepper.snapshot()) == pack(copy.stepper.snapshot())


def test_everything_said_crosses_the_wire_unchanged() -> None:
    for envelope in play(Desk(), walk(60), random.Random(SEED)):
        back = decode(encode(envelope.header, envelope.message))
        assert (back.header, back.message) == (envelope.header, envelope.message)


def test_what_is_decided_does_not_depend_on_the_clock() -> None:
    decided = []
    for start in (SECOND_NS, 1_700_000_000 * SECOND_NS):
        desk = Desk()
        desk.now_ns = start
        outputs = play(desk, walk(80), random.Random(SEED))
        decided.append([made.model_dump_json() for made in messages(outputs, DecisionMade)])
    assert decided[0] == decided[1]


def test_later_bars_change_no_earlier_decision() -> None:
    closes = walk(120, jump=100)
    whole = messages(play(Desk(configured({}), ROOMY), closes, random.Random(SEED)), DecisionMade)
    part = messages(play(Desk(configured({}), ROOMY), closes[:90], random.Random(SEED)), DecisionMade)
    assert whole[: len(part)] == part


HEDGE_CHANGES: list[dict[str, Any]] = [
    {"severity": 0.2},
    {"min_correlation": 0.9999},
    {"min_returns": 130},
    {"decay": 0.7},
]
CHANGES: list[dict[str, Any]] = [
    {"stakes": {"qbmia": {"member": "qar", "weight": 0.9}, "quasar": {"member": "qstar", "weight": 0.1}}},
    {"consensus_weight": 0.5},
    {"consensus_weight": 0.0},
    {"adaptability_weight": 0.5},
    {"adaptability_weight": 0.0},
    {"quorum": 3},
    {"decision_timeout_s": 0.3},
    {"answer_timeout_s": 0.1},
    {"horizon": 3},
    {"kappa": 1.0},
    {"volatility_decay": 0.8},
    {"volatility_min_returns": 30},
    {"prior_discount": 0.9},
    {"liquidity": 10.0},
    {"alpha": 0.2},
    {"reweigh": 0.5},
    {"panarchy": {"fast": 6}},
    {"panarchy": {"meso": 20}},
    {"panarchy": {"slow": 40}},
    {"panarchy": {"scale": "fast"}},
    {"panarchy": {"history": 20}},
    {"panarchy": {"min_history": 20}},
    {"panarchy": {"connectedness": "level"}},
    {"panarchy": {"least_score": 0.6}},
    {"panarchy": {"margin": 0.3}},
    {"panarchy": {"revolt": 0.0}},
    {"panarchy": {"remember": 1.0}},
    *({"phase": {"conviction": {each.value: 0.9}}} for each in (Phase.CONSERVATION, Phase.RELEASE)),
    *({"phase": {"appetite": {each.value: 0.05}}} for each in Phase),
    {"alert": {"severity": 0.3}},
    {"alert": {"factor": 0.2}},
    {"alert": {"factor": 0.05, "floor": 0.3}},
    {"alert": {"recovery": 0.2}},
    {"alert": {"cut": 0.9}},
    {"sizing": {"kelly_fraction": 0.005}},
    {"sizing": {"cost_bps": 40.0}},
    {"sizing": {"max_position_fraction": 0.03}},
    {"sizing": {"min_trade_fraction": 0.05}},
    {"sizing": {"allow_short": False}},
    {"sizing": {"lot": "3"}},
]
INFORMED_CHANGES: list[dict[str, Any]] = [
    *({"styles": {style: {key: 0.4}}} for style in ("cautious", "balanced", "bold") for key in ("kelly", "conviction")),
    *({"styles": {style: {key: 0.2}}} for style in ("cautious", "balanced", "bold") for key in ("position", "band")),
    {"styles": {"decay": 0.8}},
    {"styles": {"min_rounds": 20}},
    {"styles": {"good": 0.2}},
    {"styles": {"poor": -0.2}},
    {"styles": {"patience": 10}},
    {"phase": {"conviction": {"reorganization": 0.9}}},
    {"phase": {"conviction": {"growth": 0.9}}},
    {"swan": {"probability": 0.0}},
    {"swan": {"window": 50}},
    {"swan": {"min_returns": 90}},
    {"swan": {"tail": 0.5}},
]


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with the keys of ``change`` set, nested tables merged; stakes are taken whole."""
    result = dict(base)
    for key, value in change.items():
        is_table = isinstance(value, dict) and key != "stakes" and key in result
        result[key] = merged(result[key], value) if is_table else value
    return result


def configured(change: Mapping[str, Any]) -> PadsConfig:
    """Return the defaults with short scales, without care, which would end what others are to end, and ``change``."""
    base = merged(PadsConfig().model_dump(), {**SHORT, "care": {"enabled": False}})
    return PadsConfig.model_validate(merged(base, change))


@pytest.fixture(scope="module")
def unchanged() -> list[tuple[Any, ...]]:
    return told(scenario({}))


def scenario(change: Mapping[str, Any]) -> list[Envelope]:
    """Play quiet bars, then a storm."""
    return play(Desk(configured(change), ROOMY), walk(130, jump=80), random.Random(SEED))


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_every_parameter_changes_some_output(change: dict[str, Any], unchanged: list[tuple[Any, ...]]) -> None:
    base = unchanged
    if change == {"alert": {"factor": 0.05, "floor": 0.3}}:
        base = told(scenario({"alert": {"factor": 0.05}}))
    assert told(scenario(change)) != base


def informed(change: Mapping[str, Any]) -> list[Envelope]:
    """Play seats that are right more often than not, later wrong, in a market that jumps now and then."""
    swan = {"swan": {"probability": 0.005, "window": 100, "min_returns": 50, "tail": 0.25}}
    base = swan | {"styles": {"min_rounds": 10, "patience": 2}, "sizing": {"kelly_fraction": 0.004}}
    desk = Desk(configured(merged(base, change)), ROOMY)
    generator = random.Random(SEED)
    closes = drifting(240, SEED, scale=0.01)
    for bar, factor in ((80, 0.85), (100, 1.2), (115, 0.85), (140, 1.2), (180, 0.85), (210, 1.2)):
        closes[bar:] = [close * factor for close in closes[bar:]]
    held = Decimal(0)
    outputs: list[Envelope] = []
    for number in range(235):
        is_told = generator.random() < (0.8 if number < 120 else 0.2)
        is_up = (closes[number + 5] > closes[number]) == is_told
        belief = (0.1, 0.2, 0.7) if is_up else (0.7, 0.2, 0.1)
        said = desk.round(closes[number], dict.fromkeys(BULLISH, (belief, 0.9)), positions={"X": str(held)})
        held += sum((each.order.signed_quantity for each in messages(said, OrderProposed)), Decimal(0))
        outputs += said + desk.reject(said)
    return outputs


@pytest.fixture(scope="module")
def informed_unchanged() -> list[Envelope]:
    return informed({})


def test_styles_and_swans_come_and_go(informed_unchanged: list[Envelope]) -> None:
    made = messages(informed_unchanged, DecisionMade)
    assert {each.style for each in made} == {"cautious", "balanced", "bold"}
    changes = sum(one.style != other.style for one, other in itertools.pairwise(made))
    assert changes < 30
    swans = [each for each in made if "black swan" in each.choice_reason]
    assert swans
    assert {each.action for each in swans} == {Action.EXIT}


@pytest.mark.parametrize("change", INFORMED_CHANGES, ids=str)
def test_every_parameter_of_what_informed_seats_bring_about_changes_some_output(
    change: dict[str, Any], informed_unchanged: list[Envelope]
) -> None:
    assert told(informed(change)) != told(informed_unchanged)


def kept_positions(hedge: dict[str, Any]) -> list[Envelope]:
    """Play quiet bars with mild alerts, then a crash, while a position is kept in one of two related instruments."""
    desk = Desk(configured({"hedge": hedge}), ROOMY)
    generator = random.Random(SEED)
    quiet = drifting(150, SEED)
    outputs: list[Envelope] = []
    for number, close in enumerate([*quiet, *crash(quiet[-1], 8)]):
        related = 1000.0 / close * math.exp(generator.gauss(0.0, 0.003))
        desk.reject(desk.round(related, None, "A", {"B": "50"}))
        if number % 10 == 0:
            desk.step(RiskAlert(symbol="B", severity=0.3, source="risk", reason="test"), "risk")
        outputs += desk.round(close, None, "B", {"B": "50"})
        desk.reject(desk.sent)
    return outputs


@pytest.fixture(scope="module")
def kept_unchanged() -> list[Envelope]:
    return kept_positions({})


def test_kept_positions_are_hedged_in_release(kept_unchanged: list[Envelope]) -> None:
    made = messages(kept_unchanged, DecisionMade)
    hedges = [each for each in made if each.action is Action.HEDGE]
    assert hedges
    assert {each.phase for each in hedges} == {Phase.RELEASE}


@pytest.mark.parametrize("change", HEDGE_CHANGES, ids=str)
def test_every_parameter_of_hedging_changes_some_output(change: dict[str, Any], kept_unchanged: list[Envelope]) -> None:
    assert told(kept_positions(change)) != told(kept_unchanged)
