"""How much of a market's movement is common: the absorption ratio; and of one series, its lag-1 autocorrelation.

Kritzman, Li, Page and Rigobon (2011), "Principal components as a measure of systemic risk": the share of the total
variance of n assets' returns that the first eigenvectors of their covariance matrix explain, a fifth of them in number.
"""

from typing import Final

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel

MOST_ASSETS: Final = 64
_SWEEPS: Final = 30
"""Jacobi's method converges quadratically: 6 to 10 sweeps settle a matrix of 64 rows."""
_EXACT: Final = 1e-30


def absorption_ratio(returns: Floats) -> float:
    """Return the share of variance that the first fifth of eigenvectors explains.

    With lambda_1 >= ... >= lambda_n the eigenvalues of the covariance of the columns and m the whole number nearest to
    n / 5, at least 1: (lambda_1 + ... + lambda_m) / (lambda_1 + ... + lambda_n).

    Parameters
    ----------
    returns
        Joint returns, shape (t, n), t >= 2, 2 <= n <= ``MOST_ASSETS``.

    Returns
    -------
    float
        In [m / n, 1]. Where nothing varies nothing is shared: m / n, as for independent assets of equal variance.

    Raises
    ------
    ValueError
        A wrong shape, one asset only, or a value that is not finite.

    Examples
    --------
    >>> move = np.array([0.01, -0.02, 0.03, 0.01])
    >>> round(absorption_ratio(np.stack((move, 2 * move), axis=1)), 12)
    1.0
    """
    if returns.ndim != 2 or returns.shape[0] < 2 or not 2 <= returns.shape[1] <= MOST_ASSETS:
        raise ValueError(f"returns of shape {returns.shape}, expected (t, n) with t >= 2 and 2 <= n <= {MOST_ASSETS}")
    if not np.isfinite(returns).all():
        raise ValueError("returns must be finite")
    return float(_absorption_ratio(np.ascontiguousarray(returns)))


def eigenvalues(matrix: Floats) -> Floats:
    """Return the eigenvalues of a symmetric matrix of at most ``MOST_ASSETS`` rows, the greatest first.

    Cyclic Jacobi rotations (Golub and Van Loan, "Matrix computations", 8.5), until what is off the diagonal is nothing
    beside the whole.

    Raises
    ------
    ValueError
        A wrong shape, a matrix that is not symmetric, or a value that is not finite.
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not 1 <= matrix.shape[0] <= MOST_ASSETS:
        raise ValueError(f"matrix of shape {matrix.shape}, expected (n, n) with 1 <= n <= {MOST_ASSETS}")
    if not (np.isfinite(matrix).all() and (matrix == matrix.T).all()):
        raise ValueError("matrix must be symmetric and finite")
    return _eigenvalues(matrix.copy())


def lag1_autocorrelation(x: Floats) -> float:
    """Return the correlation of a series with itself one step before, in [-1, 1]; 0 where it does not vary.

    With d the differences from the mean: sum of d[t] d[t - 1] over sum of d[t]^2 (Box and Jenkins 1976).

    Parameters
    ----------
    x
        Shape (n,), n >= 2.

    Raises
    ------
    ValueError
        A wrong shape or a value that is not finite.

    Examples
    --------
    >>> lag1_autocorrelation(np.array([1.0, -1.0, 1.0, -1.0]))
    -0.75
    """
    if x.ndim != 1 or x.size < 2:
        raise ValueError(f"series of shape {x.shape}, expected (n,) with n >= 2")
    if not np.isfinite(x).all():
        raise ValueError("the series must be finite")
    return float(_lag1_autocorrelation(np.ascontiguousarray(x)))


@kernel
def _absorption_ratio(returns: Floats) -> float:
    count = returns.shape[1]
    first = max(1, (2 * count + 5) // 10)
    values = _eigenvalues(_covariance(returns))
    total = 0.0
    absorbed = 0.0
    for i in range(count):
        # Rounding alone makes an eigenvalue of a covariance negative.
        value = max(values[i], 0.0)
        total += value
        if i < first:
            absorbed += value
    return absorbed / total if total > 0.0 else first / count


@kernel
def _covariance(returns: Floats) -> Floats:
    """Covariances of the columns up to a factor, which keeps squares from vanishing and from overflowing."""
    length, count = returns.shape
    matrix = np.zeros((count, count))
    largest = np.max(np.abs(returns))
    if largest == 0.0:
        return matrix
    moves = returns / largest
    moves -= moves[0].copy()
    means = np.zeros(count)
    for t in range(length):
        for i in range(count):
            means[i] += moves[t, i] / length
    moves -= means
    for t in range(length):
        for i in range(count):
            for j in range(i + 1):
                matrix[i, j] += moves[t, i] * moves[t, j]
    for i in range(count):
        for j in range(i + 1):
            matrix[j, i] = matrix[i, j]
    return matrix


@kernel
def _eigenvalues(matrix: Floats) -> Floats:
    """Rotate ``matrix``, in place and above its diagonal alone, until it is diagonal."""
    count = matrix.shape[0]
    whole = 0.0
    for i in range(count):
        for j in range(i, count):
            whole += matrix[i, j] * matrix[i, j]
    for _ in range(_SWEEPS):
        off = 0.0
        for i in range(count):
            for j in range(i + 1, count):
                off += matrix[i, j] * matrix[i, j]
        if off <= _EXACT * whole:
            break
        for p in range(count - 1):
            for q in range(p + 1, count):
                if matrix[p, q] != 0.0:
                    _rotate(matrix, p, q)
    values: Floats = np.sort(np.diag(matrix))[::-1].copy()
    return values


@kernel
def _rotate(matrix: Floats, p: int, q: int) -> None:
    """Turn rows and columns p and q by the smaller angle that makes their entry 0."""
    theta = (matrix[q, q] - matrix[p, p]) / (2.0 * matrix[p, q])
    tangent = 1.0 / (abs(theta) + np.hypot(theta, 1.0))
    if theta < 0.0:
        tangent = -tangent
    cosine = 1.0 / np.sqrt(tangent * tangent + 1.0)
    sine = tangent * cosine
    shift = tangent * matrix[p, q]
    for k in range(p):
        matrix[k, p], matrix[k, q] = (
            cosine * matrix[k, p] - sine * matrix[k, q],
            sine * matrix[k, p] + cosine * matrix[k, q],
        )
    for k in range(p + 1, q):
        matrix[p, k], matrix[k, q] = (
            cosine * matrix[p, k] - sine * matrix[k, q],
            sine * matrix[p, k] + cosine * matrix[k, q],
        )
    for k in range(q + 1, matrix.shape[0]):
        matrix[p, k], matrix[q, k] = (
            cosine * matrix[p, k] - sine * matrix[q, k],
            sine * matrix[p, k] + cosine * matrix[q, k],
        )
    matrix[p, p] -= shift
    matrix[q, q] += shift
    matrix[p, q] = 0.0


@kernel
def _lag1_autocorrelation(x: Floats) -> float:
    return _lag1_within(x.copy())


@kernel
def _lag1_within(x: Floats) -> float:
    """As ``_lag1_autocorrelation``, but ``x`` is overwritten by its differences from the mean."""
    largest = 0.0
    for i in range(x.size):
        largest = max(largest, abs(x[i]))
    if largest == 0.0:
        return 0.0
    first = x[0] / largest
    total = 0.0
    for i in range(x.size):
        x[i] = x[i] / largest - first
        total += x[i]
    mean = total / x.size
    before = x[0] - mean
    alone = before * before
    together = 0.0
    for i in range(1, x.size):
        step = x[i] - mean
        alone += step * step
        together += step * before
        before = step
    return together / alone if alone > 0.0 else 0.0
