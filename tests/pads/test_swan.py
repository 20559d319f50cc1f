import math
import random
from decimal import Decimal

import pytest

from pads.closes import LogCloses
from pads.config import SwanConfig
from pads.swan import exceedance

CONFIG = SwanConfig(window=300, min_returns=100, tail=0.1)
LONG, SHORT = Decimal(3), Decimal(-3)


def closes(returns: list[float]) -> LogCloses:
    kept = LogCloses(CONFIG.window + 2)
    total = 0.0
    kept.append(total)
    for each in returns:
        total += each
        kept.append(total)
    return kept


def quiet(count: int = 300) -> list[float]:
    generator = random.Random(4)
    return [generator.gauss(0.0, 0.01) for _ in range(count)]


def test_a_crash_is_one_for_who_is_long_and_a_rally_for_who_is_short() -> None:
    for move, hurt, spared in ((-0.2, LONG, SHORT), (0.2, SHORT, LONG)):
        path = closes([*quiet(), move])
        found = exceedance(path, hurt, CONFIG)
        assert found is not None
        assert 0.0 < found < SwanConfig().probability
        assert exceedance(path, spared, CONFIG) is None
        assert exceedance(path, Decimal(0), CONFIG) is None


def test_a_usual_loss_is_none() -> None:
    found = exceedance(closes([*quiet(), -0.01]), LONG, CONFIG)
    assert found == pytest.approx(0.16, abs=0.06)


def test_too_few_returns_do_not_tell() -> None:
    assert exceedance(closes([*quiet(99), -0.2]), LONG, CONFIG) is None
    assert exceedance(closes([*quiet(100), -0.2]), LONG, CONFIG) is not None
    assert exceedance(LogCloses(10), LONG, CONFIG) is None


def test_prices_that_never_moved_do_not_tell() -> None:
    assert exceedance(closes([0.0] * 300 + [-0.2]), LONG, CONFIG) is None


def test_what_left_the_window_is_forgotten() -> None:
    early = [-0.3] * 40
    remembered = exceedance(closes([*early, *quiet(250), -0.2]), LONG, CONFIG)
    forgotten = exceedance(closes([*early, *quiet(300), -0.2]), LONG, CONFIG)
    assert remembered is not None
    assert forgotten is not None
    assert forgotten < 1e-3 < remembered


def test_the_sp500s_black_swans(sp500: list[tuple[str, float]]) -> None:
    """Of 4,500 days some two are expected below 0.0005 for independent returns of one law; crises make it five."""
    config = SwanConfig()
    kept = LogCloses(config.window + 2)
    days = []
    for day, close in sp500:
        kept.append(math.log(close))
        found = exceedance(kept, LONG, config)
        if found is not None and found < config.probability:
            days.append(day)
    assert {"2007-02-27", "2008-09-29", "2011-08-08"} <= set(days)
    assert len(days) <= 8


@pytest.mark.parametrize("table", [{"min_returns": 501}, {"min_returns": 50}, {"tail": 0.01}, {"tail": 0.6}])
def test_samples_too_small_are_refused(table: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"swan|tail"):
        SwanConfig.model_validate(table)
