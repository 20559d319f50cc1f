"""The circuit in which belief and intention meet: odd, holding without evidence, and more than two separate causes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.arrays import Floats
from quantum_amos.fusion import Legs, Push, fuse

SIGNALS = st.floats(-1, 1)
SHARES = st.floats(0, 1)
PUSHES = st.builds(Push, SHARES, SHARES)
NONE = Push(0.0, 0.0)


def rotation(angle: float) -> Floats:
    return np.array([[math.cos(angle / 2), -math.sin(angle / 2)], [math.sin(angle / 2), math.cos(angle / 2)]])


def by_matrices(signal: float, certainty: float, push: Push) -> Legs:
    """Multiply the five gates as 4x4 matrices on |long short>."""
    one = np.eye(2)
    turn = rotation(math.pi / 2 * (1 - signal))
    controlled = np.block([[one, np.zeros((2, 2))], [np.zeros((2, 2)), turn]])
    flip = np.array([[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]], dtype=float)
    angle = math.pi / 2 * certainty
    state = flip @ controlled @ np.kron(rotation(angle), one) @ np.array([1.0, 0.0, 0.0, 0.0])
    state = np.kron(rotation(angle * push.long), rotation(angle * push.short)) @ state
    none, short, long, both = (state**2).tolist()
    return Legs(none, long, short, both)


@settings(deadline=None)
@given(signal=SIGNALS, certainty=SHARES, push=PUSHES)
def test_the_circuit_is_its_matrices(signal: float, certainty: float, push: Push) -> None:
    legs = fuse(signal, certainty, push, is_quantum=True)
    assert tuple(legs) == pytest.approx(tuple(by_matrices(signal, certainty, push)), abs=1e-12)


@pytest.mark.parametrize("is_quantum", [True, False])
@settings(deadline=None)
@given(signal=SIGNALS, certainty=SHARES, push=PUSHES)
def test_the_mirrored_signal_exchanges_the_legs(signal: float, certainty: float, push: Push, is_quantum: bool) -> None:
    legs = fuse(signal, certainty, push, is_quantum=is_quantum)
    mirror = fuse(-signal, certainty, Push(push.short, push.long), is_quantum=is_quantum)
    assert sum(legs) == pytest.approx(1.0, abs=1e-12)
    assert min(legs) >= 0.0
    assert tuple(mirror) == pytest.approx((legs.none, legs.short, legs.long, legs.both), abs=1e-12)
    assert mirror.lean == pytest.approx(-legs.lean, abs=1e-12)


@pytest.mark.parametrize("is_quantum", [True, False])
@settings(deadline=None)
@given(signal=SIGNALS, push=PUSHES, certainty=SHARES)
def test_hold_is_at_its_most_without_evidence(signal: float, push: Push, certainty: float, is_quantum: bool) -> None:
    assert fuse(signal, 0.0, push, is_quantum=is_quantum) == Legs(1.0, 0.0, 0.0, 0.0)
    assert fuse(0.0, certainty, NONE, is_quantum=is_quantum).lean == pytest.approx(0.0, abs=1e-12)
    assert fuse(signal, certainty, push, is_quantum=is_quantum).none <= 1.0 + 1e-12


@pytest.mark.parametrize("is_quantum", [True, False])
@settings(deadline=None)
@given(signal=SIGNALS, certainty=SHARES)
def test_a_belief_alone_holds_one_leg_and_does_not_leave_hold(
    signal: float, certainty: float, is_quantum: bool
) -> None:
    legs = fuse(signal, certainty, NONE, is_quantum=is_quantum)
    assert legs.both == pytest.approx(0.0, abs=1e-12)
    assert legs.none >= 0.5 - 1e-12
    assert legs.lean == pytest.approx(
        math.sin(math.pi / 4 * certainty) ** 2 * math.sin(math.pi / 2 * signal), abs=1e-12
    )


@settings(deadline=None)
@given(certainty=st.floats(0.05, 1), push=st.floats(0.05, 1))
def test_what_agrees_interferes(certainty: float, push: float) -> None:
    """Angles that argue for the same leg add up; separate causes of the same sizes make it less probable."""
    legs = fuse(1.0, certainty, Push(push, 0.0), is_quantum=True)
    assert legs.long == pytest.approx(math.sin(math.pi / 4 * certainty * (1 + push)) ** 2, abs=1e-12)
    assert legs.long > fuse(1.0, certainty, Push(push, 0.0), is_quantum=False).long


def test_separate_causes_are_a_noisy_or() -> None:
    legs = fuse(1.0, 1.0, Push(1.0, 0.5), is_quantum=False)
    fills = math.sin(math.pi / 8) ** 2
    assert tuple(legs) == pytest.approx((0.25 * (1 - fills), 0.75 * (1 - fills), 0.25 * fills, 0.75 * fills))


@pytest.mark.parametrize("is_quantum", [True, False])
def test_what_disagrees_holds_both_legs(is_quantum: bool) -> None:
    agreeing = fuse(0.9, 1.0, Push(0.8, 0.0), is_quantum=is_quantum)
    opposed = fuse(0.9, 1.0, Push(0.0, 0.8), is_quantum=is_quantum)
    assert opposed.both > 0.1 > agreeing.both


@pytest.mark.parametrize(
    ("signal", "certainty", "push"),
    [
        (1.1, 0.5, NONE),
        (0.5, -0.1, NONE),
        (0.5, 0.5, Push(1.2, 0.0)),
        (math.nan, 0.5, NONE),
        (0.5, 0.5, Push(0.1, -1.0)),
    ],
)
def test_numbers_out_of_range_are_refused(signal: float, certainty: float, push: Push) -> None:
    with pytest.raises(ValueError, match="expected"):
        fuse(signal, certainty, push, is_quantum=True)
