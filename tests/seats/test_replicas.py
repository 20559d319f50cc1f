"""Replicas of a seat are the same whatever each was asked: their answers and what they learned, to the last bit."""

import random
from typing import Any

import pytest

from bus.message import Message
from bus.messages import DecisionRequest, DecisionResponse, Gap, PerformanceFeedback, RiskAlert
from bus.plain import pack, unpack
from bus.stepper import Stepper
from market.factors import LEAST_BARS
from market.seat import Seat, SeatConfig, View, abstain
from market.track import evidence_of
from tests.seats.driver import SEATS, SYMBOL, Table, bar, envelope, feedback, make, request, walk

SEEDS = (1, 2, 3)
COUNTS = ("answers", "abstentions")
"""What a replica counts for its report: the one thing in its state that tells what it was asked."""


@pytest.fixture(params=list(SEATS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Doubled(Table):
    """A table whose seat is two replicas: both hear everything, and chance says who is asked, dies and comes back."""

    def __init__(self, name: str, seed: int, *, horizon: int = 1) -> None:
        super().__init__(make(name, window_bars=LEAST_BARS), horizon=horizon)
        self.replicas = [Stepper(make(name, window_bars=LEAST_BARS)) for _ in range(2)]
        self.asked = [0, 0]
        self._name = name
        self._chance = random.Random(seed)
        self._told = 0.0
        self._evidence: dict[str, bytes] = {}

    def hand(self, message: Message, sender: str = "pads") -> list[Message]:
        if isinstance(message, DecisionRequest):
            return self._ask(message)
        if isinstance(message, PerformanceFeedback):
            told = self._evidence.pop(message.decision_id)
            message = message.model_copy(update={"evidence": (("another", b"x"), (self._name, told))})
        if self._chance.random() < 0.05:
            self._restart(self._chance.randrange(2))
        return [said for which in range(2) for said in self._step(which, message, sender)]

    def _ask(self, question: DecisionRequest) -> list[Message]:
        which = self._chance.randrange(2)
        self.asked[which] += 1
        said = self._step(which, question.model_copy(update={"told": self._told}), "pads")
        [response] = [each for each in said if isinstance(each, DecisionResponse)]
        assert response.is_whole
        self._told, self._evidence[question.round_id] = response.severity, response.evidence
        return [each.model_copy(update={"evidence": b""}) if each is response else each for each in said]

    def _step(self, which: int, message: Message, sender: str) -> list[Message]:
        self._number += 1
        outputs = self.replicas[which].step(envelope(message, self._number, sender), self._number)
        return [each.message for each in outputs]

    def _restart(self, which: int) -> None:
        state = unpack(pack(self.replicas[which].snapshot()))
        self.replicas[which] = Stepper(make(self._name, window_bars=LEAST_BARS))
        self.replicas[which].restore(state)


def learned(stepper: Stepper) -> bytes:
    """Return everything a seat knows, without its counts of answers."""
    state: dict[str, Any] = stepper.agent.snapshot()
    return pack({key: value for key, value in state.items() if key not in COUNTS})


@pytest.mark.parametrize("seed", SEEDS)
def test_two_replicas_answer_and_learn_as_one_process_would(name: str, seed: int) -> None:
    horizon = 1 + 2 * (seed % 2)
    rows = walk(40 + seed, 150, persistence=0.2)
    alone = Table(make(name, window_bars=LEAST_BARS), horizon=horizon)
    doubled = Doubled(name, seed, horizon=horizon)
    for row in rows:
        assert pack(doubled.play(row)) == pack(alone.play(row))
    assert min(doubled.asked) > 50
    assert learned(doubled.replicas[0]) == learned(doubled.replicas[1])


def test_any_replica_gives_the_same_bytes_to_the_same_question(name: str) -> None:
    doubled = Doubled(name, 5)
    for row in walk(50, 90):
        doubled.play(row)
    question = doubled._question(89).model_copy(update={"told": 0.0})
    said = [doubled._step(which, question, "pads") for which in (0, 1, 0)]
    assert pack(said[0]) == pack(said[1]) == pack(said[2])
    assert learned(doubled.replicas[0]) == learned(doubled.replicas[1])


class Alarmist(Seat):
    """Sees a danger at every third bar and the one after."""

    def __init__(self) -> None:
        super().__init__("alarmist", SeatConfig(window_bars=1))

    def believe(self, symbol: str, request: DecisionRequest) -> View:
        return View((0.2, 0.3, 0.5), 0.5, (), severity=0.9 if request.bar % 3 else 0.1)


def test_a_danger_is_alerted_once_and_under_the_name_of_the_seat_whoever_is_asked() -> None:
    alone, replicas = Table(Alarmist()), [Table(Alarmist()), Table(Alarmist())]
    for table in replicas:
        table.stepper.agent.name = "alarmist-2"
    told = 0.0
    alerts: list[list[Message]] = [[], []]
    for number in range(9):
        row = walk(1, 9)[number]
        for table in (alone, *replicas):
            table.hand(bar(number, row))
        alerts[0] += [each for each in alone.hand(request(number)) if isinstance(each, RiskAlert)]
        said = replicas[number % 2].hand(request(number).model_copy(update={"told": told}))
        told = next(each.severity for each in said if isinstance(each, DecisionResponse))
        alerts[1] += [each for each in said if isinstance(each, RiskAlert)]
    assert alerts[0] == alerts[1]
    assert [alert.source for alert in alerts[1] if isinstance(alert, RiskAlert)] == ["alarmist"] * 3


def _whole(table: Table, number: int, settled: int) -> bool:
    [response] = table.hand(request(number, settled=settled).model_copy(update={"told": 0.0}))
    assert isinstance(response, DecisionResponse)
    return response.is_whole


def test_a_replica_that_missed_a_bar_a_feedback_or_anything_says_so(name: str) -> None:
    rows = walk(7, 4)
    for lost in ("nothing", "bar", "feedback", "gap"):
        table = Table(make(name, window_bars=LEAST_BARS))
        for number in range(3):
            if lost != "bar" or number != 1:
                table.hand(bar(number, rows[number]))
        if lost == "gap":
            table.hand(Gap(sender="pads", stream=PerformanceFeedback.KIND, first=1, last=1))
        settled = 2 if lost == "feedback" else 1
        told = evidence_of(request(1), abstain("history"))
        table.hand(feedback(1, 2, settled, 0.0, 0.01).model_copy(update={"evidence": ((name, told),)}))
        assert _whole(table, 2, settled) is (lost == "nothing")


@pytest.mark.parametrize(
    "told", [b"\xc1", evidence_of(request(0), abstain("history")), pack([None, None, 0.0, None]), pack([1, 2])]
)
def test_evidence_that_is_none_is_counted_and_nothing_is_learned_from_it(name: str, told: bytes) -> None:
    table = Table(make(name, window_bars=LEAST_BARS))
    for number in range(3):
        table.hand(bar(number, walk(7, 3)[number]))
    before = unpack(pack(table.stepper.agent.snapshot()))
    assert table.hand(feedback(1, 2, 1, 0.0, 0.01).model_copy(update={"evidence": ((name, told),)})) == []
    assert table.stepper.counters["invalid"] == 1
    assert "evidence of SPX-1" in table.stepper.last_invalid
    track = before["tracks"][SYMBOL]
    assert (track["settled"], track["is_whole"]) == (0, True)
    track["settled"], track["is_whole"] = 1, False
    assert pack(table.stepper.agent.snapshot()) == pack(before)
    assert not _whole(table, 2, 1)


def test_evidence_larger_than_a_message_is_refused() -> None:
    class Hoarder(Alarmist):
        def believe(self, symbol: str, request: DecisionRequest) -> View:
            return View((0.2, 0.3, 0.5), 0.5, (), evidence=[0.0] * 10_000)

    table = Table(Hoarder())
    table.hand(bar(0, walk(1, 1)[0]))
    assert table.hand(request(0).model_copy(update={"told": 0.0})) == []
    assert "the bound is 65536" in table.stepper.last_invalid
    assert len(table.hand(request(0))) == 1
