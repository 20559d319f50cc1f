"""Our circuits and those of PennyLane's lightning.qubit give the same states: what the bench compares is one thing."""

import numpy as np
import pytest

from kernels.arrays import Complexes
from research.bench import peer_circuit


@pytest.mark.parametrize("name", sorted(peer_circuit.cases()))
def test_both_give_the_same_amplitudes(name: str) -> None:
    ours, peer = peer_circuit.cases()[name]
    mine, theirs = ours(), peer()
    assert isinstance(mine, np.ndarray)
    assert isinstance(theirs, np.ndarray)
    assert len(mine) == len(theirs) in (2**4, 2**8)
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-13)


def test_the_circuit_is_no_trivial_one() -> None:
    state: Complexes = peer_circuit.ours(4)()
    assert np.abs(state).min() > 1e-3
    assert np.abs(state.imag).max() > 0.1
