"""When an agent is started again: growing waits, a budget for each window, and ends that no restart mends."""

import os
from errno import EIO, ENOSPC
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.config import AgentEntry
from ops.config import OpsConfig
from ops.supervision.restarts import Budget, backoff, judge

CONFIG = OpsConfig(restarts=3, restart_window_s=100.0, backoff_s=0.5, backoff_max_s=3.0, jitter=0.2, healthy_s=30.0)
STEADY = CONFIG.model_copy(update={"jitter": 0.0})
WORDS = "qbmia: it broke"


def test_waits_double_up_to_the_longest_and_the_window_allows_three() -> None:
    budget = Budget(STEADY.model_copy(update={"restarts": 5}), "qbmia")
    assert [budget.take(float(at)) for at in range(6)] == [0.5, 1.0, 2.0, 3.0, 3.0, None]
    assert budget.used == 5


def test_a_restart_leaves_the_window_when_it_is_as_old_as_the_window() -> None:
    budget = Budget(STEADY, "qbmia")
    assert [budget.take(at) for at in (0.0, 10.0, 20.0)] == [0.5, 1.0, 2.0]
    assert budget.take(99.9) is None
    assert budget.take(100.0) == 3.0
    assert budget.take(109.9) is None


def test_waits_begin_anew_after_health_but_the_window_does_not() -> None:
    budget = Budget(STEADY, "qbmia")
    assert [budget.take(0.0), budget.take(1.0)] == [0.5, 1.0]
    budget.saw(2.0, is_healthy=True)
    budget.saw(31.9, is_healthy=True)
    assert budget.used == 2
    budget.saw(32.0, is_healthy=True)
    assert budget.take(33.0) == 0.5
    assert budget.take(34.0) is None


def test_health_that_is_interrupted_counts_from_its_new_beginning() -> None:
    budget = Budget(STEADY, "qbmia")
    assert budget.take(0.0) == 0.5
    for at, is_healthy in ((1.0, True), (20.0, False), (21.0, True), (50.9, True)):
        budget.saw(at, is_healthy=is_healthy)
    assert budget.take(51.0) == 1.0


def test_an_operator_renews_the_budget() -> None:
    budget = Budget(STEADY, "qbmia")
    for _ in range(4):
        budget.take(0.0)
    budget.renew()
    assert budget.take(1.0) == 0.5


def test_jitter_is_the_agents_own_and_always_the_same() -> None:
    waits = {name: [Budget(CONFIG, name).take(0.0) for _ in range(2)] for name in ("qbmia", "quasar")}
    assert waits["qbmia"][0] == waits["qbmia"][1] != waits["quasar"][0]


@settings(max_examples=50, deadline=None)
@given(
    gaps=st.lists(st.floats(0.0, 60.0), max_size=40),
    restarts=st.integers(0, 5),
    window_s=st.floats(1.0, 200.0),
    jitter=st.floats(0.0, 1.0),
)
def test_no_window_ever_has_more_restarts_than_allowed_and_no_wait_strays(
    gaps: list[float], restarts: int, window_s: float, jitter: float
) -> None:
    update = {"restarts": restarts, "restart_window_s": window_s, "jitter": jitter}
    config = CONFIG.model_copy(update=update)
    budget = Budget(config, "any")
    granted: list[float] = []
    now_s = 0.0
    for gap in gaps:
        now_s += gap
        wait_s = budget.take(now_s)
        if wait_s is None:
            recent = [at for at in granted if now_s - at < window_s]
            assert len(recent) == restarts
        else:
            base = backoff(config, len(granted))
            assert base * (1 - jitter) - 1e-12 <= wait_s <= base * (1 + jitter) + 1e-12
            granted.append(now_s)
    for first in granted:
        assert sum(first <= at < first + window_s for at in granted) <= restarts or restarts == 0


@pytest.mark.parametrize(
    ("restart", "code", "is_again"),
    [
        ("always", 0, True),
        ("always", 1, True),
        ("on-failure", 0, False),
        ("on-failure", 70, True),
        ("on-failure", -9, True),
        ("on-failure", None, True),
        ("never", 70, False),
    ],
)
def test_the_policy_says_who_is_started_again(
    restart: Literal["always", "on-failure", "never"], code: int | None, is_again: bool
) -> None:
    verdict = judge(AgentEntry(restart=restart), Budget(STEADY, "a"), STEADY, code, WORDS, 10.0)
    assert verdict.at_s == (10.5 if is_again else None)


@pytest.mark.parametrize("restart", ["always", "on-failure", "never"])
def test_a_configuration_that_does_not_fit_is_given_up_at_once(
    restart: Literal["always", "on-failure", "never"],
) -> None:
    verdict = judge(AgentEntry(restart=restart), Budget(STEADY, "a"), STEADY, 78, WORDS, 10.0)
    assert verdict == (None, f"its configuration does not fit, which no restart mends: {WORDS}")


@pytest.mark.parametrize(("code", "is_again"), [(ENOSPC, True), (EIO, False)])
def test_a_journal_is_tried_again_only_where_room_may_be_made(code: int, is_again: bool) -> None:
    words = f"pads: journal: cannot write: {os.strerror(code)}; free space"
    verdict = judge(AgentEntry(), Budget(STEADY, "a"), STEADY, 74, words, 10.0)
    assert (verdict.at_s is not None) == is_again
    assert is_again or verdict.why.endswith(words)


def test_a_spent_budget_quotes_the_agents_own_line() -> None:
    none = CONFIG.model_copy(update={"restarts": 0})
    verdict = judge(AgentEntry(), Budget(none, "a"), none, 70, WORDS, 10.0)
    assert verdict == (None, f"not started again, 0 restarts within 100 s are spent: {WORDS}")
