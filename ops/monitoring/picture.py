"""Puts together how a firm is: what was seen of each agent, how it was judged, and how its values move."""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bus.config import Settings
from ops.monitoring.mode import mode_of
from ops.monitoring.monitor import Look, Monitor, Seen
from ops.monitoring.trend import Trend
from ops.monitoring.trouble import troubles
from ops.monitoring.view import AgentView, FirmView, Told, Watcher

CLOCK: Final = "process_time_ns"
VITALS: Final = (CLOCK, "process_started_ns", "process_memory_mb", "process_fds")
"""What every process reports of itself beside what its agent does."""
_RATE_S: Final = 3.0
_SLOPE_S: Final = 600.0
_NS: Final = 1_000_000_000
_MB: Final = 1 << 20
_HOUR_S: Final = 3_600


@dataclass(slots=True)
class _Trends:
    """What is followed of one process."""

    pid: int
    inputs: Trend = field(default_factory=lambda: Trend(0.5, _RATE_S, 20))
    inbox: Trend = field(default_factory=lambda: Trend(1.0, _RATE_S, 60))
    memory: Trend = field(default_factory=lambda: Trend(10.0, _SLOPE_S))


class Picture:
    """Follows one firm and gives views of it.

    Parameters
    ----------
    settings
        Configuration of the firm.
    monitor
        Who judges it.
    watcher
        Who looks.

    Raises
    ------
    ConfigError
        A table that tells the mode does not fit.
    """

    def __init__(self, settings: Settings, monitor: Monitor, watcher: Watcher) -> None:
        self._run_dir = settings.run_dir
        self._monitor = monitor
        self._watcher: Watcher = watcher
        self._mode = mode_of(settings)
        self._trends: dict[str, _Trends] = {}

    def follow(self, seen: Seen) -> None:
        """Take what was seen of one agent."""
        status = seen.status
        if status is None or not seen.is_running:
            return
        trends = self._trends.get(seen.name)
        if trends is None or trends.pid != status.pid:
            trends = self._trends[seen.name] = _Trends(status.pid)
        trends.inputs.add(seen.answered_s, status.inputs)
        trends.inbox.add(seen.answered_s, status.inbox)
        memory_mb = _memory_mb(seen)
        if memory_mb:
            trends.memory.add(seen.answered_s, memory_mb)

    def view(self, seen: Iterable[Seen], look: Look, now_s: float, at_ns: int) -> FirmView:
        """Return the firm as it was seen and judged at ``now_s`` of the monotonic clock, ``at_ns`` since the epoch."""
        by_name = {each.name: each for each in seen}
        absent = Seen("", None, 0.0, 0.0, is_running=False)
        return FirmView(
            at_ns=at_ns,
            run_dir=str(self._run_dir),
            watcher=self._watcher,
            watcher_pid=None if self._watcher == "nobody" else os.getpid(),
            mode=self._mode,
            score=look.score,
            failed=look.failed,
            failed_share=look.failed_share,
            is_emergency=look.is_emergency,
            disk_free_mb=self._disk_free_mb(),
            agents=tuple(
                self._agent(by_name.get(name, absent)._replace(name=name), look, now_s, at_ns) for name in look.health
            ),
            history=tuple(self._monitor.history),
        )

    def _agent(self, seen: Seen, look: Look, now_s: float, at_ns: int) -> AgentView:
        name, status = seen.name, seen.status
        entry = self._monitor.entries.get(name)
        trends = self._trends.get(name) if seen.is_running else None
        memory_slope = trends.memory.slope() if trends else None
        report = {} if status is None else dict(status.report)
        has_answered = status is not None and seen.is_running and seen.answered_s >= seen.since_s
        return AgentView(
            name=name,
            role="service" if entry is None else entry.role,
            priority="critical" if entry is None else entry.priority,
            health=look.health[name],
            why=self._monitor.why(name),
            state=status.state.value if status is not None and has_answered else "",
            pid=status.pid if status is not None and has_answered else None,
            age_s=_age_s(seen, report, now_s, at_ns),
            answer_age_s=max(0.0, now_s - seen.answered_s) if has_answered else None,
            incarnation=0 if status is None else status.incarnation,
            restarts=seen.restarts,
            inputs=0 if status is None else status.inputs,
            inputs_per_s=trends.inputs.slope() if trends else None,
            inbox=status.inbox if status is not None and has_answered else 0,
            inbox_slope=trends.inbox.slope() if trends else None,
            memory_mb=_memory_mb(seen),
            memory_limit_mb=0 if entry is None else entry.memory_mb,
            memory_slope=None if memory_slope is None else memory_slope * _HOUR_S,
            cpu_percent=seen.cpu_percent,
            fds=seen.fds or round(_told(report, "process_fds")),
            clock_ahead_s=_clock_ahead_s(seen, report, now_s, at_ns),
            trouble={} if status is None else troubles(status),
            report={key: value for key, value in report.items() if key not in VITALS},
        )

    def _disk_free_mb(self) -> float | None:
        try:
            return shutil.disk_usage(self._run_dir).free / _MB
        except OSError:
            return None


def _memory_mb(seen: Seen) -> float:
    """Return the memory measured, or else the one the process tells of itself."""
    if seen.memory_mb or seen.status is None or not seen.is_running:
        return seen.memory_mb
    return _told(dict(seen.status.report), "process_memory_mb")


def _age_s(seen: Seen, report: Mapping[str, Told], now_s: float, at_ns: int) -> float | None:
    if not seen.is_running:
        return None
    started_ns = _told(report, "process_started_ns")
    if started_ns and seen.answered_s >= seen.since_s:
        return max(0.0, (at_ns - started_ns) / _NS)
    return max(0.0, now_s - seen.since_s)


def _clock_ahead_s(seen: Seen, report: Mapping[str, Told], now_s: float, at_ns: int) -> float | None:
    told_ns = _told(report, CLOCK)
    return (told_ns - at_ns) / _NS + now_s - seen.answered_s if told_ns else None


def _told(report: Mapping[str, Told], key: str) -> float:
    """Return a number that a process tells of itself; 0 where it tells none."""
    value = report.get(key, 0)
    return 0.0 if isinstance(value, str) else value
