"""What a disturbed run has lost, doubled or changed beside an undisturbed one: in its ledger, and in its journals."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

from ops.compare import Comparable
from ops.schema import FACT_TABLES, compared_columns
from research.chaos.trail import Trail

_ID: Final = re.compile(r"^(?P<symbol>[A-Za-z0-9._/:^=]+)-(?P<bar>\d+)")
_GAP: Final = "gap/"
_ALERTS: Final = "risk_events"
_EVENTS: Final = "system_events"


class Difference(NamedTuple):
    """A row or message that is not as it should be; ``bar`` is (symbol, bar) where it belongs to one."""

    what: str
    bar: tuple[str, int] | None = None


class Losses(NamedTuple):
    """Everything that is not as it should be, by how."""

    lost: tuple[Difference, ...] = ()
    duplicated: tuple[Difference, ...] = ()
    changed: tuple[Difference, ...] = ()

    @property
    def all(self) -> tuple[Difference, ...]:
        """All of them."""
        return (*self.lost, *self.duplicated, *self.changed)

    def __add__(self, other: object) -> "Losses":
        """Join two."""
        if not isinstance(other, Losses):
            return NotImplemented
        return Losses(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


def ledger_losses(reference: Comparable, disturbed: Comparable, told: Collection[str] = ()) -> Losses:
    """Compare two ledgers row by row.

    A row that is missing is lost, one that the undisturbed run does not have is doubled, unless it tells of broadcasts
    lost for good, which then are; one whose values differ is changed.

    Parameters
    ----------
    reference, disturbed
        Rows of every table.
    told
        Ids of the alerts that faults raised themselves: each must be there, once.
    """
    losses = Losses()
    for table in FACT_TABLES:
        size = len(table.primary_key.columns)
        names = [column.name for column in compared_columns(table)]
        expected = {row[:size]: row for row in reference[table.name]}
        found = {row[:size]: row for row in disturbed[table.name]}
        if table.name == _ALERTS:
            losses += Losses(lost=tuple(Difference(f"{_ALERTS} {each}") for each in told if (each,) not in found))
            found = {key: row for key, row in found.items() if key[0] not in told}
        missing = [_row(table.name, names, expected[key]) for key in sorted(expected.keys() - found.keys())]
        extra = [_row(table.name, names, found[key]) for key in sorted(found.keys() - expected.keys())]
        gaps = [each for each in extra if each.what.startswith(f"{_EVENTS} {_GAP}")]
        changes = [
            _row(table.name, names, row, found[key]) for key, row in sorted(expected.items())
            if key in found and found[key] != row
        ]  # fmt: skip
        losses += Losses((*missing, *gaps), tuple(each for each in extra if each not in gaps), tuple(changes))
    return losses


def trail_losses(trails: Mapping[str, Trail]) -> Losses:
    """Return what the journals tell: inputs never handled or handled twice, and facts told twice."""
    lost, doubled = [], []
    for name, trail in trails.items():
        lost += [Difference(f"{name} never handled {hole}") for hole in trail.holes]
        doubled += [Difference(f"{name} handled {each} twice") for each in trail.handled_twice]
        doubled += [Difference(f"{name} told {each} twice") for each in trail.told_twice]
    return Losses(lost=tuple(lost), duplicated=tuple(doubled))


def rounds_of(reference: Comparable) -> dict[tuple[str, int], int]:
    """Return the number of each bar in the order of publication, from 0: one bar is one round."""
    names = _names("bars")
    symbol, bar, opened = (names.index(name) for name in ("symbol", "bar", "opened_ns"))
    ordered = sorted(reference["bars"], key=lambda row: (row[opened], row[symbol]))
    return {(row[symbol], row[bar]): number for number, row in enumerate(ordered)}


def first_round(rounds: Mapping[tuple[str, int], int], losses: Iterable[Difference]) -> int | None:
    """Return the earliest round that something belongs to; None when nothing does."""
    return min((rounds[each.bar] for each in losses if each.bar is not None and each.bar in rounds), default=None)


def _names(table: str) -> list[str]:
    return next([column.name for column in compared_columns(each)] for each in FACT_TABLES if each.name == table)


def _row(table: str, names: list[str], row: tuple[Any, ...], other: tuple[Any, ...] | None = None) -> Difference:
    fields = dict(zip(names, row, strict=True))
    what = f"{table} {row[0]}" if table in (_ALERTS, _EVENTS) else f"{table} {' '.join(map(str, row[:3]))}"
    if other is not None:
        pairs = zip(names, row, other, strict=True)
        what += ": " + ", ".join(f"{name} {was} != {now}" for name, was, now in pairs if was != now)
    return Difference(what, _bar(fields))


def _bar(fields: Mapping[str, Any]) -> tuple[str, int] | None:
    symbol, bar = fields.get("symbol"), fields.get("bar")
    if isinstance(symbol, str) and isinstance(bar, int):
        return symbol, bar
    for name in ("decision_id", "order_id"):
        named = _ID.match(str(fields.get(name)))
        if named is not None:
            return named["symbol"], int(named["bar"])
    return None
