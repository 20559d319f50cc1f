"""Puts broadcasts back into order: one contiguous sequence per sender and kind, gaps asked for, losses named."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from bus.codec import Waiting

_ASK_AGAIN_NS: Final = 200_000_000
_MAX_HELD: Final = 8_192


class Missing(NamedTuple):
    """Broadcasts ``first`` to ``last`` of ``stream`` by ``sender`` that have not arrived."""

    sender: str
    stream: str
    first: int
    last: int


class _Stream:
    """What has arrived of one sender's broadcasts of one kind."""

    def __init__(self, position: int = 0) -> None:
        self.position = position
        self.announced = position
        self.held: dict[int, Waiting] = {}
        self.since_ns = 0
        self.asked_ns = 0

    @property
    def is_whole(self) -> bool:
        return self.announced <= self.position

    def take_ready(self) -> list[Waiting]:
        ready = []
        while (envelope := self.held.pop(self.position + 1, None)) is not None:
            self.position += 1
            ready.append(envelope)
        return ready

    @property
    def first_hole_end(self) -> int:
        return min(self.held) - 1 if self.held else self.announced


class Sequencer:
    """Hands on broadcasts in order and once.

    Parameters
    ----------
    timeout_ns
        How long a gap is asked for before it is declared lost.
    """

    def __init__(self, timeout_ns: int) -> None:
        self._timeout_ns = timeout_ns
        self._streams: dict[tuple[str, str], _Stream] = {}
        self._broken: dict[tuple[str, str], _Stream] = {}
        self.counters: Counter[str] = Counter()

    def accept(self, envelope: Waiting, now_ns: int) -> list[Waiting]:
        """Take a broadcast; return what can be handed on now, in order."""
        header = envelope.header
        key = (header.sender, header.kind)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = _Stream()
        sequence = header.sequence
        if sequence == stream.position + 1 and not stream.held:
            stream.position = sequence
            if stream.announced > sequence:
                return [envelope]
            stream.announced = sequence
            if self._broken:
                self._broken.pop(key, None)
            return [envelope]
        if sequence <= stream.position or sequence in stream.held:
            self.counters["duplicates"] += 1
            return []
        if len(stream.held) >= _MAX_HELD:
            self.counters["held_overflow"] += 1
            return []
        stream.held[sequence] = envelope
        self.learn(header.sender, header.kind, sequence, now_ns)
        return self._settle(key, stream)

    def learn(self, sender: str, kind: str, last: int, now_ns: int) -> None:
        """Note that ``sender`` has sent ``last`` of ``kind``, as a heartbeat says."""
        key = (sender, kind)
        stream = self._streams.setdefault(key, _Stream())
        if last > stream.announced:
            stream.announced = last
        if not stream.is_whole and key not in self._broken:
            stream.since_ns, stream.asked_ns = now_ns, 0
            self._broken[key] = stream
            self.counters["gaps"] += 1

    def to_ask(self, now_ns: int) -> list[Missing]:
        """Return the gaps to ask for now."""
        asks = []
        for (sender, kind), stream in self._broken.items():
            if now_ns - stream.asked_ns >= _ASK_AGAIN_NS:
                stream.asked_ns = now_ns
                asks.append(Missing(sender, kind, stream.position + 1, stream.first_hole_end))
        return asks

    def skip_to(self, sender: str, kind: str, oldest: int) -> tuple[Missing | None, list[Waiting]]:
        """Give up everything before ``oldest``, which the sender no longer holds; return the loss and what follows."""
        key = (sender, kind)
        stream = self._streams.get(key)
        if stream is None or oldest <= stream.position + 1:
            return None, []
        lost = Missing(sender, kind, stream.position + 1, oldest - 1)
        self.counters["lost"] += lost.last - lost.first + 1
        stream.held = {sequence: held for sequence, held in stream.held.items() if sequence >= oldest}
        stream.position = oldest - 1
        return lost, self._settle(key, stream)

    def give_up(self, now_ns: int) -> list[tuple[Missing, list[Waiting]]]:
        """Declare lost what has been asked for too long; return each loss with what can be handed on after it."""
        lost = []
        for (sender, kind), stream in list(self._broken.items()):
            if now_ns - stream.since_ns > self._timeout_ns:
                missing, ready = self.skip_to(sender, kind, stream.first_hole_end + 1)
                if missing is not None:
                    lost.append((missing, ready))
                stream.since_ns = now_ns
        return lost

    @property
    def is_whole(self) -> bool:
        """Whether nothing known to be sent is missing."""
        return not self._broken

    def mark(self, sender: str, kind: str, sequence: int) -> None:
        """Note, in recovery, that a broadcast is in the journal."""
        stream = self._streams.setdefault((sender, kind), _Stream())
        stream.position = max(stream.position, sequence)
        stream.announced = max(stream.announced, sequence)

    def positions(self) -> list[tuple[str, str, int]]:
        """Return (sender, kind, last handed on) of every stream."""
        return [(sender, kind, stream.position) for (sender, kind), stream in self._streams.items()]

    def restore(self, positions: Iterable[tuple[str, str, int]]) -> None:
        """Take over the positions that the journal vouches for."""
        self._streams = {(sender, kind): _Stream(position) for sender, kind, position in positions}
        self._broken = {}

    def _settle(self, key: tuple[str, str], stream: _Stream) -> list[Waiting]:
        ready = stream.take_ready()
        if stream.is_whole:
            self._broken.pop(key, None)
        return ready
