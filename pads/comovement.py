"""How the returns of two instruments move together: exponentially weighted second moments over common bars.

A pair learns from a bar only when both instruments' returns span the same interval, told by the opening times of the
bar and of the one before it.
"""

from typing import Any, NamedTuple


class Relation(NamedTuple):
    """Correlation of a and b, and beta, the units of b's return that one of a's comes with: cov(a, b)/var(b)."""

    correlation: float
    beta: float


class _Last(NamedTuple):
    previous_ns: int
    opened_ns: int
    log_return: float


class Comovement:
    """Second moments of every pair of instruments seen together, around zero.

    Parameters
    ----------
    decay
        What is left of earlier moments when the next common bar arrives.
    min_returns
        Common returns below which a pair has no relation yet.
    """

    def __init__(self, decay: float, min_returns: int) -> None:
        self._decay = decay
        self._min_returns = min_returns
        self._last: dict[str, _Last] = {}
        self._pairs: dict[tuple[str, str], list[float]] = {}

    def observe(self, symbol: str, previous_ns: int, opened_ns: int, log_return: float) -> None:
        """Take a bar's log return; the bar opened at ``opened_ns`` and the one before it at ``previous_ns``."""
        last = _Last(previous_ns, opened_ns, log_return)
        for other, theirs in self._last.items():
            if other != symbol and theirs.opened_ns == opened_ns and theirs.previous_ns == previous_ns:
                self._learn(symbol, log_return, other, theirs.log_return)
        self._last[symbol] = last

    def relation(self, a: str, b: str) -> Relation | None:
        """Return how ``a`` moves with ``b``, or None with too little common history or no movement."""
        moments = self._pairs.get((a, b) if a < b else (b, a))
        if moments is None or moments[3] < self._min_returns:
            return None
        first, second, cross, _ = moments
        var_a, var_b = (first, second) if a < b else (second, first)
        if not (var_a > 0.0 and var_b > 0.0):
            return None
        correlation = cross / (var_a**0.5 * var_b**0.5)
        return Relation(min(max(correlation, -1.0), 1.0), cross / var_b)

    def _learn(self, a: str, return_a: float, b: str, return_b: float) -> None:
        if b < a:
            a, return_a, b, return_b = b, return_b, a, return_a
        moments = self._pairs.setdefault((a, b), [0.0, 0.0, 0.0, 0.0])
        decay = self._decay
        moments[0] = decay * moments[0] + return_a * return_a
        moments[1] = decay * moments[1] + return_b * return_b
        moments[2] = decay * moments[2] + return_a * return_b
        moments[3] += 1.0

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "last": [[symbol, *last] for symbol, last in self._last.items()],
            "pairs": [[a, b, *moments] for (a, b), moments in self._pairs.items()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._last = {symbol: _Last(*last) for symbol, *last in state["last"]}
        self._pairs = {(a, b): moments for a, b, *moments in state["pairs"]}
