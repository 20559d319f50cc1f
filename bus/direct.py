"""The direct plane: each process binds one ROUTER; others reach it by a DEALER that carries their name."""

import errno
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Protocol

import msgpack
import zmq

from bus.codec import MAX_FRAME_BYTES
from bus.config import BusConfig
from bus.errors import ConfigError, Fatal
from bus.lawful import Arrival

_HIGH_WATER: Final = 20_000
BUNDLE: Final = b"\xc1"
_MOST_TOGETHER: Final = 64
_BUNDLED_BYTES: Final = 4_096
_NOBLOCK: Final = int(zmq.NOBLOCK)
_EVENTS: Final = int(zmq.EVENTS)
_POLLIN: Final = int(zmq.POLLIN)
_LINGER_MS: Final = 500
_RECONNECT_MS: Final = 20
_RECONNECT_MAX_MS: Final = 500
_CUT_OFF_BYTES: Final = 4 * MAX_FRAME_BYTES
"""A peer that sends a frame this large is cut off by ZeroMQ; what is merely too large is counted by the codec."""


def bundle(frames: list[bytes]) -> bytes:
    """Join frames into one message: the byte 0xC1, which begins no frame, and a msgpack array of them."""
    packed: bytes = msgpack.packb(frames)
    return BUNDLE + packed


def unbundle(message: bytes) -> list[bytes]:
    """Return the frames of a bundle; a malformed one comes back whole, for the codec to refuse."""
    try:
        frames = msgpack.unpackb(memoryview(message)[1:], max_array_len=_MOST_TOGETHER)
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException):
        return [message]
    is_sound = type(frames) is list and all(type(frame) is bytes for frame in frames)
    return frames if is_sound else [message]


class DirectPlane(Protocol):
    """What a process needs of the direct plane; the simulated one and ZeroMQ both give it."""

    counters: Counter[str]

    def send(self, recipient: str, frame: bytes) -> None:
        """Hand a frame to the plane; it leaves at the next ``flush`` at the latest."""

    def flush(self) -> None:
        """Let everything handed over leave; what finds no room or no way is counted."""

    def receive(self, most: int) -> list[Arrival]:
        """Return the frames that have arrived, about ``most`` at the most."""

    def close(self) -> None:
        """Give up all sockets."""


def addresses(config: BusConfig, names: Iterable[str], sockets: Path) -> dict[str, str]:
    """Return the ZeroMQ address of every agent."""
    if config.transport == "ipc":
        return {name: f"ipc://{sockets / name}.sock" for name in names}
    missing = [name for name in names if name not in config.ports]
    if missing:
        raise ConfigError(f"bus.ports has no port for {', '.join(missing)}; add one for each, or use transport ipc")
    return {name: f"tcp://{config.host}:{config.ports[name]}" for name in names}


class ZmqDirect:
    """ROUTER and DEALER sockets of one process.

    Parameters
    ----------
    name
        This process; its DEALERs carry it as their identity.
    book
        Address of every agent. A client has none of its own and is answered over its own connection.
    is_client
        A client binds nothing.
    """

    def __init__(self, name: str, book: dict[str, str], *, is_client: bool = False) -> None:
        self.name = name
        self.counters: Counter[str] = Counter()
        self._book = book
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(io_threads=1)
        self._dealers: dict[str, zmq.Socket[bytes]] = {}
        self._receivers: list[zmq.Socket[bytes]] = []
        self._router: zmq.Socket[bytes] | None = None
        self._outbox: dict[str, list[bytes]] = {}
        self._is_client = is_client
        self._parts = 1 if is_client else 2  # a ROUTER puts the sender's identity before the frame
        self.poller = zmq.Poller()
        if not is_client:
            self._bind()

    def _bind(self) -> None:
        router = self._socket(zmq.ROUTER)
        router.setsockopt(zmq.ROUTER_HANDOVER, 1)
        router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        address = self._book[self.name]
        try:
            router.bind(address)
        except zmq.ZMQError as error:
            router.close()
            reason = f"{zmq.strerror(error.errno or 0)}; {_advice(self.name, error)}"
            raise Fatal(f"{self.name} cannot bind {address}: {reason}") from None
        self._router = router
        self._listen(router)

    def connect(self, recipient: str) -> bool:
        """Open the way to an agent; False when its name has no address."""
        if recipient in self._dealers:
            return True
        address = self._book.get(recipient)
        if address is None:
            return False
        dealer = self._socket(zmq.DEALER)
        dealer.setsockopt(zmq.IDENTITY, self.name.encode())
        dealer.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
        dealer.setsockopt(zmq.RECONNECT_IVL_MAX, _RECONNECT_MAX_MS)
        dealer.connect(address)
        self._dealers[recipient] = dealer
        if self._is_client:  # agents answer each other ROUTER to ROUTER; only a guest is answered on its own connection
            self._listen(dealer)
        return True

    def send(self, recipient: str, frame: bytes) -> None:
        """Hand a frame to the plane; frames for one recipient travel in bundles until the next ``flush``."""
        waiting = self._outbox.get(recipient)
        if waiting is None:
            waiting = self._outbox[recipient] = []
        waiting.append(frame)
        if len(waiting) >= _MOST_TOGETHER or len(frame) > _BUNDLED_BYTES:
            del self._outbox[recipient]
            self._send(recipient, waiting)

    def flush(self) -> None:
        """Let everything handed over leave; what finds no room or no way is counted."""
        while self._outbox:
            recipient, frames = self._outbox.popitem()
            self._send(recipient, frames)

    def _send(self, recipient: str, frames: list[bytes]) -> None:
        if len(frames) > 1 and sum(map(len, frames)) <= _MOST_TOGETHER * _BUNDLED_BYTES:
            frames = [bundle(frames)]
        dealer = self._dealers.get(recipient)
        try:
            for frame in frames:
                if dealer is not None or self.connect(recipient):
                    self._dealers[recipient].send(frame, _NOBLOCK)
                elif self._router is not None:
                    self._router.send_multipart((recipient.encode(), frame), _NOBLOCK)
                else:
                    self.counters["unroutable"] += 1
        except zmq.ZMQError:
            self.counters["unsent"] += 1

    def receive(self, most: int) -> list[Arrival]:
        """Return the frames that have arrived, about ``most`` at the most."""
        frames: list[Arrival] = []
        for socket in self._receivers:
            while len(frames) < most and int(socket.get(_EVENTS)) & _POLLIN:
                part = socket.recv(_NOBLOCK, copy=False, track=False)
                parts = 1
                while part.more:
                    part = socket.recv(_NOBLOCK, copy=False, track=False)
                    parts += 1
                if parts != self._parts:
                    self.counters["codec_errors"] += 1
                    continue
                message = part.bytes
                if message[:1] == BUNDLE:
                    frames += [Arrival(frame, "") for frame in unbundle(message)]
                else:
                    frames.append(Arrival(message, ""))
        return frames

    def close(self) -> None:
        """Give up all sockets; what is queued gets a moment to leave."""
        self.flush()
        for socket in (self._router, *self._dealers.values()):
            if socket is not None:
                socket.close(linger=_LINGER_MS)
        self._context.term()

    def _listen(self, socket: zmq.Socket[bytes]) -> None:
        self._receivers.append(socket)
        self.poller.register(socket, zmq.POLLIN)

    def _socket(self, kind: int) -> Any:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.SNDHWM, _HIGH_WATER)
        socket.setsockopt(zmq.RCVHWM, _HIGH_WATER)
        socket.setsockopt(zmq.MAXMSGSIZE, _CUT_OFF_BYTES)
        socket.setsockopt(zmq.LINGER, _LINGER_MS)
        return socket


def _advice(name: str, error: zmq.ZMQError) -> str:
    match error.errno:
        case zmq.EADDRINUSE:
            return f"another program uses it: stop that one, or change bus.ports.{name}"
        case errno.ENAMETOOLONG:
            return "choose a shorter --run-dir or a shorter name for the agent"
        case errno.EACCES | errno.EPERM:
            return f"make it accessible to user {os.geteuid()}, or choose another port or --run-dir"
        case _:
            return f"correct bus.host or bus.ports.{name}, or use transport ipc"
