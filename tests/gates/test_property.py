"""Twenty thousand random steps: the money adds up, no limit is exceeded, whatever fails; and every order ends."""

from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gates.chaos import HAPPENINGS, LIES, NUISANCES, Chaos

STEPS: Final = 5_000
LYING_STEPS: Final = 2_000


def live(firm: Chaos, steps: int) -> None:
    """Let random things happen, then let every fault end and all time pass."""
    for _ in range(steps):
        firm.step()
        assert not firm.crashes, firm.crashes
    firm.settle()
    assert not firm.crashes, firm.crashes
    assert [name for name, ends in firm.watcher.proposed.items() if not ends] == []
    assert firm.watcher.allowed == {}
    assert firm.book.working == ()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(4))
def test_no_limit_is_exceeded_whatever_fails(tmp_path: Path, seed: int) -> None:
    firm = Chaos(tmp_path, seed, NUISANCES)
    live(firm, STEPS)
    counts = firm.watcher.counts
    least = {
        "filled": 300, "partial": 40, "cancelled": 3, "expired": 1, "approvals": 200, "reducing approvals": 100,
        "tightened": 50, "rejected by compliance": 200, "rejected by risk": 20, "repeated": 20, "lease halted": 10,
        "lease reducing": 1, "orders of risk's own": 1,
    }  # fmt: skip
    assert {what: count for what, count in least.items() if counts.get(what, 0) < count} == {}, counts
    assert firm.watcher.actions


@pytest.mark.timeout(300)
def test_no_limit_is_exceeded_by_a_broker_that_lies(tmp_path: Path) -> None:
    firm = Chaos(tmp_path, 7, LIES)
    live(firm, LYING_STEPS)
    assert firm.watcher.counts["filled"] > 50
    assert firm.agent("execution").report()["oddities"] > 10


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> tuple[Chaos, bytes]:
    """A firm, and its state once some things have happened."""
    firm = Chaos(tmp_path_factory.mktemp("chaos"), 11, NUISANCES)
    for _ in range(100):
        firm.step()
    firm.settle()
    return firm, firm.state()


@given(seed=st.integers(0, 2**32), things=st.lists(st.sampled_from(sorted(HAPPENINGS)), min_size=1, max_size=40))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_few_things_exceed_no_limit(begun: tuple[Chaos, bytes], seed: int, things: list[str]) -> None:
    firm, state = begun
    firm.begin_again(state, seed)
    for thing in things:
        firm.step(thing)
    firm.settle()
    assert not firm.crashes, firm.crashes
    assert [name for name, ends in firm.watcher.proposed.items() if not ends] == []
    assert firm.watcher.allowed == {}
