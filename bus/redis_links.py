"""The connections of one process to Redis: opened together, by whoever may block, and believed only by their login."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import hiredis
import redis
from redis.exceptions import NoPermissionError

from bus.errors import BoardroomError, ConfigError, Transient
from bus.redis_acl import ACL_FILE
from bus.redis_wire import Wire

_ANSWER_S: Final = 1.0
_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
Secrets = Callable[[], Sequence[str]]
"""Gives the passwords of a user, the newest first."""


class Links(NamedTuple):
    """The connections of one process, those it has."""

    publisher: Wire
    high: Wire | None
    other: Wire | None

    @property
    def wires(self) -> tuple[Wire, ...]:
        """Return those that are there."""
        return tuple(wire for wire in self if wire is not None)


class Opener:
    """Opens the connections of one process.

    Parameters
    ----------
    url
        Where Redis is.
    name
        User to log in as, with ``secrets``; without them what the URL holds is used.
    high, other
        Channels to subscribe to, each on a connection of its own.

    Raises
    ------
    ConfigError
        The URL cannot be used.
    """

    def __init__(self, url: str, name: str, secrets: Secrets | None, high: list[bytes], other: list[bytes]) -> None:
        self.where = url.rsplit("@", 1)[-1].split("?", 1)[0]
        self._name = name
        self._secrets = secrets
        self._high = high
        self._other = other
        self._pool = _pool(url, self.where)

    def open(self) -> Links:
        """Connect, log in and subscribe; blocks, but not for long.

        Raises
        ------
        Transient
            Redis does not answer; another attempt may succeed.
        ConfigError
            It answers, and refuses.
        """
        wires: list[Wire] = []
        try:
            for wanted in ([], self._high, self._other):
                if wanted or not wires:
                    wires.append(self._log_in())
                    if wanted:
                        wires[-1].subscribe(wanted)
        except (BoardroomError, redis.RedisError, hiredis.HiredisError, OSError) as error:
            for wire in wires:
                wire.close()
            raise self._failure(error) from None
        subscribed = iter(wires[1:])
        return Links(wires[0], *(next(subscribed) if wanted else None for wanted in (self._high, self._other)))

    def _log_in(self) -> Wire:
        if self._secrets is None:
            return Wire(self._pool, {})
        secrets = self._secrets()
        for older in range(len(secrets)):
            try:
                return Wire(self._pool, {"username": self._name, "password": secrets[older]})
            except redis.AuthenticationError:
                if older == len(secrets) - 1:
                    raise
        raise ConfigError(f"no secret of {self._name} for Redis; make the firm's keys with `boardroom keys make`")

    def _failure(self, error: Exception) -> BoardroomError:
        if isinstance(error, BoardroomError):
            return error
        if isinstance(error, redis.AuthenticationError | NoPermissionError):
            advice = (
                "correct the user and password in bus.redis_url"
                if self._secrets is None
                else f"have it load {ACL_FILE} of the firm's keys as its aclfile (Redis 7 or Valkey), or give both "
                f"the same keys"
            )
            return ConfigError(f"Redis at {self.where} refuses {self._name}: {error}; {advice}")
        return Transient(f"no Redis at {self.where}: {error}")


class Attempt:
    """One attempt to connect, in a thread, so that the loop of the agent goes on meanwhile."""

    def __init__(self, connect: Callable[[], Links]) -> None:
        self.links: Links | None = None
        self.error: BoardroomError | None = None
        self._connect = connect
        self._thread = threading.Thread(target=self._try, name="redis", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Tell whether it has not ended yet."""
        return self._thread.is_alive()

    def abandon(self) -> None:
        """Wait for the attempt, which is bounded, and close what it connected."""
        self._thread.join()
        for wire in () if self.links is None else self.links.wires:
            wire.close()

    def _try(self) -> None:
        try:
            self.links = self._connect()
        except BoardroomError as error:
            self.error = error


def _pool(url: str, where: str) -> redis.ConnectionPool:
    options: dict[str, Any] = {"socket_connect_timeout": _ANSWER_S, "socket_timeout": _ANSWER_S, "protocol": 2}
    try:
        pool = redis.ConnectionPool.from_url(url, **options)
        pool.connection_class(**pool.connection_kwargs)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"bus.redis_url {where}: {error}; correct it") from None
    for option in _FILES:
        path = pool.connection_kwargs.get(option)
        if path is not None and not Path(path).is_file():
            raise ConfigError(f"bus.redis_url {where}: {option}: {path}: no such file; correct it")
    return pool
