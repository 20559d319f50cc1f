"""A seat of several replicas, as PADS sees it: whom it asks, whom it asks again, and that either answer will do."""

import random
from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.message import Envelope
from bus.messages import DecisionMade, DecisionRequest, Heard, Left, PerformanceFeedback, Silent
from bus.plain import pack, unpack
from bus.stepper import Stepper
from pads.replication import ReplicatedPads
from pads.roster import ranked
from tests.keys import VERIFIER
from tests.pads.desk import (
    BULLISH,
    LIMITS,
    NEUTRAL,
    SECOND_NS,
    Beliefs,
    Desk,
    decision,
    drifting,
    messages,
    of,
    random_beliefs,
    response_of,
)

PAIR: Final = ("qbmia", "qbmia-2")
FIRST, SECOND = ranked("X", PAIR)
"""Who owns X, and who does when that one is gone."""
NEWS: Final[Sequence[Heard | Silent | Left]] = [
    news for name in PAIR for news in (Heard(agent=name), Silent(agent=name, since_ns=1), Left(agent=name))
]


class Pair(Desk):
    """A desk at which QBMIA has two replicas; each puts into its evidence which question it answered."""

    def __init__(self) -> None:
        super().__init__()
        self.stepper = Stepper(ReplicatedPads("pads", self.config, LIMITS, VERIFIER, {"qbmia": PAIR}))

    @property
    def is_warm(self) -> bool:
        """Whether the next bar is asked about: its volatility is defined."""
        return self.version >= self.config.volatility_min_returns

    def tell(self, notice: Heard | Silent | Left) -> list[Envelope]:
        """Hand PADS a notice of its runtime."""
        outputs = self.stepper.notice(notice, self.now_ns)
        self.sent.extend(outputs)
        return outputs

    def say(
        self, replica: str, asked: DecisionRequest, beliefs: Beliefs, *, is_whole: bool = True, severity: float = 0.0
    ) -> list[Envelope]:
        """Answer as a replica of QBMIA."""
        said = response_of(asked, *beliefs["qbmia"], severity=severity)
        return self.step(said.model_copy(update={"evidence": asked.round_id.encode(), "is_whole": is_whole}), replica)

    def put(self, close: float, beliefs: Beliefs) -> tuple[list[Envelope], DecisionRequest]:
        """Play a bar up to the question that QBMIA has not answered; return what was said, and the question."""
        outputs = self.bar(close) + self.book()
        asked = {each.header.recipient: each.message for each in of(outputs, DecisionRequest)}
        for seat in ("quasar", "quantum_amos"):
            question = asked[seat]
            assert isinstance(question, DecisionRequest)
            outputs += self.answer(seat, question, *beliefs[seat])
        replica = asked.get(FIRST) or asked[SECOND]
        assert isinstance(replica, DecisionRequest)
        return outputs, replica

    def whole_round(self, close: float, beliefs: Beliefs) -> list[Envelope]:
        """Play a bar that is answered by whoever is asked."""
        outputs, asked = self.put(close, beliefs)
        [replica] = {each.header.recipient for each in of(outputs, DecisionRequest)} & set(PAIR)
        return outputs + self.say(str(replica), asked, beliefs)


@pytest.fixture
def pair() -> Pair:
    desk = Pair()
    for close in drifting(25):
        desk.reject(desk.whole_round(close, NEUTRAL) if desk.is_warm else desk.round(close, NEUTRAL))
    return desk


def recipients(outputs: Sequence[Envelope]) -> list[str | None]:
    return [each.header.recipient for each in of(outputs, DecisionRequest)]


def test_the_owner_is_asked_and_told_what_its_seat_said_last(pair: Pair) -> None:
    outputs, asked = pair.put(101.0, BULLISH)
    assert sorted(map(str, recipients(outputs))) == sorted((FIRST, "quantum_amos", "quasar"))
    assert asked.told == 0.0
    assert [each.told for each in messages(outputs, DecisionRequest)].count(None) == 2
    pair.reject(pair.say(FIRST, asked, BULLISH, severity=0.4))
    _, asked = pair.put(102.0, BULLISH)
    assert asked.told == 0.4


@pytest.mark.parametrize("notice", [Silent(agent=FIRST, since_ns=1), Left(agent=FIRST)])
def test_a_round_goes_on_with_the_next_owner_within_its_deadline(pair: Pair, notice: Silent | Left) -> None:
    _, asked = pair.put(101.0, BULLISH)
    pair.pass_time(1.5)
    [again] = of(pair.tell(notice), DecisionRequest)
    assert (again.header.recipient, again.header.ttl_ms, again.message) == (SECOND, 1_500, asked)
    assert decision(pair.say(SECOND, asked, BULLISH)).is_quorate
    late = pair.say(FIRST, asked, BULLISH)
    assert messages(late, DecisionMade) == []
    assert pair.stepper.agent.report()["responses_late"] == 1
    assert pair.stepper.agent.report()["asked_again"] == 1


def test_the_first_of_two_answers_counts(pair: Pair) -> None:
    outputs = pair.bar(101.0) + pair.book()
    asked = next(each.message for each in of(outputs, DecisionRequest) if each.header.recipient == FIRST)
    assert isinstance(asked, DecisionRequest)
    pair.tell(Silent(agent=FIRST, since_ns=1))
    assert pair.say(FIRST, asked, BULLISH) == []
    assert pair.say(SECOND, asked, BULLISH) == []
    assert pair.stepper.agent.report()["responses_duplicate"] == 1


def test_symbols_move_while_the_owner_is_gone_and_back_when_it_returns(pair: Pair) -> None:
    def owner() -> set[str | None]:
        outputs, asked = pair.put(100.0, NEUTRAL)
        [replica] = set(recipients(outputs)) & set(PAIR)
        pair.reject(pair.say(str(replica), asked, NEUTRAL))
        return {replica}

    assert owner() == {FIRST}
    pair.tell(Silent(agent=FIRST, since_ns=1))
    assert owner() == {SECOND}
    pair.tell(Heard(agent=FIRST))
    assert owner() == {FIRST}


def test_nobody_is_asked_again_who_could_not_answer_in_time(pair: Pair) -> None:
    pair.put(101.0, BULLISH)
    pair.now_ns += 3 * SECOND_NS
    assert of(pair.tell(Silent(agent=FIRST, since_ns=1)), DecisionRequest) == []


def test_with_both_gone_the_first_that_returns_is_asked(pair: Pair) -> None:
    _, asked = pair.put(101.0, BULLISH)
    pair.tell(Silent(agent=SECOND, since_ns=1))
    assert pair.tell(Silent(agent=FIRST, since_ns=1)) == []
    [again] = of(pair.tell(Heard(agent=SECOND)), DecisionRequest)
    assert (again.header.recipient, again.message) == (SECOND, asked)


def test_evidence_of_a_seat_without_replicas_goes_nowhere(pair: Pair) -> None:
    outputs = pair.bar(101.0) + pair.book()
    for each in of(outputs, DecisionRequest):
        assert isinstance(each.message, DecisionRequest)
        name = str(each.header.recipient)
        said = response_of(each.message, *BULLISH["qbmia" if name in PAIR else name])
        outputs += pair.step(said.model_copy(update={"evidence": b"own", "is_whole": name in PAIR}), name)
    pair.reject(outputs)
    told = [each for close in drifting(5, close=101.0) for each in pair.whole_round(close, NEUTRAL)]
    [settled] = [
        each for each in messages(told, PerformanceFeedback) if each.decision_id == decision(outputs).decision_id
    ]
    assert settled.evidence == (("qbmia", b"own"),)
    assert pair.stepper.agent.report()["replicas_partial"] == 0


def test_the_silence_of_anyone_else_moves_nothing(pair: Pair) -> None:
    pair.put(101.0, BULLISH)
    assert pair.tell(Silent(agent="risk", since_ns=1)) + pair.tell(Left(agent="quasar")) == []
    assert pair.stepper.agent.report()["replicas_absent"] == 0


def test_a_replica_that_is_not_whole_passes_the_question_on(pair: Pair) -> None:
    _, asked = pair.put(101.0, BULLISH)
    [again] = of(pair.say(FIRST, asked, NEUTRAL, is_whole=False), DecisionRequest)
    assert again.header.recipient == SECOND
    outputs = pair.say(SECOND, asked, BULLISH)
    pair.reject(outputs)
    assert next(view.belief for view in decision(outputs).members if view.member == "qar") == BULLISH["qbmia"][0]
    assert recipients(pair.put(102.0, BULLISH)[0])[0] == SECOND


def test_where_none_is_whole_the_answer_there_is_counts(pair: Pair) -> None:
    _, asked = pair.put(101.0, BULLISH)
    pair.say(FIRST, asked, NEUTRAL, is_whole=False)
    made = decision(pair.say(SECOND, asked, BULLISH, is_whole=False))
    assert next(view.belief for view in made.members if view.member == "qar") == BULLISH["qbmia"][0]


def test_what_the_seat_will_learn_from_comes_back_with_the_feedback(pair: Pair) -> None:
    first = pair.put(101.0, BULLISH)[1]
    pair.reject(pair.say(FIRST, first, BULLISH))
    unanswered = pair.put(101.5, BULLISH)[1]
    pair.pass_time(3.0)
    told = {}
    for close in drifting(6, close=101.0):
        for feedback in messages(pair.whole_round(close, NEUTRAL), PerformanceFeedback):
            told[feedback.decision_id] = feedback.evidence
    assert told[first.round_id] == (("qbmia", first.round_id.encode()),)
    assert told[unanswered.round_id] == (("qbmia", b""),)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_whoever_answers_the_decisions_are_those_of_one_process(seed: int) -> None:
    chance = random.Random(seed)
    alone, pair = Desk(), Pair()
    for close in drifting(45, seed):
        beliefs = random_beliefs(chance)
        single = alone.round(close, beliefs)
        alone.reject(single)
        if chance.random() < 0.3:
            pair.tell(chance.choice(NEWS))
        outputs = pair.bar(close) + pair.book()
        if chance.random() < 0.3:
            outputs += pair.tell(chance.choice(NEWS))
        if chance.random() < 0.2:
            state = unpack(pack(pair.stepper.snapshot()))
            pair.stepper = Pair().stepper
            pair.stepper.restore(state)
        answered: set[str] = set()
        for each in of(outputs, DecisionRequest):
            name = str(each.header.recipient)
            assert isinstance(each.message, DecisionRequest)
            if name in PAIR:
                outputs += pair.say(name, each.message, beliefs)
            elif name not in answered:
                outputs += pair.answer(name, each.message, *beliefs[name])
            answered.add(name)
        pair.reject(outputs)
        assert messages(outputs, DecisionMade) == messages(single, DecisionMade)
        settled = [each.model_copy(update={"evidence": ()}) for each in messages(outputs, PerformanceFeedback)]
        assert settled == messages(single, PerformanceFeedback)


def test_the_evidence_of_a_round_survives_a_restart(pair: Pair) -> None:
    outputs = pair.bar(101.0) + pair.book()
    asked = next(each.message for each in of(outputs, DecisionRequest) if each.header.recipient == FIRST)
    assert isinstance(asked, DecisionRequest)
    pair.say(FIRST, asked, NEUTRAL)
    state = unpack(pack(pair.stepper.snapshot()))
    pair.stepper = Pair().stepper
    pair.stepper.restore(state)
    for seat in ("quasar", "quantum_amos"):
        outputs += pair.answer(seat, asked, *NEUTRAL[seat])
    pair.reject(outputs)
    told = [each for close in drifting(5, close=101.0) for each in pair.whole_round(close, NEUTRAL)]
    settled = [each for each in messages(told, PerformanceFeedback) if each.decision_id == asked.round_id]
    assert [each.evidence for each in settled] == [(("qbmia", asked.round_id.encode()),)]
