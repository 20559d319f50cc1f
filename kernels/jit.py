"""The one decorator of every kernel: compiled once, cached on disk, the GIL released, no fastmath.

``BOARDROOM_KERNELS__JIT=false`` or ``kernels.jit = false`` runs the same functions as plain Python; the process that
loads them sets numba's own switch before import, so results are those of the same code.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` with numba; the plain function stays reachable as ``.py_func``."""
    compiled: Any = numba.njit(cache=True, nogil=True)(function)
    if not hasattr(compiled, "py_func"):
        compiled.py_func = function
    result: Callable[P, R] = compiled
    return result
