"""One JSON line per event on standard error, where the supervisor's log files catch it."""

import logging
import os
from contextlib import suppress
from typing import Final, cast

import structlog
from structlog.typing import FilteringBoundLogger

from bus.rotation import turn_log

_STDERR: Final = 2


def say(line: str) -> None:
    """Write a line to standard error, unbuffered; one that finds the disk full is dropped and holds nobody up."""
    with suppress(OSError):
        os.write(_STDERR, f"{line}\n".encode())
    turn_log()


class Lines:
    """What structlog writes its lines with."""

    def msg(self, line: str) -> None:
        """Write one line."""
        say(line)

    debug = info = warning = error = critical = exception = msg


def open_log(name: str, *, is_quiet: bool = False) -> FilteringBoundLogger:
    """Return the logger of one process; every line carries its name, a level and a UTC time. A quiet one is mute."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.ReturnLoggerFactory() if is_quiet else Lines,
    )
    return cast("FilteringBoundLogger", structlog.get_logger().bind(agent=name))
