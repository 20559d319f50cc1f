"""Compliance, risk and execution in virtual time, on a bus whose every delivery a test may hold, lose or cut.

What the live bus promises is kept: a reliable message is delivered once, or its sender is told that it was not; a
broadcast arrives, or its receiver is told of the gap; what an agent was handed survives its death.
"""

import heapq
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from bus.agent import Agent
from bus.command import sign_command
from bus.config import Settings
from bus.keys import Signer, make_keys
from bus.lawful import OPERATOR
from bus.message import Delivery, Envelope, Header, Message
from bus.messages import (
    ExecutionReport,
    Gap,
    OrderProposed,
    OrderRejected,
    OrderStatus,
    SystemCommand,
    Undelivered,
)
from bus.plain import pack, unpack
from bus.stepper import Stepper
from compliance.agent import build as build_compliance
from execution.agent import build as build_execution
from risk.agent import build as build_risk
from tests.gates.driver import DAY_NS, SECOND_NS

Build = Callable[[Settings], Agent]
BUILD: Final[Mapping[str, Build]] = {"execution": build_execution, "risk": build_risk, "compliance": build_compliance}
ENDS: Final = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REFUSED})
LATENCY_NS: Final = 100_000
TTL_MS: Final = 10_000
_GAP_NS: Final = 5 * SECOND_NS
Bend = Callable[[Header, str], float | None]
"""Says of a message and its recipient by how many seconds it is late; None where it is lost."""


class _Due(NamedTuple):
    """A message due at a recipient, or, ``is_check``, the last moment at which its sender waits for it to arrive."""

    time_ns: int
    priority: int
    number: int
    recipient: str
    envelope: Envelope
    is_check: bool = False


def punctual(header: Header, recipient: str) -> float | None:
    """Deliver everything at once."""
    return 0.0


def nobody(envelope: Envelope) -> None:
    """Look away."""


class World:
    """The three agents, a clock, and everything ever said.

    Parameters
    ----------
    folder
        Scratch folder for configuration and keys.
    limits
        Text of limits.toml.
    tables
        Overrides of firm.toml.
    build
        How each agent is built.
    """

    def __init__(
        self,
        folder: Path,
        limits: str,
        tables: Mapping[str, Any] | None = None,
        build: Mapping[str, Build] = BUILD,
    ) -> None:
        (folder / "firm.toml").write_text("".join(f"[agents.{name}]\n" for name in BUILD), encoding="utf-8")
        (folder / "limits.toml").write_text(limits, encoding="utf-8")
        self.settings = Settings.load(folder, folder / "run", dict(tables or {}))
        make_keys(self.settings.keys, 0)
        self.operator = Signer.load(self.settings.keys, OPERATOR)
        self.now_ns = DAY_NS
        self.build = build
        self.steppers = {name: Stepper(make(self.settings)) for name, make in build.items()}
        self.said: list[Envelope] = []
        self.undelivered: list[Envelope] = []
        self.crashes: dict[str, Exception] = {}
        self.bend: Bend = punctual
        self.witness: Callable[[Envelope], object] = nobody
        self._parked: dict[str, list[Envelope]] = {}
        self._heap: list[_Due] = []
        self._number = 0
        self._arriving: set[str] = set()
        self._streams: dict[tuple[str, str, str], int] = {}
        for name, stepper in self.steppers.items():
            self._take(stepper.start(self.now_ns), name)

    def reset(self) -> None:
        """Forget what is under way, every fault, and everything that was said."""
        self.bend = punctual
        self.said, self.undelivered, self.crashes = [], [], {}
        self._parked.clear()
        self._heap.clear()
        self._arriving.clear()
        self._streams.clear()

    def agent(self, name: str) -> Any:
        """Return one of the agents."""
        return self.steppers[name].agent

    def say(
        self, message: Message, sender: str, to: str | None = None, conversation: str = "", ttl_ms: int = TTL_MS
    ) -> Header:
        """Let somebody who is none of the three say something."""
        self._number += 1
        name = f"{sender}:{self._number}"
        sequence, ttl_ms = (self._number, 0) if to is None else (0, ttl_ms)
        fields = (name, conversation or name, "", message.KIND, sender, to, sequence, self.now_ns, ttl_ms)
        header = Header(*fields, int(message.PRIORITY))
        self._send(Envelope(header, message))
        return header

    def command(self, command: SystemCommand, to: str) -> Header:
        """Let an operator command one of the three."""
        signed = sign_command(self.operator, command, to, self.now_ns, f"n{self._number}")
        return self.say(signed, "guest-1-1", to)

    def notice(self, name: str, message: Message) -> None:
        """Let the runtime of an agent tell it something."""
        stepper = self.steppers[name]
        self._push(self.now_ns, name, stepper.local(message, self.now_ns))

    def kill(self, name: str) -> None:
        """End an agent: it is handed nothing more, and its timers rest."""
        self._parked.setdefault(name, [])

    @property
    def dead(self) -> list[str]:
        """Names of agents that are dead."""
        return list(self._parked)

    def revive(self, name: str) -> None:
        """Start an agent again; all that it was handed before, it remembers."""
        self.rebuild(name)
        for envelope in self._parked.pop(name, ()):
            self._push(self.now_ns, name, envelope)

    def rebuild(self, name: str) -> None:
        """Put a new agent in the place of one, with the state that it had."""
        state = unpack(pack(self.steppers[name].snapshot()))
        stepper = self.steppers[name] = Stepper(self.build[name](self.settings))
        stepper.restore(state)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.run_until(self.now_ns + round(seconds * SECOND_NS))

    def run_until(self, until_ns: int) -> None:
        """Let time pass up to a moment."""
        while True:
            timers = [
                (timer[0], name)
                for name, stepper in self.steppers.items()
                if name not in self._parked and (timer := stepper.next_timer()) is not None
            ]
            timer_ns, name = min(timers, default=(until_ns + 1, ""))
            timer_ns = max(timer_ns, self.now_ns)
            if self._heap and self._heap[0].time_ns <= min(timer_ns, until_ns):
                self._deliver(heapq.heappop(self._heap))
            elif timer_ns <= until_ns and name:
                self.now_ns = timer_ns
                self._fire(name)
            else:
                break
        self.now_ns = max(self.now_ns, until_ns)

    def heard(self, kind: type[Message]) -> list[Any]:
        """Return every message of a kind that the three said."""
        return [envelope.message for envelope in self.said if type(envelope.message) is kind]

    def ends(self) -> dict[str, list[str]]:
        """Return by order what PADS heard of its end: who rejected it, how it ended, or that it never arrived."""
        found: dict[str, list[str]] = {}
        for envelope in self.said:
            message = envelope.message
            if isinstance(message, OrderRejected):
                found.setdefault(message.order.order_id, []).append(f"rejected by {message.rejected_by}")
            elif isinstance(message, ExecutionReport) and message.status in ENDS:
                found.setdefault(message.order.order_id, []).append(str(message.status))
        for envelope in self.undelivered:
            if isinstance(envelope.message, OrderProposed):
                found.setdefault(envelope.message.order.order_id, []).append("undelivered")
        return found

    def _fire(self, name: str) -> None:
        stepper = self.steppers[name]
        timer = stepper.next_timer()
        assert timer is not None
        self._guarded(name, lambda: stepper.fire(timer[1], self.now_ns))

    def _deliver(self, due: _Due) -> None:
        self.now_ns = max(self.now_ns, due.time_ns)
        name, header = due.recipient, due.envelope.header
        if due.is_check:
            self._give_up(due.envelope)
        elif name in self._parked:
            self._parked[name].append(due.envelope)
        elif not header.has_expired(self.now_ns):
            self._arriving.discard(header.id)
            self._guarded(name, lambda: self.steppers[name].step(due.envelope, self.now_ns))

    def _give_up(self, envelope: Envelope) -> None:
        """Tell a sender of a reliable message that did not arrive in its time to live."""
        header = envelope.header
        if header.id not in self._arriving:
            return
        self._arriving.discard(header.id)
        self.undelivered.append(envelope)
        if header.sender in self.steppers:
            message = Undelivered(message_id=header.id, kind=header.kind, recipient=str(header.recipient))
            notice = self.steppers[header.sender].local(message, self.now_ns, header.correlation_id)
            self._push(self.now_ns, header.sender, notice)

    def _guarded(self, name: str, work: Callable[[], list[Envelope]]) -> None:
        try:
            outputs = work()
        except Exception as error:
            self.crashes[name] = error
            self.kill(name)
            return
        self._take(outputs, name)

    def _take(self, outputs: list[Envelope], name: str) -> None:
        for envelope in outputs:
            self.said.append(envelope)
            self.witness(envelope)
            self._send(envelope)

    def _send(self, envelope: Envelope) -> None:
        header, recipient = envelope.header, envelope.header.recipient
        if recipient is None:
            for name, stepper in self.steppers.items():
                if type(envelope.message) in stepper.agent.handlers:
                    self._broadcast(envelope, name)
        elif recipient in self.steppers:
            if type(envelope.message).DELIVERY is Delivery.RELIABLE:
                self._arriving.add(header.id)
                self._push(header.expires_ns, recipient, envelope, is_check=True)
            late_s = self.bend(header, recipient)
            if late_s is not None:
                self._push(self.now_ns + LATENCY_NS + round(late_s * SECOND_NS), recipient, envelope)

    def _broadcast(self, envelope: Envelope, name: str) -> None:
        """Deliver in the order of the stream; what is lost holds up the rest until its receiver is told of the gap."""
        header = envelope.header
        late_s = self.bend(header, name)
        due_ns = self.now_ns + (_GAP_NS if late_s is None else LATENCY_NS + round(late_s * SECOND_NS))
        stream = (header.sender, header.kind, name)
        due_ns = self._streams[stream] = max(due_ns, self._streams.get(stream, 0))
        if late_s is None:
            gap = Gap(sender=header.sender, stream=header.kind, first=header.sequence, last=header.sequence)
            envelope = self.steppers[name].local(gap, self.now_ns)
        self._push(due_ns, name, envelope)

    def _push(self, time_ns: int, name: str, envelope: Envelope, *, is_check: bool = False) -> None:
        self._number += 1
        due = _Due(time_ns, envelope.header.priority, self._number, name, envelope, is_check)
        heapq.heappush(self._heap, due)
