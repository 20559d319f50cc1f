"""Robin Hood: the reservation price of the crowd, and fair shares of the budget."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.inventory import Holding
from qbmia.robin_hood import budget, pressure, reservation_price
from tests.qbmia.alone import alone
from tests.seats.driver import Table, make, walk


def test_the_reservation_price_is_that_of_avellaneda_and_stoikov() -> None:
    """Their simulation: s 100, sigma 2, gamma 0.1, T 1: a unit held at the start moves the price by 0.4."""
    assert reservation_price(100.0, 1.0, 0.1, 2.0, 1.0) == pytest.approx(99.6)
    assert reservation_price(100.0, -3.0, 0.1, 2.0, 0.5) == pytest.approx(100.6)
    assert reservation_price(100.0, 0.0, 0.1, 2.0, 1.0) == 100.0


@given(inventory=st.floats(-1, 1), thinness=st.floats(-3, 3), aversion=st.floats(0.1, 5), horizon=st.integers(1, 20))
def test_pressure_is_the_distance_to_it_in_deviations(
    inventory: float, thinness: float, aversion: float, horizon: int
) -> None:
    sigma = 0.02
    price = reservation_price(0.0, inventory, aversion / sigma, sigma, horizon)
    x = price / (sigma * math.sqrt(horizon)) * (1.0 + max(thinness, 0.0) / (1.0 + max(thinness, 0.0)))
    found = pressure(Holding(inventory, 0.3, 0.3, thinness, 0.0), aversion, horizon)
    assert found == pytest.approx(x / (1.0 + abs(x)), abs=1e-12)
    assert found == -pressure(Holding(-inventory, 0.3, 0.3, thinness, 0.0), aversion, horizon)


@pytest.mark.parametrize(("place", "side"), [("high", -1), ("low", 1)])
def test_it_leans_against_a_crowd_that_has_piled_up(place: str, side: int) -> None:
    table = alone("robin_hood")
    rows = walk(3, 90)
    rows[-10:, 1 if place == "high" else 2] = rows[-10:, 3]
    rows[-10:, 0] = rows[-10:, 3]
    rows[-10:, 4] *= 5.0
    for row in rows:
        belief = table.play(row, prior=(0.3, 0.4, 0.3)).belief
    assert belief is not None
    assert side * (belief[2] - belief[0]) > 0.0


def test_it_trusts_itself_by_the_concentration() -> None:
    """The greater Gini is the confidence of the vote: the lean that reaches the panel is that share of the belief's."""
    table = alone("robin_hood")
    for row in walk(3, 90):
        response = table.play(row, prior=(0.3, 0.4, 0.3))
    reasons = dict(response.reasons)
    exposure, gini = reasons["robin_hood.exposure"], reasons["robin_hood.gini"]
    snapshot = table.stepper.agent.snapshot()["panels"]["SPX"]["strategies"]["robin_hood"]
    assert 0.0 < gini < 1.0
    up, down = math.exp(snapshot["calibration"] * exposure), math.exp(-snapshot["calibration"] * exposure)
    total = 0.3 * (up + down) + 0.4
    assert reasons["robin_hood"] == pytest.approx(gini * 0.3 * (up - down) / total, abs=1e-9)


def test_the_budget_goes_to_those_who_vote_by_weight_and_fairness() -> None:
    assert dict(budget({"a": 0.9, "b": 0.1}, 2.0)) == pytest.approx({"a": 0.75, "b": 0.25})
    table = Table(make("qbmia"))
    for row in walk(3, 70):
        response = table.play(row)
    shares = {name: value for name, value in response.reasons if name.startswith("robin_hood.budget.")}
    assert "robin_hood.budget.machiavellian" not in shares
    assert len(shares) == 4
    assert sum(shares.values()) == pytest.approx(1.0)
    equal = Table(make("qbmia", robin_hood={"fairness": 1e6}))
    for row in walk(3, 70):
        response = equal.play(row)
    assert dict(response.reasons)["robin_hood.budget.quantum_nash"] == pytest.approx(0.25, abs=1e-3)
    assert shares["robin_hood.budget.quantum_nash"] > 0.26


def test_without_a_trade_in_the_window_it_abstains() -> None:
    table = alone("robin_hood")
    rows = walk(3, 90)
    rows[:, 4] = 0.0
    assert [table.play(row).belief for row in rows][-1] is None
