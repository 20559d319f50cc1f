"""One JSON line per event on standard error, where the supervisor's log files catch it."""

import logging
import sys
from typing import cast

import structlog
from structlog.typing import FilteringBoundLogger


def open_log(name: str) -> FilteringBoundLogger:
    """Return the logger of one process; every line carries its name, a level and a UTC time."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    return cast("FilteringBoundLogger", structlog.get_logger().bind(agent=name))
