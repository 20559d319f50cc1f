"""The driver of agents: ids, conversations, timers and deferrals, and a state that survives a snapshot."""

import pytest

from bus import plain
from bus.agent import DEFER, Agent, Answer, handles
from bus.errors import Fatal, Invalid
from bus.message import Envelope, Header, Message, Plane
from bus.messages import MarketUpdate
from bus.stepper import Stepper
from tests.bus.toys import Answerer, Fact, Order, Question, Talker, Tick

SECOND = 1_000_000_000


class Opener(Message, kind="TEST_OPENER", plane=Plane.BROADCAST, opens=True):
    """A kind that always begins a conversation."""


class Clumsy(Agent):
    """Does what an agent must not."""

    @handles(Order)
    def wrong_plane(self, order: Order) -> Answer:
        self.send(Fact(number=1), to="x")
        return None

    @handles(Question)
    def defer_after_effect(self, question: Question) -> Answer:
        self.publish(Fact(number=1))
        return DEFER

    @handles(Fact)
    def refuse(self, fact: Fact) -> Answer:
        self.publish(Fact(number=2))
        raise Invalid(f"fact {fact.number} is of no use")

    @handles(Tick)
    def open(self, tick: Tick) -> Answer:
        self.publish(Opener())
        return None


def envelope(message: Message, number: int = 1, ttl_ms: int = 2000, sent_ns: int = 0) -> Envelope:
    header = Header(f"op:{number}", f"op:{number}", "", message.KIND, "op", "me", 0, sent_ns, ttl_ms, 2)
    return Envelope(header, message)


def test_ids_count_and_headers_name_conversation_and_cause() -> None:
    stepper = Stepper(Talker("me"), ttl_s=7.0)
    outputs = stepper.step(envelope(Order(ask=1, to="you", facts=2)), SECOND)
    assert [output.header for output in outputs] == [
        Header("me:1", "op:1", "op:1", "TEST_QUESTION/1", "me", "you", 0, SECOND, 2000, 2),
        Header("me:2", "op:1", "op:1", "TEST_FACT/1", "me", None, 1, SECOND, 0, 3),
        Header("me:3", "op:1", "op:1", "TEST_FACT/1", "me", None, 2, SECOND, 0, 3),
    ]


def test_a_timer_stays_in_its_conversation_and_fires_when_due() -> None:
    stepper = Stepper(Talker("me"))
    stepper.step(envelope(Order(ticks=(2.0, 0.5))), SECOND)
    assert stepper.next_timer() == (SECOND + SECOND // 2, 2)
    with pytest.raises(Fatal, match="timer 1 is not the next one"):
        stepper.fire(1, 2 * SECOND)
    stepper.fire(2, 2 * SECOND)
    assert stepper.next_timer() == (3 * SECOND, 1)


def test_some_kinds_always_begin_a_conversation() -> None:
    stepper = Stepper(Clumsy("me"))
    [output] = stepper.step(envelope(Tick(number=1)), 1)
    assert output.header.correlation_id == output.header.id == "me:1"
    assert MarketUpdate.OPENS


def test_a_message_on_the_wrong_plane_ends_the_process() -> None:
    with pytest.raises(Fatal, match="travels on the broadcast plane"):
        Stepper(Clumsy("me")).step(envelope(Order()), 1)


def test_an_effect_before_a_deferral_ends_the_process() -> None:
    with pytest.raises(Fatal, match="deferred after it had effects"):
        Stepper(Clumsy("me")).step(envelope(Question(number=1)), 1)


def test_an_invalid_input_is_counted_and_leaves_no_effect() -> None:
    stepper = Stepper(Clumsy("me"))
    assert stepper.step(envelope(Fact(number=9)), 1) == []
    assert stepper.counters["invalid"] == 1
    assert "fact 9 is of no use" in stepper.last_invalid


def test_a_kind_without_handler_is_counted() -> None:
    stepper = Stepper(Talker("me"))
    assert stepper.step(envelope(Question(number=1)), 1) == []
    assert stepper.counters["unhandled"] == 1


def test_a_deferred_message_is_tried_again_after_every_input_and_lapses_once() -> None:
    agent = Answerer("me")
    stepper = Stepper(agent)
    assert stepper.step(envelope(Question(number=1, needs=2), 1), SECOND) == []
    assert stepper.step(envelope(Question(number=2, needs=9), 2), SECOND) == []
    assert stepper.deferred == 2
    stepper.step(envelope(Fact(number=1), 3, 0), SECOND)
    [answer] = stepper.step(envelope(Fact(number=2), 4, 0), SECOND)
    assert answer.header.correlation_id == "op:1"
    due_ns, timer_id = stepper.next_timer() or (0, 0)
    assert due_ns == 2 * SECOND + 1
    stepper.fire(timer_id, due_ns)
    assert agent.lapsed == [2]
    assert stepper.deferred == 0
    assert stepper.next_timer() is None


def test_a_restored_stepper_goes_on_exactly() -> None:
    def fresh() -> Stepper:
        return Stepper(Answerer("me"), ttl_s=3.0)

    first, second = fresh(), fresh()
    first.step(envelope(Question(number=1, needs=2), 1), 5)
    first.step(envelope(Fact(number=1), 2, 0), 6)
    second.restore(plain.unpack(plain.pack(first.snapshot())))
    assert plain.pack(second.snapshot()) == plain.pack(first.snapshot())
    for number, message in enumerate((Fact(number=2), Question(number=3), Fact(number=3)), start=3):
        assert first.step(envelope(message, number, 0), number) == second.step(envelope(message, number, 0), number)
    assert plain.pack(second.snapshot()) == plain.pack(first.snapshot())


def test_a_snapshot_of_another_version_is_refused() -> None:
    stepper = Stepper(Talker("me"))
    with pytest.raises(Fatal, match="snapshot version 99"):
        stepper.restore({**stepper.snapshot(), "version": 99})


def test_a_conversation_outside_a_handler_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="no message is being handled"):
        _ = Talker("me").conversation
