"""Replay: recorded inputs through the same code, every output compared with the recorded one byte for byte."""

import tempfile
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bus.codec import decode, encode
from bus.config import Settings
from bus.errors import Invalid
from bus.journal import Record, RecordType, read
from bus.message import Envelope
from bus.messages import DecisionMade
from bus.record import unpack_output, unpack_timer
from bus.rundir import RunDir
from bus.stepper import Stepper
from research.firm import build_agent


@dataclass(frozen=True, slots=True)
class Difference:
    """An output that came out otherwise than recorded; ``replayed`` is None where the replay gave none."""

    agent: str
    record: int
    recorded: bytes
    replayed: bytes | None

    def __str__(self) -> str:
        was = decode(self.recorded)
        text = f"{self.agent}: record {self.record}: {was.header.kind} {was.header.id}"
        if self.replayed is None:
            return f"{text} was not given again"
        now = decode(self.replayed)
        for name, value in was.message.__dict__.items():
            again = now.message.__dict__.get(name)
            if again != value:
                return f"{text}: {name} was {value!r}, is now {again!r}"
        return f"{text}: headers differ: {was.header} / {now.header}"


@dataclass(slots=True)
class Replay:
    """What a replay of one agent's journal compared."""

    agent: str
    inputs: int = 0
    outputs: int = 0
    bytes: int = 0
    decisions: int = 0
    unrecorded: int = 0
    differences: list[Difference] = field(default_factory=list)


def replay_agent(settings: Settings, name: str, *, scratch: Path, until: str | None = None) -> Replay:
    """Replay the journal of one agent from its first record.

    Parameters
    ----------
    settings
        The firm's saved configuration.
    name
        The agent.
    scratch
        Folder for whatever the agent writes, such as the recorder's ledger.
    until
        Stop after the conversation with this correlation id has ended in this journal.
    """
    agent = build_agent(settings.elsewhere(scratch, keys=settings.keys), name)
    stepper = Stepper(agent, ttl_s=settings.firm.bus.message_ttl_s)
    replay = Replay(name)
    owed: deque[tuple[int, bytes]] = deque()
    folder = RunDir(settings.run_dir).journal(name)
    last = None if until is None else _last_of(folder, until)
    for record in read(folder):
        if last is not None and record.number > last:
            break
        if record.type is RecordType.OUTPUT:
            _compare(replay, record, owed)
        elif record.type not in (RecordType.START, RecordType.ACK):
            replay.inputs += 1
            owed.extend((record.number, encode(out.header, out.message)) for out in _step(stepper, record))
    replay.unrecorded = len(owed)
    close = getattr(agent, "close", None)
    if close is not None:
        close()
    return replay


def replay_firm(settings: Settings, *, decision: str | None = None) -> list[Replay]:
    """Replay every agent's journal, or only as far as one decision reaches.

    Raises
    ------
    Invalid
        No such decision in the journal of PADS.
    """
    until = None if decision is None else conversation_of(settings, decision)
    with tempfile.TemporaryDirectory(prefix="boardroom-replay-") as scratch:
        replays = []
        for name in settings.firm.enabled:
            if RunDir(settings.run_dir).journal(name).is_dir():
                folder = Path(scratch) / name
                folder.mkdir()
                replays.append(replay_agent(settings, name, scratch=folder, until=until))
        return replays


def decisions(settings: Settings) -> Iterator[Envelope]:
    """Yield every DECISION_MADE that PADS recorded, in order."""
    for record in read(RunDir(settings.run_dir).journal("pads")):
        if record.type is RecordType.OUTPUT:
            envelope = decode(unpack_output(record.payload)[1])
            if isinstance(envelope.message, DecisionMade):
                yield envelope


def conversation_of(settings: Settings, decision: str) -> str:
    """Return the correlation id of a decision.

    Raises
    ------
    Invalid
        No such decision.
    """
    known = ""
    for envelope in decisions(settings):
        if isinstance(envelope.message, DecisionMade):
            known = envelope.message.decision_id
            if known == decision:
                return envelope.header.correlation_id
    raise Invalid(f"no decision {decision!r} in the journal of pads; the last one is {known!r}")


def rebuild_ledger(settings: Settings, folder: Path) -> Path:
    """Write the ledger again, into ``folder``, from the recorder's journal alone; return its path."""
    replay_agent(settings, "recorder", scratch=folder)
    return folder / "ledger.sqlite"


def _step(stepper: Stepper, record: Record) -> list[Envelope]:
    if record.type is RecordType.TIMER:
        return stepper.fire(unpack_timer(record.payload), record.time_ns)
    return stepper.step(decode(record.payload), record.time_ns)


def _compare(replay: Replay, record: Record, owed: deque[tuple[int, bytes]]) -> None:
    cause, recorded = unpack_output(record.payload)
    replay.outputs += 1
    replay.bytes += len(recorded)
    again = owed.popleft() if owed and owed[0][0] <= cause else None
    if again is None or again != (cause, recorded):
        replay.differences.append(
            Difference(replay.agent, record.number, recorded, None if again is None else again[1])
        )
    elif replay.agent == "pads":
        replay.decisions += isinstance(decode(recorded).message, DecisionMade)


def _last_of(folder: Path, correlation_id: str) -> int:
    """Return the number of the last record that belongs to a conversation; 0 when none does."""
    last = 0
    for record in read(folder):
        if record.type in (RecordType.INPUT, RecordType.OUTPUT, RecordType.NOTICE):
            frame = unpack_output(record.payload)[1] if record.type is RecordType.OUTPUT else record.payload
            if decode(frame).header.correlation_id == correlation_id:
                last = record.number
    return last
