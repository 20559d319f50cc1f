"""Events wait, on disk too, until the recorder has them."""

from pathlib import Path

from bus.messages import SystemEvent
from ops.supervision.outbox import FILE, Outbox, identity


def event(at_ns: int, word: str = "restart") -> SystemEvent:
    return SystemEvent(event=word, subject="qbmia", detail="it came back", at_ns=at_ns, facts=(("times", 2),))


def test_an_event_is_repeated_until_it_is_acknowledged(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.add(event(1))
    outbox.add(event(2))
    assert [sent for _, sent in outbox.due(10.0)] == [event(1), event(2)]
    assert outbox.due(11.9) == []
    outbox.acknowledge([identity(event(1)), "another"])
    assert outbox.due(12.0) == [(identity(event(2)), event(2))]
    outbox.acknowledge([identity(event(2))])
    assert outbox.due(20.0) == []
    assert len(outbox) == 0


def test_what_was_not_told_is_told_by_the_next(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "ops")
    outbox.add(event(1))
    outbox.add(event(2))
    outbox.acknowledge([identity(event(1))])
    outbox.save()
    heir = Outbox(tmp_path / "ops")
    assert heir.due(0.0) == [(identity(event(2)), event(2))]
    heir.acknowledge([identity(event(2))])
    heir.save()
    assert len(Outbox(tmp_path / "ops")) == 0


def test_the_same_event_told_twice_is_one(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.add(event(1))
    outbox.add(event(1))
    outbox.add(event(1, "hung"))
    assert len(outbox) == 2


def test_a_torn_file_is_put_aside_and_said(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('[{"event": "resta')
    outbox = Outbox(tmp_path)
    assert len(outbox) == 0
    assert outbox.trouble.startswith(f"{tmp_path / FILE}: not what was written")
    assert (tmp_path / "events.bad").read_text() == '[{"event": "resta'


def test_many_are_sent_in_portions_and_the_oldest_of_too_many_are_counted(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for at_ns in range(10_002):
        outbox.add(event(at_ns))
    assert (len(outbox), outbox.lost) == (10_000, 2)
    assert [sent.at_ns for _, sent in outbox.due(0.0)] == list(range(2, 66))


def test_a_full_disk_ends_nothing(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.add(event(1))
    (tmp_path / FILE).with_suffix(".new").mkdir()
    outbox.save()
    assert len(outbox) == 1
