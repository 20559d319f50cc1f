"""Tells how the firm is from what was seen of it: the health of each agent, the score, and what has failed.

Pure: whoever looks after the processes measures, hands in what it saw with the time, and acts on the answer.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from bus.config import AgentEntry
from bus.messages import AgentState, AgentStatus, SystemEvent
from ops.config import OpsConfig
from ops.monitoring.trouble import Counts, Rise

REDIS: Final = "redis"
"""Name of the Redis in what is seen: it is critical, has no status, and is well as long as it runs and answers."""
FIRM: Final = "firm"
"""Subject of events about the firm as a whole."""
_MOST_WORDS: Final = 1_000


class Health(StrEnum):
    """How an agent is."""

    STARTING = "starting"
    HEALTHY = "healthy"
    RECOVERING = "recovering"
    """It is down, and its restart is due."""
    HUNG = "hung"
    DOWN = "down"
    LOST = "lost"
    """It is down, and its restarts are spent."""
    STOPPED = "stopped"
    """An operator stopped it."""


class Seen(NamedTuple):
    """What was seen of one agent; times are of the monotonic clock of whoever looked.

    ``status`` is the last one it answered, at ``answered_s``; ``since_s`` is when its process was started.
    """

    name: str
    status: AgentStatus | None
    answered_s: float
    since_s: float
    is_running: bool
    is_stopped: bool = False
    is_lost: bool = False
    restarts: int = 0
    memory_mb: float = 0.0
    cpu_percent: float = 0.0
    fds: int = 0


class Look(NamedTuple):
    """How the firm is at one moment.

    ``score`` is the weight of the healthy over that of all which no operator stopped, ``failed_share`` that of the
    ``failed``: those given up, and those unwell for too long. ``events`` is what is new.
    """

    health: dict[str, Health]
    score: float
    failed: tuple[str, ...]
    failed_share: float
    is_emergency: bool
    events: tuple[SystemEvent, ...]


@dataclass(slots=True)
class _Watched:
    """What is remembered of one agent between two looks."""

    health: Health = Health.STARTING
    why: str = ""
    unwell_s: float | None = None
    has_failed: bool = False
    progress: tuple[int, int, int] = (0, 0, 0)
    stuck_s: float | None = None
    read_s: float = -1.0
    counts: Counts = field(default_factory=Counts)
    owed: dict[str, Rise] = field(default_factory=dict)
    told_s: dict[str, float] = field(default_factory=dict)


class Monitor:
    """Follows the health of one firm.

    Parameters
    ----------
    entries
        The process list; those not enabled do not count.
    config
        The [ops] table.
    """

    def __init__(self, entries: Mapping[str, AgentEntry], config: OpsConfig) -> None:
        self.entries = {name: entry for name, entry in entries.items() if entry.enabled}
        self.history: deque[tuple[int, float]] = deque(maxlen=config.history)
        self._config = config
        self._watched = {name: _Watched() for name in self.entries}
        self._looked_s: float | None = None
        self._attentive_s = 0.0
        self._kept_s = 0.0
        self._was_emergency = False
        self._has_begun = False

    def look(self, seen: Iterable[Seen], now_s: float, at_ns: int) -> Look:
        """Judge what was seen at ``now_s`` of the monotonic clock, ``at_ns`` nanoseconds since the epoch.

        An enabled agent of which nothing was seen is down. Time in which nobody looked is nobody's silence.
        """
        self._attend(now_s)
        by_name = {each.name: each for each in seen if each.name in self.entries or each.name == REDIS}
        for name in self.entries:
            by_name.setdefault(name, Seen(name, None, 0.0, 0.0, is_running=False))
        events: list[SystemEvent] = []
        for name, each in by_name.items():
            watched = self._watched.setdefault(name, _Watched())
            events += self._judge(each, watched, now_s, at_ns)
            events += self._counted(each, watched, now_s, at_ns)
        weights = {name: self._weight(name) for name in by_name if self._watched[name].health is not Health.STOPPED}
        total = sum(weights.values(), Decimal(0))
        failed = tuple(name for name in weights if self._watched[name].has_failed)
        lost = sum((weights[name] for name in failed), Decimal(0))
        well = sum((weight for name, weight in weights.items() if self._is_well(name)), Decimal(0))
        score = float(well / total) if total else 1.0
        is_emergency = bool(lost) and lost >= _exact(self._config.emergency_share) * total
        if is_emergency and not self._was_emergency:
            detail = f"{lost} of {total} of the firm's weight has failed: {', '.join(failed)}"
            events.append(_event("emergency", FIRM, detail, at_ns))
        self._was_emergency = is_emergency
        self._keep(score, now_s, at_ns)
        health = {name: self._watched[name].health for name in by_name}
        share = float(lost / total) if total else 0.0
        return Look(health, score, failed, share, is_emergency, tuple(events))

    def hung(self, name: str) -> bool:
        """Tell whether an agent was hung at the last look."""
        return name in self._watched and self._watched[name].health is Health.HUNG

    def why(self, name: str) -> str:
        """Return why an agent was not healthy at the last look; empty when it was."""
        return self._watched[name].why if name in self._watched else ""

    def lost_gates(self, look: Look) -> tuple[str, ...]:
        """Return the gates that have failed: without them there is no trading."""
        return tuple(name for name in look.failed if name in self.entries and self.entries[name].role == "gate")

    def _attend(self, now_s: float) -> None:
        """Take note of a time without looks, as when this process was stopped or busy; it counts against nobody."""
        if self._looked_s is None:
            self._attentive_s = now_s
        elif now_s - self._looked_s > max(self._config.hang_s / 2, 2 * self._config.ping_s):
            self._attentive_s = now_s
            for watched in self._watched.values():
                watched.stuck_s = None
                if watched.unwell_s is not None:
                    watched.unwell_s += now_s - self._looked_s
        self._looked_s = now_s

    def _judge(self, seen: Seen, watched: _Watched, now_s: float, at_ns: int) -> Iterable[SystemEvent]:
        before = watched.health
        watched.health, watched.why = self._health(seen, watched, now_s)
        is_unwell = watched.health not in (Health.HEALTHY, Health.STOPPED, Health.STARTING)
        if is_unwell and watched.unwell_s is None:
            watched.unwell_s = now_s
        elif watched.health in (Health.HEALTHY, Health.STOPPED):
            watched.unwell_s = None
        unwell_s = 0.0 if watched.unwell_s is None else now_s - watched.unwell_s
        if watched.health is Health.RECOVERING and unwell_s >= self._config.failed_after_s:
            watched.health = Health.DOWN
        had_failed = watched.has_failed
        is_late = watched.unwell_s is not None and unwell_s >= self._config.failed_after_s
        watched.has_failed = watched.health is Health.LOST or is_late
        if watched.health is not before and watched.health is not Health.STARTING:
            yield _event(watched.health.value, seen.name, watched.why or "it is well", at_ns)
        if watched.has_failed and not had_failed:
            yield _event("failed", seen.name, f"{watched.why}; unwell for {unwell_s:.1f} s", at_ns)

    def _health(self, seen: Seen, watched: _Watched, now_s: float) -> tuple[Health, str]:
        """Return how an agent is, and why not well."""
        status = seen.status
        if seen.is_stopped:
            return Health.STOPPED, "an operator stopped it"
        if seen.is_lost:
            return Health.LOST, "it was given up" + (f" after {seen.restarts} restarts" if seen.restarts else "")
        if not seen.is_running:
            return self._absence(seen.name), "it is not there"
        if seen.name == REDIS:
            silent_s = now_s - max(seen.answered_s, self._attentive_s)
            return (Health.HUNG, _silence(silent_s)) if silent_s > self._config.hang_s else (Health.HEALTHY, "")
        if status is None or seen.answered_s < seen.since_s or status.state is AgentState.STARTING:
            young_s = now_s - max(seen.since_s, self._attentive_s)
            if young_s <= self._config.ready_s:
                return Health.STARTING, "it has not said that it is ready"
            return Health.HUNG, f"it was not ready within {self._config.ready_s:g} s"
        if status.state is AgentState.STOPPING:
            return self._absence(seen.name), "it is stopping"
        silent_s = now_s - max(seen.answered_s, self._attentive_s)
        if silent_s > self._config.hang_s:
            return Health.HUNG, _silence(silent_s)
        stuck_s = self._stuck_s(seen.answered_s, status, watched)
        if stuck_s > self._config.hang_s:
            return Health.HUNG, f"it has handled nothing for {stuck_s:.1f} s while {status.inbox} inputs wait"
        return Health.HEALTHY, ""

    def _absence(self, name: str) -> Health:
        is_final = name in self.entries and self.entries[name].restart == "never"
        return Health.DOWN if is_final else Health.RECOVERING

    @staticmethod
    def _stuck_s(answered_s: float, status: AgentStatus, watched: _Watched) -> float:
        """Return between how many seconds of answers inputs have waited and none was handled."""
        progress = (status.pid, status.incarnation, status.inputs)
        if progress != watched.progress or not status.inbox:
            watched.stuck_s = None
        watched.progress = progress
        if not status.inbox:
            return 0.0
        if watched.stuck_s is None:
            watched.stuck_s = answered_s
        return answered_s - watched.stuck_s

    def _counted(self, seen: Seen, watched: _Watched, now_s: float, at_ns: int) -> Iterable[SystemEvent]:
        """Tell of counters that rose: the first rise at once, further ones together once in a while."""
        if seen.status is not None and seen.answered_s != watched.read_s:
            watched.read_s = seen.answered_s
            for rise in watched.counts.take(seen.status):
                earlier = watched.owed.get(rise.counter)
                rose = rise.rose + (earlier.rose if earlier else 0)
                watched.owed[rise.counter] = rise._replace(rose=rose)
        for counter, rise in list(watched.owed.items()):
            told_s = watched.told_s.get(counter)
            if told_s is None or now_s - told_s >= self._config.health_interval_s:
                watched.told_s[counter] = now_s
                del watched.owed[counter]
                facts = (("rose", rise.rose), ("total", rise.total))
                yield _event(counter, seen.name, rise.words, at_ns, facts)

    def _keep(self, score: float, now_s: float, at_ns: int) -> None:
        """Keep the score once in a while and whenever it changes, from the look on at which nobody starts any more."""
        self._has_begun = self._has_begun or all(
            watched.health is not Health.STARTING for watched in self._watched.values()
        )
        if not self._has_begun:
            return
        is_due = not self.history or now_s - self._kept_s >= self._config.health_interval_s
        if is_due or self.history[-1][1] != score:
            self.history.append((at_ns, score))
            self._kept_s = now_s

    def _is_well(self, name: str) -> bool:
        return self._watched[name].health is Health.HEALTHY

    def _weight(self, name: str) -> Decimal:
        priority = "critical" if name == REDIS else self.entries[name].priority
        return _exact(float(getattr(self._config.weights, priority)))


def _exact(value: float) -> Decimal:
    """Return a number as it is written, so that 30 % of 10 is 3."""
    return Decimal(repr(value))


def _silence(silent_s: float) -> str:
    return f"it has not answered for {silent_s:.1f} s"


def _event(
    event: str, subject: str, detail: str, at_ns: int, facts: tuple[tuple[str, str | int | float], ...] = ()
) -> SystemEvent:
    return SystemEvent(event=event, subject=subject, detail=detail[:_MOST_WORDS], at_ns=at_ns, facts=facts)
