"""The agents of a firm of several hosts, as the supervisor of the first has them: its own, and those of the others."""

from collections.abc import Mapping

from bus.config import AgentEntry
from bus.messages import AgentStatus
from ops.config import OpsConfig
from ops.monitoring.elsewhere import OTHER_HOST, Elsewhere
from ops.monitoring.monitor import Health
from ops.supervision.guard import Step
from ops.supervision.keeper import Keeper, Names
from ops.supervision.resources import Usage
from ops.supervision.upkeep import Upkeep


def keeper_of(everyone: Mapping[str, AgentEntry], upkeep: Upkeep, config: OpsConfig, now_s: float) -> Keeper:
    """Return who knows of every agent of a firm: ``upkeep`` where it keeps them all; ``now_s`` is monotonic."""
    others = {name: entry for name, entry in everyone.items() if name not in upkeep.entries}
    return Spread(everyone, upkeep, Elsewhere(others, config, now_s, OTHER_HOST)) if others else upkeep


class Spread:
    """Keeps the agents of this host up, and follows those that other hosts keep.

    Parameters
    ----------
    entries
        The process list of the whole firm.
    upkeep
        Who keeps the agents of this host.
    elsewhere
        Who knows of all others.
    """

    def __init__(self, entries: Mapping[str, AgentEntry], upkeep: Upkeep, elsewhere: Elsewhere) -> None:
        self.entries = entries
        self._upkeep = upkeep
        self._elsewhere = elsewhere

    @property
    def stops(self) -> Names:
        """Who was stopped by an operator, here."""
        return self._upkeep.stops

    @property
    def lost(self) -> Mapping[str, str]:
        """Without whom the firm must do, and why."""
        return {**self._upkeep.lost, **self._elsewhere.lost}

    @property
    def restarted(self) -> Mapping[str, int]:
        """How often each agent was started again."""
        return {**self._upkeep.restarted, **self._elsewhere.restarted}

    def has_given_up(self, name: str) -> bool:
        """Tell whether an agent is not started again by anybody."""
        return self._keeper(name).has_given_up(name)

    def turn(self, now_s: float) -> list[Step]:
        """Do what is due here, and tell what was noticed of the others."""
        return [*self._upkeep.turn(now_s), *self._elsewhere.turn(now_s)]

    def measure(self, name: str, now_s: float) -> tuple[Usage, list[Step]]:
        """Return what an agent of this host uses, and what follows where that is too much."""
        return self._keeper(name).measure(name, now_s)

    def saw(self, name: str, health: Health, now_s: float) -> list[Step]:
        """Take note of how an agent looked."""
        return self._keeper(name).saw(name, health, now_s)

    def is_there(self, name: str) -> bool:
        """Tell whether an agent runs, as far as can be known here."""
        return self._keeper(name).is_there(name)

    def asks(self, name: str, now_s: float) -> bool:
        """Tell whether an agent is to be asked now how it is."""
        return self._keeper(name).asks(name, now_s)

    def hears(self, status: AgentStatus, now_s: float) -> bool:
        """Take note of an answer; tell whether it is of the process that is kept now."""
        return self._keeper(status.agent).hears(status, now_s)

    def born_s(self, name: str) -> float:
        """Return when the agent's process was started, or first heard of, by the monotonic clock."""
        return self._keeper(name).born_s(name)

    def _keeper(self, name: str) -> Keeper:
        return self._elsewhere if name in self._elsewhere.entries else self._upkeep
