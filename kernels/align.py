"""Series of different calendars put onto the times they share."""

import numpy as np

from kernels.arrays import Floats, Ints
from kernels.jit import kernel


def common_times(first: Ints, second: Ints) -> Ints:
    """Return the times in both rising series, rising.

    Raises
    ------
    ValueError
        A series of more than one dimension.
    """
    if first.ndim != 1 or second.ndim != 1:
        raise ValueError(f"times must be one row each, got shapes {first.shape} and {second.shape}")
    return _common_times(first, second)


def values_at(times: Ints, values: Floats, wanted: Ints) -> Floats:
    """Return the values at ``wanted``, each of which must be among the rising ``times``.

    Raises
    ------
    ValueError
        A wanted time that is not there, or times and values of different length.
    """
    if times.shape != values.shape or times.ndim != 1 or wanted.ndim != 1:
        raise ValueError(f"times {times.shape}, values {values.shape} and wanted {wanted.shape} must be rows that fit")
    found, taken = _values_at(times, values, wanted)
    if found < wanted.size:
        raise ValueError(f"no value at time {wanted[found]}")
    return taken


@kernel
def _common_times(first: Ints, second: Ints) -> Ints:
    shared = np.empty(min(first.size, second.size), np.int64)
    i = j = count = 0
    while i < first.size and j < second.size:
        if first[i] == second[j]:
            shared[count] = first[i]
            count += 1
            i += 1
            j += 1
        elif first[i] < second[j]:
            i += 1
        else:
            j += 1
    return shared[:count].copy()


@kernel
def _values_at(times: Ints, values: Floats, wanted: Ints) -> tuple[int, Floats]:
    taken = np.empty(wanted.size)
    i = 0
    for k in range(wanted.size):
        while i < times.size and times[i] < wanted[k]:
            i += 1
        if i == times.size or times[i] != wanted[k]:
            return k, taken
        taken[k] = values[i]
    return wanted.size, taken
