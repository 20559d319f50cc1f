"""Agents whose processes belong to somebody else, a container engine or another host: known by their answers alone."""

from collections.abc import Container, Mapping
from typing import Final

from bus.command import Authority
from bus.config import AgentEntry
from bus.message import OPS
from bus.messages import AgentStatus, CommandResult, SystemCommand
from ops.config import OpsConfig
from ops.monitoring.monitor import Health
from ops.supervision.guard import Step
from ops.supervision.resources import Usage

OWNER: Final = "the container engine owns the processes"
OTHER_HOST: Final = "its own host looks after it"
_PATIENCE_S: Final = 10.0
"""Between two questions to an agent that is gone: those before have expired when it comes back."""


class Elsewhere:
    """What is known of agents that cannot be touched from here.

    An agent is there while it has answered lately, and until the first answers are due; whoever has been gone, or hung,
    for as long as makes it failed, is lost to the firm until it answers again.

    Parameters
    ----------
    entries
        The process list.
    config
        The [ops] table.
    now_s
        Monotonic time at which they were looked at first.
    owner
        Who starts and stops them.
    """

    def __init__(self, entries: Mapping[str, AgentEntry], config: OpsConfig, now_s: float, owner: str = OWNER) -> None:
        self.entries = entries
        self.lost: dict[str, str] = {}
        self._owner = owner
        self._noticed: list[Step] = []
        self._config = config
        self._began_s = now_s
        self._now_s = now_s
        self._starts: dict[str, list[int]] = {}
        self._born_s: dict[str, float] = {}
        self._answered_s: dict[str, float] = {}
        self._unwell_s: dict[str, float] = {}
        self._asked_s: dict[str, float] = {}

    @property
    def stops(self) -> Container[str]:
        """Nobody: who was stopped on purpose is known to the owner alone."""
        return ()

    @property
    def restarted(self) -> Mapping[str, int]:
        """How often each agent began anew while it was followed."""
        return {name: last - first for name, (first, last) in self._starts.items()}

    def turn(self, now_s: float) -> list[Step]:
        """Take note of the time; tell who has begun anew."""
        self._now_s = now_s
        steps, self._noticed = self._noticed, []
        return steps

    def measure(self, name: str, now_s: float) -> tuple[Usage, list[Step]]:
        """Return nothing: what a process elsewhere uses, it tells itself."""
        return Usage(), []

    def saw(self, name: str, health: Health, now_s: float) -> list[Step]:
        """Take note of how an agent looked."""
        if health in (Health.HEALTHY, Health.STARTING, Health.STOPPED):
            self._unwell_s.pop(name, None)
            return []
        since_s = self._unwell_s.setdefault(name, now_s)
        if now_s - since_s >= self._config.failed_after_s and name not in self.lost:
            self.lost[name] = f"it has been {health.value} for {now_s - since_s:.0f} s, and {self._owner}"
        return []

    def has_given_up(self, name: str) -> bool:
        """Tell no: the owner goes on trying."""
        return False

    def is_there(self, name: str) -> bool:
        """Tell whether an agent has answered lately, or may still be starting."""
        since_s = self._answered_s.get(name)
        if since_s is None:
            return self._now_s - self._began_s <= self._config.ready_s
        return self._now_s - since_s <= self._config.hang_s

    def asks(self, name: str, now_s: float) -> bool:
        """Tell whether to ask: all that are there, and once in a while whether another has come back."""
        if not self.is_there(name) and now_s - self._asked_s.get(name, -_PATIENCE_S) < _PATIENCE_S:
            return False
        self._asked_s[name] = now_s
        return True

    def hears(self, status: AgentStatus, now_s: float) -> bool:
        """Take note of an answer."""
        name = status.agent
        starts = self._starts.setdefault(name, [status.incarnation, status.incarnation])
        if name not in self._born_s:
            self._born_s[name] = self._began_s
        elif status.incarnation != starts[1]:
            self._born_s[name] = now_s
            detail = f"{name} has begun anew (incarnation {status.incarnation}); {self._owner}"
            self._noticed.append(Step("restart", name, detail))
        starts[1] = status.incarnation
        self._answered_s[name] = now_s
        self.lost.pop(name, None)
        return True

    def born_s(self, name: str) -> float:
        """Return when the process at hand was first heard of, by the monotonic clock."""
        return self._born_s.get(name, self._began_s)


class Refusal:
    """Refuses operators what only the engine can do.

    Parameters
    ----------
    authority
        Whose commands are answered with the reason; those of anybody else are told that they are not signed well.
    """

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def obey(self, command: SystemCommand, now_s: float, now_ns: int) -> tuple[CommandResult, Step]:
        """Say why not."""
        why = self._authority.objection(command, now_ns)
        if not why:
            service = command.agent or "NAME"
            why = f"{OWNER}; use `docker compose stop {service}` and `docker compose start {service}`"
        detail = f"{command.command} refused: {why}"
        return CommandResult(is_done=False, detail=detail), Step("refused", command.agent or OPS, detail)
