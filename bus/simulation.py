"""The simulated bus: all agents in one process, in virtual time, a heap ordered by (time, priority, sequence).

It drives the same agents through the same stepper as the live runtime, so it serves tests, backtests and replays. It
is chosen by name and never stands in for a connection that broke.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from bus.agent import Agent
from bus.message import Envelope, Header, Message, Plane, Priority
from bus.messages import Started, Undelivered
from bus.stepper import Stepper

DEFAULT_LATENCY_NS: Final = 1_000
_NOTICE_PRIORITY: Final = int(Priority.HIGH)
_TIMER_PRIORITY: Final = int(Priority.NORMAL)
Observer = Callable[[Envelope], None]


class Simulation:
    """Runs a firm in virtual time.

    Parameters
    ----------
    agents
        The agents; broadcasts reach them in this order.
    start_ns
        Virtual time of the start, nanoseconds since the epoch.
    ttl_s
        Default time to live of direct messages, in seconds.
    latency_ns
        Virtual time that a message travels.
    """

    def __init__(
        self,
        agents: Iterable[Agent],
        *,
        start_ns: int = 0,
        ttl_s: float = 10.0,
        latency_ns: int = DEFAULT_LATENCY_NS,
    ) -> None:
        self.now_ns = start_ns
        self.inputs = 0
        self.counters: Counter[str] = Counter()
        self._latency_ns = latency_ns
        self._steppers = {agent.name: Stepper(agent, ttl_s=ttl_s) for agent in agents}
        self._subscribers: dict[str, list[Stepper]] = {}
        self._heap: list[tuple[int, int, int, Stepper | None, Envelope | int]] = []
        self._sequence = 0
        self._timers: dict[str, tuple[int, int]] = {}
        self._observers: list[Observer] = []
        self._mailboxes: dict[str, list[Envelope]] = {}
        for stepper in self._steppers.values():
            for kind in stepper.agent.handlers:
                if kind.PLANE is Plane.BROADCAST:
                    self._subscribers.setdefault(kind.KIND, []).append(stepper)
        for stepper in self._steppers.values():
            self._push(self.now_ns, _NOTICE_PRIORITY, stepper, stepper.local(Started(), self.now_ns))

    def observe(self, observer: Observer) -> None:
        """Call ``observer`` with every message that is sent."""
        self._observers.append(observer)

    def stepper(self, name: str) -> Stepper:
        """Return the driver of one agent."""
        return self._steppers[name]

    def inject(self, message: Message, *, sender: str, to: str | None = None, message_id: str | None = None) -> str:
        """Send a message from outside the firm now; return its id. Answers wait in ``mailbox(sender)``."""
        self.mailbox(sender)
        self._sequence += 1
        name = message_id or f"{sender}:{self._sequence}"
        header = Header(name, name, "", message.KIND, sender, to, 0, self.now_ns, 0, int(message.PRIORITY))
        self._dispatch(Envelope(header, message))
        return name

    def mailbox(self, name: str) -> list[Envelope]:
        """Return what was sent to a name that is no agent."""
        return self._mailboxes.setdefault(name, [])

    def run(
        self, *, until: Callable[[], bool] | None = None, until_ns: int | None = None, most: int | None = None
    ) -> int:
        """Handle inputs until the condition holds, virtual time passes, ``most`` are handled, or none is left."""
        handled = 0
        while self._heap:
            if until_ns is not None and self._heap[0][0] > until_ns:
                self.now_ns = until_ns
                break
            if self._step():
                handled += 1
                if (until is not None and until()) or handled == most:
                    break
        return handled

    def _step(self) -> bool:
        time_ns, _, _, stepper, item = heapq.heappop(self._heap)
        self.now_ns = time_ns
        if isinstance(item, int):
            assert stepper is not None
            timer = self._timers.get(stepper.agent.name)
            if timer is None or timer[1] != item:
                return False
            del self._timers[stepper.agent.name]
            self._settle(stepper, stepper.fire(item, time_ns))
            return True
        if stepper is not None:
            self._deliver(stepper, item)
            return True
        for subscriber in self._subscribers.get(item[0].kind, ()):
            self._deliver(subscriber, item)
        return True

    def _deliver(self, stepper: Stepper, envelope: Envelope) -> None:
        header, now_ns = envelope[0], self.now_ns
        if header.ttl_ms and header.has_expired(now_ns):
            self.counters["expired"] += 1
            return
        self.inputs += 1
        outputs = stepper.step(envelope, now_ns)
        if outputs or stepper.has_timers:
            self._settle(stepper, outputs)

    def _settle(self, stepper: Stepper, outputs: list[Envelope]) -> None:
        for output in outputs:
            self._dispatch(output)
        timer = stepper.next_timer()
        if timer is not None:
            name = stepper.agent.name
            if self._timers.get(name) != timer:
                self._timers[name] = timer
                self._push(max(timer[0], self.now_ns), _TIMER_PRIORITY, stepper, timer[1])

    def _dispatch(self, envelope: Envelope) -> None:
        for observer in self._observers:
            observer(envelope)
        header = envelope[0]
        recipient = header.recipient
        if recipient is None:
            if header.kind in self._subscribers:
                self._push(self.now_ns + self._latency_ns, header.priority, None, envelope)
            return
        stepper = self._steppers.get(recipient)
        if stepper is not None:
            self._push(self.now_ns + self._latency_ns, header.priority, stepper, envelope)
        elif header.sender in self._steppers and recipient not in self._mailboxes:
            self._undelivered(header)
        else:
            self.mailbox(recipient).append(envelope)

    def _undelivered(self, header: Header) -> None:
        self.counters["undelivered"] += 1
        sender = self._steppers[header.sender]
        if header.ttl_ms:
            due_ns = header.expires_ns
            notice = Undelivered(message_id=header.id, kind=header.kind, recipient=header.recipient or "")
            self._push(due_ns, _NOTICE_PRIORITY, sender, sender.local(notice, due_ns, header.correlation_id))

    def _push(self, time_ns: int, priority: int, stepper: Stepper | None, item: Envelope | int) -> None:
        self._sequence += 1
        heapq.heappush(self._heap, (time_ns, priority, self._sequence, stepper, item))
