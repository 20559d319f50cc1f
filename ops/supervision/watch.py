"""One look after another at a running firm: asks, judges, mends, and has it told."""

import os
import time
from collections.abc import Callable
from typing import Final

from bus.message import OPS, Envelope, Header
from bus.messages import Ack, AgentState, AgentStatus, CommandResult, Ping, SystemCommand
from ops.config import OpsConfig
from ops.monitoring.lookout import Lookout
from ops.monitoring.monitor import REDIS, Health, Look, Monitor, Seen
from ops.supervision.guard import EXECUTION, Guard, Sight
from ops.supervision.herald import Herald
from ops.supervision.keeper import Keeper, Obeys
from ops.supervision.redis_upkeep import RedisUpkeep

_SAID_BY_UPKEEP: Final = frozenset({Health.HEALTHY, Health.RECOVERING, Health.LOST, Health.STOPPED})
Clock = Callable[[], float]
Answers = dict[str, tuple[AgentStatus, float]]
"""The last status of each agent, and when it was answered by the monotonic clock."""


class Watch:
    """What a supervisor does again and again while its firm is up.

    Parameters
    ----------
    config
        The [ops] table.
    upkeep, redis
        Who keeps the agents and the embedded Redis up; there may be none of that here.
    herald, desk
        How ops speaks to agents, and obeys operators.
    monitor, lookout
        Who judges, and who shows what was seen.
    answers
        What agents answered while the firm came up: one that hangs from then on has been well before.
    """

    def __init__(
        self,
        config: OpsConfig,
        upkeep: Keeper,
        redis: RedisUpkeep | None,
        herald: Herald,
        desk: Obeys,
        monitor: Monitor,
        lookout: Lookout,
        *,
        answers: Answers | None = None,
        clock: Clock = time.monotonic,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.guard = Guard(upkeep.entries, config)
        self.herald = herald
        self.score = 1.0
        self._config = config
        self._upkeep = upkeep
        self._redis = redis
        self._desk = desk
        self._monitor = monitor
        self._lookout = lookout
        self._clock = clock
        self._clock_ns = clock_ns
        self._answers: Answers = {} if answers is None else answers
        self._health: dict[str, Health] = {}
        self._heard = 0
        self._look_due_s = 0.0

    def turn(self) -> list[str]:
        """Do what is due now; return a line for each thing an operator should read."""
        now_s = self._clock()
        for envelope in self.herald.line.receive():
            self._arrive(envelope, now_s)
        self.herald.say_all(self._upkeep.turn(now_s))
        if self._redis is not None:
            self.herald.say_all(self._redis.turn())
        if now_s >= self._look_due_s:
            self._look_due_s = now_s + self._config.ping_s
            self._look(now_s)
        self.herald.halt(self.guard.halt_reason, now_s)
        self.herald.post(now_s)
        return self.herald.lines()

    def close(self) -> None:
        """Give up all sockets."""
        self._lookout.close()
        self.herald.close()

    def _look(self, now_s: float) -> None:
        at_ns = self._clock_ns()
        seen = [self._see(name, now_s) for name in self._upkeep.entries]
        if self._redis is not None:
            seen.append(self._redis.look())
        look = self._monitor.look(seen, now_s, at_ns)
        self.score, self._health = look.score, look.health
        for event in look.events:
            self.herald.record(event)
            if event.event not in _SAID_BY_UPKEEP:
                self.herald.show(f"{event.subject}: {event.event}: {event.detail}")
        for line in self._lookout.take(seen, look, now_s, at_ns):
            self.herald.show(line)
        self._act(look, now_s)
        for name in self._upkeep.entries:
            if self._upkeep.asks(name, now_s):
                self.herald.line.tell(name, Ping())

    def _act(self, look: Look, now_s: float) -> None:
        for name, health in look.health.items():
            self.herald.say_all(self._upkeep.saw(name, health, now_s))
        if self._redis is not None:
            self.herald.say_all(self._redis.saw(look.health[REDIS]))
        self.herald.say_all(self.guard.look(self._sight(look), now_s))

    def _see(self, name: str, now_s: float) -> Seen:
        upkeep = self._upkeep
        usage, steps = upkeep.measure(name, now_s)
        self.herald.say_all(steps)
        status, answered_s = self._answers.get(name, (None, 0.0))
        return Seen(
            name, status, answered_s, upkeep.born_s(name), is_running=upkeep.is_there(name),
            is_stopped=name in upkeep.stops, is_lost=upkeep.has_given_up(name), restarts=upkeep.restarted.get(name, 0),
            memory_mb=usage.memory_mb, cpu_percent=usage.cpu_percent, fds=usage.fds,
        )  # fmt: skip

    def _sight(self, look: Look) -> Sight:
        lost = dict(self._upkeep.lost)
        if self._redis is not None and self._redis.lost:
            lost[REDIS] = self._redis.lost
        status, _ = self._answers.get(EXECUTION, (None, 0.0))
        is_there = self._upkeep.is_there(EXECUTION)
        report = dict(status.report) if status is not None and is_there else {}
        stage, detail = str(report.get("halt", "")), str(report.get("halt_detail", ""))
        return Sight(lost, look.is_emergency, look.failed, look.failed_share, stage, detail)

    def _arrive(self, envelope: Envelope, now_s: float) -> None:
        header, message, _ = envelope
        self._heard += 1
        match message:
            case AgentStatus():
                if header.sender == message.agent and self._upkeep.hears(message, now_s):
                    self._answers[message.agent] = (message, now_s)
            case Ack():
                self.herald.take_ack(header, message)
            case CommandResult():
                self.herald.take_result(header, message)
            case SystemCommand():
                result, step = self._desk.obey(message, now_s, self._clock_ns())
                self.herald.say(step)
                self.herald.line.answer(header, result)
            case Ping():
                self._answer(header)

    def _answer(self, header: Header) -> None:
        line = self.herald.line
        healths = ((f"health_{name}", health.value) for name, health in sorted(self._health.items()))
        status = AgentStatus(
            agent=OPS, state=AgentState.READY, pid=os.getpid(), incarnation=1, inputs=self._heard, inbox=0,
            counters=(("unlawful", line.refused),) if line.refused else (), streams=(),
            report=(("score", self.score), ("events_waiting", len(self.herald.outbox)), *healths),
        )  # fmt: skip
        line.answer(header, status)
