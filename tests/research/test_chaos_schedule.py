"""Schedules of faults: drawn from a seed alone, every kind and every agent in its turn, no two at once that clash."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import Invalid
from research.chaos.kind import ALL, TRAITS, Injection, Kind, Site, are_compatible
from research.chaos.run import FAULTS
from research.chaos.schedule import PAIR_SHARE, schedule

AGENTS = ("recorder", "execution", "risk", "compliance", "qbmia", "quasar", "quantum_amos", "pads", "market")


def test_every_kind_is_described_and_can_be_done() -> None:
    assert set(TRAITS) == set(Kind) == set(FAULTS)
    assert len(Kind) >= 12
    assert len({trait.what for trait in TRAITS.values()}) == len(Kind)


def test_five_hundred_faults_hit_every_kind_and_kill_every_agent() -> None:
    drawn = [injection for step in schedule(5, 500, AGENTS) for injection in step.injections]
    assert len(drawn) == 500
    times = Counter(injection.kind for injection in drawn)
    assert set(times) == set(Kind)
    weights = sum(trait.weight for trait in TRAITS.values())
    for kind, count in times.items():
        share = 1 + (500 - len(Kind)) * TRAITS[kind].weight / weights
        assert abs(count - share) <= TRAITS[kind].weight
    for kind in (Kind.KILL, Kind.PAUSE, Kind.TORN, Kind.STOP):
        victims = Counter(injection.victim for injection in drawn if injection.kind is kind)
        assert set(victims) == set(AGENTS)
        assert max(victims.values()) - min(victims.values()) <= 1


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), faults=st.integers(1, 150))
def test_a_schedule_holds_what_was_asked_for_and_nothing_that_clashes(seed: int, faults: int) -> None:
    steps = schedule(seed, faults, AGENTS)
    assert steps == schedule(seed, faults, AGENTS)
    assert sum(len(step.injections) for step in steps) == faults
    for step in steps:
        assert 1 <= len(step.injections) <= 2
        for injection in step.injections:
            trait = TRAITS[injection.kind]
            assert trait.sizes[0] <= injection.size <= trait.sizes[1]
            assert (injection.victim in AGENTS) == trait.has_victim
            assert trait.site in (None, step.site)
        if len(step.injections) == 2:
            assert are_compatible(*step.injections)


def test_about_as_many_steps_are_pairs_as_it_says() -> None:
    steps = schedule(1, 2_000, AGENTS)
    pairs = sum(len(step.injections) == 2 for step in steps)
    assert PAIR_SHARE - 0.05 < pairs / len(steps) < PAIR_SHARE + 0.03


def test_another_seed_is_another_schedule() -> None:
    assert schedule(1, 50, AGENTS) != schedule(2, 50, AGENTS)


@pytest.mark.parametrize(
    ("one", "other", "is_so"),
    [
        (Injection(Kind.KILL, "pads"), Injection(Kind.PAUSE, "risk"), True),
        (Injection(Kind.KILL, "pads"), Injection(Kind.PAUSE, "pads"), False),
        (Injection(Kind.KILL, "pads"), Injection(Kind.KILL, "risk"), False),
        (Injection(Kind.REDIS_KILL), Injection(Kind.REDIS_STALL), False),
        (Injection(Kind.REDIS_KILL), Injection(Kind.REDIS_CUT), False),
        (Injection(Kind.REDIS_CUT_LONG), Injection(Kind.KILL, "pads"), True),
        (Injection(Kind.CLOCK_BACK), Injection(Kind.CLOCK_FORWARD), False),
        (Injection(Kind.CLOCK_BACK), Injection(Kind.REDIS_CUT), True),
        (Injection(Kind.DISK_FULL), Injection(Kind.PAUSE, "pads"), False),
    ],
)
def test_two_faults_at_once_lay_hold_of_different_things(one: Injection, other: Injection, is_so: bool) -> None:
    assert are_compatible(one, other) is is_so
    assert are_compatible(other, one) is is_so


def test_what_takes_everything_is_alone() -> None:
    for kind, trait in TRAITS.items():
        if ALL in trait.holds:
            assert not any(are_compatible(Injection(kind), Injection(other, "pads")) for other in Kind)


def test_steps_that_would_do_anywhere_are_only_where_something_else_must_be() -> None:
    assert {step.site for step in schedule(3, 30, AGENTS, [Kind.KILL, Kind.REDIS_CUT])} == {Site.REMOTE}
    assert {step.site for step in schedule(3, 30, AGENTS, [Kind.KILL])} == {Site.EMBEDDED}


@pytest.mark.parametrize(
    ("faults", "agents", "kinds"), [(0, AGENTS, [Kind.KILL]), (5, (), [Kind.KILL]), (5, AGENTS, [])]
)
def test_a_schedule_of_nothing_is_refused(faults: int, agents: tuple[str, ...], kinds: list[Kind]) -> None:
    with pytest.raises(Invalid, match="at least one of each is needed"):
        schedule(1, faults, agents, kinds)
