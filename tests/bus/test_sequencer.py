"""Broadcasts come out in order and once, whatever way they arrive; what is lost is named."""

from hypothesis import given
from hypothesis import strategies as st

from bus.codec import Waiting
from bus.message import Envelope, Header
from bus.sequencer import Missing, Sequencer
from tests.bus.toys import Fact

SECOND = 1_000_000_000


def fact(number: int, sender: str = "a") -> Envelope:
    return Envelope(Header(f"{sender}:{number}", "", "", Fact.KIND, sender, None, number, 0, 0, 3), Fact(number=number))


def numbers(envelopes: list[Waiting]) -> list[int]:
    return [envelope.header.sequence for envelope in envelopes]


def test_a_gap_holds_back_what_follows_until_it_is_filled() -> None:
    sequencer = Sequencer(5 * SECOND)
    assert numbers(sequencer.accept(fact(1), 0)) == [1]
    assert sequencer.accept(fact(3), 0) == []
    assert sequencer.accept(fact(5), 0) == []
    assert not sequencer.is_whole
    assert sequencer.to_ask(SECOND) == [Missing("a", Fact.KIND, 2, 2)]
    assert numbers(sequencer.accept(fact(2), 0)) == [2, 3]
    assert numbers(sequencer.accept(fact(4), 0)) == [4, 5]
    assert sequencer.is_whole


def test_a_heartbeat_reveals_what_never_arrived() -> None:
    sequencer = Sequencer(5 * SECOND)
    sequencer.accept(fact(1), 0)
    sequencer.learn("a", Fact.KIND, 4, 0)
    assert sequencer.to_ask(SECOND) == [Missing("a", Fact.KIND, 2, 4)]
    assert sequencer.to_ask(SECOND + 1) == []
    for number in (2, 3, 4):
        sequencer.accept(fact(number), 0)
    assert sequencer.is_whole
    assert sequencer.counters["gaps"] == 1


def test_what_the_sender_no_longer_has_is_lost_by_name() -> None:
    sequencer = Sequencer(5 * SECOND)
    sequencer.accept(fact(7), 0)
    lost, ready = sequencer.skip_to("a", Fact.KIND, 6)
    assert lost == Missing("a", Fact.KIND, 1, 5)
    assert ready == []
    assert numbers(sequencer.accept(fact(6), 0)) == [6, 7]
    assert sequencer.counters["lost"] == 5


def test_a_gap_nobody_fills_is_given_up_after_the_timeout() -> None:
    sequencer = Sequencer(SECOND)
    sequencer.accept(fact(1), 0)
    sequencer.accept(fact(4), 0)
    assert sequencer.give_up(SECOND) == []
    [(lost, ready)] = sequencer.give_up(SECOND + 1)
    assert lost == Missing("a", Fact.KIND, 2, 3)
    assert numbers(ready) == [4]
    assert sequencer.is_whole


def test_positions_survive_a_restart() -> None:
    sequencer = Sequencer(SECOND)
    for number in (1, 2, 3):
        sequencer.accept(fact(number), 0)
    again = Sequencer(SECOND)
    again.restore(sequencer.positions())
    assert again.accept(fact(3), 0) == []
    assert again.counters["duplicates"] == 1
    assert numbers(again.accept(fact(4), 0)) == [4]


@given(st.permutations(range(1, 9)), st.lists(st.integers(1, 8), max_size=10))
def test_any_order_with_any_repeats_comes_out_in_order_and_once(order: list[int], repeats: list[int]) -> None:
    sequencer = Sequencer(SECOND)
    out: list[int] = []
    for number in [*order[:4], *repeats, *order[4:], *repeats]:
        out += numbers(sequencer.accept(fact(number), 0))
    assert out == list(range(1, 9))
    assert sequencer.is_whole


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 20)), max_size=60), st.integers(0, 20))
def test_nothing_is_handed_on_twice_or_out_of_order(arrivals: list[tuple[str, int]], announced: int) -> None:
    sequencer = Sequencer(SECOND)
    last = {"a": 0, "b": 0}
    sequencer.learn("a", Fact.KIND, announced, 0)
    for sender, number in arrivals:
        for envelope in sequencer.accept(fact(number, sender), 0):
            assert envelope.header.sequence == last[envelope.header.sender] + 1
            last[envelope.header.sender] += 1
