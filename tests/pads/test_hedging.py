import math
import random
from decimal import Decimal

import numpy as np
import pytest

from pads.comovement import Comovement
from pads.config import HedgeConfig, PadsConfig
from pads.hedging import Candidate, Hedge, find_hedge
from pads.sizing import Sizer

EQUITY = 100_000.0
DAY_NS = 86_400_000_000_000


def sizer(**sizing: object) -> Sizer:
    return Sizer(PadsConfig.model_validate({"sizing": sizing}))


def related(bars: int = 60, seed: int = 1) -> tuple[Comovement, dict[str, list[float]]]:
    """Return instruments that move with A by various betas: B 2, C -1, D hardly."""
    generator = random.Random(seed)
    comovement = Comovement(0.97, 30)
    returns: dict[str, list[float]] = {name: [] for name in "ABCD"}
    for bar in range(bars):
        a = generator.gauss(0, 0.01)
        noise = [generator.gauss(0, 0.002), generator.gauss(0, 0.004), generator.gauss(0, 0.05)]
        for name, value in zip("ABCD", (a, 2 * a + noise[0], noise[1] - a, 0.1 * a + noise[2]), strict=True):
            comovement.observe(name, (bar - 1) * DAY_NS, bar * DAY_NS, value)
            returns[name].append(value)
    return comovement, returns


def candidate(symbol: str, position: str = "0", *, opened_ns: int = 59, is_working: bool = False) -> Candidate:
    return Candidate(symbol, Decimal(position), is_working, 50.0, opened_ns)


def hedge_of(own: Candidate, *others: Candidate, config: HedgeConfig | None = None, **sizing: object) -> Hedge | None:
    return find_hedge(own, others, related()[0], EQUITY, config or HedgeConfig(), sizer(**sizing))


def test_a_relation_is_that_of_the_weighted_moments() -> None:
    comovement, returns = related()
    weights = 0.97 ** np.arange(60)[::-1]
    a, b = np.array(returns["A"]), np.array(returns["B"])
    found = comovement.relation("A", "B")
    assert found is not None
    assert found.correlation == pytest.approx((weights @ (a * b)) / math.sqrt((weights @ a**2) * (weights @ b**2)))
    assert found.beta == pytest.approx((weights @ (a * b)) / (weights @ b**2))
    back = comovement.relation("B", "A")
    assert back is not None
    assert back.correlation == found.correlation
    assert back.beta == pytest.approx((weights @ (a * b)) / (weights @ a**2))


def test_too_few_common_bars_have_no_relation() -> None:
    assert related(29)[0].relation("A", "B") is None
    assert related(30)[0].relation("A", "B") is not None


def test_bars_of_other_intervals_are_not_common() -> None:
    comovement = Comovement(0.97, 3)
    for bar in range(10):
        comovement.observe("A", (bar - 1) * DAY_NS, bar * DAY_NS, 0.01)
        comovement.observe("B", (bar - 2) * DAY_NS, bar * DAY_NS, 0.01)
        comovement.observe("C", (bar - 1) * DAY_NS + 1, bar * DAY_NS + 1, 0.01)
    assert comovement.relation("A", "B") is None
    assert comovement.relation("A", "C") is None


def test_an_instrument_that_never_moved_has_no_relation() -> None:
    comovement = Comovement(0.97, 3)
    for bar in range(10):
        comovement.observe("A", bar - 1, bar, 0.01)
        comovement.observe("B", bar - 1, bar, 0.0)
    assert comovement.relation("A", "B") is None


def test_a_restored_comovement_goes_on_the_same() -> None:
    comovement, _ = related()
    copy = Comovement(0.97, 30)
    copy.restore(comovement.snapshot())
    for each in (comovement, copy):
        each.observe("A", 59 * DAY_NS, 60 * DAY_NS, 0.02)
        each.observe("B", 59 * DAY_NS, 60 * DAY_NS, 0.01)
    assert copy.relation("A", "B") == comovement.relation("A", "B")


def test_the_hedge_is_the_minimum_variance_ratio() -> None:
    hedge = hedge_of(candidate("A", "100"), candidate("B"))
    relation = related()[0].relation("A", "B")
    assert hedge is not None
    assert relation is not None
    assert float(hedge.change) == pytest.approx(-100 * relation.beta, abs=1e-4)


def test_the_best_correlated_instrument_is_taken() -> None:
    hedge = hedge_of(candidate("A", "100"), candidate("C"), candidate("B"), candidate("D"))
    assert hedge is not None
    assert hedge.symbol == "B"


def test_an_inverse_instrument_is_bought() -> None:
    hedge = hedge_of(candidate("A", "100"), candidate("C"), candidate("D"))
    assert hedge is not None
    assert hedge.symbol == "C"
    assert hedge.change > 0


def test_a_hedge_stays_within_the_position_limit() -> None:
    hedge = hedge_of(candidate("A", "100000"), candidate("B"))
    assert hedge is not None
    assert hedge.change == -160


def test_a_standing_hedge_is_left_alone_and_a_short_one_is_filled_up() -> None:
    whole = hedge_of(candidate("A", "100"), candidate("B"))
    assert whole is not None
    assert hedge_of(candidate("A", "100"), candidate("B", str(whole.change)), candidate("C")) is None
    rest = hedge_of(candidate("A", "100"), candidate("B", "-20"))
    assert rest is not None
    assert rest.change == whole.change + 20


@pytest.mark.parametrize(
    "other",
    [
        candidate("D"),
        candidate("B", "20"),
        candidate("B", opened_ns=58),
        candidate("B", is_working=True),
        candidate("UNKNOWN"),
    ],
    ids=["uncorrelated", "wrong side", "lagging", "working", "unknown"],
)
def test_instruments_that_cannot_serve(other: Candidate) -> None:
    assert hedge_of(candidate("A", "100"), other) is None


def test_no_short_hedge_where_shorts_are_not_allowed() -> None:
    assert hedge_of(candidate("A", "100"), candidate("B"), allow_short=False) is None
    bought = hedge_of(candidate("A", "100"), candidate("B"), candidate("C"), allow_short=False)
    assert bought is not None
    assert bought.symbol == "C"


def test_a_higher_bar_for_correlation_finds_nothing() -> None:
    assert hedge_of(candidate("A", "100"), candidate("B"), config=HedgeConfig(min_correlation=0.999)) is None
