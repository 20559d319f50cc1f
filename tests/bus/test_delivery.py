"""Repetition with backoff, recognition of repeats, and the ring of broadcasts."""

from bus.delivery import Handled, Outgoing, Parcel, Ring
from bus.message import Header

MS = 1_000_000


def parcel(number: int, expires_ns: int = 10_000 * MS, recipient: str = "risk") -> Parcel:
    return Parcel(f"pads:{number}", "market:1", "ORDER_PROPOSED/1", recipient, b"frame", expires_ns)


def header(number: int, ttl_ms: int = 1000) -> Header:
    return Header(f"pads:{number}", "", "", "ORDER_PROPOSED/1", "pads", "risk", 0, 0, ttl_ms, 2)


def test_what_is_not_acknowledged_is_repeated_at_doubling_intervals() -> None:
    outgoing = Outgoing(100 * MS)
    outgoing.expect(parcel(1), 0)
    repeated_at = [at for at in range(0, 3200, 10) if outgoing.due(at * MS)]
    assert repeated_at == [100, 300, 700, 1500, 2300, 3100]


def test_an_acknowledged_message_rests() -> None:
    outgoing = Outgoing(100 * MS)
    outgoing.expect(parcel(1), 0)
    assert outgoing.acknowledge(["pads:1", "pads:2"]) == ["pads:1"]
    assert outgoing.acknowledge(["pads:1"]) == []
    assert outgoing.due(1000 * MS) == []
    assert len(outgoing) == 0


def test_an_expired_message_is_given_up_once() -> None:
    outgoing = Outgoing(100 * MS)
    outgoing.expect(parcel(1, expires_ns=500 * MS), 0)
    assert outgoing.expired(499 * MS) == []
    assert outgoing.due(500 * MS) == []
    assert [sent.message_id for sent in outgoing.expired(500 * MS)] == ["pads:1"]
    assert outgoing.expired(500 * MS) == []


def test_a_peer_that_comes_back_gets_what_is_still_worth_having() -> None:
    outgoing = Outgoing(100 * MS)
    outgoing.expect(parcel(1), 0)
    outgoing.remember(parcel(2))
    outgoing.remember(parcel(3, expires_ns=50 * MS))
    outgoing.remember(parcel(4, recipient="execution"))
    assert [sent.message_id for sent in outgoing.for_returned("risk", 60 * MS)] == ["pads:1", "pads:2"]


def test_outgoing_survives_a_restart_and_is_due_at_once() -> None:
    outgoing = Outgoing(100 * MS)
    outgoing.expect(parcel(1), 0)
    outgoing.remember(parcel(2))
    again = Outgoing(100 * MS)
    again.restore(outgoing.snapshot())
    assert [sent.message_id for sent in again.due(1)] == ["pads:1"]
    assert [sent.message_id for sent in again.unexpired(1)] == ["pads:1", "pads:2"]


def test_a_handled_message_is_recognised_with_its_reply_until_it_expires() -> None:
    handled = Handled()
    handled.add(header(1), is_reliable=True)
    handled.add_reply("pads:1", parcel(9, recipient="pads"))
    handled.add_reply("pads:7", parcel(8, recipient="pads"))
    assert "pads:1" in handled
    assert handled.replies("pads:1") == [parcel(9, recipient="pads")]
    assert handled.replies("pads:7") == []
    handled.forget_expired(1000 * MS)
    assert "pads:1" in handled
    handled.forget_expired(1000 * MS + 1)
    assert "pads:1" not in handled


def test_of_deadline_messages_the_latest_are_recognised() -> None:
    handled = Handled()
    for number in range(5000):
        handled.add(header(number), is_reliable=False)
    handled.add_reply("pads:4999", parcel(9, recipient="pads"))
    assert "pads:0" not in handled
    assert "pads:4999" in handled
    assert handled.replies("pads:4999") == [parcel(9, recipient="pads")]
    assert len(handled) == 4096


def test_handled_survives_a_restart() -> None:
    handled = Handled()
    handled.add(header(1), is_reliable=True)
    handled.add(header(2), is_reliable=False)
    handled.add_reply("pads:1", parcel(9, recipient="pads"))
    again = Handled()
    again.restore(handled.snapshot())
    assert again.replies("pads:1") == handled.replies("pads:1")
    assert "pads:2" in again


def test_the_ring_holds_the_last_frames_of_each_kind() -> None:
    ring = Ring(3)
    for sequence in range(1, 6):
        ring.add("A/1", sequence, b"%d" % sequence)
    ring.add("B/1", 1, b"b")
    assert ring.oldest("A/1") == 3
    assert ring.select("A/1", 1, 9) == [b"3", b"4", b"5"]
    assert ring.select("A/1", 4, 4) == [b"4"]
    assert ring.select("B/1", 1, 1) == [b"b"]
    assert ring.select("C/1", 1, 1) == []
    assert ring.oldest("C/1") == 1
    again = Ring(3)
    again.restore(ring.snapshot())
    assert again.select("A/1", 1, 9) == [b"3", b"4", b"5"]
    assert again.oldest("A/1") == 3
