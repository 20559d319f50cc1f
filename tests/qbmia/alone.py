"""A QBMIA seat with one strategy switched on, at a table."""

from typing import Final

from qbmia.config import QbmiaStrategies
from tests.seats.driver import Table, make

STRATEGIES: Final = tuple(QbmiaStrategies.model_fields)


def alone(name: str, *, horizon: int = 1, **parameters: object) -> Table:
    """Return a table whose seat has only the strategy ``name``, with ``parameters`` in that strategy's own table."""
    weights = {each: 1.0 if each == name else 0.0 for each in STRATEGIES}
    return Table(make("qbmia", strategies=weights, quorum=1, **{name: parameters}), horizon=horizon)
