"""One connection to Redis that never blocks once it stands: what is sent, what has come, and whether it is alive.

redis-py connects, encrypts and logs in; RESP is then spoken through hiredis on its bare socket.
"""

import contextlib
import select
import socket
import ssl
from collections.abc import Iterable
from typing import Any, Final

import hiredis
import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError
from redis.retry import Retry

_READ_BYTES: Final = 1 << 15
_MUCH_UNSENT_BYTES: Final = 1 << 20
_MOST_UNSENT_BYTES: Final = 8 << 20
_YIELD_MS: Final = 20
_ANSWER_S: Final = 1.0
_PING_S: Final = 0.5
_SILENCE_S: Final = 2.0
_REFUSALS: Final = {"NOPERM": NoPermissionError, "NOAUTH": redis.AuthenticationError}
_NOT_NOW: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Wire:
    """One connection.

    Parameters
    ----------
    pool
        Tells where and how to connect.
    login
        Options that replace those of the pool: user and password.

    Attributes
    ----------
    has_more
        Whether something may be waiting that no poll of the descriptor tells of.
    """

    def __init__(self, pool: redis.ConnectionPool, login: dict[str, str]) -> None:
        connection: Any = pool.connection_class(
            **{**pool.connection_kwargs, **login, "retry": Retry(NoBackoff(), 0)},  # reconnecting is for the plane
        )
        connection.connect()
        self._connection = connection
        self._socket: socket.socket = connection._sock  # redis-py has no public accessor
        self._is_encrypted = isinstance(self._socket, ssl.SSLSocket)
        self.fileno = self._socket.fileno()
        self._socket.setblocking(False)
        self._reader = hiredis.Reader()
        self._unsent = bytearray()
        self._early: list[Any] = []
        self.has_more = False
        self._is_stuck = False
        self._is_heard = True
        self._heard_s = 0.0
        self._asked_s = 0.0

    def offer(self, *words: str | bytes) -> bool:
        """Send a command without waiting for its reply; False when it found no room.

        A server that reads more slowly than this process writes is waited for, each time for a moment; one that reads
        nothing at all is waited for once.
        """
        packed = hiredis.pack_command(words)  # type: ignore[arg-type]  # its stub says a tuple of one
        if self._unsent:
            self.flush()
            if len(self._unsent) > _MUCH_UNSENT_BYTES and not self._is_stuck:
                self._wait_to_send()
            if len(self._unsent) + len(packed) > _MOST_UNSENT_BYTES:
                return False
        if self._unsent:
            self._unsent += packed
            return True
        try:
            sent = self._socket.send(packed)
        except _NOT_NOW:
            sent = 0
        if sent < len(packed):
            self._unsent += packed[sent:]
        return True

    def flush(self) -> None:
        """Send what is still unsent, as far as there is room."""
        if self._unsent:
            with contextlib.suppress(*_NOT_NOW):
                sent = self._socket.send(self._unsent)
                del self._unsent[:sent]
                self._is_stuck = False

    def subscribe(self, channels: list[bytes]) -> None:
        """Subscribe and block until that is confirmed; messages that arrive meanwhile are kept.

        Raises
        ------
        redis.ResponseError
            It is refused.
        """
        self._socket.settimeout(_ANSWER_S)
        self._socket.sendall(hiredis.pack_command((b"SUBSCRIBE", *channels)))  # type: ignore[arg-type]  # as above
        waiting = len(channels)
        while waiting > 0:
            self._reader.feed(self._read())
            while (reply := self._reader.gets()) is not False:
                if isinstance(reply, hiredis.ReplyError):
                    raise _REFUSALS.get(str(reply).split(" ", 1)[0], redis.ResponseError)(str(reply))
                if reply[0] == b"subscribe":
                    waiting -= 1
                else:
                    self._early.append(reply)
        self.has_more = bool(self._early) or self._is_encrypted
        self._socket.setblocking(False)

    def replies(self, most_bytes: int = _READ_BYTES) -> Iterable[Any]:
        """Yield the replies that have arrived, not many more bytes of them than ``most_bytes``.

        Raises
        ------
        OSError, hiredis.HiredisError
            The connection is lost, or what came is no RESP.
        """
        self.has_more = False
        if self._early:
            early, self._early = self._early, []
            yield from early
        gets = self._reader.gets
        while True:
            try:
                data = self._read()
            except _NOT_NOW:
                return
            self._is_heard = True
            self._reader.feed(data)
            while (reply := gets()) is not False:
                yield reply
            if len(data) < _READ_BYTES and not self._is_encrypted:
                return
            most_bytes -= len(data)
            if most_bytes <= 0:
                self.has_more = True
                return

    def watch(self, now_s: float) -> None:
        """Ask a silent server for a word; to be called when there is nothing to read.

        Raises
        ------
        ConnectionError
            It has given none for too long.
        """
        if self._is_heard:
            self._is_heard = False
            self._heard_s, self._asked_s = now_s, 0.0
        elif self._asked_s:
            if now_s - self._asked_s > _SILENCE_S:
                raise ConnectionError(f"no word from Redis for {now_s - self._asked_s:.1f} s")
        elif now_s - self._heard_s >= _PING_S:
            self._asked_s = now_s
            self.offer("PING")

    def drain(self) -> None:
        """Block for a moment until everything unsent has left."""
        self._socket.settimeout(_ANSWER_S)
        if self._unsent:
            self._socket.sendall(self._unsent)
            self._unsent.clear()

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError, redis.RedisError):
            self._connection.disconnect()

    def _read(self) -> bytes:
        data = self._socket.recv(_READ_BYTES)
        if not data:
            raise ConnectionResetError("Redis closed the connection")
        return data

    def _wait_to_send(self) -> None:
        waiting = select.poll()
        waiting.register(self.fileno, select.POLLOUT)
        self._is_stuck = True
        if waiting.poll(_YIELD_MS):
            self.flush()
