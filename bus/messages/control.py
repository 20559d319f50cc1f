"""Commands and states of the firm, and what the bus itself says to keep its promises."""

from enum import StrEnum
from typing import Annotated

from pydantic import Strict

from bus.message import AGENTS, GUESTS, OPS, Count, Delivery, Message, Name, Overflow, Part, Plane, Priority, Words
from bus.messages.decision import DecisionMade
from bus.messages.risk import ViolationStatus


class Command(StrEnum):
    """What an operator may order."""

    ASK = "ask"
    """Open a round on ``symbol`` now; the answer carries the decision."""
    HALT = "halt"
    RESUME = "resume"
    STOP = "stop"
    """Stop ``agent`` and leave it stopped; ops obeys."""
    START = "start"
    """Start ``agent`` again after a stop; ops obeys."""
    REVIEW = "review"
    """Take violation ``violation_id`` of the compliance log to ``status``."""


class AgentState(StrEnum):
    """Life of an agent process."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"


class SystemCommand(
    Message, kind="SYSTEM_COMMAND", plane=Plane.DIRECT, priority=Priority.HIGH, opens=True, senders=(GUESTS, OPS)
):
    """An operator's order to one agent, with a reason and a name where the command needs them.

    ``is_new_budget`` makes a resume begin a new drawdown budget: equity is measured against a peak that starts now.
    ``signature`` is that of the ``key`` of the operator, or of ops, over all other fields and the recipient, see
    bus/command.py; ``issued_ns`` and ``nonce`` make each command one of its kind, so that it cannot be played again.
    """

    command: Annotated[Command, Strict(False)]
    symbol: Name | None = None
    reason: Words = ""
    operator: Words = ""
    is_new_budget: bool = False
    violation_id: Name | None = None
    status: Annotated[ViolationStatus, Strict(False)] | None = None
    agent: Name | None = None
    issued_ns: int = 0
    nonce: Words = ""
    key: Words = ""
    signature: bytes = b""


class CommandResult(Message, kind="COMMAND_RESULT", plane=Plane.DIRECT, delivery=Delivery.DEADLINE):
    """Answer to a command: done, or refused and why."""

    is_done: bool
    detail: str
    decision: DecisionMade | None = None


class CommandRecord(Message, kind="COMMAND_RECORD", plane=Plane.BROADCAST):
    """An operator's command as an agent took it, done or refused: what the ledger keeps of it."""

    command: Annotated[Command, Strict(False)]
    sender: Name
    operator: Words
    reason: Words
    is_done: bool
    detail: str


def record_of(command: SystemCommand, sender: str, result: CommandResult) -> CommandRecord:
    """Return the record of a command and of the answer it got."""
    return CommandRecord(
        command=command.command,
        sender=sender,
        operator=command.operator,
        reason=command.reason,
        is_done=result.is_done,
        detail=result.detail,
    )


class SystemEvent(Message, kind="SYSTEM_EVENT", plane=Plane.DIRECT, senders=(OPS,)):
    """What ops saw happen to the firm or did to it, for the ledger: ``event`` is one word, ``subject`` who it is about.

    ``at_ns``, ``event`` and ``subject`` are its identity: told twice, it is kept once.
    """

    event: Name
    subject: Name
    detail: Words
    at_ns: int
    facts: tuple[tuple[str, str | int | float], ...] = ()


class Stream(Part):
    """The last sequence a sender has given to one broadcast kind."""

    kind: str
    last: Count


class AgentStatus(Message, kind="AGENT_STATUS", plane=Plane.BROADCAST, priority=Priority.HIGH, overflow=Overflow.DROP):
    """Heartbeat of a process: state, progress, counters of trouble, and the last sequence of each stream it sends."""

    agent: Name
    state: Annotated[AgentState, Strict(False)]
    pid: int
    incarnation: int
    inputs: int
    inbox: int
    counters: tuple[tuple[str, int], ...]
    streams: tuple[Stream, ...]
    report: tuple[tuple[str, str | int | float], ...]


class Ping(
    Message,
    kind="PING",
    plane=Plane.DIRECT,
    delivery=Delivery.DEADLINE,
    priority=Priority.HIGH,
    ttl_s=0.0,
    senders=(AGENTS, GUESTS, OPS),
):
    """Ask a process for its AGENT_STATUS on the direct plane; answered by the runtime, never journaled."""


class Hello(Message, kind="HELLO", plane=Plane.DIRECT, delivery=Delivery.DEADLINE, priority=Priority.HIGH, ttl_s=0.0):
    """A process says that it is (again) there, so that what was meant for it can be sent again."""

    incarnation: int


class Ack(Message, kind="ACK", plane=Plane.DIRECT, delivery=Delivery.DEADLINE, priority=Priority.HIGH):
    """Ids of reliable messages that are in the receiver's journal; ``refused`` were turned away by a full inbox."""

    ids: tuple[str, ...]
    refused: tuple[str, ...] = ()


class Resend(Message, kind="RESEND", plane=Plane.DIRECT, delivery=Delivery.DEADLINE, priority=Priority.HIGH):
    """Ask a sender to send broadcasts ``first`` to ``last`` of a kind again, on the direct plane."""

    stream: Name
    first: Count
    last: Count


class ResendUnavailable(
    Message, kind="RESEND_UNAVAILABLE", plane=Plane.DIRECT, delivery=Delivery.DEADLINE, priority=Priority.HIGH
):
    """The sender no longer holds broadcasts of ``stream`` before ``oldest``."""

    stream: Name
    oldest: Count


class Started(Message, kind="STARTED"):
    """The first input of an agent's life."""


class DeferralEnds(Message, kind="DEFERRAL_ENDS"):
    """A deferred message of this agent has expired."""


class Gap(Message, kind="GAP", priority=Priority.HIGH):
    """Broadcasts ``first`` to ``last`` of ``stream`` by ``sender`` are lost: what hangs on them is not whole."""

    sender: Name
    stream: str
    first: int
    last: int


class Undelivered(Message, kind="UNDELIVERED", priority=Priority.HIGH):
    """A reliable message of this agent that its recipient did not acknowledge within its time to live."""

    message_id: str
    kind: str
    recipient: Name


class Heard(Message, kind="HEARD"):
    """A heartbeat of ``agent`` has come, the first one or the first after a silence."""

    agent: Name


class Silent(Message, kind="SILENT"):
    """No heartbeat of ``agent`` has come since ``since_ns``, when one should have."""

    agent: Name
    since_ns: int


class Left(Message, kind="LEFT"):
    """``agent`` has said goodbye: it stops in order and is not missed."""

    agent: Name
