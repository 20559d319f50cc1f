"""Eighteen years of daily forecasts: which estimator stands, and that none looks ahead."""

from collections import Counter

import numpy as np
import pytest

from kernels.arrays import Floats
from kernels.backtest import z2
from kernels.coverage import conditional_coverage, exceedances, kupiec
from portfolio.forecast import forecast
from portfolio.tail import LEVEL
from research.forecasts import ESTIMATORS, WINDOW, Record, lights, records, returns_of


@pytest.fixture(scope="module")
def returns() -> Floats:
    """Daily returns of the S&P 500, 1999 to 2018."""
    return returns_of("SPX")


@pytest.fixture(scope="module")
def found(returns: Floats) -> dict[str, Record]:
    """The record of each estimator."""
    return records(returns)


def test_only_filtered_history_stands_on_the_sp500(found: dict[str, Record]) -> None:
    exceeded = {name: exceedances(record.losses, record.at_risk) for name, record in found.items()}
    shares = {name: round(float(each.mean()), 4) for name, each in exceeded.items()}
    assert shares == {"historical": 0.0306, "filtered": 0.0251, "student": 0.0363}
    assert {each.size for each in exceeded.values()} == {4547}
    proportion = {name: kupiec(int(each.sum()), each.size, LEVEL).p_value for name, each in exceeded.items()}
    assert proportion["filtered"] > 0.9
    assert proportion["student"] < 1e-4 < proportion["historical"] < 0.05
    coverage = {name: conditional_coverage(each, LEVEL).p_value for name, each in exceeded.items()}
    assert coverage["filtered"] == pytest.approx(0.04, abs=0.005)
    assert max(coverage["historical"], coverage["student"]) < 1e-4
    assert {name: round(z2(*record, LEVEL), 2) for name, record in found.items()} == {
        "historical": -0.30, "filtered": -0.04, "student": -0.41,
    }  # fmt: skip


def test_it_is_never_red_in_250_days_and_the_others_are(found: dict[str, Record]) -> None:
    colours = {name: lights(record) for name, record in found.items()}
    assert colours["filtered"]["red"] == 0
    assert min(colours["historical"]["red"], colours["student"]["red"]) > 400
    assert colours["filtered"].total() == 4547 - 249


def test_no_forecast_looks_ahead(returns: Floats, found: dict[str, Record]) -> None:
    """A truncation test: without the last year, the forecasts before it are the same to the last bit."""
    shorter = records(returns[:-250])
    for name in ESTIMATORS:
        for column, whole in zip(shorter[name], found[name], strict=True):
            np.testing.assert_array_equal(column, whole[:-250])


def test_it_forecasts_what_the_daily_report_does(returns: Floats, found: dict[str, Record]) -> None:
    for day in (WINDOW, 2_000, 5_000):
        ahead = forecast(returns[None, day - WINDOW : day], np.ones(1), 1.0)
        assert found["filtered"].at_risk[day - WINDOW] == pytest.approx(ahead.at_risk, rel=1e-12)
        assert found["filtered"].shortfall[day - WINDOW] == pytest.approx(ahead.tail.filtered, rel=1e-12)
        assert found["historical"].shortfall[day - WINDOW] == pytest.approx(ahead.tail.historical, rel=1e-12)
        assert found["student"].shortfall[day - WINDOW] == pytest.approx(ahead.tail.student, rel=0.05)


def test_lights_are_counted_over_every_250_days() -> None:
    quiet = Record(np.zeros(260), np.ones(260), np.full(260, 2.0))
    assert lights(quiet) == Counter({"green": 11})
