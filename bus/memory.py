"""Planes in memory: the live runtime without sockets, for tests that must lose, repeat or delay frames on purpose."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Final

from bus.codec import decode_header
from bus.lawful import Arrival
from bus.message import Header

DELIVER: Final = 1
Fate = Callable[[Header], int]
"""How many copies of a frame arrive: 0 loses it, 2 repeats it."""


def faithful(_: Header) -> int:
    """Deliver every frame once."""
    return DELIVER


class MemoryHub:
    """Connects the memory planes of several processes; ``fate`` decides what becomes of each frame."""

    def __init__(self, fate: Fate = faithful) -> None:
        self.fate = fate
        self._direct: dict[str, MemoryDirect] = {}
        self._broadcast: list[MemoryBroadcast] = []

    def direct(self, name: str) -> "MemoryDirect":
        """Make the direct plane of a process; a process started again takes over the name."""
        plane = self._direct[name] = MemoryDirect(self)
        return plane

    def broadcast(self, kinds: Iterable[str]) -> "MemoryBroadcast":
        """Make the broadcast plane of a process."""
        plane = MemoryBroadcast(self, frozenset(kinds))
        self._broadcast.append(plane)
        return plane

    def remove(self, plane: "MemoryBroadcast | MemoryDirect") -> None:
        """Disconnect a plane, as a killed process would."""
        self._broadcast = [each for each in self._broadcast if each is not plane]
        self._direct = {name: each for name, each in self._direct.items() if each is not plane}

    def carry(self, recipient: str, frame: bytes) -> None:
        """Deliver a direct frame."""
        plane = self._direct.get(recipient)
        if plane is not None:
            plane.arrived.extend([frame] * self.fate(decode_header(frame)))

    def spread(self, kind: str, frame: bytes) -> None:
        """Deliver a broadcast to every subscriber, each with a fate of its own."""
        for plane in self._broadcast:
            if kind in plane.kinds:
                plane.arrived.extend([frame] * self.fate(decode_header(frame)))


class MemoryDirect:
    """The direct plane of one process, in memory."""

    def __init__(self, hub: MemoryHub) -> None:
        self.counters: Counter[str] = Counter()
        self.arrived: deque[bytes] = deque()
        self.last_denied = ""
        self._hub = hub

    def returned(self) -> list[str]:
        """Return nobody: here no connection is ever lost."""
        return []

    def send(self, recipient: str, frame: bytes) -> None:
        """Hand a frame to the hub."""
        self._hub.carry(recipient, frame)

    def flush(self) -> None:
        """Do nothing: what was handed over has left."""

    def receive(self, most: int) -> list[Arrival]:
        """Return up to ``most`` frames that have arrived."""
        return [Arrival(self.arrived.popleft(), "") for _ in range(min(most, len(self.arrived)))]

    def close(self) -> None:
        """Leave the hub."""
        self._hub.remove(self)


class MemoryBroadcast:
    """The broadcast plane of one process, in memory."""

    def __init__(self, hub: MemoryHub, kinds: frozenset[str]) -> None:
        self.counters: Counter[str] = Counter()
        self.arrived: deque[bytes] = deque()
        self.kinds = kinds
        self._hub = hub

    def publish(self, kind: str, frame: bytes) -> bool:
        """Hand a frame to the hub."""
        self._hub.spread(kind, frame)
        return True

    def receive(self) -> list[Arrival]:
        """Return the frames that have arrived."""
        frames = [Arrival(frame, "") for frame in self.arrived]
        self.arrived.clear()
        return frames

    def close(self) -> None:
        """Leave the hub."""
        self._hub.remove(self)
