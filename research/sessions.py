"""`python -m research.sessions`: compute once when the exchanges of the configuration are open, for agents to read.

It is computed for every year that the library knows, up to the end of the next: whatever the market's data covers is
in it, and it need not be read for that.
"""

import argparse
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from bus.config import Settings
from bus.errors import ConfigError, Fatal
from bus.main import EXIT_CONFIG, default_config
from kernels.arrays import Ints
from market.sessions import LIBRARY, Sessions, calendars, missing

FIRST_YEAR: Final = 1900
_EPOCH: Final = np.datetime64(0, "s")


def make_sessions(settings: Settings, year: int | None = None) -> tuple[str, ...]:
    """Compute the sessions that are not in the cache up to the end of ``year``, this one unless given.

    Returns
    -------
    tuple of str
        The calendars computed; empty where all was there, which costs a look into a folder.

    Raises
    ------
    ConfigError
        A calendar that the library does not know.
    Fatal
        The cache cannot be written.
    """
    year = datetime.now(UTC).year if year is None else year
    lacking = missing(calendars(settings), year)
    for name in lacking:
        first, last, days, opens, closes = compute(name, year + 1)
        try:
            Sessions.save(name, (first, last), days, opens, closes)
        except OSError as error:
            raise Fatal(f"{error.filename}: {error.strerror}; make it writable, or set XDG_CACHE_HOME") from None
    return lacking


def compute(name: str, last_year: int) -> tuple[int, int, Ints, Ints, Ints]:
    """Return the first and the last whole year of a calendar, and days, opens and closes as `Sessions` takes them.

    Raises
    ------
    ConfigError
        The library does not know the calendar.
    """
    with warnings.catch_warnings():
        # What the library asks of pandas is between the two.
        warnings.simplefilter("ignore", DeprecationWarning)
        first, last, schedule = _schedule(name, last_year)
    return first, last, *_divided(schedule)


def _schedule(name: str, last_year: int) -> tuple[int, int, Any]:
    import exchange_calendars
    from exchange_calendars.errors import InvalidCalendarName

    try:
        known: Any = exchange_calendars.get_calendar(name)
    except InvalidCalendarName:
        raise ConfigError(
            f"limits.toml: compliance.calendars: {LIBRARY} has no calendar {name}; take one such as XNYS, or leave the "
            f"symbol out if it trades at any time"
        ) from None
    earliest, latest = known.bound_min(), known.bound_max()
    first = FIRST_YEAR if earliest is None else max(FIRST_YEAR, earliest.year + (earliest.dayofyear > 1))
    last = last_year if latest is None else min(last_year, latest.year - (latest.strftime("%m-%d") < "12-31"))
    return first, last, exchange_calendars.get_calendar(name, start=f"{first}-01-01", end=f"{last}-12-31").schedule


def _divided(schedule: Any) -> tuple[Ints, Ints, Ints]:
    """Return days since the epoch, and seconds since it, of each session; a break makes two of one."""
    days = schedule.index.to_numpy().astype("datetime64[D]").astype(np.int64)
    opens, starts, ends, closes = (_seconds(schedule[key]) for key in ("open", "break_start", "break_end", "close"))
    has_break = ends != 0
    before = np.where(has_break, starts, closes)
    order = np.argsort(np.concatenate([opens, ends[has_break]]), kind="stable")
    return (
        np.concatenate([days, days[has_break]])[order],
        np.concatenate([opens, ends[has_break]])[order],
        np.concatenate([before, closes[has_break]])[order],
    )


def _seconds(column: Any) -> Ints:
    """Return seconds since the epoch, 0 where there is no time."""
    times = column.to_numpy(dtype="datetime64[s]")
    seconds: Ints = np.where(np.isnat(times), _EPOCH, times).astype(np.int64)
    return seconds


def main() -> None:
    """Compute; a mistake in the configuration ends with the status that every agent gives it."""
    parser = argparse.ArgumentParser(prog="python -m research.sessions", description="Compute trading sessions.")
    parser.add_argument("--config", type=Path, default=default_config())
    try:
        made = make_sessions(Settings.load(parser.parse_args().config, Path("var/sessions")))
    except ConfigError as error:
        print(error, file=sys.stderr)
        raise SystemExit(EXIT_CONFIG) from None
    except Fatal as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    print(f"computed: {', '.join(made)}" if made else "all sessions are there")


if __name__ == "__main__":
    main()
