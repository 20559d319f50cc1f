"""When an exchange is open: its sessions, as `python -m research.sessions` computed them into a cache of this user.

The library of calendars needs pandas, which no agent imports; so the sessions are computed before the firm starts, and
an agent reads times alone.
"""

import importlib.metadata
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self
from zipfile import BadZipFile

import numpy as np
from pydantic import BaseModel

from bus.config import Settings
from bus.errors import ConfigError
from kernels.arrays import Ints

LIBRARY: Final = "exchange_calendars"
COMMAND: Final = "python -m research.sessions"
DAY_NS: Final = 86_400 * 1_000_000_000
_NS: Final = 1_000_000_000
_OWNER: Final = "compliance"


class _Calendars(BaseModel):
    """What the limits of compliance say of calendars; everything else there is its own business."""

    calendars: dict[str, str] = {}


class Sessions:
    """The sessions of one calendar, UTC; a lunch break divides a day into two of them.

    Parameters
    ----------
    calendar
        Name of the calendar.
    days
        Date that each session belongs to, days since the epoch, ascending.
    opens, closes
        When each begins and ends, seconds since the epoch, ascending.
    first, last
        The days, inclusive, of which the sessions are known.
    """

    def __init__(self, calendar: str, days: Ints, opens: Ints, closes: Ints, first: int, last: int) -> None:
        self.calendar = calendar
        self._days = days
        self._opens = opens * _NS
        self._closes = closes * _NS
        self._first = first
        self._last = last

    def is_trading_day(self, day: int) -> bool:
        """Tell whether the exchange opens on a date, given as days since the epoch.

        Raises
        ------
        LookupError
            The sessions of that time are not known.
        """
        self._check(day)
        place = int(np.searchsorted(self._days, day))
        return place < self._days.size and int(self._days[place]) == day

    def is_open(self, time_ns: int) -> bool:
        """Tell whether the exchange trades at a moment: the open belongs to a session, its close does not.

        Raises
        ------
        LookupError
            The sessions of that time are not known.
        """
        self._check(time_ns // DAY_NS)
        place = int(np.searchsorted(self._opens, time_ns, side="right")) - 1
        return place >= 0 and time_ns < int(self._closes[place])

    def _check(self, day: int) -> None:
        if not self._first <= day <= self._last:
            raise LookupError(f"no session of {self.calendar} is known for {np.datetime64(day, 'D')}; see `{COMMAND}`")

    @classmethod
    def load(cls, calendar: str) -> Self:
        """Read the sessions of a calendar from the cache.

        Raises
        ------
        ConfigError
            They were not computed yet by this version of the library, or cannot be read.
        """
        path = newest(calendar)
        if path is None:
            raise ConfigError(f"no sessions of calendar {calendar} are in {cache_folder()}: run `{COMMAND}`")
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
                first, last = saved["span"].tolist()
                return cls(calendar, saved["days"], saved["opens"], saved["closes"], first, last)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise ConfigError(f"{path}: not readable as sessions ({error}); remove it and run `{COMMAND}`") from None

    @staticmethod
    def save(calendar: str, years: tuple[int, int], days: Ints, opens: Ints, closes: Ints) -> Path:
        """Write the sessions of a calendar, known for whole ``years``, into the cache, and forget older ones of it."""
        path = cache_folder() / f"{_stem(calendar)}{years[0]}-{years[1]}.npz"
        span = np.array([_january(years[0]), _january(years[1] + 1) - 1])
        temporary = path.with_suffix(f".{os.getpid()}.new")
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            np.savez_compressed(file, span=span, days=days, opens=opens, closes=closes)
        temporary.replace(path)
        for old in _files(calendar):
            if old != path:
                old.unlink(missing_ok=True)
        return path


def calendars(settings: Settings) -> tuple[str, ...]:
    """Return the names of the calendars that the firm trades by, sorted."""
    entry = settings.firm.agents.get(_OWNER)
    if entry is None or not entry.enabled:
        return ()
    return tuple(sorted(set(settings.limits(_OWNER, _Calendars).calendars.values())))


def missing(names: Sequence[str], year: int) -> tuple[str, ...]:
    """Return those calendars whose sessions are not in the cache up to the end of ``year``."""
    return tuple(name for name in names if (path := newest(name)) is None or _last_year(path) < year)


def newest(calendar: str) -> Path | None:
    """Return the file of a calendar that reaches farthest, of those by the library's present version."""
    return max(_files(calendar), key=_last_year, default=None)


def cache_folder() -> Path:
    """Return the folder of this user's cache."""
    given = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(given) if given else Path("~/.cache").expanduser()) / "boardroom" / "sessions"
    except RuntimeError:
        raise ConfigError("this user has no home for the cache of trading sessions: set XDG_CACHE_HOME") from None


def _files(calendar: str) -> list[Path]:
    return list(cache_folder().glob(f"{_stem(calendar)}*.npz"))


def _stem(calendar: str) -> str:
    try:
        version = importlib.metadata.version(LIBRARY)
    except importlib.metadata.PackageNotFoundError:
        raise ConfigError(f"the package {LIBRARY}, which knows when exchanges open, is missing: install it") from None
    plain = "".join(letter if letter.isalnum() else "_" for letter in calendar)
    return f"{plain}-{version}-"


def _last_year(path: Path) -> int:
    year = path.stem.rpartition("-")[2]
    return int(year) if year.isdecimal() else 0


def _january(year: int) -> int:
    return int(np.datetime64(f"{year}-01-01", "D").astype(np.int64))
