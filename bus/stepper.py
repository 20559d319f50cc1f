"""The one way an agent is driven: hand it an input at a time, collect its stamped outputs.

Live process, simulation and replay all go through here, which is why they agree to the last byte.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from bus.agent import DEFER, Agent
from bus.errors import Fatal, Invalid
from bus.message import NEVER_EXPIRES, Envelope, Header, Message, Plane
from bus.messages import DeferralEnds, Started

_NS: Final = 1_000_000_000
SNAPSHOT_VERSION: Final = 1


class _Way(NamedTuple):
    """How a kind travels, as its class header says, gathered once."""

    kind: str
    is_broadcast: bool
    is_direct: bool
    ttl_s: float | None
    opens: bool
    priority: int

    @classmethod
    def of(cls, kind: type[Message]) -> "_Way":
        is_broadcast, is_direct = kind.PLANE is Plane.BROADCAST, kind.PLANE is Plane.DIRECT
        return cls(kind.KIND, is_broadcast, is_direct, kind.TTL_S, kind.OPENS, int(kind.PRIORITY))


class Stepper:
    """Drives one agent and owns what the agent must not touch: ids, sequences, timers, deferred messages.

    Parameters
    ----------
    agent
        The agent to drive.
    ttl_s
        Time to live of direct messages whose kind states none, in seconds.

    Attributes
    ----------
    on_trouble
        Told of each input that the agent refuses or that expires while it waits: what, its header, and why.
    """

    def __init__(self, agent: Agent, *, ttl_s: float = 10.0) -> None:
        self.agent = agent
        self.counters: Counter[str] = Counter()
        self.streams: dict[str, int] = {}
        self.last_invalid = ""
        self.on_trouble: Callable[[str, Header, str], None] | None = None
        self._ttl_ms = round(ttl_s * 1000)
        self._count = 0
        self._timer_count = 0
        self._timers: list[tuple[int, int, Envelope]] = []
        self._deferred: list[Envelope] = []
        self._wake_ns = 0
        self._ways: dict[type[Message], _Way] = {}

    def start(self, now_ns: int) -> list[Envelope]:
        """Hand the agent its first input."""
        return self.notice(Started(), now_ns)

    def step(self, envelope: Envelope, now_ns: int) -> list[Envelope]:
        """Handle one input at ``now_ns`` and return the outputs in order."""
        outputs: list[Envelope] = []
        if type(envelope[1]) is DeferralEnds:
            self._wake_ns = 0
            self._retry(now_ns, outputs)
        elif not self._handle(envelope, now_ns, outputs):
            self._deferred.append(envelope)
            self._wake_for(envelope.header, now_ns)
        elif self._deferred:
            self._retry(now_ns, outputs)
        return outputs

    def notice(self, message: Message, now_ns: int) -> list[Envelope]:
        """Hand the agent a notice of the runtime, such as a gap that cannot be repaired."""
        return self.step(self.local(message, now_ns), now_ns)

    def local(self, message: Message, now_ns: int, correlation_id: str = "") -> Envelope:
        """Address a local message to the agent itself, filed under a conversation."""
        return Envelope(self._local_header(message, now_ns, correlation_id, ""), message)

    @property
    def has_timers(self) -> bool:
        """Whether a timer is set."""
        return bool(self._timers)

    def next_timer(self) -> tuple[int, int] | None:
        """Return (due_ns, timer id) of the earliest timer."""
        return self._timers[0][:2] if self._timers else None

    def fire(self, timer_id: int, now_ns: int) -> list[Envelope]:
        """Handle the timer ``timer_id``, which must be the earliest."""
        if not self._timers or self._timers[0][1] != timer_id:
            raise Fatal(f"{self.agent.name}: timer {timer_id} is not the next one: the journal and the code disagree")
        return self.step(heapq.heappop(self._timers)[2], now_ns)

    @property
    def deferred(self) -> int:
        """Messages waiting for something the agent has not seen yet."""
        return len(self._deferred)

    def _handle(self, envelope: Envelope, now_ns: int, outputs: list[Envelope]) -> bool:
        agent, (header, message, _) = self.agent, envelope
        handler = agent.handlers.get(type(message))
        if handler is None:
            self.counters["unhandled"] += 1
            return True
        agent.now_ns = now_ns
        agent.header = header
        box = agent.outbox
        try:
            answer = handler(agent, message)
        except Invalid as error:
            self.counters["invalid"] += 1
            self.last_invalid = f"{header.kind} {header.id}: {error}"
            if self.on_trouble is not None:
                self.on_trouble("invalid input", header, str(error))
            box.clear()
            return True
        if answer is not None:
            if answer is DEFER:
                if box:
                    raise Fatal(f"{agent.name}: a handler of {header.kind} deferred after it had effects")
                return False
            agent.send(answer, to=header.sender)
        if box.messages or box.timers:
            self._release(header, now_ns, outputs)
        return True

    def _retry(self, now_ns: int, outputs: list[Envelope]) -> None:
        waiting, self._deferred = self._deferred, []
        for envelope in waiting:
            if envelope.header.has_expired(now_ns):
                self.counters["expired"] += 1
                if self.on_trouble is not None:
                    self.on_trouble("expired", envelope.header, "what it presumes did not come in time")
                self.agent.now_ns, self.agent.header = now_ns, envelope.header
                self.agent.lapse(envelope.message)
                self._release(envelope.header, now_ns, outputs)
            elif not self._handle(envelope, now_ns, outputs):
                self._deferred.append(envelope)
        if self._deferred and not self._wake_ns:
            self._wake_for(min((each.header for each in self._deferred), key=lambda header: header.expires_ns), now_ns)

    def _wake_for(self, header: Header, now_ns: int) -> None:
        """See to it that a deferred message is looked at once more when it expires, whether or not anything arrives."""
        due_ns = header.expires_ns + 1
        if header.ttl_ms != NEVER_EXPIRES and (not self._wake_ns or due_ns < self._wake_ns):
            self._wake_ns = due_ns
            self._timer_count += 1
            heapq.heappush(self._timers, (due_ns, self._timer_count, self.local(DeferralEnds(), now_ns)))

    def _release(self, cause: Header, now_ns: int, outputs: list[Envelope]) -> None:
        box = self.agent.outbox
        for message, recipient, about, ttl_s in box.messages:
            outputs.append(self._stamp(message, recipient, about or cause, cause.id, now_ns, ttl_s))
        for seconds, message, about in box.timers:
            self._timer_count += 1
            origin = about or cause
            envelope = Envelope(self._local_header(message, now_ns, origin.correlation_id, origin.id), message)
            heapq.heappush(self._timers, (now_ns + round(seconds * _NS), self._timer_count, envelope))
        box.clear()

    def _stamp(
        self,
        message: Message,
        recipient: str | None,
        about: Header,
        causation_id: str,
        now_ns: int,
        ttl_s: float | None,
    ) -> Envelope:
        name = self.agent.name
        way = self._ways.get(type(message))
        if way is None:
            way = self._ways[type(message)] = _Way.of(type(message))
        kind, is_broadcast, is_direct, own_ttl_s, opens, priority = way
        if not (is_broadcast if recipient is None else is_direct):
            raise Fatal(
                f"{name}: {kind} travels on the {message.PLANE} plane; send() is for direct, publish() for broadcast"
            )
        self._count += 1
        message_id = f"{name}:{self._count}"
        sequence = ttl_ms = 0
        if recipient is None:
            sequence = self.streams[kind] = self.streams.get(kind, 0) + 1
        else:
            ttl_ms = self._ttl_ms
        ttl_s = own_ttl_s if ttl_s is None else ttl_s
        if ttl_s is not None:
            ttl_ms = round(ttl_s * 1000)
        conversation = message_id if opens else about.correlation_id or message_id
        fields = (message_id, conversation, causation_id, kind, name, recipient, sequence, now_ns, ttl_ms, priority)
        return Envelope(Header._make(fields), message)

    def _local_header(self, message: Message, now_ns: int, correlation_id: str, causation_id: str) -> Header:
        name = self.agent.name
        return Header(
            "", correlation_id, causation_id, message.KIND, name, name, 0, now_ns, NEVER_EXPIRES, int(message.PRIORITY)
        )  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        """Return the state of agent and driver as plain data."""
        return {
            "version": SNAPSHOT_VERSION,
            "count": self._count,
            "timer_count": self._timer_count,
            "wake_ns": self._wake_ns,
            "streams": dict(self.streams),
            "counters": dict(self.counters),
            "timers": [[due, number, list(e.header), e.message] for due, number, e in sorted(self._timers)],
            "deferred": [[list(e.header), e.message] for e in self._deferred],
            "agent": self.agent.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        if state["version"] != SNAPSHOT_VERSION:
            raise Fatal(f"{self.agent.name}: snapshot version {state['version']}, this code reads {SNAPSHOT_VERSION}")
        self._count = state["count"]
        self._timer_count = state["timer_count"]
        self._wake_ns = state["wake_ns"]
        self.streams = dict(state["streams"])
        self.counters = Counter(state["counters"])
        self._timers = [(due, number, Envelope(Header(*h), m)) for due, number, h, m in state["timers"]]
        self._deferred = [Envelope(Header(*h), m) for h, m in state["deferred"]]
        self.agent.restore(state["agent"])
