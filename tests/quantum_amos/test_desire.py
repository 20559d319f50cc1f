"""What the agent would like to hold: bounded, and less of it where there is less room for risk."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_amos.config import PartsConfig, QuantumAmosConfig
from quantum_amos.desire import Desire, desire_of
from tests.seats.driver import request

CONFIG = QuantumAmosConfig(risk_budget=0.002, max_exposure=0.08, drawdown_budget=0.2, parts=PartsConfig(affect=0.5))


def desired(appetite: float = 0.7, drawdown: float = 0.0, deviation: float = 0.05, valence: float = 0.0) -> Desire:
    asked = request(3, drawdown=drawdown).model_copy(update={"appetite": appetite})
    return desire_of(asked, deviation, valence, CONFIG)


def test_scale_is_appetite_room_and_mood() -> None:
    assert desired(0.7, drawdown=0.05, valence=-0.4).scale == pytest.approx(0.7 * 0.75 * 0.8)
    assert desired(0.9, valence=0.9).scale == 1.0


def test_the_ceiling_spends_the_risk_budget_up_to_the_largest_exposure() -> None:
    assert desired(0.7, deviation=0.05).ceiling == pytest.approx(0.002 * 0.7 / 0.05)
    assert desired(0.7, deviation=0.001).ceiling == 0.08


@pytest.mark.parametrize("drawdown", [0.2, 0.5, 1.0])
def test_past_the_drawdown_budget_nothing_is_desired(drawdown: float) -> None:
    assert desired(1.0, drawdown=drawdown, valence=1.0) == Desire(0.0, 0.0)


@settings(deadline=None)
@given(
    appetite=st.floats(0, 1),
    drawdown=st.floats(0, 1),
    deviation=st.floats(1e-6, 2),
    valence=st.floats(-1, 1),
    more=st.floats(1, 10),
)
def test_desire_is_bounded_and_falls_with_risk_drawdown_and_bad_mood(
    appetite: float, drawdown: float, deviation: float, valence: float, more: float
) -> None:
    usual = desired(appetite, drawdown, deviation, valence)
    assert 0.0 <= usual.scale <= 1.0
    assert 0.0 <= usual.ceiling <= CONFIG.max_exposure
    assert desired(appetite, drawdown, deviation * more, valence).ceiling <= usual.ceiling
    assert desired(appetite, min(drawdown * more, 1.0), deviation, valence).scale <= usual.scale
    assert desired(appetite, drawdown, deviation, -1.0).scale <= usual.scale
