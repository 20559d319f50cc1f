"""The engine of a CUDA device: one thread an item, each running the row function of ``kernels.row``."""

from typing import Any, Final

import numpy as np

from kernels import row
from kernels.arrays import Complexes, Floats, Ints
from kernels.batch import check_circuits, check_losses, check_pools, check_series
from kernels.cuda.device import cuda, on_device, on_grid

_THREADS: Final = 128
_pool = on_device(row.pool)
_shortfall = on_device(row.shortfall)
_circuit = on_device(row.circuit)
_resampled_mean = on_device(row.resampled_mean)


class Cuda:
    """Batches on the current CUDA device; arguments and answers are arrays of the host, as in ``batch.Engine``."""

    name = "cuda"

    def __init__(self, why: str) -> None:
        self.why = why

    def pools(self, priors: Floats, beliefs: Floats, stakes: Floats) -> Floats:
        """Return the logarithmic pool of each market."""
        check_pools(priors, beliefs, stakes)
        prices: Floats = _launched(_pools, len(priors), priors.shape, np.float64, priors, beliefs, stakes)
        return prices

    def shortfalls(self, losses: Floats, level: float) -> Floats:
        """Return the expected shortfall of each row."""
        tail, room = check_losses(losses, level)
        worst = cuda.device_array((len(losses), room))
        found: Floats = _launched(_shortfalls, len(losses), (len(losses),), np.float64, losses, tail, worst)
        return found

    def circuits(self, gates: Ints, angles: Floats, qubits: int) -> Complexes:
        """Return the state of each circuit."""
        check_circuits(gates, angles, qubits)
        shape = (len(angles), 1 << qubits)
        states: Complexes = _launched(_circuits, len(angles), shape, np.complex128, gates, angles)
        return states

    def resampled_means(self, series: Floats, mean_block: float, draws: int, seed: int) -> Floats:
        """Return the mean of each resample."""
        check_series(series, mean_block, draws)
        shape = (len(series), draws)
        restart, items = 1.0 / mean_block, len(series) * draws
        means: Floats = _launched(_resampled_means, items, shape, np.float64, series, restart, seed)
        return means


def _launched(program: Any, items: int, shape: tuple[int, ...], dtype: Any, *arguments: Any) -> Any:
    """Run ``program`` with one thread an item and return what it wrote."""
    out = cuda.device_array(shape, dtype)
    if items:
        given = [cuda.to_device(np.ascontiguousarray(each)) if isinstance(each, np.ndarray) else each
                 for each in arguments]  # fmt: skip
        program[(items + _THREADS - 1) // _THREADS, _THREADS](*given, out)
    return out.copy_to_host()


@on_grid
def _pools(priors: Any, beliefs: Any, stakes: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.shape[0]:
        _pool(priors[i], beliefs[i], stakes[i], out[i])


@on_grid
def _shortfalls(losses: Any, tail: float, worst: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.shape[0]:
        out[i] = _shortfall(losses[i], tail, worst[i])


@on_grid
def _circuits(gates: Any, angles: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.shape[0]:
        _circuit(gates, angles[i], out[i])


@on_grid
def _resampled_means(series: Any, restart: float, seed: int, out: Any) -> None:
    item = cuda.grid(1)
    if item < out.shape[0] * out.shape[1]:
        i = item // out.shape[1]
        draw = item - i * out.shape[1]
        out[i, draw] = _resampled_mean(series[i], restart, seed, draw)
