from hypothesis import given
from hypothesis import strategies as st

from bus.messages import Phase
from pads.config import PhaseConfig
from pads.phase import PhaseReading

SIGMAS = st.lists(st.floats(0.001, 0.1), max_size=80)
SHORT = PhaseConfig(window=20, min_history=10)


def read(sigmas: list[float], config: PhaseConfig = SHORT) -> list[Phase]:
    reading = PhaseReading(config)
    return [reading.update(sigma) for sigma in sigmas]


def test_little_history_is_growth_whatever_the_volatility() -> None:
    assert read([0.01] * 9 + [1.0])[-1] is Phase.GROWTH
    assert read([0.01] * 10 + [1.0])[-1] is Phase.RELEASE


def test_release_begins_at_the_top_decile() -> None:
    ranks = [0.01 * each for each in range(1, 21)]
    assert read([*ranks, 0.185])[-1] is Phase.RELEASE
    assert read([*ranks, 0.175])[-1] is Phase.GROWTH


def test_an_unchanging_volatility_is_growth() -> None:
    assert set(read([0.01] * 50)) == {Phase.GROWTH}


def test_what_was_high_once_leaves_the_window() -> None:
    assert read([0.5] * 20 + [0.01] * 20 + [0.02])[-1] is Phase.RELEASE


@given(SIGMAS)
def test_it_is_the_rank_among_the_last_values(sigmas: list[float]) -> None:
    expected = []
    for number, sigma in enumerate(sigmas):
        earlier = sigmas[max(0, number - SHORT.window) : number]
        is_high = len(earlier) >= SHORT.min_history and sum(each < sigma for each in earlier) >= 0.9 * len(earlier)
        expected.append(Phase.RELEASE if is_high else Phase.GROWTH)
    assert read(sigmas) == expected


@given(SIGMAS, SIGMAS)
def test_later_values_change_nothing_and_a_restored_reading_goes_on_the_same(
    before: list[float], later: list[float]
) -> None:
    reading = PhaseReading(SHORT)
    first = [reading.update(sigma) for sigma in before]
    copy = PhaseReading(SHORT)
    copy.restore(reading.snapshot())
    whole = read(before + later)
    assert first == whole[: len(before)]
    assert [copy.update(sigma) for sigma in later] == whole[len(before) :]
