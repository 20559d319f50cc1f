"""Whatever arrives on the planes: never an exception, never an input that is not a valid message of its plane."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgpack
import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.codec import DECIMAL_EXT, MAX_FRAME_BYTES, decode, encode
from bus.config import BusConfig
from bus.direct import BUNDLE, ZmqDirect, bundle, unbundle
from bus.errors import CodecError
from bus.journal import Journal, RecordType, read
from bus.memory import MemoryBroadcast, MemoryDirect, MemoryHub
from bus.message import Header, Message, Plane, registry
from bus.messages import AgentStatus, Ping, RiskAlert, Started
from bus.poll import BOTH
from bus.process import Process
from bus.snapshot import SnapshotStore
from tests.bus.samples import headers, messages
from tests.bus.toys import Alarm, Answerer, Fact, Question

NAME: Final = "answerer"
PEERS: Final = (NAME, "talker")
BEGIN_NS: Final = 1_700_000_000_000_000_000
HEADER: Final = Header("s:1", "s:1", "", Question.KIND, "stranger", NAME, 0, BEGIN_NS, 60_000, 2)
KINDS: Final = sorted(registry().values(), key=lambda kind: kind.KIND)
COMMON: Final[list[type[Message]]] = [Question, Fact, Alarm, AgentStatus]
LIKELY: Final = st.sampled_from(COMMON) | st.sampled_from(KINDS)
NAMES: Final = st.sampled_from([NAME, "talker", "stranger", "", "x" * 64, "x" * 300])
COUNTS: Final = st.sampled_from([0, 1, 2, 3, 40, 2**31, 2**53 - 1, 2**53, 2**63 - 1])
LIVES_MS: Final = st.sampled_from([0, 1, 5_000, 60_000, 2**40, 2**63 - 1])
PLAIN: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text(max_size=8), inner, max_size=6),
    max_leaves=20,
)


@st.composite
def addressed(draw: st.DrawFn) -> bytes:
    """A valid message under a header of which every field is somebody's lie."""
    kind = draw(LIKELY)
    header = Header(
        draw(st.text(max_size=4) | st.just("i" * 400)), draw(st.text(max_size=4)), "", kind.KIND, draw(NAMES),
        draw(st.none() | NAMES), draw(COUNTS), draw(st.sampled_from([0, BEGIN_NS - 10**10, BEGIN_NS, 2**63 - 1])),
        draw(LIVES_MS), draw(st.integers(1, 3)),
    )  # fmt: skip
    return encode(header, draw(messages(kind)))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid frame with some bytes changed, cut off, doubled or put in."""
    kind = draw(LIKELY)
    frame = bytearray(encode(draw(headers(kind)), draw(messages(kind))))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(frame) - 1)))
        match draw(st.sampled_from(["flip", "cut", "double", "insert"])):
            case "flip" if frame:
                frame[place] ^= draw(st.integers(1, 255))
            case "cut":
                del frame[place:]
            case "double":
                frame += frame[place:]
            case _:
                frame[place:place] = draw(st.binary(max_size=8))
    return bytes(frame)


PACKED: Final = st.lists(PLAIN, min_size=9, max_size=12).map(msgpack.packb)
FRAMES: Final = st.lists(st.binary(max_size=300) | PACKED | mutated() | addressed(), min_size=1, max_size=25)


class Bench:
    """One process on planes in memory, with a clock that only the test moves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_ns = BEGIN_NS
        self.process = self.start()

    def start(self) -> Process:
        hub = MemoryHub()
        kinds = {kind.KIND for kind in Answerer.handlers if kind.PLANE is Plane.BROADCAST} | {AgentStatus.KIND}
        self.direct: MemoryDirect = hub.direct(NAME)
        self.broadcast: MemoryBroadcast = hub.broadcast(kinds)
        process = Process(
            Answerer(NAME), BusConfig(), self.direct, self.broadcast, Journal.open(self.folder / "j", NAME),
            SnapshotStore(self.folder / "s"),
            peers=dict.fromkeys(PEERS, "service"), clock_ns=lambda: self.now_ns, poll=lambda _, __=0: BOTH,
            version="test",
        )  # fmt: skip
        process.start()
        return process

    def run(self, seconds: float) -> None:
        for _ in range(4):
            self.now_ns += round(seconds * 0.25e9)
            self.process.turn(0)

    def inputs(self) -> Iterator[tuple[Header, Message]]:
        for record in read(self.folder / "j"):
            if record.type is RecordType.INPUT:
                envelope = decode(record.payload)
                yield envelope.header, envelope.message


@contextmanager
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="boardroom-hostile-") as folder:
        made = Bench(Path(folder))
        yield made
        made.process.stop()


def is_in_place(header: Header, message: Message) -> bool:
    if message.PLANE is Plane.BROADCAST:
        return header.recipient is None and header.sequence > 0 and header.sender in PEERS
    return message.PLANE is Plane.DIRECT and header.recipient == NAME and header.sequence == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(direct=FRAMES, broadcast=FRAMES)
def test_only_valid_messages_of_their_plane_become_inputs(direct: list[bytes], broadcast: list[bytes]) -> None:
    with bench() as made:
        made.direct.arrived.extend(direct)
        made.broadcast.arrived.extend(broadcast)
        made.run(0.2)
        made.run(12.0)
        assert all(is_in_place(header, message) for header, message in made.inputs())
        assert encode(Header("", "", "", AgentStatus.KIND, NAME, None, 0, 0, 0, 1), made.process.status())
        made.process.snapshot()
        before = made.process.agent.snapshot()
        made.process.journal.close()
        made.process = made.start()
        assert made.process.agent.snapshot() == before


def frame(message: Message, sender: str = "stranger", **other: Any) -> bytes:
    header = HEADER._replace(kind=message.KIND, sender=sender, priority=int(message.PRIORITY))
    return encode(header._replace(**other), message)


def counters(made: Bench, *frames: bytes) -> dict[str, int]:
    made.direct.arrived.extend(frames)
    made.run(0.2)
    status = made.process.status()
    assert encode(Header("", "", "", AgentStatus.KIND, NAME, None, 0, 0, 0, 1), status)
    return dict(status.counters)


def test_what_is_wrong_is_counted_by_what_it_is() -> None:
    with bench() as made:
        found = counters(
            made,
            b"",
            b"\xff" * 40,
            frame(Question(number=1), recipient="somebody"),
            frame(Question(number=1), sent_ns=BEGIN_NS - 10**12),
            frame(Question(number=1), recipient=None, sequence=1),
            frame(Fact(number=1), recipient=None, sequence=1),
            frame(Started(), sender=NAME),
            frame(RiskAlert(symbol="*", severity=1.0, source="x", reason="x"), recipient=None, sequence=1),
        )
        assert not list(made.inputs())
    expected = {"codec_errors": 2, "misrouted": 1, "expired": 1, "misplaced": 2, "strangers": 2}
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("size", [MAX_FRAME_BYTES // 2, MAX_FRAME_BYTES, 2 * MAX_FRAME_BYTES])
def test_a_frame_full_of_words_is_not_repeated_in_the_status(size: int) -> None:
    with bench() as made:
        header = Header("s:1", "", "", "K" * size, "stranger", NAME, 0, BEGIN_NS, 0, 1)
        assert counters(made, msgpack.packb((*header, {})))["codec_errors"] == 1


def test_long_ids_do_not_add_up_to_an_answer_that_cannot_be_sent() -> None:
    with bench() as made:
        long = [frame(Question(number=n), id=f"{n}" * (MAX_FRAME_BYTES // 2)) for n in range(1, 5)]
        assert counters(made, *long)["codec_errors"] == 4


def test_a_life_beyond_all_time_is_refused_and_a_snapshot_can_be_taken() -> None:
    with bench() as made:
        lies = [frame(Question(number=1), ttl_ms=2**63 - 1), frame(Question(number=1), sent_ns=2**63 - 1)]
        assert counters(made, *lies)["codec_errors"] == 2
        made.process.snapshot()


def test_numbers_out_of_all_proportion_are_refused() -> None:
    decimals = [b"1E+999999", b"1E-999999", b"9" * 200]
    for text in decimals:
        with pytest.raises(CodecError, match="out of all proportion"):
            decode(msgpack.packb((*HEADER, {"quantity": msgpack.ExtType(DECIMAL_EXT, text)})))


def test_a_flood_of_pings_is_answered_and_kept_out_of_the_journal() -> None:
    with bench() as made:
        made.direct.arrived.extend(frame(Ping(), id=f"s:{n}") for n in range(2_000))
        made.run(1.0)
        assert not list(made.inputs())
        assert made.process.inputs == 1


@given(
    st.binary(max_size=200) | PLAIN.map(msgpack.packb) | st.lists(st.binary(max_size=9), max_size=80).map(msgpack.packb)
)
def test_a_bundle_comes_apart_or_comes_back_whole(content: bytes) -> None:
    frames = unbundle(BUNDLE + content)
    assert frames == [BUNDLE + content] or bundle(frames) == BUNDLE + msgpack.packb(msgpack.unpackb(content))
    assert len(frames) <= 64


def test_a_message_of_more_parts_than_one_is_refused_and_counted(short_dir: Path) -> None:
    plane = ZmqDirect(NAME, {NAME: f"ipc://{short_dir}/a.sock"})
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.connect(f"ipc://{short_dir}/a.sock")
        dealer.send_multipart([b"one", b"two"])
        dealer.send(b"three")
        assert plane.poller.poll(5_000)
        frames: list[bytes] = []
        deadline = time.monotonic() + 5.0
        while not frames and time.monotonic() < deadline:
            frames = [frame for frame, _ in plane.receive(10)]
    plane.close()
    assert frames == [b"three"]
    assert plane.counters["codec_errors"] == 1
