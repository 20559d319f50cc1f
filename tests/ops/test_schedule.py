"""When reports are due."""

from datetime import UTC, datetime

import pytest

from bus.errors import ConfigError
from ops.monitoring.schedule import Schedule


def at(hour: int, minute: int = 0, day: int = 6) -> int:
    return round(datetime(2026, 7, day, hour, minute, tzinfo=UTC).timestamp()) * 1_000_000_000


def test_a_report_is_due_once_at_its_time() -> None:
    schedule = Schedule("0 6 * * *")
    assert [schedule.is_due(at(5, minute)) for minute in (0, 59)] == [False, False]
    assert [schedule.is_due(at(6, minute)) for minute in (0, 0, 1, 59)] == [True, False, False, False]
    assert schedule.is_due(at(6, 0, day=7))


def test_what_was_missed_is_made_up_for_once() -> None:
    schedule = Schedule("*/10 * * * *")
    assert not schedule.is_due(at(5, 1))
    assert schedule.is_due(at(6, 5))
    assert not schedule.is_due(at(6, 9))
    assert schedule.is_due(at(6, 10))


def test_a_start_at_the_moment_itself_waits_for_the_next() -> None:
    schedule = Schedule("0 6 * * *")
    assert not schedule.is_due(at(6, 1))
    assert not schedule.is_due(at(7))


def test_days_of_the_week_have_names() -> None:
    schedule = Schedule("0 6 * * sun")  # 2026-07-12 is one
    schedule.is_due(at(7, day=6))
    assert [schedule.is_due(at(6, day=day)) for day in (7, 10, 11, 12)] == [False, False, False, True]


def test_an_empty_line_is_never_due() -> None:
    schedule = Schedule("")
    assert not any(schedule.is_due(at(hour)) for hour in range(24))


@pytest.mark.parametrize("line", ["0 25 * * *", "0 6 * *", "soon", "0 6 * * 1-5", "61 * * * *"])
def test_what_is_no_line_of_cron_is_refused_with_an_example(line: str) -> None:
    with pytest.raises(ConfigError, match=r"ops.report_cron .*mon-fri"):
        Schedule(line)
