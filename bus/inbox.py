"""A bounded inbox with three priorities, each with room of its own, so that no flood keeps an alert out."""

from collections import Counter, deque
from typing import Final

from bus.codec import Sealed, Waiting
from bus.message import Overflow, Priority

_LEVELS: Final = tuple(int(level) for level in Priority)
_Slot = list[Waiting]
"""One message, or nothing where a newer one took its place further back."""


class Inbox:
    """Waiting inputs of one agent, oldest first within a priority.

    Parameters
    ----------
    capacity
        Messages that may wait per priority.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.counters: Counter[str] = Counter()
        self._queues: tuple[deque[_Slot], ...] = tuple(deque() for _ in range(len(_LEVELS) + 1))
        self._counts = [0] * (len(_LEVELS) + 1)
        self._latest: dict[tuple[str, str, str], _Slot] = {}

    def __len__(self) -> int:
        return sum(self._counts)

    @property
    def has_high(self) -> bool:
        """Whether a message of the highest priority waits."""
        return self._counts[Priority.HIGH] > 0

    @property
    def backlog(self) -> int:
        """How many messages of the lowest priority, that of market data, wait."""
        return self._counts[Priority.LOW]

    @property
    def is_full(self) -> bool:
        """Whether there is no room for more of them."""
        return self._counts[Priority.LOW] >= self.capacity

    def put(self, waiting: Waiting) -> bool:
        """Admit a message; False when there was no room for it.

        In a full queue ``latest`` replaces the waiting message of its key, and waits in its own place, so that what a
        sender numbered is handled in that order; whatever is turned away is counted.
        """
        level = waiting.header.priority
        overflow = Overflow.LATEST if isinstance(waiting, Sealed) else waiting.message.OVERFLOW
        if overflow is Overflow.LATEST:
            return self._put_latest(level, waiting)
        if self._counts[level] >= self.capacity:
            self.counters["refused" if overflow is Overflow.REFUSE else "dropped"] += 1
            return False
        self._queues[level].append([waiting])
        self._counts[level] += 1
        return True

    def pop(self) -> Waiting | None:
        """Take the next message, or None."""
        for level in _LEVELS:
            if self._counts[level]:
                self._counts[level] -= 1
                return self._next(self._queues[level])
        return None

    def _next(self, queue: deque[_Slot]) -> Waiting:
        while not (slot := queue.popleft()):
            pass
        waiting = slot[0]
        key = _key(waiting)
        if key is not None and self._latest.get(key) is slot:
            del self._latest[key]
        return waiting

    def _put_latest(self, level: int, waiting: Waiting) -> bool:
        queue, key = self._queues[level], _key(waiting)
        assert key is not None
        if self._counts[level] < self.capacity:
            self._counts[level] += 1
        elif (replaced := self._latest.get(key)) is not None:
            replaced.clear()
            self.counters["conflated"] += 1
            if len(queue) > 2 * self.capacity:
                kept = [slot for slot in queue if slot]
                queue.clear()
                queue.extend(kept)
        else:
            self.counters["dropped"] += 1
            return False
        slot = self._latest[key] = [waiting]
        queue.append(slot)
        return True


def _key(waiting: Waiting) -> tuple[str, str, str] | None:
    """Return what a newer message must share to replace this one; None where no newer one does."""
    header = waiting.header
    if isinstance(waiting, Sealed):
        return (header.sender, header.kind, waiting.key)
    message = waiting.message
    return (header.sender, header.kind, message.conflation_key or "") if message.OVERFLOW is Overflow.LATEST else None
