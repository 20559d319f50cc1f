"""Which peers are heard from: who has spoken up, and who has fallen silent without a goodbye."""

from collections.abc import Iterable, Iterator
from typing import Final

_PATIENCE_BEATS: Final = 3
"""Heartbeats that may be late before a peer counts as silent."""


class Pulse:
    """Heartbeats of peers by this process's own clock.

    Parameters
    ----------
    heartbeat_ns
        Time between two heartbeats of a peer.
    """

    def __init__(self, heartbeat_ns: int) -> None:
        self._patience_ns = _PATIENCE_BEATS * heartbeat_ns
        self._last: dict[str, int] = {}
        self._silent: dict[str, None] = {}
        self._expected: dict[str, int] = {}
        self._looked_ns = 0

    def expect(self, peers: Iterable[str], now_ns: int) -> None:
        """Miss these peers too if they are not heard from at all, as those that this process knew before it began."""
        self._expected = dict.fromkeys(peers, now_ns)

    def beat(self, peer: str, now_ns: int) -> bool:
        """Take a heartbeat; return whether it is the first, or the first after a silence."""
        is_news = peer not in self._last or peer in self._silent
        self._last[peer] = now_ns
        self._silent.pop(peer, None)
        self._expected.pop(peer, None)
        return is_news

    def leave(self, peer: str) -> None:
        """Take a goodbye: whoever leaves in order is not missed."""
        self._last.pop(peer, None)
        self._silent.pop(peer, None)
        self._expected.pop(peer, None)

    def silences(self, now_ns: int) -> Iterator[tuple[str, int]]:
        """Yield each peer that has newly fallen silent, and when it was last heard.

        Time in which this process itself did not look, stopped or busy, is nobody's silence.
        """
        if self._looked_ns and now_ns - self._looked_ns > self._patience_ns:
            unseen_ns = now_ns - self._looked_ns
            self._last = {peer: last + unseen_ns for peer, last in self._last.items()}
            self._expected = {peer: since + unseen_ns for peer, since in self._expected.items()}
        self._looked_ns = now_ns
        for peer, last in self._last.items():
            if peer not in self._silent and now_ns - last > self._patience_ns:
                self._silent[peer] = None
                yield peer, last
        for peer in [each for each, since in self._expected.items() if now_ns - since > self._patience_ns]:
            self._silent[peer] = None
            yield peer, self._expected.pop(peer)
