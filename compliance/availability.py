"""Whether the agents of the firm are there: the share of time in which each was heard from when it should have been.

It follows the clock of the wall, as heartbeats do, so it is told on the timer alone and never to an order.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

_NS: Final = 1_000_000_000


class Availability:
    """Silences of agents over a rolling window.

    Parameters
    ----------
    agents
        Names of those that are expected, itself not among them.
    window_s
        How far it looks back; nothing is measured before so much time has passed since the first heartbeat.
    """

    def __init__(self, agents: Sequence[str], window_s: float) -> None:
        self._agents = frozenset(agents)
        self._window_ns = round(window_s * _NS)
        self._since_ns: int | None = None
        self._heard: dict[str, None] = {}
        self._silent: dict[str, int] = {}
        self._silences: deque[tuple[int, int]] = deque()

    def hear(self, agent: str, now_ns: int) -> None:
        """Take note that an agent is there, for the first time or again."""
        if agent not in self._agents:
            return
        if self._since_ns is None:
            self._since_ns = now_ns
        self._heard[agent] = None
        since_ns = self._silent.pop(agent, None)
        if since_ns is not None:
            self._silences.append((since_ns, now_ns))

    def miss(self, agent: str, since_ns: int) -> None:
        """Take note that an agent that was there is not heard from any more, since a time."""
        if agent in self._heard:
            self._silent.setdefault(agent, since_ns)

    def share(self, now_ns: int) -> float | None:
        """Return the share of the window in which agents were heard, their mean; None before a window has passed."""
        begin_ns = now_ns - self._window_ns
        if self._since_ns is None or self._since_ns > begin_ns:
            return None
        while self._silences and self._silences[0][1] <= begin_ns:
            self._silences.popleft()
        lost = sum(until - max(since, begin_ns) for since, until in self._silences if until > begin_ns)
        lost += sum(now_ns - max(since, begin_ns) for since in self._silent.values())
        return 1.0 - lost / (self._window_ns * len(self._heard))

    def silent(self) -> tuple[str, ...]:
        """Return the agents that are not heard from, sorted."""
        return tuple(sorted(self._silent))

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self._since_ns, list(self._heard), dict(self._silent), [list(each) for each in self._silences]]

    def restore(self, state: Sequence[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._since_ns, heard, silent, silences = state
        self._heard = dict.fromkeys(heard)
        self._silent = dict(silent)
        self._silences = deque((since, until) for since, until in silences)
