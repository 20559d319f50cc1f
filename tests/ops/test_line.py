"""What ops hears: lawful frames for ops, and nothing else."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from bus.codec import encode
from bus.config import Settings
from bus.message import Envelope, Header, Message
from bus.messages import Ack, Ping, SystemCommand, SystemEvent
from bus.messages.control import Command
from bus.rundir import RunDir
from ops.supervision.line import Line


@pytest.fixture
def line(short_dir: Path) -> Iterator[Line]:
    RunDir(short_dir).create()
    settings = Settings(short_dir, short_dir, {"agents": {"pads": {}}}, {})
    opened = Line.open(settings)
    yield opened
    opened.close()


@pytest.fixture
def guest(line: Line, short_dir: Path) -> Iterator["zmq.Socket[bytes]"]:
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.setsockopt(zmq.IDENTITY, b"guest-1-1")
        dealer.connect(f"ipc://{short_dir}/sockets/ops.sock")
        yield dealer


def frame(message: Message, sender: str, to: str = "ops", age_s: float = 0.0) -> bytes:
    sent_ns = time.time_ns() - round(age_s * 1e9)
    return encode(Header("x:1", "x:1", "", message.KIND, sender, to, 0, sent_ns, 5_000, 1), message)


def test_who_reaches_ops_is_heard_and_answered(line: Line, guest: "zmq.Socket[bytes]") -> None:
    guest.send(frame(Ping(), "guest-1-1"))
    heard: list[Envelope] = []
    deadline = time.monotonic() + 10.0
    while not heard and time.monotonic() < deadline:
        heard = list(line.receive())
    [(header, message, _)] = heard
    assert (header.sender, message) == ("guest-1-1", Ping())
    line.answer(header, Ack(ids=("a",)))
    line.flush()
    assert guest.poll(10_000)
    assert b"ops" in guest.recv()


def test_what_is_not_lawful_is_refused_and_counted(line: Line, guest: "zmq.Socket[bytes]") -> None:
    event = SystemEvent(event="flat", subject="firm", detail="", at_ns=1)
    stop = SystemCommand(command=Command.STOP, agent="pads", reason="x")
    for bad in (
        frame(event, "pads"),  # only ops tells of operations
        frame(stop, "pads"),  # no agent commands
        frame(Ping(), "guest-1-1", to="pads"),
        frame(Ping(), "guest-1-1", age_s=6.0),
        b"\x00",
    ):
        guest.send(bad)
    deadline = time.monotonic() + 10.0
    while line.refused < 5 and time.monotonic() < deadline:
        assert list(line.receive()) == []
    assert line.refused == 5
    assert line.last_refused
