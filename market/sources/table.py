"""Rows of text with known columns: what every file format is turned into before it is judged."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bus.errors import ConfigError

STAMP_NAMES: Final = ("timestamp", "date", "time")
VALUE_NAMES: Final = ("open", "high", "low", "close", "volume")
QUOTE_NAMES: Final = ("bid", "ask", "bid_size", "ask_size")
"""Best prices at the opening of the bar and the units offered there; all four columns or none."""
ACTION_NAMES: Final = ("split", "dividend")
"""Units that one unit became before the bar, and money paid on each of these; both columns or none."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one file.

    Parameters
    ----------
    source
        What the rows are, for the data report.
    place
        File name as the user wrote it; an example of a bad row is named ``place:line``.
    columns
        Positions of (timestamp, open, high, low, close, volume) in a row.
    width
        Fields that a whole row has.
    rows
        Pairs of line number and fields.
    quote, action
        Positions of (bid, ask, bid_size, ask_size) and of (split, dividend); empty where there are no such columns.
    """

    source: str
    place: str
    columns: tuple[int, ...]
    width: int
    rows: Iterable[tuple[int, Sequence[str]]]
    quote: tuple[int, ...] = ()
    action: tuple[int, ...] = ()


def find_columns(names: Sequence[str], where: str) -> tuple[int, ...]:
    """Return where (timestamp, open, high, low, close, volume) stand among column names, whatever their case.

    Raises
    ------
    ConfigError
        A column is missing, or stands there twice.
    """
    plain = [name.strip().lower() for name in names]
    return tuple(_position(plain, wanted, where) for wanted in (STAMP_NAMES, *((name,) for name in VALUE_NAMES)))


def find_extra(names: Sequence[str], wanted: Sequence[str], where: str) -> tuple[int, ...]:
    """Return where columns that a file may have stand among column names; empty when it has none of them.

    Raises
    ------
    ConfigError
        Some of them are there and others missing.
    """
    plain = [name.strip().lower() for name in names]
    if not set(wanted) & set(plain):
        return ()
    return tuple(_position(plain, (name,), where) for name in wanted)


def _position(names: Sequence[str], wanted: Sequence[str], where: str) -> int:
    found = [position for position, name in enumerate(names) if name in wanted]
    if len(found) == 1:
        return found[0]
    title = "/".join(wanted)
    if not found:
        shown = ", ".join(names)[:120]
        raise ConfigError(
            f"{where}: no column {title} in the header ({shown}); "
            f"name the columns {STAMP_NAMES[0]}, {', '.join(VALUE_NAMES)}, separated by commas"
        )
    both = ", ".join(names[position] for position in found)
    raise ConfigError(f"{where}: {len(found)} columns could be {title} ({both}); keep one of them")
