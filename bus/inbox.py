"""A bounded inbox with three priorities, each with room of its own, so that no flood keeps an alert out."""

from collections import Counter, deque
from typing import Final

from bus.message import Envelope, Overflow, Priority

_LEVELS: Final = tuple(int(level) for level in Priority)


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
        self._queues: tuple[deque[list[Envelope]], ...] = tuple(deque() for _ in range(len(_LEVELS) + 1))
        self._latest: dict[tuple[str, str, str], list[Envelope]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def has_high(self) -> bool:
        """Whether a message of the highest priority waits."""
        return bool(self._queues[Priority.HIGH])

    def put(self, envelope: Envelope) -> bool:
        """Admit a message; False when there was no room for it.

        In a full queue ``latest`` replaces the waiting message of its key; whatever is turned away is counted.
        """
        header, message, _ = envelope
        queue = self._queues[header.priority]
        if message.OVERFLOW is Overflow.LATEST:
            return self._put_latest(queue, envelope)
        if len(queue) >= self.capacity:
            self.counters["refused" if message.OVERFLOW is Overflow.REFUSE else "dropped"] += 1
            return False
        queue.append([envelope])
        self._count += 1
        return True

    def pop(self) -> Envelope | None:
        """Take the next message, or None."""
        for level in _LEVELS:
            queue = self._queues[level]
            if queue:
                slot = queue.popleft()
                self._count -= 1
                envelope = slot[0]
                if envelope.message.OVERFLOW is Overflow.LATEST:
                    key = _key(envelope)
                    if self._latest.get(key) is slot:
                        del self._latest[key]
                return envelope
        return None

    def _put_latest(self, queue: deque[list[Envelope]], envelope: Envelope) -> bool:
        key = _key(envelope)
        if len(queue) < self.capacity:
            slot = [envelope]
            queue.append(slot)
            self._latest[key] = slot
            self._count += 1
            return True
        waiting = self._latest.get(key)
        if waiting is None:
            self.counters["dropped"] += 1
            return False
        waiting[0] = envelope
        self.counters["conflated"] += 1
        return True


def _key(envelope: Envelope) -> tuple[str, str, str]:
    return (envelope.header.sender, envelope.header.kind, envelope.message.conflation_key or "")
