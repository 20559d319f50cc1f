"""The broadcast plane: Redis pub/sub, one channel per kind, on two sockets that live in the process's own poll.

redis-py makes and authenticates the connections; frames are then read and written without blocking, because the
agent loop has one thread and Redis may stall or vanish at any moment.
"""

import contextlib
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

import hiredis
import redis

from bus.errors import ConfigError, Fatal, Transient
from bus.lawful import Arrival

_CHANNEL: Final = "boardroom."
_READ_BYTES: Final = 1 << 18
_MAX_UNSENT_BYTES: Final = 8 << 20
_RETRY_S: Final = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class BroadcastPlane(Protocol):
    """What a process needs of the broadcast plane; the simulated one and Redis both give it."""

    counters: Counter[str]

    def publish(self, kind: str, frame: bytes) -> bool:
        """Hand a frame to the plane; False when it cannot leave now."""

    def receive(self) -> list[Arrival]:
        """Return the frames that have arrived."""

    def close(self) -> None:
        """Give up all sockets."""


class RedisBroadcast:
    """Two connections to Redis: one subscribed, one that publishes.

    Parameters
    ----------
    url
        ``unix://PATH``, ``redis://`` or ``rediss://`` URL, credentials included.
    kinds
        Wire names to subscribe to.
    monotonic
        Clock for reconnecting, in seconds.

    Attributes
    ----------
    is_connected
        Whether both connections stand.
    filenos
        Descriptors to poll for reading.
    """

    def __init__(self, url: str, kinds: Iterable[str], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.counters: Counter[str] = Counter()
        self.is_connected = False
        self.filenos: tuple[int, ...] = ()
        self._kinds = sorted(kinds)
        self._monotonic = monotonic
        self._where = url.rsplit("@", 1)[-1]
        try:
            self._pool = redis.ConnectionPool.from_url(url, socket_connect_timeout=1.0, socket_timeout=1.0, protocol=2)
        except ValueError as error:
            raise ConfigError(f"bus.redis_url {self._where}: {error}; correct it") from None
        self._subscriber: _Wire | None = None
        self._publisher: _Wire | None = None
        self._failures = 0
        self._retry_at = 0.0

    def connect(self) -> None:
        """Connect and subscribe.

        Raises
        ------
        Transient
            Redis does not answer; ``reconnect`` may be called again later.
        """
        self._drop()
        try:
            self._publisher = _Wire(self._pool)
            if self._kinds:
                self._subscriber = _Wire(self._pool)
                self._subscriber.command("SUBSCRIBE", *(_CHANNEL + kind for kind in self._kinds))
                self._subscriber.wait_for_subscriptions(len(self._kinds))
        except (redis.RedisError, OSError) as error:
            self._drop()
            raise Transient(f"no Redis at {self._where}: {error}") from None
        self.is_connected = True
        self.filenos = tuple(wire.fileno for wire in (self._subscriber, self._publisher) if wire is not None)
        self._failures = 0

    def connect_or_fail(self, patience_s: float) -> None:
        """Connect, trying for ``patience_s`` seconds.

        Raises
        ------
        Fatal
            No Redis in that time.
        """
        deadline = self._monotonic() + patience_s
        while True:
            try:
                return self.connect()
            except Transient as error:
                if self._monotonic() > deadline:
                    raise Fatal(
                        f"{error}; start the firm with `boardroom up`, which brings its own, or point bus.redis_url "
                        f"at a running Redis"
                    ) from None
                time.sleep(0.05)

    def reconnect(self) -> bool:
        """Try again if it is time to; True when the connection came back."""
        if self.is_connected or self._monotonic() < self._retry_at:
            return False
        try:
            self.connect()
        except Transient:
            self._failures += 1
            self._retry_at = self._monotonic() + _RETRY_S[min(self._failures, len(_RETRY_S)) - 1]
            return False
        self.counters["redis_reconnects"] += 1
        return True

    def publish(self, kind: str, frame: bytes) -> bool:
        """Hand a frame to Redis; False when it cannot leave now: receivers will ask for it."""
        if self._publisher is None:
            self.counters["unpublished"] += 1
            return False
        try:
            self._publisher.command("PUBLISH", _CHANNEL + kind, frame)
        except OSError:
            self._lost()
            self.counters["unpublished"] += 1
            return False
        return True

    def receive(self) -> list[Arrival]:
        """Return the frames that have arrived."""
        frames: list[bytes] = []
        try:
            if self._publisher is not None:
                self._publisher.discard()
            if self._subscriber is not None:
                self._subscriber.read_messages(frames)
        except (OSError, hiredis.HiredisError):
            self._lost()
        return [Arrival(frame, "") for frame in frames]

    def close(self) -> None:
        """Give up both sockets, after what is still unsent has left."""
        if self._publisher is not None:
            with contextlib.suppress(OSError):
                self._publisher.drain()
        self._drop()

    def _lost(self) -> None:
        self.counters["redis_lost"] += 1
        self._drop()
        self._retry_at = self._monotonic()

    def _drop(self) -> None:
        self.is_connected = False
        self.filenos = ()
        for wire in (self._subscriber, self._publisher):
            if wire is not None:
                wire.close()
        self._subscriber = self._publisher = None


class _Wire:
    """One non-blocking connection that speaks RESP through hiredis."""

    def __init__(self, pool: redis.ConnectionPool) -> None:
        connection: Any = pool.make_connection()
        connection.connect()
        self._connection = connection
        self._socket: socket.socket = connection._sock  # redis-py has no public accessor
        self.fileno = self._socket.fileno()
        self._socket.setblocking(False)
        self._reader = hiredis.Reader()
        self._unsent = bytearray()
        self._early: list[Any] = []

    def command(self, *words: str | bytes) -> None:
        """Send a command without waiting for its reply."""
        packed = hiredis.pack_command(words)  # type: ignore[arg-type]  # its stub says a tuple of one
        if self._unsent:
            self._unsent += packed
            self._flush()
            return
        try:
            sent = self._socket.send(packed)
        except BlockingIOError:
            sent = 0
        if sent < len(packed):
            self._unsent += packed[sent:]

    def wait_for_subscriptions(self, count: int) -> None:
        """Block until that many subscriptions are confirmed; messages that arrive meanwhile are kept."""
        self._socket.settimeout(1.0)
        while count > 0:
            self._reader.feed(self._read())
            while (reply := self._reader.gets()) is not False:
                if isinstance(reply, hiredis.ReplyError):
                    raise redis.ResponseError(str(reply))
                if reply[0] == b"subscribe":
                    count -= 1
                else:
                    self._early.append(reply)
        self._socket.setblocking(False)

    def drain(self) -> None:
        """Block until everything unsent has left."""
        self._socket.settimeout(1.0)
        if self._unsent:
            self._socket.sendall(self._unsent)
            self._unsent.clear()

    def discard(self) -> None:
        """Read and drop the replies to what was published, and send what is still unsent."""
        for _ in self._replies():
            pass
        if self._unsent:
            self._flush()

    def read_messages(self, frames: list[bytes]) -> None:
        """Append the payloads of the messages that have arrived."""
        frames.extend(reply[2] for reply in self._replies() if isinstance(reply, list) and reply[0] == b"message")

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError, redis.RedisError):
            self._connection.disconnect()

    def _replies(self) -> Iterable[Any]:
        early, self._early = self._early, []
        yield from early
        while True:
            try:
                data = self._read()
            except BlockingIOError:
                return
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                if isinstance(reply, hiredis.ReplyError):
                    raise ConnectionError(str(reply))
                yield reply
            if len(data) < _READ_BYTES:
                return

    def _read(self) -> bytes:
        data = self._socket.recv(_READ_BYTES)
        if not data:
            raise ConnectionResetError("Redis closed the connection")
        return data

    def _flush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            sent = self._socket.send(self._unsent)
            del self._unsent[:sent]
        if len(self._unsent) > _MAX_UNSENT_BYTES:
            raise ConnectionError(f"Redis takes nothing: {len(self._unsent)} bytes wait")
