"""Waiting for both planes at once, in the one poll of the agent loop."""

from typing import Final, Protocol

import zmq
from structlog.typing import FilteringBoundLogger

from bus.broadcast import RedisBroadcast
from bus.direct import ZmqDirect

DIRECT: Final = 1
BROADCAST: Final = 2
BOTH: Final = DIRECT | BROADCAST
_CONNECTING_MS: Final = 20


class Poll(Protocol):
    """Waits until a plane has something to read."""

    def __call__(self, timeout_ms: int, rest_ms: int = 0) -> int:
        """Wait at most ``timeout_ms`` milliseconds; return which planes may have something, ``DIRECT | BROADCAST``.

        With ``rest_ms`` wait that long instead, whatever there is to read, unless it is urgent.
        """


class LivePoll:
    """Waits on the ZeroMQ sockets and the Redis connections at once, and brings Redis back when it was lost."""

    def __init__(self, direct: ZmqDirect, broadcast: RedisBroadcast, log: FilteringBoundLogger | None = None) -> None:
        self._poller = direct.poller
        self._broadcast = broadcast
        self._log = log
        self._registered: tuple[int, ...] = ()
        self._refusal = ""

    def __call__(self, timeout_ms: int, rest_ms: int = 0) -> int:
        """Wait at most ``timeout_ms`` milliseconds; return which planes may have something to read.

        With ``rest_ms`` wait that long instead, whatever there is to read, unless it is urgent.
        """
        broadcast = self._broadcast
        if broadcast.filenos != self._registered or not broadcast.is_connected:
            self._register()
            if not broadcast.is_connected:
                timeout_ms = min(timeout_ms, _CONNECTING_MS)
        if rest_ms:
            return self._rest(rest_ms)
        ready = BROADCAST if broadcast.has_more else 0
        readable = []
        for source, _ in self._poller.poll(0 if ready else timeout_ms):
            if type(source) is int:
                readable.append(source)
                ready |= BROADCAST
            else:
                ready |= DIRECT
        broadcast.watch(readable)
        if broadcast.refusal != self._refusal:
            self._tell_refusal()
        return ready

    def _rest(self, rest_ms: int) -> int:
        patient = self._broadcast.patient_fileno
        if patient is not None:
            self._poller.unregister(patient)
        found = self._poller.poll(rest_ms)
        if patient is not None:
            self._poller.register(patient, zmq.POLLIN)
        return BOTH if any(type(source) is not int for source, _ in found) else BROADCAST

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

    def _tell_refusal(self) -> None:
        self._refusal = self._broadcast.refusal
        if self._refusal and self._log is not None:
            self._log.error("redis refuses", reason=self._refusal)
