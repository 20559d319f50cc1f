"""What the CUDA device is, or why there is none; and how a kernel of the processor becomes one of the device."""

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any, Final

import numba
import numba.cuda
from numba.cuda.cudadrv.error import CudaSupportError

_numba: Any = numba
cuda: Any = _numba.cuda

IS_SIMULATED: Final = bool(_numba.config.ENABLE_CUDASIM)
"""NUMBA_ENABLE_CUDASIM=1: device code runs as plain Python, thread by thread, for tests."""


def missing() -> str:
    """Return why no CUDA device can be used, in a few words; empty where one can."""
    try:
        if IS_SIMULATED or (cuda.is_available() and len(cuda.gpus)):
            return ""
        cuda.current_context()
    except CudaSupportError as error:
        lines = [line.strip(" :.") for line in str(error).splitlines()]
        why = [line for line in lines if line and not line.startswith("Error at driver init")]
        return f"numba finds no CUDA device: {why[0] if why else 'no driver'}"
    return "numba finds no CUDA driver or device on this machine"


def name() -> str:
    """Return the name of the current device."""
    if IS_SIMULATED:
        return "numba's CUDA simulator, on the processor"
    found: Any = cuda.get_current_device().name
    return found.decode() if isinstance(found, bytes) else str(found)


@cache
def on_device(function: Callable[..., Any]) -> Any:
    """Compile a kernel, and those it calls, as functions that device code can call.

    The twin has the code of the plain function and sees the device's twins where that sees other kernels.
    """
    plain: Any = getattr(function, "py_func", function)
    known = dict(plain.__globals__)
    for used in plain.__code__.co_names:
        if hasattr(known.get(used), "py_func"):
            known[used] = on_device(known[used])
    return cuda.jit(device=True)(FunctionType(plain.__code__, known, plain.__name__, plain.__defaults__))


def on_grid(function: Callable[..., None]) -> Any:
    """Compile a function as a program that the host launches on a grid of threads."""
    return cuda.jit(function)
