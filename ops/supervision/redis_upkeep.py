"""Keeps the embedded Redis up, as an agent is kept up: it has a budget of restarts, and is ended when it hangs."""

from collections.abc import Callable
from typing import Final

from bus.config import AgentEntry
from bus.errors import Fatal
from bus.redis_server import EmbeddedRedis
from ops.config import OpsConfig
from ops.monitoring.monitor import REDIS, Health, Seen
from ops.supervision.guard import Step
from ops.supervision.resources import Gauge
from ops.supervision.restarts import Budget, judge

_PING_S: Final = 0.2
_ENTRY: Final = AgentEntry(priority="critical", restart="always")


class RedisUpkeep:
    """The life of the embedded Redis.

    Parameters
    ----------
    server
        The server, started or taken over.
    config
        The [ops] table.
    clock
        Monotonic time in seconds.
    """

    def __init__(self, server: EmbeddedRedis, config: OpsConfig, *, clock: Callable[[], float]) -> None:
        self.server = server
        self.lost = ""
        self._config = config
        self._clock = clock
        self._budget = Budget(config, REDIS)
        self._gauge = Gauge()
        self._restarts = 0
        self._due_s: float | None = None
        self._since_s = self._answered_s = clock()

    def turn(self) -> list[Step]:
        """Start it again if it has ended and that is due."""
        if self.lost or self.server.pid is not None:
            return []
        now_s = self._clock()
        if self._due_s is None:
            verdict = judge(_ENTRY, self._budget, self._config, None, "see its log", now_s)
            self._due_s = verdict.at_s
            if verdict.at_s is None:
                self.lost = f"the embedded Redis ended; {verdict.why}"
                return [Step("given_up", REDIS, self.lost)]
            return [Step("restart", REDIS, f"the embedded Redis ended; {verdict.why}")]
        return self._start() if now_s >= self._due_s else []

    def look(self) -> Seen:
        """Ask it whether it lives, and return what was seen."""
        pid = self.server.pid
        if pid is not None and self.server.is_answering(_PING_S):
            self._answered_s = self._clock()
        usage = self._gauge.measure(REDIS, pid)
        return Seen(
            REDIS, None, self._answered_s, self._since_s, is_running=pid is not None, is_lost=bool(self.lost),
            restarts=self._restarts, memory_mb=usage.memory_mb, cpu_percent=usage.cpu_percent, fds=usage.fds,
        )  # fmt: skip

    def saw(self, health: Health) -> list[Step]:
        """Take note of how it looked; one that hangs is ended, as if it had ended by itself."""
        self._budget.saw(self._clock(), is_healthy=health is Health.HEALTHY)
        if health is not Health.HUNG or self.server.pid is None:
            return []
        detail = f"the embedded Redis hangs (pid {self.server.pid}): killed"
        self.server.kill()
        return [Step("killed", REDIS, detail)]

    def _start(self) -> list[Step]:
        self._due_s = None
        self._restarts += 1
        try:
            self.server.start()
        except Fatal as error:
            self.server.kill()
            return [Step("not_started", REDIS, str(error))]
        self._since_s = self._answered_s = self._clock()
        return []
