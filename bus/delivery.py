"""What makes lossy sockets dependable: acknowledgement and repetition, recognition of repeats, repair of gaps.

Everything here is state without sockets: frames and times go in, frames to send come out.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from bus.message import Envelope, Header

_MAX_BACKOFF: Final = 8
_MOST_RECENT: Final = 1024
_MOST_REMEMBERED: Final = 4 * _MOST_RECENT


class Parcel(NamedTuple):
    """A direct message on its way: who must get which frame, and until when."""

    message_id: str
    correlation_id: str
    kind: str
    recipient: str
    frame: bytes
    expires_ns: int


def parcel(envelope: Envelope, frame: bytes) -> Parcel:
    """Make a parcel of a stamped direct message and its frame."""
    header = envelope.header
    if header.recipient is None:
        raise ValueError(f"{header.kind} {header.id} is a broadcast: it has no recipient to send a parcel to")
    return Parcel(header.id, header.correlation_id, header.kind, header.recipient, frame, header.expires_ns)


class Outgoing:
    """Reliable messages not yet acknowledged, and deadline messages that may still matter to a peer that comes back.

    Parameters
    ----------
    retry_ns
        First interval of repetition; it doubles up to eight times that.
    """

    def __init__(self, retry_ns: int) -> None:
        self._retry_ns = retry_ns
        self._pending: dict[str, tuple[Parcel, int, int]] = {}
        self._recent: dict[str, deque[Parcel]] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def expect(self, sent: Parcel, now_ns: int) -> None:
        """Watch a reliable message until it is acknowledged or expires."""
        self._pending[sent.message_id] = (sent, now_ns + self._retry_ns, self._retry_ns)

    def remember(self, sent: Parcel) -> None:
        """Keep a deadline message until it expires, for a recipient that may be restarting."""
        recent = self._recent.get(sent.recipient)
        if recent is None:
            recent = self._recent[sent.recipient] = deque(maxlen=_MOST_RECENT)
        recent.append(sent)

    def acknowledge(self, ids: Iterable[str]) -> list[str]:
        """Forget messages that arrived; return the ids that were still waited for."""
        return [message_id for message_id in ids if self._pending.pop(message_id, None) is not None]

    def next_due_ns(self) -> int | None:
        """Return when the next repetition is due."""
        return min((due for _, due, _ in self._pending.values()), default=None)

    def due(self, now_ns: int) -> list[Parcel]:
        """Return what must be repeated now, each with its interval doubled."""
        repeats = []
        for message_id, (sent, due_ns, interval_ns) in list(self._pending.items()):
            if due_ns <= now_ns and sent.expires_ns > now_ns:
                longer = min(interval_ns * 2, self._retry_ns * _MAX_BACKOFF)
                self._pending[message_id] = (sent, now_ns + longer, longer)
                repeats.append(sent)
        return repeats

    def expired(self, now_ns: int) -> list[Parcel]:
        """Give up and return what nobody acknowledged in time."""
        late = [sent for sent, _, _ in self._pending.values() if sent.expires_ns <= now_ns]
        for sent in late:
            del self._pending[sent.message_id]
        return late

    def for_returned(self, recipient: str, now_ns: int) -> list[Parcel]:
        """Return everything unexpired for a peer that just came back; it recognises what it already has."""
        pending = [sent for sent, _, _ in self._pending.values() if sent.recipient == recipient]
        recent = self._recent.get(recipient, ())
        return [sent for sent in (*pending, *recent) if sent.expires_ns > now_ns]

    def unexpired(self, now_ns: int) -> list[Parcel]:
        """Return everything that may still matter, to be sent again after this process came back."""
        pending = [sent for sent, _, _ in self._pending.values()]
        recent = [sent for each in self._recent.values() for sent in each]
        return [sent for sent in (*pending, *recent) if sent.expires_ns > now_ns]

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "pending": [tuple(sent) for sent, _, _ in self._pending.values()],
            "recent": [tuple(sent) for each in self._recent.values() for sent in each],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave; everything pending is due at once."""
        self._pending = {fields[0]: (Parcel(*fields), 0, self._retry_ns) for fields in state["pending"]}
        self._recent = {}
        for fields in state["recent"]:
            self.remember(Parcel(*fields))


class Handled:
    """Ids of direct messages in the journal, with the replies given, as long as somebody may send them again.

    Reliable ones are kept until they expire; of the others as many as a sender keeps for a peer that comes back.
    """

    def __init__(self) -> None:
        self._reliable: dict[str, tuple[int, list[Parcel]]] = {}
        self._others: dict[str, list[Parcel]] = {}

    def __len__(self) -> int:
        return len(self._reliable) + len(self._others)

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._reliable or message_id in self._others

    def add(self, header: Header, *, is_reliable: bool) -> None:
        """Record that a message is in the journal."""
        if is_reliable:
            self._reliable[header.id] = (header.expires_ns, [])
            return
        self._others[header.id] = []
        if len(self._others) > _MOST_REMEMBERED:
            del self._others[next(iter(self._others))]

    def add_reply(self, message_id: str, reply: Parcel) -> None:
        """Keep the answer given to a message, to give it again."""
        entry = self._reliable.get(message_id)
        given = self._others.get(message_id) if entry is None else entry[1]
        if given is not None:
            given.append(reply)

    def replies(self, message_id: str) -> list[Parcel]:
        """Return the answers given to a message."""
        entry = self._reliable.get(message_id)
        return self._others.get(message_id, []) if entry is None else entry[1]

    def forget_expired(self, now_ns: int) -> None:
        """Drop the oldest reliable entries that have expired: a repeat of those is dropped by its own age."""
        while self._reliable:
            message_id, (expires_ns, _) = next(iter(self._reliable.items()))
            if expires_ns >= now_ns:
                return
            del self._reliable[message_id]

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "reliable": [(key, expires, replies) for key, (expires, replies) in self._reliable.items()],
            "others": list(self._others.items()),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._reliable = {key: (expires, _parcels(replies)) for key, expires, replies in state["reliable"]}
        self._others = {key: _parcels(replies) for key, replies in state["others"]}


def _parcels(rows: Iterable[Iterable[Any]]) -> list[Parcel]:
    return [Parcel(*row) for row in rows]


class Ring:
    """The last broadcasts of this process, per kind, for receivers that missed some."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._frames: dict[str, deque[bytes]] = {}
        self._last: dict[str, int] = {}

    def add(self, kind: str, sequence: int, frame: bytes) -> None:
        """Keep the frame that carries ``sequence`` of ``kind``."""
        self._frames.setdefault(kind, deque(maxlen=self._capacity)).append(frame)
        self._last[kind] = sequence

    def oldest(self, kind: str) -> int:
        """Return the first sequence still held; one past the last when none is."""
        return self._last.get(kind, 0) - len(self._frames.get(kind, ())) + 1

    def select(self, kind: str, first: int, last: int) -> list[bytes]:
        """Return the frames held among ``first`` to ``last``, in order."""
        frames = self._frames.get(kind)
        if frames is None:
            return []
        oldest = self.oldest(kind)
        start, stop = max(first, oldest) - oldest, min(last, self._last[kind]) - oldest + 1
        return [frames[i] for i in range(start, stop)]

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {kind: (self._last[kind], list(frames)) for kind, frames in self._frames.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._frames = {kind: deque(frames, maxlen=self._capacity) for kind, (_, frames) in state.items()}
        self._last = {kind: last for kind, (last, _) in state.items()}
