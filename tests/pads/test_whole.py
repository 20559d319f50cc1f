"""PADS over many bars: the identity, snapshots, and whether every parameter matters."""

import math
import random
from collections.abc import Sequence
from typing import Any

import pytest

from bus.codec import decode, encode
from bus.message import Envelope
from bus.messages import Action, DecisionMade, OrderProposed, PerformanceFeedback, Phase, RiskAlert
from bus.plain import pack, unpack
from bus.stepper import Stepper
from pads.agent import Pads
from pads.config import PadsConfig
from tests.pads.desk import BULLISH, SECOND_NS, Beliefs, Desk, messages, random_beliefs

SEED = 13
QUIET: Beliefs = dict.fromkeys(BULLISH, ((0.3, 0.4, 0.3), 0.1))


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
            said = desk.round(price, beliefs, symbol, {name: str(units) for name, units in held.items() if units})
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
    return [(envelope.header, envelope.message.model_dump_json()) for envelope in outputs]


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
    first, second = (play(Desk(), walk(150, jump=100), random.Random(SEED)) for _ in range(2))
    assert told(first) == told(second)


@pytest.mark.parametrize("bars", [5, 60, 130])
def test_a_restored_agent_goes_on_exactly_the_same(bars: int) -> None:
    closes = walk(170, jump=110)
    desk, generator = Desk(), random.Random(SEED)
    play(desk, closes[:bars], generator)
    desk.bar(closes[bars], "A")
    desk.book("A")
    copy = Desk()
    copy.stepper = Stepper(Pads("pads", PadsConfig()))
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
    whole = messages(play(Desk(), closes, random.Random(SEED)), DecisionMade)
    part = messages(play(Desk(), closes[:90], random.Random(SEED)), DecisionMade)
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
    {"adaptability_weight": 0.5},
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
    {"phase": {"window": 30}},
    {"phase": {"min_history": 20}},
    {"phase": {"release_rank": 0.5}},
    {"phase": {"conviction": {"growth": 0.7, "conservation": 0.65, "release": 0.75, "reorganization": 0.6}}},
    {"phase": {"conviction": {"growth": 0.55, "conservation": 0.65, "release": 0.55, "reorganization": 0.6}}},
    {"phase": {"appetite": {"growth": 0.2, "conservation": 0.5, "release": 0.3, "reorganization": 0.6}}},
    {"phase": {"appetite": {"growth": 0.7, "conservation": 0.5, "release": 0.6, "reorganization": 0.6}}},
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


@pytest.fixture(scope="module")
def unchanged() -> list[tuple[Any, ...]]:
    return told(scenario({}))


def scenario(change: dict[str, Any]) -> list[Envelope]:
    """Play quiet bars, then a storm."""
    return play(Desk(PadsConfig.model_validate(change)), walk(160, jump=100), random.Random(SEED))


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_every_parameter_changes_some_output(change: dict[str, Any], unchanged: list[tuple[Any, ...]]) -> None:
    base = unchanged
    if change == {"alert": {"factor": 0.05, "floor": 0.3}}:
        base = told(scenario({"alert": {"factor": 0.05}}))
    assert told(scenario(change)) != base


def kept_positions(hedge: dict[str, Any]) -> list[Envelope]:
    """Play quiet bars with mild alerts, then a storm, while a position is kept in one of two related instruments."""
    desk = Desk(PadsConfig.model_validate({"hedge": hedge}))
    generator = random.Random(SEED)
    outputs: list[Envelope] = []
    for number in range(160):
        step = generator.gauss(0.0, 0.01 if number < 100 else 0.04) if number % 2 else 0.0
        close = 100.0 * math.exp(step)
        related = 1000.0 / close * math.exp(generator.gauss(0.0, 0.003))
        desk.reject(desk.round(close, QUIET, "A", {"B": "500"}))
        if number % 10 == 0:
            desk.step(RiskAlert(symbol="B", severity=0.3, source="risk", reason="test"), "risk")
        outputs += desk.round(related, QUIET, "B", {"B": "500"})
        desk.reject(desk.sent)
    return outputs


def test_kept_positions_are_hedged_in_the_storm() -> None:
    made = messages(kept_positions({}), DecisionMade)
    hedges = [each for each in made if each.action is Action.HEDGE]
    assert hedges
    assert {each.phase for each in hedges} == {Phase.RELEASE}


@pytest.mark.parametrize("change", HEDGE_CHANGES, ids=str)
def test_every_parameter_of_hedging_changes_some_output(change: dict[str, Any]) -> None:
    assert told(kept_positions(change)) != told(kept_positions({}))
