"""The live runtime: one thread, one loop, one poll; every input in the journal before it is handled.

Recovery is the normal start: the newest valid snapshot, then the rest of the journal with outputs withheld, then what
may not have left is sent again. docs/architecture.md tells why that is exactly-once in effect.
"""

import os
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from structlog.typing import FilteringBoundLogger

from bus.agent import Agent, Report
from bus.broadcast import BroadcastPlane
from bus.codec import decode, encode
from bus.config import BusConfig
from bus.direct import DirectPlane
from bus.errors import Fatal, JournalError
from bus.incident import TOLD, Incidents
from bus.journal import Journal, RecordType
from bus.message import Envelope, Header, Message
from bus.messages import AgentState, AgentStatus, Started, Stream
from bus.pace import Pace
from bus.poll import Poll
from bus.post import Post
from bus.record import pack_map, pack_output, pack_timer, unpack_map, unpack_output, unpack_timer
from bus.snapshot import SnapshotStore
from bus.stepper import Stepper

_NS: Final = 1_000_000_000
_BATCH: Final = 32
_BACKLOG: Final = 1_000
"""Market data waiting from which on a process makes way for what is urgent elsewhere."""
_MAX_WAIT_MS: Final = 100
_MOST_WORDS: Final = 300


class Process:
    """One agent on real planes with a journal.

    Parameters
    ----------
    agent
        The agent to run.
    config
        The [bus] table.
    direct, broadcast
        The two planes.
    journal, snapshots
        Where inputs and states are kept.
    peers
        All agents of the firm and the role of each.
    clock_ns
        Nanoseconds since the epoch; a step backwards is never passed on to the agent.
    steady_ns
        A clock that nobody sets: while ``clock_ns`` has been set back, time goes on by it, at half its pace, so that
        what is due comes due. The default stands still.
    poll
        Waits for the planes.
    version
        Version of the code, written at each start.
    log
        Where messages are told of that go wrong, and those about orders; None is nowhere.
    vitals
        What this process says of itself beside what its agent does.
    """

    def __init__(
        self,
        agent: Agent,
        config: BusConfig,
        direct: DirectPlane,
        broadcast: BroadcastPlane,
        journal: Journal,
        snapshots: SnapshotStore,
        *,
        peers: Mapping[str, str],
        clock_ns: Callable[[], int],
        steady_ns: Callable[[], int] = int,
        poll: Poll,
        version: str,
        log: FilteringBoundLogger | None = None,
        vitals: Callable[[], Report] = dict,
    ) -> None:
        self.agent = agent
        self.name = agent.name
        self.config = config
        self.journal = journal
        self.state = AgentState.STARTING
        self.incarnation = 1
        self.inputs = 0
        self.stepper = Stepper(agent, ttl_s=config.message_ttl_s)
        kinds = [kind.KIND for kind in agent.handlers]
        self.incidents = Incidents(log)
        self.post = Post(
            agent.name, config, direct, broadcast, kinds, self.status, peers=peers, incidents=self.incidents
        )
        self._vitals = vitals
        self._snapshots = snapshots
        self._peers = peers
        self._clock_ns = clock_ns
        self._steady_ns = steady_ns
        self._steady_at_ns = steady_ns()
        self._poll = poll
        self._version = version
        self._last_ns = 0
        self._last_snapshot = 0
        self._unsynced_since_ns = 0
        self._pace = Pace()
        self._durable = agent.DURABLE

    def start(self) -> None:
        """Recover, then say hello; the agent's life begins here if it has not before."""
        unrecorded = self._recover()
        self.stepper.on_trouble = self._tell
        now_ns = self.now()
        self.journal.append(
            RecordType.START, now_ns, pack_map({"incarnation": self.incarnation, "version": self._version})
        )
        for number, frame in unrecorded:
            self.journal.append(RecordType.OUTPUT, now_ns, pack_output(number, frame))
        self.journal.flush()
        self.post.resume()
        self.state = AgentState.READY
        self.post.greet(self._peers, self.incarnation, now_ns)
        self.post.send_again(now_ns)
        if self.inputs == 0:
            self._notice(Started(), "", now_ns)
        self.post.beat(now_ns)
        self.post.direct.flush()

    def turn(self, timeout_ms: int | None = None) -> int:
        """Go once around the loop; return how many inputs were handled."""
        if timeout_ms is None and (rest_ms := self._rest_ms()):
            ready = self._poll(0, rest_ms)
        else:
            ready = self._poll(self._wait_ms() if timeout_ms is None else timeout_ms)
        self._pace.begin()
        now_ns = self.now()
        if ready:
            self.post.collect(ready, now_ns)
        self.post.tick(now_ns)
        if self.post.acknowledged:
            self.journal.append(RecordType.ACK, now_ns, pack_map(self.post.acknowledged))
            self.post.acknowledged.clear()
        while self.post.notices:
            self._notice(*self.post.notices.pop(0), now_ns)
        count = self._work(now_ns)
        if not count:
            self.journal.flush()
        self.post.direct.flush()
        self._keep(now_ns)
        return count

    def drain(self, patience_ns: int) -> None:
        """Go on until everything known to be sent to this process is handled, or patience ends."""
        deadline_ns = self.now() + patience_ns
        while self.now() < deadline_ns:
            if self.turn(20) == 0 and self.post.sequencer.is_whole and not len(self.post.inbox):
                return

    def stop(self) -> None:
        """Say goodbye, take a snapshot, and close everything."""
        self.state = AgentState.STOPPING
        self.post.beat(self.now())
        self.snapshot()
        close = getattr(self.agent, "close", None)
        if close is not None:
            close()
        self.journal.close()
        self.post.broadcast.close()
        self.post.direct.close()

    def now(self) -> int:
        """Read the clock; it never goes backwards."""
        steady_ns = self._steady_ns()
        crept_ns = self._last_ns + (steady_ns - self._steady_at_ns) // 2
        self._steady_at_ns = steady_ns
        self._last_ns = max(crept_ns, self._clock_ns())
        return self._last_ns

    def status(self) -> AgentStatus:
        """Return what an observer should see of this process."""
        counters: Counter[str] = Counter()
        for part in (self.post, self.post.inbox, self.post.sequencer, self.stepper):
            counters.update(part.counters)
        counters.update(self.post.direct.counters)
        counters.update(self.post.broadcast.counters)
        report: dict[str, str | int | float] = dict(self.agent.report())
        words = {"last_codec_error": self.post.last_error, "last_unlawful": self.post.last_unlawful}
        words |= {"last_invalid": self.stepper.last_invalid, "last_denied": self.post.direct.last_denied}
        report |= {key: text[:_MOST_WORDS] for key, text in words.items() if text} | self._vitals()
        return AgentStatus(
            agent=self.name,
            state=self.state,
            pid=os.getpid(),
            incarnation=self.incarnation,
            inputs=self.inputs,
            inbox=len(self.post.inbox),
            counters=tuple(sorted((key, count) for key, count in counters.items() if count)),
            streams=tuple(Stream(kind=kind, last=last) for kind, last in self.stepper.streams.items()),
            report=tuple(report.items()),
        )

    def snapshot(self) -> None:
        """Write the state of agent and post, and remember how far the journal has come."""
        self.journal.sync()
        number = self.journal.last_number
        state = {
            "stepper": self.stepper.snapshot(),
            "post": pack_map(self.post.snapshot()),
            "incarnation": self.incarnation,
            "inputs": self.inputs,
            "now_ns": self._last_ns,
        }
        self._snapshots.save(number, state)
        self._last_snapshot = self.inputs

    def _work(self, now_ns: int) -> int:
        """Journal a batch of inputs with one write, acknowledge it, then handle it input by input.

        What is urgent waits for nothing else to be written.
        """
        batch: list[tuple[int, Envelope | int]] = []
        must_sync = False
        fired = False
        is_urgent = self.post.inbox.has_high
        while len(batch) < _BATCH and not (batch and is_urgent and not self.post.inbox.has_high):
            timer = self.stepper.next_timer()
            if not fired and timer is not None and timer[0] <= now_ns and not self.post.inbox.has_high:
                batch.append((self.journal.append(RecordType.TIMER, now_ns, pack_timer(timer[1])), timer[1]))
                fired = True
                continue
            envelope = self.post.next_input(now_ns)
            if envelope is None:
                break
            frame = envelope.frame or encode(envelope.header, envelope.message)
            batch.append((self.journal.append(RecordType.INPUT, now_ns, frame), envelope))
            self.post.enter(envelope)
            must_sync = must_sync or isinstance(envelope.message, self._durable)
        if not batch:
            return 0
        if must_sync:
            self.journal.sync()
        else:
            self.journal.flush()
            self._unsynced_since_ns = self._unsynced_since_ns or now_ns
        self.post.acknowledge(now_ns)
        for number, item in batch:
            outputs = self.stepper.fire(item, now_ns) if isinstance(item, int) else self.stepper.step(item, now_ns)
            self._release(number, outputs, now_ns)
        self.inputs += len(batch)
        return len(batch)

    def _notice(self, message: Message, correlation_id: str, now_ns: int) -> None:
        envelope = self.stepper.local(message, now_ns, correlation_id)
        self.incidents.noticed(envelope, now_ns)
        number = self.journal.append(RecordType.NOTICE, now_ns, encode(envelope.header, message))
        self.journal.flush()
        self._release(number, self.stepper.step(envelope, now_ns), now_ns)
        self.inputs += 1

    def _release(self, number: int, outputs: list[Envelope], now_ns: int) -> None:
        for output in outputs:
            frame, sent = self.post.register(output)
            self.journal.append(RecordType.OUTPUT, now_ns, pack_output(number, frame))
            self.post.release(output, frame, sent)
            if type(output.message) in TOLD:
                self.incidents.note(output, now_ns)

    def _tell(self, what: str, header: Header, reason: str) -> None:
        self.incidents.tell(what, header, self._last_ns, reason)

    def _keep(self, now_ns: int) -> None:
        """Sync and snapshot when it is time."""
        if self._unsynced_since_ns and now_ns - self._unsynced_since_ns > self.config.journal_fsync_s * _NS:
            self.journal.sync()
            self._unsynced_since_ns = 0
        if self.inputs - self._last_snapshot >= self.config.snapshot_inputs:
            self.snapshot()

    def _rest_ms(self) -> int:
        """Return how long to leave the processor to others; a timer is kept."""
        if self.post.inbox.backlog <= _BACKLOG:
            return 0
        timer = self.stepper.next_timer()
        until_ns = _NS if timer is None else timer[0] - self._last_ns
        return min(self._pace.rest_ms(), max(0, until_ns) // 1_000_000)

    def _wait_ms(self) -> int:
        if len(self.post.inbox):
            return 0
        now_ns = self._last_ns
        wait_ns = self.post.wait_ns(now_ns)
        timer = self.stepper.next_timer()
        if timer is not None:
            wait_ns = min(wait_ns, max(0, timer[0] - now_ns))
        return min(_MAX_WAIT_MS, -(-wait_ns // 1_000_000))

    def _recover(self) -> list[tuple[int, bytes]]:
        """Rebuild the state; return the outputs that no record shows as sent."""
        first = 1
        newest = self._snapshots.newest()
        if newest is not None:
            number, state = newest
            if number > self.journal.last_number:
                raise JournalError(
                    f"{self.name}: snapshot of record {number}, but the journal ends at {self.journal.last_number}: "
                    f"records are missing; restore the journal from a copy, or move both aside to begin anew"
                )
            self._restore(state)
            first, self._last_snapshot = number + 1, self.inputs
        owed: deque[tuple[int, bytes]] = deque()
        for record in self.journal.read(first):
            self._last_ns = max(self._last_ns, record.time_ns)
            self._replay(record.number, record.type, record.time_ns, record.payload, owed)
        return list(owed)

    def _restore(self, state: dict[str, Any]) -> None:
        self.stepper.restore(state["stepper"])
        self.post.restore(unpack_map(state["post"]))
        self.incarnation = state["incarnation"] + 1
        self.inputs = state["inputs"]
        self._last_ns = state["now_ns"]

    def _replay(
        self, number: int, kind: RecordType, time_ns: int, payload: bytes, owed: deque[tuple[int, bytes]]
    ) -> None:
        match kind:
            case RecordType.START:
                self.incarnation = int(unpack_map(payload)["incarnation"]) + 1
                return
            case RecordType.ACK:
                self.post.outgoing.acknowledge(unpack_map(payload))
                return
            case RecordType.OUTPUT:
                cause, frame = unpack_output(payload)
                if not owed or owed[0] != (cause, frame):
                    raise Fatal(
                        f"{self.name}: journal record {number}: this code gives another output for input {cause} than "
                        f"the one recorded; run the version that wrote it, or move the journal aside"
                    )
                owed.popleft()
                return
            case RecordType.TIMER:
                outputs = self.stepper.fire(unpack_timer(payload), time_ns)
            case _:
                envelope = decode(payload)
                if kind is RecordType.INPUT:
                    self.post.enter(envelope)
                outputs = self.stepper.step(envelope, time_ns)
        self.inputs += 1
        for output in outputs:
            owed.append((number, self.post.register(output)[0]))
