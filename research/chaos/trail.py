"""What the journal of one agent tells of what reached it and what it said: once, twice, or never."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from bus.codec import decode, decode_header
from bus.config import Settings
from bus.journal import Record, RecordType, read, verify
from bus.message import Message
from bus.messages import DecisionMade, ExecutionReport, OrderApproved, OrderCleared, OrderProposed, RiskAlert
from bus.record import unpack_output
from bus.rundir import RunDir
from research.chaos.planes import ALERT

_NS_PER_MS: Final = 1_000_000
_TOLD: Final = {kind.KIND: kind for kind in (DecisionMade, OrderProposed, OrderCleared, OrderApproved, ExecutionReport)}


class Trail(NamedTuple):
    """What one journal tells.

    ``holes`` are broadcasts between others that never came; ``handled_twice`` and ``told_twice`` name messages and
    facts; ``alert_ms`` is how long each alert in a flood took from its sender to its handling here.
    """

    records: int
    holes: tuple[str, ...]
    handled_twice: tuple[str, ...]
    told_twice: tuple[str, ...]
    alert_ms: tuple[float, ...]
    damage: str = ""


def trails(settings: Settings) -> dict[str, Trail]:
    """Verify and read the journal of every agent of a firm that has stopped."""
    run_dir = RunDir(settings.run_dir)
    found = {}
    for name in settings.firm.enabled:
        folder = run_dir.journal(name)
        report = verify(folder)
        trail = follow(read(folder)) if report.is_whole else Trail(report.records, (), (), (), ())
        found[name] = trail._replace(damage="" if report.is_whole else str(report.broken))
    return found


def follow(records: Iterator[Record]) -> Trail:
    """Read records in order and count what should be there once."""
    inputs, told = _Inputs(), _Told()
    count = 0
    for record in records:
        count += 1
        if record.type is RecordType.INPUT:
            inputs.take(record)
        elif record.type is RecordType.OUTPUT:
            told.take(unpack_output(record.payload)[1])
    return Trail(count, tuple(inputs.holes), tuple(inputs.twice), tuple(told.twice), tuple(inputs.alert_ms))


class _Inputs:
    """What was handled: broadcasts by their sequences, other messages by their ids."""

    def __init__(self) -> None:
        self.holes: list[str] = []
        self.twice: list[str] = []
        self.alert_ms: list[float] = []
        self._last: dict[tuple[str, str], int] = {}
        self._seen: set[str] = set()

    def take(self, record: Record) -> None:
        header = decode_header(record.payload)
        if not header.sequence:
            if header.id in self._seen:
                self.twice.append(f"{header.kind} {header.id}")
            self._seen.add(header.id)
            return
        stream = header.sender, header.kind
        last = self._last.get(stream, 0)
        if header.sequence <= last:
            self.twice.append(f"{header.kind} {header.sequence} of {header.sender}")
            return
        if header.sequence > last + 1:
            self.holes.append(f"{header.kind} {last + 1} to {header.sequence - 1} of {header.sender}")
        self._last[stream] = header.sequence
        if header.kind == RiskAlert.KIND and header.correlation_id.startswith(ALERT):
            self.alert_ms.append((record.time_ns - header.sent_ns) / _NS_PER_MS)


class _Told:
    """What was said: each decision and each step of each order in one message only."""

    def __init__(self) -> None:
        self.twice: list[str] = []
        self._by: dict[tuple[str, str], str] = {}

    def take(self, frame: bytes) -> None:
        header = decode_header(frame)
        if header.kind not in _TOLD:
            return
        fact = identity(decode(frame).message)
        if self._by.setdefault((header.kind, fact), header.id) != header.id:
            self.twice.append(f"{header.kind} {fact}")


def identity(message: Message) -> str:
    """Return what a decision, or one step of an order, is known by."""
    match message:
        case DecisionMade():
            return message.decision_id
        case ExecutionReport():
            return f"{message.order.order_id} report {message.report}"
        case OrderProposed() | OrderCleared() | OrderApproved():
            return message.order.order_id
    return ""
