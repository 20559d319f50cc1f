"""The post office of a process: turns frames from the two planes into inputs, and outputs into frames that arrive.

It acknowledges, repeats, recognises repeats, repairs gaps and answers pings; the agent never sees any of it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from bus.broadcast import BroadcastPlane
from bus.codec import Sealed, Sealer, Waiting, decode, encode
from bus.config import BusConfig
from bus.delivery import Handled, Outgoing, Parcel, Ring, parcel
from bus.direct import DirectPlane
from bus.errors import CodecError
from bus.inbox import Inbox
from bus.incident import Incidents
from bus.lawful import Law
from bus.message import NEVER_EXPIRES, Delivery, Envelope, Header, Message, Overflow, Plane, lookup
from bus.messages import (
    Ack,
    AgentState,
    AgentStatus,
    Gap,
    Heard,
    Hello,
    Left,
    Ping,
    Resend,
    ResendUnavailable,
    Silent,
    Undelivered,
)
from bus.poll import BROADCAST, DIRECT
from bus.pulse import Pulse
from bus.sequencer import Missing, Sequencer

_NS: Final = 1_000_000_000
_MOST_FRAMES: Final = 512


class Post:
    """Delivery for one process.

    Parameters
    ----------
    name
        This process.
    config
        The [bus] table.
    direct, broadcast
        The two planes.
    subscriptions
        Wire names this agent handles.
    status
        Makes the AGENT_STATUS that heartbeats and pings carry.
    peers
        Agents of the firm and the role of each: nobody else's broadcasts are listened to.
    incidents
        Told of each message that goes wrong.
    """

    def __init__(
        self,
        name: str,
        config: BusConfig,
        direct: DirectPlane,
        broadcast: BroadcastPlane,
        subscriptions: Iterable[str],
        status: Callable[[], AgentStatus],
        *,
        peers: Mapping[str, str],
        incidents: Incidents | None = None,
    ) -> None:
        self.name = name
        self.incidents = incidents or Incidents()
        self.direct = direct
        self.broadcast = broadcast
        self.inbox = Inbox(config.inbox_messages)
        self.outgoing = Outgoing(round(config.retry_s * _NS))
        self.handled = Handled()
        self.ring = Ring(config.ring_messages)
        self.sequencer = Sequencer(round(config.gap_timeout_s * _NS))
        self.counters: Counter[str] = Counter()
        self.last_error = ""
        self.last_unlawful = ""
        self.notices: list[tuple[Message, str]] = []
        self._subscriptions = frozenset(subscriptions)
        self._peers = frozenset(peers)
        self._law = Law(peers)
        self._status = status
        self._heartbeat_ns = round(config.heartbeat_s * _NS)
        self._pulse = Pulse(self._heartbeat_ns) if Silent.KIND in self._subscriptions else None
        self._heartbeat_due_ns = 0
        self._next_due_ns = 0
        self._count = 0
        self._waiting: set[str] = set()
        self._sealer = Sealer()
        self._journaled: dict[tuple[str, str], int] = {}
        self._acks: dict[str, list[str]] = {}
        self._arrivals: dict[type[Message], Callable[[Header, Any, int], None]] = {
            Ack: self._on_ack,
            Hello: self._on_hello,
            Ping: self._on_ping,
            Resend: self._on_resend,
            ResendUnavailable: self._on_resend_unavailable,
            AgentStatus: self._on_status,
        }
        self.acknowledged: list[str] = []

    def collect(self, ready: int, now_ns: int) -> None:
        """Take in what has arrived on the planes that are ``ready``."""
        if ready & DIRECT:
            for frame, origin in self.direct.receive(_MOST_FRAMES):
                self._arrive(frame, origin, now_ns)
        if ready & BROADCAST:
            for frame, origin in self.broadcast.receive():
                if not (self.inbox.is_full and self._skim(frame, origin, now_ns)):
                    self._arrive(frame, origin, now_ns)

    def next_input(self, now_ns: int) -> Envelope | None:
        """Take the next unexpired input out of the inbox."""
        while (waiting := self.inbox.pop()) is not None:
            self._waiting.discard(waiting.header.id)
            if waiting.header.has_expired(now_ns):
                self.counters["expired"] += 1
                self.incidents.tell("expired", waiting.header, now_ns, "it waited in the inbox")
            elif not isinstance(waiting, Sealed):
                return waiting
            elif (envelope := self._unseal(waiting, now_ns)) is not None:
                return envelope
        return None

    def enter(self, envelope: Envelope) -> None:
        """Note that an input is in the journal; ``acknowledge`` then tells the senders."""
        header, message, _ = envelope
        if header.sequence:
            self._journaled[header.sender, header.kind] = header.sequence
        else:
            is_reliable = message.DELIVERY is Delivery.RELIABLE
            self.handled.add(header, is_reliable=is_reliable)
            if is_reliable:
                self._acks.setdefault(header.sender, []).append(header.id)

    def acknowledge(self, now_ns: int) -> None:
        """Tell the senders what has reached the disk."""
        for sender, ids in self._acks.items():
            self._say(Ack(ids=tuple(ids)), sender, now_ns)
        self._acks.clear()

    def register(self, output: Envelope) -> tuple[bytes, Parcel | None]:
        """Write an output as a frame and keep it as long as somebody may need it again."""
        header, message, _ = output
        frame = encode(header, message)
        if header.recipient is None:
            self.ring.add(header.kind, header.sequence, frame)
            return frame, None
        sent = parcel(output, frame)
        if message.DELIVERY is Delivery.RELIABLE:
            self.outgoing.expect(sent, header.sent_ns)
            self._next_due_ns = 0
        else:
            self.outgoing.remember(sent)
        self.handled.add_reply(header.causation_id, sent)
        return frame, sent

    def release(self, output: Envelope, frame: bytes, sent: Parcel | None) -> None:
        """Let a registered output leave."""
        if sent is None:
            self.broadcast.publish(output.header.kind, frame)
        else:
            self.direct.send(sent.recipient, frame)

    def tick(self, now_ns: int) -> None:
        """Repeat, give up, ask for gaps, and beat the heart, each when it is time."""
        if now_ns >= self._heartbeat_due_ns:
            self.beat(now_ns)
        if self._pulse is not None:
            self.notices += [(Silent(agent=peer, since_ns=since), "") for peer, since in self._pulse.silences(now_ns)]
        if self._next_due_ns <= now_ns and len(self.outgoing):
            for sent in self.outgoing.due(now_ns):
                self.counters["repeated"] += 1
                self.direct.send(sent.recipient, sent.frame)
            for sent in self.outgoing.expired(now_ns):
                self.counters["undelivered"] += 1
                notice = Undelivered(message_id=sent.message_id, kind=sent.kind, recipient=sent.recipient)
                self.notices.append((notice, sent.correlation_id))
            self._next_due_ns = self.outgoing.next_due_ns() or now_ns
        if not self.sequencer.is_whole:
            for missing in self.sequencer.to_ask(now_ns):
                self._say(Resend(stream=missing.stream, first=missing.first, last=missing.last), missing.sender, now_ns)
            for lost, ready in self.sequencer.give_up(now_ns):
                self._lose(lost, ready)

    def beat(self, now_ns: int) -> None:
        """Publish this process's status, with the last sequence of each of its streams.

        A peer that was out of reach is greeted like one that was away: what it has for this process, it sends again.
        """
        self._heartbeat_due_ns = now_ns + self._heartbeat_ns
        status = self._status()
        self.broadcast.publish(status.KIND, encode(self._header(status, None, now_ns), status))
        for name in self.direct.returned():
            self._say(Hello(incarnation=status.incarnation), name, now_ns)
        self.handled.forget_expired(now_ns)

    def greet(self, names: Iterable[str], incarnation: int, now_ns: int) -> None:
        """Tell every other process that this one is there; miss whoever is not, where goodbyes count as absence too."""
        if self._pulse is not None and Left.KIND in self._subscriptions:
            self._pulse.expect((name for name in names if name != self.name), now_ns)
        for name in names:
            if name != self.name:
                self._say(Hello(incarnation=incarnation), name, now_ns)

    def send_again(self, now_ns: int) -> None:
        """After a recovery, send again whatever may not have left."""
        for sent in self.outgoing.unexpired(now_ns):
            self.direct.send(sent.recipient, sent.frame)

    def wait_ns(self, now_ns: int) -> int:
        """Return how long nothing here needs attention."""
        due = self._heartbeat_due_ns
        if len(self.outgoing):
            due = min(due, self._next_due_ns)
        if not self.sequencer.is_whole:
            due = min(due, now_ns + 50_000_000)
        return max(0, due - now_ns)

    def snapshot(self) -> dict[str, Any]:
        """Return what the journal vouches for, as plain data."""
        return {
            "outgoing": self.outgoing.snapshot(),
            "handled": self.handled.snapshot(),
            "ring": self.ring.snapshot(),
            "positions": [(sender, kind, last) for (sender, kind), last in self._journaled.items()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.outgoing.restore(state["outgoing"])
        self.handled.restore(state["handled"])
        self.ring.restore(state["ring"])
        self._journaled = {(sender, kind): last for sender, kind, last in state["positions"]}

    def resume(self) -> None:
        """Begin to receive where the journal ends."""
        self.sequencer.restore([(sender, kind, last) for (sender, kind), last in self._journaled.items()])
        self._acks.clear()

    def _arrive(self, frame: bytes, origin: str, now_ns: int) -> None:
        try:
            envelope = decode(frame)
        except CodecError as error:
            self.counters["codec_errors"] += 1
            self.last_error = str(error)
            self.incidents.tell("not a message", None, now_ns, str(error), origin)
            return
        header, message, _ = envelope
        if header.recipient is not None and header.recipient != self.name:
            self.counters["misrouted"] += 1
            self.incidents.tell("misrouted", header, now_ns, origin=origin)
            return
        if header.has_expired(now_ns):
            self.counters["expired"] += 1
            if type(message) not in self._arrivals:
                self.incidents.tell("expired", header, now_ns, "it came too late")
            return
        if not is_in_place(header, message):
            self.counters["misplaced"] += 1
            self.incidents.tell("misplaced", header, now_ns, origin=origin)
            return
        if message.PLANE is Plane.BROADCAST and header.sender not in self._peers:
            self.counters["strangers"] += 1
            self.incidents.tell("stranger", header, now_ns, origin=origin)
            return
        objection = self._law.objection(header, type(message), origin)
        if objection:
            self.counters["unlawful"] += 1
            self.last_unlawful = objection
            self.incidents.tell("unlawful", header, now_ns, objection, origin)
            return
        arrival = self._arrivals.get(type(message))
        if arrival is not None:
            arrival(header, message, now_ns)
        elif header.kind not in self._subscriptions:
            self.counters["unhandled"] += 1
            if not header.sequence and message.DELIVERY is Delivery.RELIABLE:
                self._say(Ack(ids=(), refused=(header.id,)), header.sender, now_ns)
        elif header.sequence:
            self._hand_on(self.sequencer.accept(envelope, now_ns))
        else:
            self._admit(envelope, now_ns)

    def _skim(self, frame: bytes, origin: str, now_ns: int) -> bool:
        """Take in a broadcast that a newer one may replace before anybody reads it; False where it is not such a one.

        Then ``_arrive`` says what it is.
        """
        sealed = self._sealer.seal(frame)
        if sealed is None:
            return False
        header = sealed.header
        kind = lookup(header.kind)
        is_sound = (
            kind is not None
            and kind.PLANE is Plane.BROADCAST
            and header.recipient is None
            and header.sequence > 0
            and header.kind in self._subscriptions
            and header.sender in self._peers
            and not header.has_expired(now_ns)
            and not self._law.objection(header, kind, origin)
        )
        if is_sound:
            self._hand_on(self.sequencer.accept(sealed, now_ns))
        return is_sound

    def _unseal(self, sealed: Sealed, now_ns: int) -> Envelope | None:
        """Read the rest of a broadcast; one that is malformed is lost like any other, and the agent is told."""
        try:
            return decode(sealed.frame)
        except CodecError as error:
            self.counters["codec_errors"] += 1
            self.last_error = str(error)
            header = sealed.header
            self.incidents.tell("not a message", header, now_ns, str(error))
            self._lose(Missing(header.sender, header.kind, header.sequence, header.sequence), ())
            return None

    def _admit(self, envelope: Envelope, now_ns: int) -> None:
        header, message, _ = envelope
        if header.id in self.handled:
            self.counters["duplicates"] += 1
            if message.DELIVERY is Delivery.RELIABLE:
                self._say(Ack(ids=(header.id,)), header.sender, now_ns)
            for reply in self.handled.replies(header.id):
                if reply.recipient == header.sender:
                    self.direct.send(reply.recipient, reply.frame)
        elif header.id in self._waiting:
            self.counters["duplicates"] += 1
        elif self._has_room(envelope, now_ns):
            self._waiting.add(header.id)
        elif message.DELIVERY is Delivery.RELIABLE and message.OVERFLOW is Overflow.REFUSE:
            self._say(Ack(ids=(), refused=(header.id,)), header.sender, now_ns)

    def _has_room(self, envelope: Envelope, now_ns: int) -> bool:
        """Put a message into the inbox; say so when it is full."""
        if self.inbox.put(envelope):
            return True
        self.incidents.tell("inbox full", envelope.header, now_ns)
        return False

    def _on_ack(self, header: Header, ack: Ack, now_ns: int) -> None:
        self.acknowledged += self.outgoing.acknowledge(ack.ids)
        self.counters["refused_by_peer"] += len(ack.refused)

    def _on_hello(self, header: Header, hello: Hello, now_ns: int) -> None:
        for sent in self.outgoing.for_returned(header.sender, now_ns):
            self.counters["repeated"] += 1
            self.direct.send(sent.recipient, sent.frame)
        self._heartbeat_due_ns = now_ns

    def _on_ping(self, header: Header, ping: Ping, now_ns: int) -> None:
        status = self._status()
        self.direct.send(header.sender, encode(self._header(status, header.sender, now_ns, header), status))

    def _on_resend(self, header: Header, resend: Resend, now_ns: int) -> None:
        oldest = self.ring.oldest(resend.stream)
        if resend.first < oldest:
            self._say(ResendUnavailable(stream=resend.stream, oldest=oldest), header.sender, now_ns)
        for frame in self.ring.select(resend.stream, resend.first, resend.last)[:_MOST_FRAMES]:
            self.counters["resent"] += 1
            self.direct.send(header.sender, frame)

    def _on_resend_unavailable(self, header: Header, unavailable: ResendUnavailable, now_ns: int) -> None:
        lost, ready = self.sequencer.skip_to(header.sender, unavailable.stream, unavailable.oldest)
        if lost is not None:
            self._lose(lost, ready)

    def _on_status(self, header: Header, status: AgentStatus, now_ns: int) -> None:
        if header.sender == self.name:
            return
        for stream in status.streams:
            if stream.kind in self._subscriptions:
                self.sequencer.learn(header.sender, stream.kind, stream.last, now_ns)
        if self._pulse is not None and header.sender in self._peers:
            if status.state is AgentState.STOPPING:
                self._pulse.leave(header.sender)
                if Left.KIND in self._subscriptions:
                    self.notices.append((Left(agent=header.sender), ""))
            elif self._pulse.beat(header.sender, now_ns):
                self.notices.append((Heard(agent=header.sender), ""))

    def _lose(self, lost: Missing, ready: Iterable[Waiting]) -> None:
        self.counters["gaps_lost"] += 1
        gap = Gap(sender=lost.sender, stream=lost.stream, first=lost.first, last=lost.last)
        self.notices.append((gap, ""))
        self._hand_on(ready)

    def _hand_on(self, broadcasts: Iterable[Waiting]) -> None:
        """Put broadcasts into the inbox; one that finds no room is a gap like any other, and the agent is told."""
        for envelope in broadcasts:
            if not self.inbox.put(envelope):
                _, _, _, kind, sender, _, sequence, _, _, _ = envelope.header
                self._lose(Missing(sender, kind, sequence, sequence), ())

    def _say(self, message: Message, recipient: str, now_ns: int) -> None:
        self.direct.send(recipient, encode(self._header(message, recipient, now_ns), message))

    def _header(self, message: Message, recipient: str | None, now_ns: int, about: Header | None = None) -> Header:
        """Make the header of what the bus itself says; it never expires, so that it arrives where clocks differ."""
        self._count += 1
        message_id = f"{self.name}!{self._count}"
        correlation_id, causation_id = (message_id, "") if about is None else (about.correlation_id, about.id)
        return Header(
            message_id, correlation_id, causation_id, message.KIND, self.name, recipient, 0, now_ns, NEVER_EXPIRES,
            int(message.PRIORITY),
        )  # fmt: skip


def is_in_place(header: Header, message: Message) -> bool:
    """Tell whether a message came the way its kind travels; a status may also be the answer to a ping."""
    if isinstance(message, AgentStatus):
        return header.sequence == 0
    if message.PLANE is Plane.BROADCAST:
        return header.recipient is None and header.sequence > 0
    return message.PLANE is Plane.DIRECT and header.recipient is not None and header.sequence == 0
