"""A flood of market data: an alarm is heard first, what is superseded is counted, and nothing goes missing unsaid."""

from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings

from bus.agent import Agent, Answer, handles
from bus.codec import Sealer, decode, encode
from bus.config import BusConfig
from bus.errors import CodecError
from bus.journal import Journal, RecordType, read
from bus.lawful import Arrival
from bus.memory import MemoryHub
from bus.message import Header, Message
from bus.messages import AgentStatus, Gap
from bus.pace import Pace
from bus.poll import BROADCAST
from bus.process import Process
from bus.snapshot import SnapshotStore
from tests.bus.test_hostile import FRAMES
from tests.bus.toys import Alarm, Fact, Quote

NAME: Final = "listener"
BEGIN_NS: Final = 1_700_000_000_000_000_000
SYMBOLS: Final = 5
CAPACITY: Final = 64
FLOOD: Final = 5_000


class Listener(Agent):
    """Remembers what it heard, in order."""

    def __init__(self) -> None:
        super().__init__(NAME)
        self.heard: list[tuple[str, int]] = []
        self.gaps: list[tuple[int, int]] = []

    @handles(Quote)
    def quote(self, quote: Quote) -> Answer:
        self.heard.append((quote.symbol, quote.number))
        return None

    @handles(Alarm)
    def alarm(self, alarm: Alarm) -> Answer:
        self.heard.append(("alarm", alarm.number))
        return None

    @handles(Gap)
    def gap(self, gap: Gap) -> Answer:
        self.gaps.append((gap.first, gap.last))
        return None

    def snapshot(self) -> dict[str, Any]:
        return {"heard": self.heard, "gaps": self.gaps}

    def restore(self, state: dict[str, Any]) -> None:
        self.heard, self.gaps = [tuple(each) for each in state["heard"]], [tuple(each) for each in state["gaps"]]


class Bench:
    """One process on planes in memory, whose clock stands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start()

    def start(self) -> None:
        hub = MemoryHub()
        self.agent = Listener()
        self.broadcast = hub.broadcast(frozenset())
        self.process = Process(
            self.agent, BusConfig(inbox_messages=CAPACITY), hub.direct(NAME), self.broadcast,
            Journal.open(self.folder / "j", NAME), SnapshotStore(self.folder / "s"),
            peers={NAME: "service", "market": "service"}, clock_ns=lambda: BEGIN_NS,
            poll=lambda *_: BROADCAST, version="test",
        )  # fmt: skip
        self.process.start()

    def run(self) -> None:
        while self.process.turn(0):
            pass

    @property
    def counters(self) -> dict[str, int]:
        return dict(self.process.status().counters)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def frame(message: Message, sequence: int, other: dict[str, Any] | None = None) -> bytes:
    header = Header(
        f"market:{sequence}", f"market:{sequence}", "", message.KIND, "market", None, sequence, BEGIN_NS, 0,
        int(message.PRIORITY),
    )  # fmt: skip
    return encode(header._replace(**(other or {})), message)


def flood(first: int, last: int) -> list[bytes]:
    return [frame(Quote(symbol=f"S{n % SYMBOLS}", number=n), n) for n in range(first, last + 1)]


def test_an_alarm_in_the_middle_of_a_flood_is_heard_first(bench: Bench) -> None:
    half = FLOOD // 2
    bench.broadcast.arrived += [*flood(1, half), frame(Alarm(number=7), 1), *flood(half + 1, FLOOD)]
    bench.process.turn(0)
    assert bench.agent.heard == [("alarm", 7)]
    bench.run()
    quotes = bench.agent.heard[1:]
    assert quotes[-SYMBOLS:] == [(f"S{n % SYMBOLS}", n) for n in range(FLOOD - SYMBOLS + 1, FLOOD + 1)]


def test_every_message_of_a_flood_is_handled_or_counted_and_in_order(bench: Bench) -> None:
    bench.broadcast.arrived += flood(1, FLOOD)
    bench.process.turn(0)
    assert len(bench.process.post.inbox) <= CAPACITY
    bench.run()
    numbers = [number for _, number in bench.agent.heard]
    assert numbers == sorted(numbers)
    assert len(numbers) + bench.counters["conflated"] == FLOOD
    assert bench.process.post.sequencer.is_whole
    assert bench.agent.gaps == []
    assert len(numbers) == CAPACITY


def test_what_fits_is_never_conflated(bench: Bench) -> None:
    for first in range(1, FLOOD, CAPACITY):
        bench.broadcast.arrived += flood(first, min(first + CAPACITY - 1, FLOOD))
        bench.run()
    assert [number for _, number in bench.agent.heard] == list(range(1, FLOOD + 1))
    assert "conflated" not in bench.counters


def test_after_a_crash_in_a_flood_nothing_is_handled_twice_and_the_rest_is_asked_for(bench: Bench) -> None:
    bench.broadcast.arrived += flood(1, FLOOD)
    bench.process.turn(0)
    before = list(bench.agent.heard)
    assert 0 < len(before) < CAPACITY
    bench.start()
    assert bench.agent.heard == before
    bench.broadcast.arrived += flood(before[-1][1] + 1, FLOOD)
    bench.run()
    numbers = [number for _, number in bench.agent.heard]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == FLOOD
    journaled = [decode(each.payload).header.sequence for each in read(bench.folder / "j") if is_input(each.type)]
    assert journaled == numbers


def is_input(kind: RecordType) -> bool:
    return kind is RecordType.INPUT


def test_a_hole_in_a_flood_is_asked_for_and_filled(bench: Bench) -> None:
    frames = flood(1, FLOOD)
    bench.broadcast.arrived += frames[:3_000] + frames[3_010:]
    bench.run()
    assert not bench.process.post.sequencer.is_whole
    bench.broadcast.arrived += frames[3_000:3_010]
    bench.run()
    assert bench.process.post.sequencer.is_whole
    assert len(bench.agent.heard) + bench.counters["conflated"] == FLOOD
    assert bench.agent.heard[-1] == (f"S{FLOOD % SYMBOLS}", FLOOD)


def test_a_newest_message_that_cannot_be_read_is_a_gap_and_not_silence(bench: Bench) -> None:
    broken = bytearray(frame(Quote(symbol="S0", number=FLOOD + 1), FLOOD + 1))
    assert broken.endswith(b"\xa6number\xcd\x13\x89")
    broken[-3:] = b"\xc3\xc0\xc0"
    bench.broadcast.arrived += [*flood(1, FLOOD), bytes(broken[:-2])]
    bench.run()
    assert bench.counters["codec_errors"] == 1
    assert bench.agent.gaps == [(FLOOD + 1, FLOOD + 1)]


@pytest.mark.parametrize(
    ("other", "counter"),
    [
        ({"sender": "stranger"}, "strangers"), ({"recipient": "somebody"}, "misrouted"), ({"sequence": 0}, "misplaced"),
        ({"sent_ns": BEGIN_NS - 10**9, "ttl_ms": 1}, "expired"),
    ],
)  # fmt: skip
def test_a_flood_lowers_no_guard(bench: Bench, other: dict[str, Any], counter: str) -> None:
    bench.broadcast.arrived += [*flood(1, CAPACITY), frame(Quote(symbol="S0", number=9), CAPACITY + 1, other)]
    bench.process.turn(0)
    assert bench.counters[counter] == 1
    assert "conflated" not in bench.counters


@pytest.mark.parametrize("count", [0, CAPACITY])
def test_a_frame_on_another_channel_than_its_senders_is_unlawful_with_or_without_a_flood(
    bench: Bench, count: int
) -> None:
    bench.broadcast.arrived += flood(1, count)
    bench.process.post.collect(BROADCAST, BEGIN_NS)
    forged = Arrival(frame(Quote(symbol="S0", number=9), count + 1), "stranger")
    bench.broadcast.receive = lambda: [forged]  # type: ignore[method-assign]
    bench.process.turn(0)
    assert bench.counters["unlawful"] == 1
    assert "conflated" not in bench.counters


@given(FRAMES)
@settings(deadline=None, max_examples=20)
def test_a_sealed_frame_says_what_the_whole_says_whatever_came_before(garbage: list[bytes]) -> None:
    sealer = Sealer()
    for each in (*garbage, *flood(1, 2), frame(Fact(number=1), 1), b"", *flood(3, 3)):
        sealed = sealer.seal(each)
        try:
            header, message, _ = decode(each)
        except CodecError:
            continue
        assert (sealed is None) is (message.conflation_key is None)
        if sealed is not None:
            assert sealed.header == header
            assert sealed.key == message.conflation_key
            assert sealed.frame is each
    assert sealer.seal(frame(Quote(symbol="A", number=1), 1) + b"\x00") is None


def test_heartbeats_are_read_whole_in_a_flood(bench: Bench) -> None:
    status = AgentStatus(
        agent="market", state="ready", pid=1, incarnation=1, inputs=0, inbox=0, counters=(),  # type: ignore[arg-type]
        streams=(), report=(),
    )  # fmt: skip
    header = Header("market!1", "", "", status.KIND, "market", None, 0, BEGIN_NS, 0, 1)
    bench.broadcast.arrived += [*flood(1, CAPACITY), encode(header, status)]
    bench.run()
    assert bench.counters.get("codec_errors", 0) == 0


def test_who_has_the_processor_to_itself_does_not_rest() -> None:
    passed, spent = [0], [0]
    pace = Pace(lambda: passed[0], lambda: spent[0])
    pace.begin()
    passed[0], spent[0] = 3_000_000, 3_000_000
    assert pace.rest_ms() == 0
    passed[0] = 5_000_000
    assert pace.rest_ms() == 8
    passed[0] = 90_000_000
    assert pace.rest_ms() == 20
    pace.begin()
    assert pace.rest_ms() == 0
