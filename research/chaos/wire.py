"""A wire between a firm and its Redis that can be cut, or made to swallow everything."""

import contextlib
import selectors
import socket
import threading
import time
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_CHUNK: Final = 1 << 16
_MOST_WAITING: Final = 1 << 22
_TURN_S: Final = 0.02
_LOOK_S: Final = 0.001


class State(Enum):
    """What the wire does with what is put into it."""

    WHOLE = auto()
    CUT = auto()
    """Every connection is closed, a new one is closed as soon as it is made."""
    HOLE = auto()
    """Connections stand and are accepted, and nothing comes through."""


class _End:
    """One end of a connection, with what is still to be written to it."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.waiting = bytearray()
        self.other: _End | None = None


class Wire:
    """Listens on one unix socket and hands every byte on to another, in a thread of its own.

    Parameters
    ----------
    front
        Where the firm connects.
    back
        Where Redis listens.
    """

    def __init__(self, front: Path, back: Path) -> None:
        self.closed = 0
        """Connections that ``cut`` has closed."""
        self._back = back
        self._state = State.WHOLE
        self._wanted = State.WHOLE
        self._ends: dict[int, _End] = {}
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(front))
        self._listener.listen(64)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        self._thread.join()
        for end in list(self._ends.values()):
            end.channel.close()
        self._listener.close()
        self._selector.close()

    @property
    def connections(self) -> int:
        """How many connections stand."""
        return len(self._ends) // 2

    def turn(self, state: State) -> None:
        """Return once the wire is in that state; a wire made whole again has dropped what it swallowed."""
        self._wanted = state
        while self._state is not state:
            time.sleep(_LOOK_S)

    def _run(self) -> None:
        while not self._is_over:
            if self._wanted is not self._state:
                self._change()
            for key, events in self._selector.select(_TURN_S):
                if key.fileobj is self._listener:
                    self._accept()
                elif self._state is not State.HOLE and key.fd in self._ends:
                    self._carry(self._ends[key.fd], events)

    def _change(self) -> None:
        """Close all connections where the wire is cut, or was dead: what a dead one swallowed never comes."""
        if self._wanted is State.CUT or self._state is State.HOLE:
            self.closed += self.connections
            for end in list(self._ends.values()):
                self._drop(end)
        self._state = self._wanted
        for end in self._ends.values():
            self._watch(end)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            near, _ = self._listener.accept()
            far = socket.socket(socket.AF_UNIX)
            try:
                if self._state is State.CUT:
                    raise ConnectionRefusedError
                far.connect(str(self._back))
            except OSError:
                near.close()
                far.close()
                return
            one, other = _End(near), _End(far)
            one.other, other.other = other, one
            for end in (one, other):
                end.channel.setblocking(False)
                self._ends[end.channel.fileno()] = end
                self._selector.register(end.channel, selectors.EVENT_READ)
                self._watch(end)

    def _carry(self, end: _End, events: int) -> None:
        other = end.other
        assert other is not None
        try:
            if events & selectors.EVENT_WRITE and end.waiting:
                sent = end.channel.send(end.waiting)
                del end.waiting[:sent]
            if events & selectors.EVENT_READ:
                data = end.channel.recv(_CHUNK)
                if not data:
                    raise ConnectionResetError
                other.waiting += data
                sent = other.channel.send(other.waiting)
                del other.waiting[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(end)
            return
        self._watch(end)
        self._watch(other)

    def _watch(self, end: _End) -> None:
        """Wait for what an end can do now; a connection in a hole is not even read."""
        other = end.other
        events = 0
        if self._state is not State.HOLE:
            if other is not None and len(other.waiting) < _MOST_WAITING:
                events |= selectors.EVENT_READ
            if end.waiting:
                events |= selectors.EVENT_WRITE
        descriptor = end.channel.fileno()
        is_known = descriptor in self._selector.get_map()
        if not events and is_known:
            self._selector.unregister(end.channel)
        elif events and is_known:
            self._selector.modify(end.channel, events)
        elif events:
            self._selector.register(end.channel, events)

    def _drop(self, end: _End) -> None:
        for each in (end, end.other):
            if each is None or self._ends.pop(each.channel.fileno(), None) is None:
                continue
            with contextlib.suppress(KeyError):
                self._selector.unregister(each.channel)
            each.channel.close()
