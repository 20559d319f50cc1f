"""How connected the instruments of a market are, on each scale of the panarchy: the absorption ratio of their returns.

A row of the table is a moment, one opening time, with the return of every instrument whose bar spans the interval from
the moment before. It counts once a bar of a later moment has come, so that all instruments of one moment read the same,
whichever is first. Instruments without a hole in a scale's window are its market; one alone is none, and has to judge
connectedness by its own autocorrelation (``kernels.adaptive_cycle``).

The level of the ratio tells which instruments there are, more than how they are: for two stock indices it hardly leaves
.97. So it is ranked among its own earlier values, as Kritzman et al. (2011) read its shift and not its level; ``level``
takes it as it is.
"""

from typing import Any, Final

import numpy as np

from kernels.adaptive_cycle import rank
from kernels.arrays import Floats
from kernels.spectrum import MOST_ASSETS, absorption_ratio
from pads.closes import Ring
from pads.config import PanarchyConfig


class Connectedness:
    """The table of joint returns, and the ratio on each scale as of the last whole moment."""

    def __init__(self, config: PanarchyConfig) -> None:
        self._config = config
        self._windows = config.windows
        self._columns: dict[str, int] = {}
        self._rows = np.zeros((2 * max(self._windows), MOST_ASSETS))
        self._end = 0
        self._streaks: list[int] = []
        self._moment_ns = self._before_ns = -1
        self._present: dict[int, float] = {}
        self._scales = [_Ratio(config) for _ in self._windows]

    def observe(self, symbol: str, previous_ns: int, opened_ns: int, log_return: float) -> None:
        """Take a bar's log return; the bar opened at ``opened_ns`` and the one before it at ``previous_ns``."""
        column = self._columns.get(symbol)
        if column is None:
            column = self._columns[symbol] = len(self._columns)
        if column >= MOST_ASSETS or opened_ns < self._moment_ns:
            return
        if opened_ns > self._moment_ns:
            self._close()
            self._before_ns, self._moment_ns = self._moment_ns, opened_ns
        if previous_ns == self._before_ns:
            self._present[column] = log_return

    def of(self, symbol: str, scale: int) -> float | None:
        """Return the connectedness that ``symbol`` has on a scale, in [0, 1], or None where there is none to read."""
        ratio = self._scales[scale]
        return ratio.value if self._columns.get(symbol, MOST_ASSETS) in ratio.members else None

    def _close(self) -> None:
        """Let the moment that is over count; one with a single instrument known has nothing to count."""
        columns = min(len(self._columns), MOST_ASSETS)
        present, self._present = self._present, {}
        if columns < 2:
            return
        if self._end == len(self._rows):
            kept = max(self._windows) - 1
            self._rows[:kept] = self._rows[self._end - kept :]
            self._end = kept
        row = [present.get(column) for column in range(columns)]
        self._rows[self._end, :columns] = [value or 0.0 for value in row]
        self._end += 1
        streaks = [*self._streaks, *[0] * (columns - len(self._streaks))]
        self._streaks = [0 if value is None else streak + 1 for value, streak in zip(row, streaks, strict=True)]
        for window, ratio in zip(self._windows, self._scales, strict=True):
            members = tuple(column for column, streak in enumerate(self._streaks) if streak >= window)
            ratio.update(members, self._rows[self._end - window : self._end] if len(members) > 1 else None)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "columns": dict(self._columns),
            "rows": self._rows[max(self._end - max(self._windows), 0) : self._end, : len(self._columns)].copy(),
            "streaks": list(self._streaks),
            "moments": [self._moment_ns, self._before_ns],
            "present": [[column, value] for column, value in self._present.items()],
            "scales": [ratio.snapshot() for ratio in self._scales],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._columns = dict(state["columns"])
        rows = state["rows"]
        self._end = len(rows)
        self._rows[: self._end, : rows.shape[1]] = rows
        self._streaks = list(state["streaks"])
        self._moment_ns, self._before_ns = state["moments"]
        self._present = dict(map(tuple, state["present"]))
        for ratio, each in zip(self._scales, state["scales"], strict=True):
            ratio.restore(each)


_NOBODY: Final[tuple[int, ...]] = ()


class _Ratio:
    """The absorption ratio on one scale, and its earlier values of the same members."""

    def __init__(self, config: PanarchyConfig) -> None:
        self._is_ranked = config.connectedness == "rank"
        self._least = config.min_history
        self._earlier = Ring(config.history - 1)
        self.members = _NOBODY
        self.value: float | None = None

    def update(self, members: tuple[int, ...], rows: Floats | None) -> None:
        if members != self.members:
            self._earlier.clear()
        self.members, self.value = members, None
        if rows is None:
            return
        is_all = members == tuple(range(len(members)))
        level = absorption_ratio(rows[:, : len(members)] if is_all else rows[:, list(members)])
        if not self._is_ranked:
            self.value = level
        elif len(self._earlier) >= self._least - 1:
            self.value = rank(level, self._earlier.values)
        self._earlier.append(level)

    def snapshot(self) -> list[Any]:
        return [list(self.members), self.value, self._earlier.snapshot()]

    def restore(self, state: list[Any]) -> None:
        members, self.value, earlier = state
        self.members = tuple(members)
        self._earlier.restore(earlier)
