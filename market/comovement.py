"""How each symbol's returns go with those of the others, from bars that come in one total order.

Two returns are common when they are of the same interval: from the same opening time to the same opening time. A
symbol's return waits in its interval until that symbol's next bar; then it is paired with the mean of the others'
returns that came to the same interval meanwhile. So the answer at a bar rests on intervals before it, whichever symbol
is published first, and never changes later.

With x the symbol's return, y that mean and E the average that weighs the past by ``decay`` (returns are taken to have
mean 0, as in their EWMA volatility), correlation = E[xy] / sqrt(E[xx] E[yy]).
"""

import math
from typing import Any, Final

LEAST_COMMON: Final = 20
"""Common returns before there is a correlation, and the most of a symbol's own bars without one before it lapses."""

Interval = tuple[int, int]


class _Waiting:
    """The returns of one interval, while a symbol among them has had no later bar."""

    __slots__ = ("count", "members", "total")

    def __init__(self, total: float = 0.0, count: int = 0, members: int = 0) -> None:
        self.total = total
        self.count = count
        self.members = members


class _Symbol:
    """One symbol: its last bar, the interval its return waits in, and its averages."""

    __slots__ = ("alone", "common", "interval", "move", "opened_ns", "xx", "xy", "yy")

    def __init__(self) -> None:
        self.opened_ns: int | None = None
        self.interval: Interval | None = None
        self.move = 0.0
        self.xx = 0.0
        self.xy = 0.0
        self.yy = 0.0
        self.common = 0
        self.alone = 0


class Comovement:
    """EWMA correlation of each symbol's returns with the mean of the others'.

    Parameters
    ----------
    decay
        Weight of the past, in [0, 1).
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._symbols: dict[str, _Symbol] = {}
        self._waiting: dict[Interval, _Waiting] = {}

    def take(self, symbol: str, opened_ns: int, move: float) -> float | None:
        """Take the log return that ended with the bar opened then; return the correlation, None where not measured.

        The first bar of a symbol has no return: ``move`` is then ignored.
        """
        own = self._symbols.get(symbol)
        if own is None:
            own = self._symbols[symbol] = _Symbol()
        self._settle(own)
        if own.opened_ns is not None:
            own.interval = interval = (own.opened_ns, opened_ns)
            own.move = move
            waiting = self._waiting.get(interval)
            if waiting is None:
                waiting = self._waiting[interval] = _Waiting()
            waiting.total += move
            waiting.count += 1
            waiting.members += 1
        own.opened_ns = opened_ns
        if own.common < LEAST_COMMON or own.alone > LEAST_COMMON:
            return None
        scale = math.sqrt(own.xx) * math.sqrt(own.yy)
        return max(-1.0, min(1.0, own.xy / scale)) if scale > 0.0 else 0.0

    def clear(self, symbol: str) -> None:
        """Start a symbol anew; what it gave to others stays given."""
        own = self._symbols.pop(symbol, None)
        if own is not None:
            self._leave(own)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "symbols": {
                name: [each.opened_ns, each.interval, each.move, each.xx, each.xy, each.yy, each.common, each.alone]
                for name, each in self._symbols.items()
            },
            "waiting": [[key, each.total, each.count, each.members] for key, each in self._waiting.items()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._symbols = {}
        for name, (opened_ns, interval, move, xx, xy, yy, common, alone) in state["symbols"].items():
            own = self._symbols[name] = _Symbol()
            own.opened_ns = opened_ns
            own.interval = None if interval is None else (interval[0], interval[1])
            own.move, own.xx, own.xy, own.yy = move, xx, xy, yy
            own.common, own.alone = common, alone
        self._waiting = {
            (key[0], key[1]): _Waiting(total, count, members) for key, total, count, members in state["waiting"]
        }

    def _settle(self, own: _Symbol) -> None:
        """Pair the return that waits, if others came to its interval."""
        if own.interval is None:
            return
        waiting = self._waiting[own.interval]
        if waiting.count > 1:
            other = (waiting.total - own.move) / (waiting.count - 1)
            own.xx = self._decay * own.xx + own.move * own.move
            own.xy = self._decay * own.xy + own.move * other
            own.yy = self._decay * own.yy + other * other
            own.common += 1
            own.alone = 0
        else:
            own.alone += 1
        self._leave(own)

    def _leave(self, own: _Symbol) -> None:
        """An interval that nobody waits in any more is forgotten."""
        if own.interval is not None:
            waiting = self._waiting[own.interval]
            waiting.members -= 1
            if waiting.members == 0:
                del self._waiting[own.interval]
            own.interval = None
