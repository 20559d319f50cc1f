"""The bounded inbox: order, priorities, and what a full one does."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bus.codec import Sealed, encode
from bus.inbox import Inbox
from bus.message import Envelope, Header, Message
from tests.bus.toys import Alarm, Fact, Question, Quote


def wrap(message: Message, sender: str = "a") -> Envelope:
    return Envelope(Header("", "", "", message.KIND, sender, None, 0, 0, 0, int(message.PRIORITY)), message)


def drained(inbox: Inbox) -> list[Message]:
    found = []
    while (envelope := inbox.pop()) is not None:
        assert isinstance(envelope, Envelope)
        found.append(envelope.message)
    return found


def test_a_higher_priority_overtakes_and_equals_keep_their_order() -> None:
    inbox = Inbox(10)
    for message in (Fact(number=1), Question(number=1), Fact(number=2), Alarm(number=1), Question(number=2)):
        assert inbox.put(wrap(message))
    assert inbox.has_high
    assert drained(inbox) == [Alarm(number=1), Question(number=1), Question(number=2), Fact(number=1), Fact(number=2)]
    assert len(inbox) == 0
    assert not inbox.has_high


def test_a_full_inbox_refuses_and_says_so() -> None:
    inbox = Inbox(2)
    answers = [inbox.put(wrap(Question(number=number))) for number in range(3)]
    assert answers == [True, True, False]
    assert inbox.counters["refused"] == 1
    assert len(drained(inbox)) == 2


def test_a_flood_of_low_priority_leaves_room_for_an_alarm() -> None:
    inbox = Inbox(3)
    for number in range(100):
        inbox.put(wrap(Fact(number=number)))
    assert inbox.put(wrap(Alarm(number=1)))
    assert drained(inbox)[0] == Alarm(number=1)


def test_market_data_is_conflated_by_key_only_when_there_is_no_room() -> None:
    inbox = Inbox(3)
    for number, symbol in ((1, "A"), (2, "B"), (3, "A"), (4, "A"), (5, "B"), (6, "C")):
        assert inbox.put(wrap(Quote(symbol=symbol, number=number))) is (symbol != "C")
    assert inbox.counters == {"conflated": 2, "dropped": 1}
    assert drained(inbox) == [
        Quote(symbol="A", number=1),
        Quote(symbol="A", number=4),
        Quote(symbol="B", number=5),
    ]


def test_conflation_never_mixes_senders() -> None:
    inbox = Inbox(1)
    inbox.put(wrap(Quote(symbol="A", number=1), sender="first"))
    inbox.put(wrap(Quote(symbol="A", number=2), sender="second"))
    assert drained(inbox) == [Quote(symbol="A", number=1)]


def test_a_message_taken_out_is_not_replaced_behind_the_back() -> None:
    inbox = Inbox(1)
    inbox.put(wrap(Quote(symbol="A", number=1)))
    assert drained(inbox) == [Quote(symbol="A", number=1)]
    inbox.put(wrap(Quote(symbol="A", number=2)))
    inbox.put(wrap(Quote(symbol="A", number=3)))
    assert drained(inbox) == [Quote(symbol="A", number=3)]


@given(st.lists(st.tuples(st.sampled_from("ABCDE"), st.booleans()), max_size=200), st.integers(1, 12))
@settings(deadline=None, max_examples=50)
def test_what_waits_keeps_its_order_and_is_the_newest_of_its_key(steps: list[tuple[str, bool]], capacity: int) -> None:
    inbox = Inbox(capacity)
    popped: list[int] = []
    newest: dict[str, int] = {}
    turned_away = 0
    for number, (symbol, is_taken) in enumerate(steps, start=1):
        if is_taken and (taken := inbox.pop()) is not None:
            popped.append(taken.header.sequence)
        quote = Quote(symbol=symbol, number=number)
        header = Header("", "", "", quote.KIND, "a", None, number, 0, 0, 3)
        if inbox.put(Sealed(header, symbol, encode(header, quote)) if number % 2 else Envelope(header, quote)):
            newest[symbol] = number
        else:
            turned_away += 1
        assert len(inbox) == inbox.backlog <= capacity
        assert sum(map(len, inbox._queues)) <= 2 * capacity + 1
    while (waiting := inbox.pop()) is not None:
        popped.append(waiting.header.sequence)
    assert popped == sorted(popped)
    assert set(newest.values()) <= set(popped)
    assert len(popped) + inbox.counters["conflated"] + turned_away == len(steps)
    assert inbox.counters["dropped"] == turned_away
