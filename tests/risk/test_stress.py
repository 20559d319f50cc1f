"""The stress of each symbol, bar by bar."""

from decimal import Decimal

from bus.messages import CorporateAction
from bus.plain import pack, unpack
from portfolio.regime import Regime
from risk.stress import Stress
from tests.gates.driver import bar_of, book_limits_of, closes_from

LIMITS = book_limits_of().regime
STORM = closes_from([0.001, -0.001] * 100 + [0.05, -0.05] * 10)


def shown(closes: list[float], first: int = 0) -> Stress:
    stress = Stress(LIMITS)
    for bar, close in enumerate(closes, first):
        stress.take(bar_of("AAA", bar, close))
    return stress


def test_a_storm_in_one_symbol_is_none_in_another() -> None:
    stress, regime = shown(STORM), Regime(LIMITS)
    for close in STORM:
        regime.take(close)
    assert stress.factor("AAA") == Decimal(regime.factor) < 1
    assert stress.factor("BBB") == 1


def test_an_old_bar_changes_nothing_and_a_missing_one_starts_anew() -> None:
    stress = shown(STORM)
    before = stress.factor("AAA")
    stress.take(bar_of("AAA", len(STORM) - 1, 10))
    assert stress.factor("AAA") == before
    stress.take(bar_of("AAA", len(STORM) + 1, 10))
    assert stress.factor("AAA") == 1


def test_after_a_loss_it_begins_anew() -> None:
    stress = shown(STORM)
    stress.clear()
    assert stress.factor("AAA") == 1
    for bar, close in enumerate(STORM, len(STORM)):
        stress.take(bar_of("AAA", bar, close))
    assert stress.factor("AAA") == shown(STORM).factor("AAA")


def test_a_split_is_no_storm() -> None:
    quiet = closes_from([0.001, -0.001] * 100)
    stress = shown(quiet)
    split = CorporateAction(split=Decimal(4))
    stress.take(bar_of("AAA", len(quiet), quiet[-1] / 4).model_copy(update={"action": split}))
    assert stress.factor("AAA") == 1
    fallen = shown([*quiet, quiet[-1] / 4])
    assert fallen.factor("AAA") < Decimal("0.7")


def test_restored_it_goes_on_alike() -> None:
    first, second = shown(STORM[:-5]), Stress(LIMITS)
    second.restore(unpack(pack(first.snapshot())))
    for each in (first, second):
        for bar, close in enumerate(STORM[-5:], len(STORM) - 5):
            each.take(bar_of("AAA", bar, close))
    assert pack(second.snapshot()) == pack(first.snapshot())
    assert second.factor("AAA") == shown(STORM).factor("AAA")
