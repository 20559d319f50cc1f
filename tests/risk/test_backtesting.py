"""The record of forecasts against plain numpy and the tests' own formulas."""

import numpy as np
import pytest
from scipy import special, stats

from bus.plain import pack, unpack
from risk.backtesting import DAYS, ForecastRecord, Outcome

LEVEL = 0.975


def recorded(losses: list[float], at_risk: float = 1.0, shortfall: float = 2.0) -> ForecastRecord:
    record = ForecastRecord(LEVEL)
    for loss in losses:
        record.add(loss, at_risk, shortfall)
    return record


def test_below_a_hundred_days_only_exceedances_are_counted() -> None:
    assert ForecastRecord(LEVEL).outcome() == Outcome(0, 0)
    assert recorded([1.5, 1.0, *[0.0] * 97]).outcome() == Outcome(99, 1)
    assert recorded([1.5, 1.0, *[0.0] * 98]).outcome().light == "green"


def test_the_figures_are_those_of_plain_numpy() -> None:
    rng = np.random.default_rng(3)
    losses, at_risk = rng.standard_t(3, 400), rng.uniform(1.0, 2.0, 400)
    record = ForecastRecord(LEVEL)
    for loss, forecast in zip(losses.tolist(), at_risk.tolist(), strict=True):
        record.add(loss, forecast, 1.5 * forecast)
    outcome = record.outcome()
    losses, at_risk = losses[-DAYS:], at_risk[-DAYS:]
    beyond = losses > at_risk
    x, n = int(beyond.sum()), DAYS
    assert (outcome.days, outcome.exceedances) == (n, x)
    assert outcome.z2 == pytest.approx(1 - (losses / (1.5 * at_risk))[beyond].sum() / (n * (1 - LEVEL)), rel=1e-12)
    proportion = special.xlogy(x, x / n) + special.xlogy(n - x, 1 - x / n) - x * np.log(1 - LEVEL)
    proportion = 2 * (proportion - (n - x) * np.log(LEVEL))
    assert outcome.kupiec_p == pytest.approx(stats.chi2.sf(proportion, 1), rel=1e-9)
    pairs = np.array([[(beyond[1:] == j)[beyond[:-1] == i].sum() for j in (0, 1)] for i in (0, 1)], np.float64)
    rows, column = pairs / pairs.sum(axis=1, keepdims=True), pairs.sum(axis=0)
    alone = 2 * (special.xlogy(pairs, rows).sum() - special.xlogy(column, column / column.sum()).sum())
    assert outcome.christoffersen_p == pytest.approx(stats.chi2.sf(proportion + alone, 2), rel=1e-9)


@pytest.mark.parametrize(("exceeded", "size", "light"), [
    # Of 250 days 6.25 exceedances of the size of the shortfall are expected: Z2 = 1 - x size / (6.25 * 2).
    (6, 2.0, "green"), (10, 2.0, "green"), (11, 2.0, "yellow"), (17, 2.0, "yellow"), (18, 2.0, "red"), (5, 7.1, "red"),
])  # fmt: skip
def test_the_light_turns_by_number_and_by_size(exceeded: int, size: float, light: str) -> None:
    assert recorded([size] * exceeded + [0.0] * (DAYS - exceeded)).outcome().light == light


def test_the_last_250_days_count() -> None:
    assert recorded([3.0] * 100 + [0.0] * DAYS).outcome().exceedances == 0


def test_a_day_with_nothing_at_risk_is_not_counted() -> None:
    record = recorded([0.0] * 100)
    record.add(0.5, 0.0, 0.0)
    record.add(0.5, -0.1, -0.05)
    assert record.outcome().days == 100


def test_a_shortfall_that_rounding_put_below_value_at_risk_is_raised_to_it() -> None:
    assert recorded([0.0] * 100, at_risk=1.0, shortfall=1.0 - 1e-16).outcome().z2 == 1.0


def test_a_restored_record_goes_on_alike() -> None:
    record, other = recorded([1.5, 0.0] * 60), ForecastRecord(LEVEL)
    other.restore(unpack(pack(record.snapshot())))
    for each in (record, other):
        each.add(2.0, 1.0, 2.0)
    assert other.outcome() == record.outcome()
