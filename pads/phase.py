"""The phase of an instrument's market, read from its volatility alone: a heuristic after Holling (2001).

Release is what a market does while its volatility ranks in the top of its own recent history; all else is growth.
Panarchy proper, with potential, connectedness and resilience on three scales and all four phases, is the later form of
this reading and answers the same call.
"""

from bisect import bisect_left, insort
from collections import deque
from typing import Any

from bus.messages import Phase
from pads.config import PhaseConfig


class PhaseReading:
    """Follows the causal rank of volatility in a sliding window."""

    def __init__(self, config: PhaseConfig) -> None:
        self._config = config
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []
        self.phase = Phase.GROWTH
        self.rank = 0.0
        """Share of the window's earlier values that lie below the latest."""

    def update(self, sigma: float) -> Phase:
        """Take the volatility after the latest bar and return the phase it puts the market in."""
        earlier = len(self._sorted)
        below = bisect_left(self._sorted, sigma)
        self.rank = below / earlier if earlier else 0.0
        is_release = earlier >= self._config.min_history and self.rank >= self._config.release_rank
        self.phase = Phase.RELEASE if is_release else Phase.GROWTH
        self._remember(sigma)
        return self.phase

    def _remember(self, sigma: float) -> None:
        if len(self._recent) == self._config.window:
            del self._sorted[bisect_left(self._sorted, self._recent.popleft())]
        self._recent.append(sigma)
        insort(self._sorted, sigma)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"recent": list(self._recent), "phase": self.phase.value, "rank": self.rank}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._recent = deque(state["recent"])
        self._sorted = sorted(self._recent)
        self.phase = Phase(state["phase"])
        self.rank = state["rank"]
