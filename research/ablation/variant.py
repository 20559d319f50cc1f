"""The firms to compare with the whole one: each lacks one member, one strategy of a seat, or one part of a model.

What can be switched off is not listed here. A seat says so by the model of its own table: weights in a nested table
``strategies``, switches and weights in a nested table ``parts``, and switches of the table itself.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import BaseModel

from bus.config import Config, Settings
from bus.errors import ConfigError, Invalid
from bus.tables import Tables
from pads.config import ADAPTABILITY, CONSENSUS, PadsConfig, seated
from research.firm import build_agent

_PANELS: Final = ("strategies", "parts")
_QUANTUM: Final = "quantum"
T = TypeVar("T", bound=BaseModel)


class Kind(StrEnum):
    """What a variant lacks."""

    MEMBER = "member"
    STRATEGY = "strategy"
    PART = "part"
    QUANTUM = "quantum part"


class Variant(NamedTuple):
    """A firm without one component: its name, and the keys of firm.toml that switch it off.

    ``member`` is the label that the component has on the board, where it is a member.
    """

    name: str
    kind: Kind
    overrides: Tables
    member: str | None = None

    @property
    def label(self) -> str:
        """The name, and the member's label where it is another one."""
        return self.name if self.member in (None, self.name) else f"{self.name} ({self.member})"


def variants(settings: Settings) -> tuple[Variant, ...]:
    """Return every firm that lacks one component of the firm of ``settings``: members, strategies, parts.

    Raises
    ------
    ConfigError
        The configuration does not fit.
    """
    board = seated(settings.table("pads", PadsConfig), settings.firm.agents)
    found = [
        *(_switched("", name, False, Kind.MEMBER, ("agents", name, "enabled"), each.member)
          for name, each in board.stakes.items()),
        *(_switched("", name, 0, Kind.MEMBER, ("pads", f"{name}_weight"), name)
          for name in (CONSENSUS, ADAPTABILITY) if getattr(board, f"{name}_weight") > 0.0),
        *(each for seat in board.stakes for each in _inside(seat, _table_of(settings, seat))),
        *(_switched("models", path[-1], off, Kind.QUANTUM if path[-1] == _QUANTUM else kind, ("models", *path))
          for path, off, kind in _switches(settings.firm.models)),
    ]  # fmt: skip
    rank = list(Kind)
    return tuple(sorted(found, key=lambda variant: rank.index(variant.kind)))


def chosen(among: Sequence[Variant], patterns: Sequence[str]) -> tuple[Variant, ...]:
    """Return the variants whose name fits one of the patterns, in which * stands for anything; all without patterns.

    Raises
    ------
    Invalid
        A pattern that fits none.
    """
    for pattern in patterns:
        if not any(fnmatchcase(variant.name, pattern) for variant in among):
            names = ", ".join(variant.name for variant in among)
            raise Invalid(f"nothing to switch off is called {pattern!r}; there are {names}")
    return tuple(
        variant for variant in among if not patterns or any(fnmatchcase(variant.name, pattern) for pattern in patterns)
    )


def _inside(seat: str, table: BaseModel) -> Iterator[Variant]:
    for path, off, kind in _switches(table):
        yield _switched(seat, path[-1], off, kind, (seat, *path))


def _switches(table: BaseModel) -> Iterator[tuple[tuple[str, ...], bool | int, Kind]]:
    """Yield the keys of a table that switch something off, the value that does it, and what it is."""
    for name, value in table:
        if value is True:
            yield (name,), False, Kind.QUANTUM if name == _QUANTUM else Kind.PART
        elif name in _PANELS and isinstance(value, Config):
            kind = Kind.STRATEGY if name == _PANELS[0] else Kind.PART
            for inner, weight in value:
                if weight is True:
                    yield (name, inner), False, kind
                elif isinstance(weight, (int, float)) and weight > 0:
                    yield (name, inner), 0, kind


def _switched(
    owner: str, name: str, off: bool | int, kind: Kind, path: tuple[str, ...], member: str | None = None
) -> Variant:
    overrides: Any = off
    for key in reversed(path):
        overrides = {key: overrides}
    return Variant(f"{owner}.{name}" if owner else name, kind, overrides, member)


class _Witness(Settings):
    """A configuration that remembers which tables were read from it, and as what."""

    def __init__(self, settings: Settings) -> None:
        vars(self).update(vars(settings))
        self.read: dict[str, BaseModel] = {}

    def table(self, name: str, model: type[T]) -> T:
        """Return a table, and note it."""
        table = super().table(name, model)
        self.read[name] = table
        return table


def _table_of(settings: Settings, seat: str) -> BaseModel:
    """Return a seat's own table as the model that the seat itself reads it as."""
    witness = _Witness(settings)
    build_agent(witness, seat)
    if seat not in witness.read:
        raise ConfigError(f"agents.{seat}: its build(settings) reads no table [{seat}]; nothing in it can be found")
    return witness.read[seat]
