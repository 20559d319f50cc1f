"""The seats on the S&P 500: no skill is claimed, no disaster is allowed, and every answer is a number."""

import csv
import gzip
import importlib.util
import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kernels.arrays import Floats
from tests.seats.driver import SEATS, Table, make

ROUNDS = 2_000
COLUMNS = ("Open", "High", "Low", "Close", "Volume")


@pytest.fixture(scope="module")
def daily() -> Floats:
    """S&P 500, 1999 to 2007, from the series inside the arch package."""
    spec = importlib.util.find_spec("arch")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the arch package, extra 'demo', is not installed")
    path = Path(spec.submodule_search_locations[0]) / "data" / "sp500" / "sp500.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [[float(row[column]) for column in COLUMNS] for row in csv.DictReader(file)]
    return np.array(rows[: ROUNDS + 100])


@pytest.mark.parametrize("horizon", [1, 5])
@pytest.mark.parametrize("name", SEATS)
def test_a_seat_does_not_fall_far_behind_the_prior(
    name: str, horizon: int, daily: Floats, record_property: Callable[[str, object], None]
) -> None:
    table = Table(make(name), horizon=horizon)
    for row in daily:
        table.play(row)
    gains = [played.gain for played in table.played if played.gain is not None]
    record_property("mean_gain_nats", statistics.fmean(gains))
    assert len(gains) >= ROUNDS
    assert statistics.fmean(gains) > -0.01
    assert table.stepper.counters["invalid"] == 0
