"""The live runtime through loss, repetition and crashes: exactly once in effect, and never silent about a loss."""

import random
from pathlib import Path

import pytest

from bus.codec import encode
from bus.config import BusConfig
from bus.errors import Fatal, JournalError
from bus.journal import RecordType
from bus.journal import read as read_journal
from bus.message import NEVER_EXPIRES, Header
from bus.messages import AgentStatus, Hello
from bus.record import pack_output
from tests.bus.toys import Answerer, Fact, Order, Question, Talker
from tests.bus.worlds import MemoryWorld

LOSSY = BusConfig(heartbeat_s=0.02, retry_s=0.02, gap_timeout_s=30.0, message_ttl_s=30.0)


class Storm:
    """Loses a fifth of all frames and repeats another fifth, by a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def __call__(self, _: Header) -> int:
        return self.random.choice((0, 1, 1, 1, 2))


def facts(first: int, last: int) -> list[str]:
    return [f"fact {number}" for number in range(first, last + 1)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_loss_and_repetition_change_nothing(tmp_path: Path, seed: int) -> None:
    talker, answerer = Talker(), Answerer()
    world = MemoryWorld([talker, answerer], tmp_path, Storm(seed), LOSSY)
    world.tell("talker", Order(ask=50, to="answerer", facts=100))
    world.until(lambda: len(answerer.questions) == 50 and len(answerer.heard) == 100)
    world.idle(0.1)
    assert sorted(answerer.questions) == list(range(1, 51))
    assert answerer.heard == facts(1, 100)
    assert len(set(talker.replies)) == len(talker.replies)
    world.close()


def test_a_killed_agent_goes_on_from_its_journal(tmp_path: Path) -> None:
    talker, answerer = Talker(), Answerer()
    world = MemoryWorld([talker, answerer], tmp_path)
    world.tell("talker", Order(ask=20, to="answerer", facts=20))
    world.until(lambda: len(talker.replies) == 20 and len(answerer.heard) == 20)
    world.crash("answerer")
    world.tell("talker", Order(ask=5, to="answerer", facts=5))
    world.idle(0.1)
    reborn = Answerer()
    world.start(reborn, world.names)
    world.until(lambda: len(talker.replies) == 25 and len(reborn.heard) == 25)
    assert reborn.started == 1
    assert reborn.questions == list(range(1, 26))
    assert reborn.heard == facts(1, 25)
    world.close()


@pytest.mark.parametrize("seed", range(6))
def test_crashes_at_random_moments_lose_and_repeat_nothing(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    config = LOSSY.model_copy(update={"snapshot_inputs": 15})
    world = MemoryWorld([Talker(), Answerer()], tmp_path, config=config)
    told = 0
    for _ in range(12):
        world.tell("talker", Order(ask=7, to="answerer", facts=5))
        told += 1
        for _ in range(chance.randrange(4)):
            world.turn()
        victim = chance.choice(["talker", "answerer"])
        world.until(lambda: not len(world.processes["talker"].post.inbox))
        world.crash(victim)
        world.start(Talker() if victim == "talker" else Answerer(), world.names)

    def answerer() -> Answerer:
        agent = world.processes["answerer"].agent
        assert isinstance(agent, Answerer)
        return agent

    world.until(lambda: len(answerer().questions) == 7 * told and len(answerer().heard) == 5 * told)
    talker = world.processes["talker"].agent
    assert isinstance(talker, Talker)
    world.until(lambda: len(talker.replies) == 7 * told)
    assert sorted(answerer().questions) == list(range(1, 7 * told + 1))
    assert answerer().heard == facts(1, 5 * told)
    assert sorted(talker.replies) == [2 * number for number in range(1, 7 * told + 1)]
    world.close()


def test_a_snapshot_and_a_journal_give_the_same_state(tmp_path: Path) -> None:
    config = BusConfig(snapshot_inputs=10)
    talker, answerer = Talker(), Answerer()
    world = MemoryWorld([talker, answerer], tmp_path, config=config)
    world.tell("talker", Order(ask=40, to="answerer", facts=40))
    world.until(lambda: len(answerer.heard) == 40 and len(talker.replies) == 40)
    assert list((tmp_path / "snapshots" / "answerer").glob("*.snap"))
    before = answerer.snapshot()
    world.crash("answerer")
    reborn = Answerer()
    world.start(reborn, world.names)
    assert reborn.snapshot() == before
    world.close()


def test_timers_survive_a_crash(tmp_path: Path) -> None:
    talker = Talker()
    world = MemoryWorld([talker, Answerer()], tmp_path)
    world.tell("talker", Order(ticks=(0.2, 0.05)))
    world.until(lambda: talker.ticks == [1])
    world.crash("talker")
    reborn = Talker()
    world.start(reborn, world.names)
    world.until(lambda: reborn.ticks == [1, 0])
    world.close()


def test_a_late_joiner_hears_what_the_ring_still_holds_and_is_told_of_the_rest(tmp_path: Path) -> None:
    config = BusConfig(heartbeat_s=0.02, ring_messages=16)
    talker = Talker()
    world = MemoryWorld([talker], tmp_path, config=config)
    world.names.append("answerer")
    world.tell("talker", Order(facts=40))
    world.until(lambda: talker.published == 40)
    late = Answerer()
    world.start(late, world.names)
    world.until(lambda: len(late.heard) == 16)
    assert late.heard == facts(25, 40)
    assert late.gaps == [(1, 24)]
    world.close()


def test_an_expired_question_is_not_answered(tmp_path: Path) -> None:
    talker, answerer = Talker(), Answerer()
    world = MemoryWorld([talker, answerer], tmp_path)
    world.paused.add("answerer")
    world.tell("talker", Order(ask=1, to="answerer"))
    world.until(lambda: talker.undelivered == ["TEST_QUESTION/1"])
    world.paused.clear()
    world.idle(0.2)
    assert answerer.questions == []
    assert dict(world.processes["answerer"].status().counters)["expired"] >= 1
    world.close()


def test_alarms_overtake_a_flood(tmp_path: Path) -> None:
    talker, answerer = Talker(), Answerer()
    world = MemoryWorld([talker, answerer], tmp_path)
    world.paused.add("answerer")
    world.tell("talker", Order(facts=500, alarms=1))
    world.until(lambda: talker.published == 500)
    world.paused.clear()
    world.until(lambda: len(answerer.heard) == 501)
    assert answerer.heard.index("alarm 0") == 0
    world.close()


def test_broadcasts_that_find_no_room_are_a_gap_the_agent_is_told_of(tmp_path: Path) -> None:
    talker, answerer = Talker(), Answerer()
    world = MemoryWorld([talker, answerer], tmp_path, config=BusConfig(heartbeat_s=0.05, inbox_messages=16))
    world.paused.add("answerer")
    world.tell("talker", Order(facts=20))
    world.until(lambda: talker.published == 20)
    world.paused.clear()
    world.until(lambda: len(answerer.heard) == 16 and len(answerer.gaps) == 4)
    assert answerer.heard == facts(1, 16)
    assert answerer.gaps == [(17, 17), (18, 18), (19, 19), (20, 20)]
    world.close()


def test_garbage_and_strangers_are_counted(tmp_path: Path) -> None:
    world = MemoryWorld([Talker(), Answerer()], tmp_path)
    post = world.processes["answerer"].post
    now = world.processes["answerer"].now()
    header = Header("x:1", "x:1", "", Fact.KIND, "x", "somebody", 0, now, 0, 3)
    for frame in (b"", b"\xff" * 40, encode(header, Fact(number=1))):
        post._arrive(frame, "", now)
    counters = dict(world.processes["answerer"].status().counters)
    assert counters["codec_errors"] == 2
    assert counters["misrouted"] == 1
    world.close()


def test_a_kind_nobody_handles_is_refused_to_the_sender(tmp_path: Path) -> None:
    talker, other = Talker(), Talker("other")
    world = MemoryWorld([talker, other], tmp_path)
    world.tell("talker", Order(ask=1, to="other"))
    world.until(lambda: talker.undelivered == ["TEST_QUESTION/1"])
    assert dict(world.processes["talker"].status().counters)["refused_by_peer"] >= 1
    world.close()


def test_other_code_than_the_recorded_one_refuses_to_start(tmp_path: Path) -> None:
    talker, answerer = Talker(), Answerer()
    world = MemoryWorld([talker, answerer], tmp_path)
    world.tell("talker", Order(ask=1, to="answerer"))
    world.until(lambda: talker.replies == [2])
    process = world.processes["answerer"]
    number = next(
        record.number for record in read_journal(tmp_path / "journal" / "answerer") if record.type is RecordType.INPUT
    )
    process.journal.append(RecordType.OUTPUT, process.now(), pack_output(number, b"something else"))
    process.journal.flush()
    world.crash("answerer")
    with pytest.raises(Fatal, match="gives another output for input"):
        world.start(Answerer(), world.names)


def test_a_journal_shorter_than_its_snapshot_refuses_to_start(tmp_path: Path) -> None:
    config = BusConfig(snapshot_inputs=10)
    talker, answerer = Talker(), Answerer()
    world = MemoryWorld([talker, answerer], tmp_path, config=config)
    world.tell("talker", Order(ask=40, to="answerer"))
    world.until(lambda: len(talker.replies) == 40)
    world.crash("answerer")
    for segment in (tmp_path / "journal" / "answerer").iterdir():
        segment.unlink()
    with pytest.raises(JournalError, match="records are missing"):
        world.start(Answerer(), world.names)


def test_every_input_is_in_the_journal_with_its_outputs(tmp_path: Path) -> None:
    talker, answerer = Talker(), Answerer()
    world = MemoryWorld([talker, answerer], tmp_path)
    world.tell("talker", Order(ask=3, to="answerer"))
    world.until(lambda: len(talker.replies) == 3)
    folder = tmp_path / "journal" / "answerer"
    world.close()
    kinds = [record.type for record in read_journal(folder)]
    assert kinds[0] is RecordType.START
    assert kinds.count(RecordType.INPUT) == 3
    assert kinds.count(RecordType.OUTPUT) == 3
    assert kinds.count(RecordType.NOTICE) == 1


def test_a_question_is_a_reliable_message() -> None:
    assert Question.DELIVERY == "reliable"


def test_outputs_of_an_idle_agent_reach_the_journal_without_another_input(tmp_path: Path) -> None:
    talker = Talker()
    world = MemoryWorld([talker], tmp_path)
    world.tell("talker", Order(facts=3))
    world.until(lambda: talker.published == 3)
    world.turn()
    kinds = [record.type for record in read_journal(tmp_path / "journal" / "talker")]
    assert kinds.count(RecordType.OUTPUT) == 3
    world.close()


def test_what_the_bus_itself_says_never_expires(tmp_path: Path) -> None:
    said: list[Header] = []

    def listen(header: Header) -> int:
        said.append(header)
        return 1

    world = MemoryWorld([Talker(), Answerer()], tmp_path, fate=listen)
    world.idle(0.2)
    world.close()
    own = [header for header in said if "!" in header.id]
    assert {header.kind for header in own} >= {Hello.KIND, AgentStatus.KIND}
    assert {header.ttl_ms for header in own} == {NEVER_EXPIRES}
