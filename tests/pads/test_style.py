import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.messages import Phase
from bus.plain import pack, unpack
from pads.config import StylesConfig
from pads.style import Standing, Style, StyleKeeper

CONFIG = StylesConfig(min_rounds=10, patience=3, decay=0.9, good=0.01, poor=-0.01)
STEPS = st.lists(st.tuples(st.sampled_from(list(Phase)), st.floats(-0.2, 0.2)), max_size=60)


def keeper(excess: float = 0.0, rounds: int = 50) -> StyleKeeper:
    kept = StyleKeeper(CONFIG)
    for _ in range(rounds):
        kept.score(excess)
    return kept


def settled(kept: StyleKeeper, phase: Phase, bars: int = 10) -> Style:
    for _ in range(bars):
        kept.update(phase)
    return kept.style


@pytest.mark.parametrize(
    ("excess", "phase", "style"),
    [
        (0.02, Phase.GROWTH, Style.BOLD),
        (0.02, Phase.REORGANIZATION, Style.BOLD),
        (0.02, Phase.CONSERVATION, Style.BALANCED),
        (0.02, Phase.RELEASE, Style.BALANCED),
        *((0.0, phase, Style.BALANCED) for phase in Phase),
        *((-0.02, phase, Style.CAUTIOUS) for phase in Phase),
    ],
)
def test_styles_by_phase_and_record(excess: float, phase: Phase, style: Style) -> None:
    assert settled(keeper(excess), phase) is style


def test_too_short_a_record_is_fair() -> None:
    assert keeper(1.0, 9).standing is Standing.FAIR
    assert keeper(1.0, 10).standing is Standing.GOOD
    assert keeper(-1.0, 10).standing is Standing.POOR


def test_a_standing_is_left_only_beyond_zero() -> None:
    kept = keeper(0.02)
    assert kept.standing is Standing.GOOD
    for excess, standing in ((0.005, Standing.GOOD), (-0.003, Standing.FAIR), (0.005, Standing.FAIR)):
        for _ in range(60):
            kept.score(excess)
        assert kept.standing is standing
    for excess, standing in ((-0.02, Standing.POOR), (-0.005, Standing.POOR), (0.003, Standing.FAIR)):
        for _ in range(60):
            kept.score(excess)
        assert kept.standing is standing


def test_bolder_needs_patience_and_more_cautious_none() -> None:
    kept = keeper(0.02)
    styles = []
    for phase in (Phase.GROWTH, Phase.GROWTH, Phase.RELEASE, *[Phase.GROWTH] * 3, Phase.RELEASE):
        kept.update(phase)
        styles.append(kept.style)
    assert styles == [Style.BALANCED] * 5 + [Style.BOLD, Style.BALANCED]


def test_a_record_about_zero_does_not_make_the_style_flap() -> None:
    kept = StyleKeeper(CONFIG)
    styles = []
    for number in range(400):
        kept.score(0.05 if number % 2 else -0.05)
        kept.update(Phase.GROWTH)
        styles.append(kept.style)
    assert sum(one is not other for one, other in itertools.pairwise(styles)) <= 1


def test_parameters_are_those_of_the_style() -> None:
    kept = keeper(-0.02)
    settled(kept, Phase.GROWTH)
    assert kept.parameters() == CONFIG.cautious


def test_balanced_is_the_sizing_as_it_stands() -> None:
    assert StylesConfig().balanced.model_dump() == {"kelly": 1.0, "conviction": 0.0, "position": 1.0, "band": 1.0}


@given(STEPS, STEPS)
def test_a_restored_keeper_goes_on_the_same(
    before: list[tuple[Phase, float]], later: list[tuple[Phase, float]]
) -> None:
    kept, copy = StyleKeeper(CONFIG), StyleKeeper(CONFIG)
    for phase, excess in before:
        kept.score(excess)
        kept.update(phase)
    copy.restore(unpack(pack(kept.snapshot())))
    for phase, excess in later:
        for each in (kept, copy):
            each.score(excess)
            each.update(phase)
        assert (kept.style, kept.standing) == (copy.style, copy.standing)
    assert kept.snapshot() == copy.snapshot()
