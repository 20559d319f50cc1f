"""Many at once: whole batches of pools, shortfalls, circuits and resamples, on the processor or on a CUDA device.

The agents ask about one symbol at a time, which no GPU is good for. Batches are for research: a board for every bar of
a history, the shortfall of every candidate book, a circuit at every angle, a bootstrap of thousands of resamples. Both
engines run the functions of ``kernels.row``, item by item the same arithmetic.
"""

from typing import Literal, Protocol

import numpy as np

from kernels import row
from kernels.arrays import Complexes, Floats, Ints
from kernels.circuit import MOST_QUBITS, check_gates
from kernels.jit import kernel
from kernels.tail import checked_level, tail_size

Wanted = Literal["cpu", "cuda", "auto"]


class Engine(Protocol):
    """Where batches run; ``name`` is cpu or cuda, ``why`` says in one line how it was chosen."""

    name: str
    why: str

    def pools(self, priors: Floats, beliefs: Floats, stakes: Floats) -> Floats:
        """Return the logarithmic pool of each market.

        Parameters
        ----------
        priors, beliefs, stakes
            Shapes (m, k), (m, n, k) and (m, n): positive probabilities, and stakes >= 0 of sum <= 1 in each row.

        Returns
        -------
        Floats
            Prices, shape (m, k).
        """

    def shortfalls(self, losses: Floats, level: float) -> Floats:
        """Return the expected shortfall of each row of ``losses``, shape (m, t), as ``tail.expected_shortfall``."""

    def circuits(self, gates: Ints, angles: Floats, qubits: int) -> Complexes:
        """Return the states, shape (m, 2**qubits), that one circuit makes at each row of ``angles``, shape (m, g)."""

    def resampled_means(self, series: Floats, mean_block: float, draws: int, seed: int) -> Floats:
        """Return the means, shape (m, draws), of stationary-bootstrap resamples of each row of ``series`` (m, t)."""


class Cpu:
    """Batches on the processor, one item after another."""

    name = "cpu"

    def __init__(self, why: str = "asked for") -> None:
        self.why = why

    def pools(self, priors: Floats, beliefs: Floats, stakes: Floats) -> Floats:
        """Return the logarithmic pool of each market; see ``Engine``."""
        check_pools(priors, beliefs, stakes)
        prices = np.empty(priors.shape)
        _pools(priors, beliefs, stakes, prices)
        return prices

    def shortfalls(self, losses: Floats, level: float) -> Floats:
        """Return the expected shortfall of each row; see ``Engine``."""
        tail, room = check_losses(losses, level)
        result = np.empty(len(losses))
        _shortfalls(losses, tail, np.empty(room), result)
        return result

    def circuits(self, gates: Ints, angles: Floats, qubits: int) -> Complexes:
        """Return the state of each circuit; see ``Engine``."""
        check_circuits(gates, angles, qubits)
        states = np.empty((len(angles), 1 << qubits), np.complex128)
        _circuits(gates, angles, states)
        return states

    def resampled_means(self, series: Floats, mean_block: float, draws: int, seed: int) -> Floats:
        """Return the mean of each resample; see ``Engine``."""
        check_series(series, mean_block, draws)
        means = np.empty((len(series), draws))
        _resampled_means(series, 1.0 / mean_block, seed, means)
        return means


def engine(wanted: Wanted) -> Engine:
    """Return the engine that ``kernels.backend`` asks for; ``auto`` takes a CUDA device where there is one.

    Raises
    ------
    RuntimeError
        ``cuda`` is asked for and there is none; the message says what is missing.
    """
    if wanted == "cpu":
        return Cpu()
    from kernels.cuda import device  # numba.cuda is loaded only where somebody asks for it

    missing = device.missing()
    if not missing:
        from kernels.cuda.engine import Cuda

        return Cuda(device.name())
    if wanted == "cuda":
        raise RuntimeError(f'kernels.backend = "cuda", but {missing}; use "cpu", or "auto" to take what there is')
    return Cpu(f"auto: {missing}")


def check_pools(priors: Floats, beliefs: Floats, stakes: Floats) -> None:
    """Raise ValueError where a batch of pools is not what ``Engine.pools`` says."""
    if beliefs.ndim != 3 or priors.shape != beliefs.shape[::2] or stakes.shape != beliefs.shape[:2]:
        raise ValueError(
            f"priors {priors.shape}, beliefs {beliefs.shape}, stakes {stakes.shape}: expected (m, k), (m, n, k), (m, n)"
        )
    is_sound = np.isfinite(priors).all() and np.isfinite(beliefs).all() and np.isfinite(stakes).all()
    if not (is_sound and (priors > 0).all() and (beliefs > 0).all() and (stakes >= 0).all()):
        raise ValueError("priors and beliefs must be positive and finite, stakes finite and at least 0")


def check_losses(losses: Floats, level: float) -> tuple[float, int]:
    """Return the size of the tail and the room for its losses; raise ValueError where the arguments are not sound."""
    if losses.ndim != 2 or losses.shape[1] == 0 or not np.isfinite(losses).all():
        raise ValueError(f"losses of shape {losses.shape}: expected (m, t) with t >= 1, all finite")
    observations = losses.shape[1]
    whole, size = tail_size(observations, checked_level(level))
    return size, min(whole + 1, observations)


def check_circuits(gates: Ints, angles: Floats, qubits: int) -> None:
    """Raise ValueError where a batch of circuits is not what ``Engine.circuits`` says."""
    if angles.ndim != 2 or gates.shape != (angles.shape[1], 3) or not 1 <= qubits <= MOST_QUBITS:
        raise ValueError(
            f"gates {gates.shape}, angles {angles.shape}, {qubits} qubits: expected (g, 3), (m, g), 1 to {MOST_QUBITS}"
        )
    for each in angles:
        check_gates(gates, each, qubits)


def check_series(series: Floats, mean_block: float, draws: int) -> None:
    """Raise ValueError where a batch of series is not what ``Engine.resampled_means`` says."""
    if series.ndim != 2 or series.shape[1] == 0 or not np.isfinite(series).all():
        raise ValueError(f"series of shape {series.shape}: expected (m, t) with t >= 1, all finite")
    if not mean_block >= 1.0 or draws < 1:
        raise ValueError(f"mean_block and draws must be at least 1, they are {mean_block} and {draws}")


@kernel
def _pools(priors: Floats, beliefs: Floats, stakes: Floats, out: Floats) -> None:
    for i in range(len(priors)):
        row.pool(priors[i], beliefs[i], stakes[i], out[i])


@kernel
def _shortfalls(losses: Floats, tail: float, worst: Floats, out: Floats) -> None:
    for i in range(len(losses)):
        out[i] = row.shortfall(losses[i], tail, worst)


@kernel
def _circuits(gates: Ints, angles: Floats, out: Complexes) -> None:
    for i in range(len(angles)):
        row.circuit(gates, angles[i], out[i])


@kernel
def _resampled_means(series: Floats, restart: float, seed: int, out: Floats) -> None:
    for i in range(len(series)):
        for draw in range(out.shape[1]):
            out[i, draw] = row.resampled_mean(series[i], restart, seed, draw)
