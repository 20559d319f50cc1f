"""The share of the time in which agents are heard from."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bus.plain import pack, unpack
from compliance.availability import Availability

S = 1_000_000_000


def heard(*agents: str, window_s: float = 100.0, at_ns: int = 0) -> Availability:
    availability = Availability(("a", "b"), window_s)
    for agent in agents:
        availability.hear(agent, at_ns)
    return availability


def test_before_a_window_has_passed_nothing_is_measured() -> None:
    assert heard().share(10**15) is None
    assert heard("a", at_ns=S).share(101 * S - 1) is None
    assert heard("a", at_ns=S).share(101 * S) == 1.0


def test_a_silence_that_ended_and_one_that_lasts() -> None:
    availability = heard("a", "b")
    availability.miss("a", 100 * S)
    assert availability.silent() == ("a",)
    assert availability.share(110 * S) == 0.95
    availability.hear("a", 120 * S)
    assert (availability.share(130 * S), availability.silent()) == (0.9, ())
    assert availability.share(210 * S) == 0.95
    assert availability.share(220 * S) == 1.0


def test_those_who_are_not_of_the_firm_or_never_came_do_not_count() -> None:
    availability = heard("a", "stranger")
    availability.miss("b", 0)
    availability.miss("stranger", 0)
    assert availability.share(200 * S) == 1.0


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 40)), max_size=12))
def test_it_is_one_less_the_silence_in_the_window(steps: list[tuple[str, int]]) -> None:
    """Against a plain count of seconds; a restored one goes on alike."""
    availability = heard("a", "b")
    silent_at: dict[str, int] = {}
    missed = {"a": set[int](), "b": set[int]()}
    second = 100
    for agent, lasts in steps:
        if agent in silent_at:
            availability.hear(agent, second * S)
            missed[agent].update(range(silent_at.pop(agent), second))
        else:
            availability.miss(agent, second * S)
            silent_at[agent] = second
        second += lasts
    for agent, since in silent_at.items():
        missed[agent].update(range(since, second))
    lost = sum(each >= second - 100 for seconds in missed.values() for each in seconds)
    other = Availability(("a", "b"), 100.0)
    other.restore(unpack(pack(availability.snapshot())))
    assert other.share(second * S) == availability.share(second * S) == 1.0 - lost / 200
