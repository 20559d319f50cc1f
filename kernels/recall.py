"""Recall by likeness: the fidelity |<a|b>|^2 of one state with each of many, all of them real."""

import numpy as np

from kernels.arrays import Floats
from kernels.circuit import NORM_TOLERANCE
from kernels.jit import kernel


def fidelities(state: Floats, others: Floats) -> Floats:
    """Return |<state|other>|^2 for each row of ``others``, in [0, 1].

    Parameters
    ----------
    state
        Real amplitudes of norm 1, shape (d,).
    others
        The same in every row, shape (n, d).

    Returns
    -------
    Floats
        Shape (n,): 1 where a row is the same state, 0 where it is orthogonal. That of real states is the square of the
        cosine between them.

    Examples
    --------
    >>> fidelities(np.array([1.0, 0.0]), np.array([[0.6, 0.8], [0.0, 1.0]])).tolist()
    [0.36, 0.0]
    """
    if state.ndim != 1 or others.ndim != 2 or others.shape[1] != state.shape[0]:
        raise ValueError(f"state {state.shape}, others {others.shape}: expected (d,) and (n, d)")
    if not abs(float(state @ state) - 1.0) <= NORM_TOLERANCE:
        raise ValueError(f"{state} is not a state: expected norm 1")
    return _fidelities(state, others)


@kernel
def _fidelities(state: Floats, others: Floats) -> Floats:
    out = np.empty(len(others))
    for i in range(len(others)):
        overlap = 0.0
        for k in range(len(state)):
            overlap += state[k] * others[i, k]
        out[i] = min(overlap * overlap, 1.0)
    return out
