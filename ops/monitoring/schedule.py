"""When reports are due: a line of cron, in UTC."""

from datetime import UTC, datetime
from typing import Final

from apscheduler.triggers.cron import CronTrigger

from bus.errors import ConfigError

_FIELDS: Final = 5
_NS: Final = 1_000_000_000


class Schedule:
    """Moments given by a line of cron: minute, hour, day of month, month, day of week (mon to sun).

    Parameters
    ----------
    line
        Empty is never.

    Raises
    ------
    ConfigError
        It is no line of cron, or names days of the week by numbers, which programs number differently.
    """

    def __init__(self, line: str) -> None:
        self._trigger = _trigger(line)
        self._next: datetime | None = None

    def is_due(self, at_ns: int) -> bool:
        """Tell whether a moment of the schedule has come since the last call; the first call only begins to wait.

        Several that were missed are one.
        """
        if self._trigger is None:
            return False
        now = datetime.fromtimestamp(at_ns / _NS, UTC)
        was_due = self._next is not None and now >= self._next
        if was_due or self._next is None:
            self._next = self._trigger.get_next_fire_time(now if was_due else None, now)
        return was_due


def _trigger(line: str) -> CronTrigger | None:
    fields = line.split()
    if not fields:
        return None
    advice = 'expected "MINUTE HOUR DAY MONTH WEEKDAY" in UTC, as in "0 6 * * mon-fri"; correct it'
    if len(fields) == _FIELDS and any(letter.isdecimal() for letter in fields[-1].partition("/")[0]):
        raise ConfigError(f"ops.report_cron {line!r}: days of the week have names here, sun to sat; {advice}")
    try:
        return CronTrigger.from_crontab(line, UTC)
    except ValueError as error:
        raise ConfigError(f"ops.report_cron {line!r}: {error}; {advice}") from None
