"""What a watch needs of whoever keeps the agents: a supervisor has processes of its own, an observer has none."""

from collections.abc import Mapping
from typing import Protocol

from bus.config import AgentEntry
from bus.messages import AgentStatus, CommandResult, SystemCommand
from ops.monitoring.monitor import Health
from ops.supervision.guard import Step
from ops.supervision.resources import Usage


class Names(Protocol):
    """Some agents."""

    def __contains__(self, name: str, /) -> bool:
        """Tell whether an agent is among them."""


class Keeper(Protocol):
    """Keeps agents up, or only knows of them."""

    @property
    def entries(self) -> Mapping[str, AgentEntry]:
        """The agents that are kept."""

    @property
    def stops(self) -> Names:
        """Who was stopped by an operator."""

    @property
    def lost(self) -> Mapping[str, str]:
        """Without whom the firm must do, and why."""

    def has_given_up(self, name: str) -> bool:
        """Tell whether an agent is not started again by anybody."""

    @property
    def restarted(self) -> Mapping[str, int]:
        """How often each agent was started again."""

    def turn(self, now_s: float) -> list[Step]:
        """Do what is due now."""

    def measure(self, name: str, now_s: float) -> tuple[Usage, list[Step]]:
        """Return what an agent uses, and what follows where that is too much."""

    def saw(self, name: str, health: Health, now_s: float) -> list[Step]:
        """Take note of how an agent looked."""

    def is_there(self, name: str) -> bool:
        """Tell whether an agent runs, as far as this one can know."""

    def asks(self, name: str, now_s: float) -> bool:
        """Tell whether an agent is to be asked now how it is."""

    def hears(self, status: AgentStatus, now_s: float) -> bool:
        """Take note of an answer; tell whether it is of the process that is kept now."""

    def born_s(self, name: str) -> float:
        """Return when the agent's process was started, by the monotonic clock; 0 where nobody knows."""


class Obeys(Protocol):
    """Does what operators command ops."""

    def obey(self, command: SystemCommand, now_s: float, now_ns: int) -> tuple[CommandResult, Step]:
        """Do as commanded, or say why not; ``now_s`` is monotonic, ``now_ns`` since the epoch."""
