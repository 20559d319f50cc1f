"""How gains and losses leave a mood: bounded, alike for long and short, heavier for losses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.prospect import TVERSKY_KAHNEMAN
from quantum_amos.affect import Affect, coloured


def mood(*outcomes: float, decay: float = 0.9, importance: float = 1.0) -> Affect:
    affect = Affect(TVERSKY_KAHNEMAN, decay)
    for outcome in outcomes:
        affect.feel(outcome, importance)
    return affect


def test_a_mood_sums_what_was_felt_and_fades() -> None:
    felt = 0.9 * 0.5**0.88 - 2.25 * 0.2**0.88
    assert mood(0.5, -0.2).valence == pytest.approx(felt / (1 + abs(felt)))
    assert mood(0.5, importance=0.2).valence == pytest.approx(0.2 * 0.5**0.88 / (1 + 0.2 * 0.5**0.88))
    assert mood().valence == 0.0


def test_a_loss_weighs_two_and_a_quarter_gains() -> None:
    gain, loss = (mood(outcome).snapshot()["mood"] for outcome in (0.3, -0.3))
    assert loss == pytest.approx(-2.25 * gain)
    assert mood(*[0.3, -0.3] * 20).valence < -0.5


@settings(deadline=None)
@given(outcomes=st.lists(st.floats(-4, 4), max_size=40), decay=st.floats(0, 0.99))
def test_valence_is_bounded_and_has_the_sign_of_what_was_felt(outcomes: list[float], decay: float) -> None:
    assert -1.0 < mood(*outcomes, decay=decay).valence < 1.0
    assert mood(*map(abs, outcomes), decay=decay).valence >= 0.0
    assert mood(*(-abs(each) for each in outcomes), decay=decay).valence <= 0.0


@settings(deadline=None)
@given(confidence=st.floats(0, 1), valence=st.floats(-1, 1), strength=st.floats(0, 1))
def test_a_mood_moves_confidence_within_its_bounds(confidence: float, valence: float, strength: float) -> None:
    left = coloured(confidence, valence, strength)
    assert 0.0 <= left <= 1.0
    assert confidence * (1.0 - strength) - 1e-12 <= left <= confidence * (1.0 + strength) + 1e-12
    assert coloured(confidence, valence, 0.0) == confidence


def test_a_restored_mood_goes_on_to_the_last_bit() -> None:
    affect, twin = mood(0.3, -0.1, 0.7), mood()
    twin.restore(affect.snapshot())
    for each in (affect, twin):
        each.feel(-0.35, 0.2)
    assert affect.valence == twin.valence
