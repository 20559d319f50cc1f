"""The bars of one symbol, with the account of every row that did not become one."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from bus.errors import ConfigError
from bus.messages import DataReport, Rejection
from market.bar import MAX_ROW_CHARACTERS, Bar, Flaw, read_action, read_bar, read_quote, show_opened
from market.gap import find_gaps
from market.sources.table import Table

_SHOWN_CHARACTERS: Final = 120


@dataclass(frozen=True, slots=True)
class Series:
    """Checked bars of one symbol, oldest first; the first ``history`` of them are there to warm the models up.

    ``rows``, ``rejected`` and ``noted`` speak of the whole source, also when only a window of it is kept.
    """

    symbol: str
    source: str
    bars: tuple[Bar, ...]
    rows: int
    accepted: int
    rejected: tuple[Rejection, ...] = ()
    noted: tuple[Rejection, ...] = ()
    history: int = 0

    def report(self) -> DataReport:
        """Return the account of the source as a message."""
        return DataReport(
            symbol=self.symbol,
            source=self.source,
            rows=self.rows,
            accepted=self.accepted,
            rejected=self.rejected,
            noted=self.noted,
        )

    def window(self, first: date | None, last: date | None, bars: int | None, history_bars: int) -> "Series":
        """Keep the bars opened on days ``first`` to ``last``, at most ``bars`` of them, and ``history_bars`` before.

        Without ``first`` the history is the beginning of the data.

        Raises
        ------
        ConfigError
            No bar is left, or there is less history than asked for.
        """
        opened = [bar.opened_ns for bar in self.bars]
        begin = history_bars if first is None else bisect_left(opened, _midnight_ns(first))
        end = len(opened) if last is None else bisect_left(opened, _midnight_ns(last + timedelta(days=1)))
        end = end if bars is None else min(end, begin + bars)
        span = f"{show_opened(opened[0])} to {show_opened(opened[-1])}, {len(opened)} bars" if opened else "no bars"
        if begin < history_bars:
            raise ConfigError(
                f"market: {self.symbol} has {begin} bars before {first}, history_bars asks for {history_bars} "
                f"(the data: {span}); begin later or lower history_bars"
            )
        if begin >= end:
            raise ConfigError(f"market: {self.symbol} has no bar in the chosen window (the data: {span}); widen it")
        return replace(self, bars=self.bars[begin - history_bars : end], history=history_bars)


class Tally:
    """Rows counted by reason, the first of each named."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, str]] = {}

    def add(self, reason: str, example: str) -> None:
        """Count one more; only the first example of a reason is kept."""
        count, first = self._found.get(reason, (0, example))
        self._found[reason] = (count + 1, first)

    def result(self) -> tuple[Rejection, ...]:
        """Return the counts, reasons in the order of their first appearance."""
        return tuple(Rejection(reason=why, rows=n, example=first) for why, (n, first) in self._found.items())


def collect(symbol: str, table: Table, spacing_s: float | None = None) -> Series:
    """Judge every row of a table: each becomes a bar of the series, or is counted with its flaw.

    Parameters
    ----------
    spacing_s
        Seconds between bars for the report of gaps; None takes the most frequent distance.
    """
    bars: list[Bar] = []
    lines: list[int] = []
    rejected = Tally()
    rows = 0
    for line, fields in table.rows:
        rows += 1
        bar = _judge(fields, table, bars)
        if isinstance(bar, Bar):
            bars.append(bar)
            lines.append(line)
        else:
            rejected.add(bar.value, f"{table.place}:{line}: {','.join(fields)[:_SHOWN_CHARACTERS]}")
    noted = Tally()
    for reason, index, detail in _remarks(bars, spacing_s):
        noted.add(reason, f"{table.place}:{lines[index]}: {detail}")
    return Series(symbol, table.source, tuple(bars), rows, len(bars), rejected.result(), noted.result())


def _judge(fields: Sequence[str], table: Table, before: Sequence[Bar]) -> Bar | Flaw:
    if len(fields) != table.width:
        return Flaw.COLUMNS
    stamp, *values = [fields[position] for position in table.columns]
    quote, action = [fields[position] for position in table.quote], [fields[position] for position in table.action]
    text = "".join((*values, *quote, *action))
    if len(text) + len(stamp) > MAX_ROW_CHARACTERS or not text.isascii() or "_" in text:
        return Flaw.NUMBER
    bar = read_bar(stamp, *values)
    if quote and isinstance(bar, Bar):
        bar = read_quote(bar, quote)
    if action and isinstance(bar, Bar):
        bar = read_action(bar, action)
    if isinstance(bar, Flaw) or not before or bar.opened_ns > before[-1].opened_ns:
        return bar
    place = bisect_left(before, bar.opened_ns, key=_opened_ns)
    return Flaw.DUPLICATE if before[place].opened_ns == bar.opened_ns else Flaw.ORDER


def _remarks(bars: Sequence[Bar], spacing_s: float | None) -> Iterator[tuple[str, int, str]]:
    """Yield (reason, index, detail) of bars that are accepted, but that a reader of results should know of."""
    for index, detail in find_gaps([bar.opened_ns for bar in bars], spacing_s):
        yield "gap before", index, detail
    for index, bar in enumerate(bars):
        if not bar.volume:
            yield "zero volume", index, show_opened(bar.opened_ns)


def _opened_ns(bar: Bar) -> int:
    return bar.opened_ns


def _midnight_ns(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000_000
