"""When an agent that ended is started again: by its policy, its exit status, and a budget with growing waits.

Pure: times are handed in, and the jitter comes from a generator seeded by the agent's name.
"""

import errno
import os
from collections import deque
from random import Random
from typing import Final, NamedTuple

from bus.config import AgentEntry
from bus.main import EXIT_CONFIG, EXIT_JOURNAL
from ops.config import OpsConfig

_MAY_PASS: Final = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
"""What a journal that cannot be written says when somebody may make room for it meanwhile."""
_MOST_DOUBLINGS: Final = 60


class Verdict(NamedTuple):
    """What follows from an agent's end: when it is started again, or None for never, and why."""

    at_s: float | None
    why: str


class Budget:
    """The restarts one agent has left, and how long it waits before the next.

    Parameters
    ----------
    config
        The [ops] table.
    seed
        What the jitter hangs on: agents that die together do not come back in step.
    """

    def __init__(self, config: OpsConfig, seed: str) -> None:
        self._config = config
        self._random = Random(seed)
        self._granted: deque[float] = deque()
        self._in_a_row = 0
        self._healthy_since_s: float | None = None

    def take(self, now_s: float) -> float | None:
        """Return how many seconds to wait before the next start; None when the budget of the window is spent."""
        self._healthy_since_s = None
        while self._granted and now_s - self._granted[0] >= self._config.restart_window_s:
            self._granted.popleft()
        if len(self._granted) >= self._config.restarts:
            return None
        self._granted.append(now_s)
        wait_s = backoff(self._config, self._in_a_row) * (1 + self._config.jitter * self._random.uniform(-1, 1))
        self._in_a_row += 1
        return wait_s

    def saw(self, now_s: float, *, is_healthy: bool) -> None:
        """Take note of how the agent looked; healthy for long enough, its waits begin anew."""
        if not is_healthy:
            self._healthy_since_s = None
            return
        if self._healthy_since_s is None:
            self._healthy_since_s = now_s
        if now_s - self._healthy_since_s >= self._config.healthy_s:
            self._in_a_row = 0

    def renew(self) -> None:
        """Forget every restart: an operator started the agent anew."""
        self._granted.clear()
        self._in_a_row = 0
        self._healthy_since_s = None

    @property
    def used(self) -> int:
        """How many restarts of the window are used."""
        return len(self._granted)


def backoff(config: OpsConfig, in_a_row: int) -> float:
    """Return the wait in seconds before the restart after ``in_a_row`` others, before jitter.

    Examples
    --------
    >>> [backoff(OpsConfig(backoff_s=0.5, backoff_max_s=3.0), count) for count in range(5)]
    [0.5, 1.0, 2.0, 3.0, 3.0]
    """
    return min(config.backoff_max_s, config.backoff_s * 2.0 ** min(in_a_row, _MOST_DOUBLINGS))


def judge(entry: AgentEntry, budget: Budget, config: OpsConfig, code: int | None, words: str, now_s: float) -> Verdict:
    """Judge the end of an agent: ``code`` is its exit status, None where nobody knows it, ``words`` its last line."""
    hopeless = why_hopeless(code, words)
    if hopeless:
        return Verdict(None, f"{hopeless}: {words}")
    if entry.restart == "never":
        return Verdict(None, f"its policy is never to start it again: {words}")
    if entry.restart == "on-failure" and code == 0:
        return Verdict(None, "it ended by itself, which is no failure, and it is started again on failure only")
    wait_s = budget.take(now_s)
    if wait_s is None:
        spent = f"{config.restarts} restarts within {config.restart_window_s:g} s are spent"
        return Verdict(None, f"not started again, {spent}: {words}")
    return Verdict(now_s + wait_s, f"starting it again in {wait_s:.2g} s ({budget.used} of {config.restarts})")


def why_hopeless(code: int | None, words: str) -> str:
    """Return why another start would end in the same way; empty when it may help."""
    if code == EXIT_CONFIG:
        return "its configuration does not fit, which no restart mends"
    if code == EXIT_JOURNAL and not any(reason in words for reason in _MAY_PASS):
        return "its journal cannot be trusted or written, which no restart mends"
    return ""
