"""Waiting for both planes at once, in the one poll of the agent loop."""

from typing import Final, Protocol

import zmq
from structlog.typing import FilteringBoundLogger

from bus.broadcast import RedisBroadcast
from bus.direct import ZmqDirect

DIRECT: Final = 1
BROADCAST: Final = 2
BOTH: Final = DIRECT | BROADCAST


class Poll(Protocol):
    """Waits until a plane has something to read."""

    def __call__(self, timeout_ms: int) -> int:
        """Wait at most ``timeout_ms`` milliseconds; return which planes may have something, ``DIRECT | BROADCAST``."""


class LivePoll:
    """Waits on the ZeroMQ sockets and the Redis connections at once, and brings Redis back when it was lost."""

    def __init__(self, direct: ZmqDirect, broadcast: RedisBroadcast, log: FilteringBoundLogger | None = None) -> None:
        self._poller = direct.poller
        self._broadcast = broadcast
        self._log = log
        self._registered: tuple[int, ...] = ()

    def __call__(self, timeout_ms: int) -> int:
        """Wait at most ``timeout_ms`` milliseconds; return which planes may have something to read."""
        if self._broadcast.filenos != self._registered or not self._broadcast.is_connected:
            self._register()
        ready = 0
        for source, _ in self._poller.poll(timeout_ms):
            ready |= BROADCAST if type(source) is int else DIRECT
        return ready

    def _register(self) -> None:
        was_connected = bool(self._registered)
        if not self._broadcast.is_connected and self._broadcast.reconnect() and self._log is not None:
            self._log.info("redis is back")
        for fileno in self._registered:
            self._poller.unregister(fileno)
        self._registered = self._broadcast.filenos
        for fileno in self._registered:
            self._poller.register(fileno, zmq.POLLIN)
        if was_connected and not self._registered and self._log is not None:
            self._log.warning("redis is gone; broadcasts wait in the ring until it is back")
