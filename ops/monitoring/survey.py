"""A look at a firm from outside: agents are asked, and what only their watcher knows is read where it wrote it."""

from collections.abc import Callable, Iterable, Mapping

from bus.config import Settings
from bus.messages import AgentStatus
from bus.rundir import RunDir
from ops.config import ops_config
from ops.monitoring import state
from ops.monitoring.monitor import Monitor, Seen
from ops.monitoring.picture import VITALS, Picture
from ops.monitoring.trouble import troubles
from ops.monitoring.view import AgentView, FirmView
from ops.supervision.hosting import elsewhere
from ops.supervision.resources import Gauge

Ask = Callable[[Iterable[str], float], Mapping[str, AgentStatus]]


class Survey:
    """Views of one firm, each made when it is asked for.

    Parameters
    ----------
    settings
        Configuration of the firm.
    ask
        Asks agents for their status and waits so many seconds for the answers.
    """

    def __init__(self, settings: Settings, ask: Ask) -> None:
        self._run_dir = RunDir(settings.run_dir)
        self._elsewhere = elsewhere(settings.firm)
        self._ask = ask
        self._patience_s = ops_config(settings).ping_s
        alone = {name: entry.model_copy(update={"restart": "never"}) for name, entry in settings.firm.agents.items()}
        self._monitor = Monitor(alone, ops_config(settings))
        self._monitor.history.extend(state.load_history(settings.run_dir))
        self._picture = Picture(settings, self._monitor, "nobody")
        self._gauge = Gauge()

    def view(self, now_s: float, at_ns: int) -> FirmView:
        """Return how the firm is at ``now_s`` of the monotonic clock, ``at_ns`` nanoseconds since the epoch.

        Judged by its watcher, where one is at work; else by what is seen from here, the score not written down.
        """
        names = list(self._monitor.entries)
        kept = self._kept(at_ns)
        is_remote = kept is not None and kept.watcher == "observer"
        running = [name for name in names if is_remote or name in self._elsewhere or self._run_dir.lock(name).is_held()]
        found = self._ask(running, self._patience_s) if running else {}
        if kept is not None:
            agents = tuple(_refreshed(each, found.get(each.name)) for each in kept.agents)
            return kept.model_copy(update={"agents": agents})
        seen = [self._see(name, found.get(name), now_s, is_running=name in running) for name in names]
        for each in seen:
            self._picture.follow(each)
        return self._picture.view(seen, self._monitor.look(seen, now_s, at_ns), now_s, at_ns)

    def _kept(self, at_ns: int) -> FirmView | None:
        """Return what a watcher at work has written; a supervisor that is not there any more is none."""
        kept = state.load_fresh(self._run_dir.root, at_ns)
        is_gone = kept is not None and kept.watcher == "supervisor" and not self._run_dir.lock("supervisor").is_held()
        return None if is_gone else kept

    def _see(self, name: str, status: AgentStatus | None, now_s: float, *, is_running: bool) -> Seen:
        usage = self._gauge.measure(name, None if status is None else status.pid)
        return Seen(
            name, status, 0.0 if status is None else now_s, 0.0, is_running=is_running,
            memory_mb=usage.memory_mb, cpu_percent=usage.cpu_percent, fds=usage.fds,
        )  # fmt: skip


def _refreshed(kept: AgentView, status: AgentStatus | None) -> AgentView:
    """Return what the watcher knows of an agent, with what the agent itself has just said; no word is no state."""
    if status is None:
        return kept.model_copy(update={"state": ""})
    fresh = {
        "state": status.state.value,
        "pid": status.pid,
        "incarnation": status.incarnation,
        "inputs": status.inputs,
        "inbox": status.inbox,
        "answer_age_s": 0.0,
        "trouble": troubles(status),
        "report": {key: value for key, value in status.report if key not in VITALS},
    }
    return kept.model_copy(update=fresh)
