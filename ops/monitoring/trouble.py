"""Counters of trouble in words, and which of them have risen: what was refused or lost must not stay a number."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from bus.messages import AgentStatus

WORDS: Final[Mapping[str, str]] = {
    "unlawful": "frames by somebody who may not send them",
    "strangers": "broadcasts by nobody of the firm",
    "denied": "connections with a key that is not on the list",
    "misplaced": "frames on the wrong plane",
    "misrouted": "frames addressed to somebody else",
    "codec_errors": "frames that are not messages",
    "invalid": "inputs the agent refused as bad",
    "gaps": "holes in streams of broadcasts",
    "gaps_lost": "holes that could not be repaired",
    "lost": "broadcasts lost",
    "held_overflow": "broadcasts beyond what may be held behind a hole",
    "dropped": "messages dropped by a full inbox",
    "refused": "messages refused by a full inbox",
    "refused_by_peer": "messages a peer refused",
    "expired": "messages too late",
    "undelivered": "messages never acknowledged",
    "unroutable": "messages to somebody with no address",
    "unsent": "messages a full socket did not take",
    "unpublished": "broadcasts made while Redis was away",
    "forbidden": "broadcasts that Redis does not let this agent make",
    "redis_refused": "times Redis did not let this agent in",
    "redis_lost": "times the connection to Redis broke",
    "redis_reconnects": "times Redis was found again",
}
"""What each counter of AGENT_STATUS that tells of trouble counts; the others count work."""
RECORDED: Final = frozenset(WORDS) - {
    "gaps", "lost", "expired", "unsent", "unpublished", "refused_by_peer", "redis_reconnects"
}  # fmt: skip
"""Those whose every rise is told to the ledger; the others are made good again by the bus."""
_KEPT: Final = frozenset({"invalid", "expired"})
"""Those a process takes over from its snapshot instead of beginning at 0."""
LAST_WORDS: Final = {
    "unlawful": "last_unlawful",
    "denied": "last_denied",
    "codec_errors": "last_codec_error",
    "invalid": "last_invalid",
}
"""Where a report tells of the latest case of a counter."""


class Rise(NamedTuple):
    """A counter that has risen by ``rose`` to ``total``; ``last`` is what the agent says of the latest case."""

    counter: str
    rose: int
    total: int
    last: str

    @property
    def words(self) -> str:
        """What happened, in words."""
        return f"{self.rose} {WORDS[self.counter]}" + (f"; the last: {self.last}" if self.last else "")


class Counts:
    """What is known of the counters of one agent through all its processes."""

    def __init__(self) -> None:
        self._process = (0, 0)
        self._known: dict[str, int] = {}
        self._is_new = True

    def take(self, status: AgentStatus) -> list[Rise]:
        """Return the counters that have risen since the last status.

        A new process begins to count at 0, which is no fall; what it takes over from its predecessor is no rise.
        """
        counters = {name: count for name, count in status.counters if name in RECORDED}
        if (status.pid, status.incarnation) != self._process:
            self._process = (status.pid, status.incarnation)
            kept = counters if self._is_new else self._known
            self._known = {name: kept.get(name, 0) for name in _KEPT}
        self._is_new = False
        report = dict(status.report)
        rises = [
            Rise(name, total - self._known.get(name, 0), total, str(report.get(LAST_WORDS.get(name, ""), "")))
            for name, total in counters.items()
            if total > self._known.get(name, 0)
        ]
        self._known |= counters
        return rises


def troubles(status: AgentStatus) -> dict[str, int]:
    """Return the counters of a status that tell of trouble, in the order of WORDS."""
    counters = dict(status.counters)
    return {name: counters[name] for name in WORDS if counters.get(name)}
