"""The direct plane: each process binds one ROUTER; others reach it by a DEALER that carries their name."""

import errno
import os
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgpack
import zmq

from bus.address import addresses, listening_address
from bus.codec import MAX_FRAME_BYTES
from bus.config import Settings
from bus.curve import CurveKeys, curve_keys
from bus.errors import Fatal
from bus.lawful import GUEST_PREFIX, OPERATOR, Arrival
from bus.message import OPS
from bus.rundir import RunDir
from bus.zap import DOMAIN, Doorkeeper, Returns

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
_HEARTBEAT_MS: Final = 1_000
_SILENCE_MS: Final = 3_000
_CONNECT_MS: Final = 1_000
_HANDSHAKE_MS: Final = 15_000
"""Longer than an agent takes to read its journal at a start, when it lets nobody in yet."""
_CUT_OFF_BYTES: Final = 4 * MAX_FRAME_BYTES
"""A peer that sends a frame this large is cut off by ZeroMQ; what is merely too large is counted by the codec."""
_ZAP_ENFORCE_DOMAIN: Final = 93
"""An option that pyzmq has no name for: without a doorkeeper nobody is let in, where ZeroMQ would let in everybody."""
Vouch = Callable[[zmq.Frame, zmq.Frame], str | None]
"""Whose a frame is, by the routing id and the frame; None when it is not to be read."""


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

    @property
    def last_denied(self) -> str:
        """Why somebody was last not let in; empty when nobody was."""

    def returned(self) -> list[str]:
        """Return the agents whose connection was lost and is back since the last call."""

    def send(self, recipient: str, frame: bytes) -> None:
        """Hand a frame to the plane; it leaves at the next ``flush`` at the latest."""

    def flush(self) -> None:
        """Let everything handed over leave; what finds no room or no way is counted."""

    def receive(self, most: int) -> list[Arrival]:
        """Return the frames that have arrived, about ``most`` at the most."""

    def close(self) -> None:
        """Give up all sockets."""


def open_direct(settings: Settings, name: str, *, is_client: bool = False) -> "ZmqDirect":
    """Open the direct plane of an agent, of "ops", or, with ``is_client``, of a guest or of "ops" as one who only asks.

    Agents have no address of ops: they answer it, like a guest, on the connection that it made.

    Raises
    ------
    ConfigError
        Addresses or keys are missing, or do not fit.
    Fatal
        The address cannot be bound.
    """
    agents = settings.firm.agents
    names = list(agents) if name in agents else [*agents, OPS]
    sockets = RunDir(settings.run_dir).sockets
    book = addresses(settings.firm.bus, names, sockets, {each: entry.host for each, entry in agents.items()})
    keys = curve_keys(settings, OPERATOR if name.startswith(GUEST_PREFIX) else name)
    if is_client:
        return ZmqDirect(name, book, keys=keys, is_client=True)
    return ZmqDirect(name, book, keys=keys, listens_at=listening_address(settings.firm.bus, name, book[name]))


class ZmqDirect:
    """ROUTER and DEALER sockets of one process.

    Parameters
    ----------
    name
        This process; over unix sockets its DEALERs carry it as their identity.
    book
        Address of every agent. A client has none of its own and is answered over its own connection.
    keys
        The CURVE keys, without which no tcp address is bound or connected to.
    listens_at
        What to bind, where that is not the address in the book.
    is_client
        A client binds nothing.
    is_bare
        Speaks tcp without CURVE. No configuration says so: it is for measuring what CURVE costs.

    Raises
    ------
    Fatal
        The address cannot be bound, or there is a tcp address and no keys.
    """

    def __init__(
        self,
        name: str,
        book: dict[str, str],
        *,
        keys: CurveKeys | None = None,
        listens_at: str = "",
        is_client: bool = False,
        is_bare: bool = False,
    ) -> None:
        if keys is None and not is_bare and any(address.startswith("tcp:") for address in book.values()):
            raise Fatal(f"{name} has no CURVE keys and may not speak tcp without; run `boardroom keys`")
        self.name = name
        self.counters: Counter[str] = Counter()
        self._book = book
        self._keys = keys
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(io_threads=1)
        self._dealers: dict[str, zmq.Socket[bytes]] = {}
        self._receivers: list[tuple[zmq.Socket[bytes], int, Vouch | None]] = []
        self._router: zmq.Socket[bytes] | None = None
        self._door: Doorkeeper | None = None
        self._returns: Returns | None = None
        self._outbox: dict[str, list[bytes]] = {}
        self._is_answered_here = is_client or name == OPS
        self.poller = zmq.Poller()
        if not is_client:
            self._bind(listens_at or book[name])

    def _bind(self, address: str) -> None:
        door = None
        if self._keys is not None:
            door = self._door = Doorkeeper(self._context, self._keys.holders, self.counters)
            self._returns = Returns(self._context)
        router = self._router = self._socket(zmq.ROUTER)
        router.setsockopt(zmq.ROUTER_HANDOVER, 1)
        router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        if door is not None:
            self._guard(router)
            door.watch(router, self.poller)
        try:
            router.bind(address)
        except zmq.ZMQError as error:
            self.close()
            reason = f"{zmq.strerror(error.errno or 0)}; {_advice(self.name, error)}"
            raise Fatal(f"{self.name} cannot bind {address}: {reason}") from None
        self._listen(router, 2, None if door is None else door.vouch)  # a ROUTER puts the sender's identity first

    def _guard(self, router: zmq.Socket[bytes]) -> None:
        assert self._keys is not None
        router.setsockopt(zmq.CURVE_SERVER, 1)
        router.setsockopt(zmq.CURVE_SECRETKEY, self._keys.secret)
        router.setsockopt(zmq.ZAP_DOMAIN, DOMAIN)
        router.setsockopt(_ZAP_ENFORCE_DOMAIN, 1)

    @property
    def last_denied(self) -> str:
        """Why somebody was last not let in; empty when nobody was."""
        return "" if self._door is None else self._door.last_denied

    def returned(self) -> list[str]:
        """Return the agents whose connection was lost and is back since the last call."""
        return [] if self._returns is None else self._returns.take()

    def connect(self, recipient: str) -> bool:
        """Open the way to an agent; False when its name has no address."""
        if recipient in self._dealers:
            return True
        address = self._book.get(recipient)
        if address is None:
            return False
        dealer = self._socket(zmq.DEALER)
        dealer.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
        dealer.setsockopt(zmq.RECONNECT_IVL_MAX, _RECONNECT_MAX_MS)
        if self._keys is None or self.name.startswith(GUEST_PREFIX):  # a name that is not given cannot be taken away
            dealer.setsockopt(zmq.IDENTITY, self.name.encode())
        if self._keys is not None:
            dealer.setsockopt(zmq.CURVE_SECRETKEY, self._keys.secret)
            dealer.setsockopt(zmq.CURVE_PUBLICKEY, self._keys.public)
            dealer.setsockopt(zmq.CURVE_SERVERKEY, self._keys.public_of(recipient))
        if self._returns is not None and not self._is_answered_here:
            self._returns.watch(recipient, dealer)
        dealer.connect(address)
        self._dealers[recipient] = dealer
        if self._is_answered_here:  # agents answer each other ROUTER to ROUTER; others on the connection they made
            self._listen(dealer, 1, None if self._keys is None else lambda *_: recipient)
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
                    route = recipient.encode() if self._door is None else self._door.route(recipient)
                    self._router.send_multipart((route, frame), _NOBLOCK)
                else:
                    self.counters["unroutable"] += 1
        except zmq.ZMQError:
            self.counters["unsent"] += 1

    def receive(self, most: int) -> list[Arrival]:
        """Return the frames that have arrived, about ``most`` at the most."""
        if self._door is not None:
            self._door.answer()
        frames: list[Arrival] = []
        for receiver, expected, vouch in self._receivers:
            while len(frames) < most and int(receiver.get(_EVENTS)) & _POLLIN:
                first = part = receiver.recv(_NOBLOCK, copy=False, track=False)
                parts = 1
                while part.more:
                    part = receiver.recv(_NOBLOCK, copy=False, track=False)
                    parts += 1
                if parts != expected:
                    self.counters["codec_errors"] += 1
                    continue
                origin = "" if vouch is None else vouch(first, part)
                if origin is None:
                    continue
                message = part.bytes
                if message[:1] == BUNDLE:
                    frames += [Arrival(frame, origin) for frame in unbundle(message)]
                else:
                    frames.append(Arrival(message, origin))
        return frames

    def close(self) -> None:
        """Give up all sockets; what is queued gets a moment to leave."""
        self.flush()
        for each in (self._router, *self._dealers.values()):
            if each is not None:
                each.close(linger=_LINGER_MS)
        if self._returns is not None:
            self._returns.close()
        if self._door is not None:
            self._door.close()
        self._context.term()

    def _listen(self, receiver: zmq.Socket[bytes], parts: int, vouch: Vouch | None) -> None:
        self._receivers.append((receiver, parts, vouch))
        self.poller.register(receiver, zmq.POLLIN)

    def _socket(self, kind: int) -> Any:
        made = self._context.socket(kind)
        made.setsockopt(zmq.SNDHWM, _HIGH_WATER)
        made.setsockopt(zmq.RCVHWM, _HIGH_WATER)
        made.setsockopt(zmq.MAXMSGSIZE, _CUT_OFF_BYTES)
        made.setsockopt(zmq.LINGER, _LINGER_MS)
        if self._keys is not None:
            made.setsockopt(zmq.HEARTBEAT_IVL, _HEARTBEAT_MS)
            made.setsockopt(zmq.HEARTBEAT_TIMEOUT, _SILENCE_MS)
            made.setsockopt(zmq.HEARTBEAT_TTL, _SILENCE_MS)
            made.setsockopt(zmq.CONNECT_TIMEOUT, _CONNECT_MS)
            made.setsockopt(zmq.HANDSHAKE_IVL, _HANDSHAKE_MS)
        return made


def _advice(name: str, error: zmq.ZMQError) -> str:
    match error.errno:
        case zmq.EADDRINUSE:
            return f"another program uses it: stop that one, or change bus.ports.{name}"
        case errno.ENAMETOOLONG:
            return "choose a shorter --run-dir or a shorter name for the agent"
        case errno.EACCES | errno.EPERM:
            return f"make it accessible to user {os.geteuid()}, or choose another port or --run-dir"
        case _:
            return f"correct bus.bind, its host or bus.ports.{name}, or use transport ipc"
