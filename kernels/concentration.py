"""How unequally an amount is spread, and how a budget is shared fairly."""

import math
from collections.abc import Sequence

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel


def gini(amounts: Floats) -> float:
    """Return the Gini coefficient: half the relative mean absolute difference, 0 for equal amounts.

    With x sorted upward, G = sum_i (2 i - n - 1) x_i / (n sum_i x_i), i from 1 (Gini 1912); at most 1 - 1/n. Where
    there is nothing to share, 0.

    Parameters
    ----------
    amounts
        Finite, not negative, shape (n,), n >= 1.

    Examples
    --------
    >>> gini(np.array([1.0, 1.0, 1.0])), gini(np.array([0.0, 0.0, 0.0, 8.0]))
    (0.0, 0.75)
    """
    if amounts.ndim != 1 or not amounts.size or not np.isfinite(amounts).all() or amounts.min() < 0.0:
        raise ValueError(f"amounts of shape {amounts.shape}, expected (n,), n >= 1, finite and not negative")
    return float(_gini(np.array(amounts, np.float64, order="C")))


def herfindahl(weights: Floats) -> float:
    """Return the Herfindahl-Hirschman index of a book: the sum of squared shares of its gross value.

    H = sum_i (|w_i| / sum_j |w_j|)^2, from 1/n for n equal holdings to 1 for one; a short counts like a long. Its
    inverse is the number of equal holdings as concentrated. An empty book is not concentrated: 0.

    Parameters
    ----------
    weights
        Value of each holding, signed, of any unit, finite, shape (n,).

    Examples
    --------
    >>> herfindahl(np.array([0.1, -0.1])), herfindahl(np.array([5.0, 0.0])), herfindahl(np.array([]))
    (0.5, 1.0, 0.0)
    """
    if weights.ndim != 1 or not np.isfinite(weights).all():
        raise ValueError(f"weights of shape {weights.shape}, expected (n,), finite")
    largest = float(np.abs(weights).max(initial=0.0))
    if largest == 0.0:
        return 0.0
    shares = np.abs(weights) / largest
    return float(shares @ shares) / float(shares.sum()) ** 2


def fair_split(weights: Sequence[float], alpha: float) -> list[float]:
    """Return the weighted alpha-fair shares of a budget of 1, one for each weight.

    They maximise sum_i w_i u(x_i) over sum_i x_i = 1 with u(x) = x^(1 - alpha) / (1 - alpha), ln x for alpha 1:
    x_i proportional to w_i^(1 / alpha) (Mo and Walrand 2000). alpha 1 is proportional fairness, alpha to infinity the
    equal split, alpha to 0 all to the greatest.

    Parameters
    ----------
    weights
        Finite, not negative, not all 0.
    alpha
        Aversion to inequality, > 0.

    Examples
    --------
    >>> fair_split([9.0, 1.0], 2.0)
    [0.75, 0.25]
    """
    greatest = max(weights, default=0.0)
    if not (alpha > 0.0 and 0.0 < greatest < math.inf and all(weight >= 0.0 for weight in weights)):
        raise ValueError(f"weights {weights}, alpha {alpha}: expected none negative, one positive, all finite, and > 0")
    powers = [(weight / greatest) ** (1.0 / alpha) for weight in weights]
    total = sum(powers)
    return [power / total for power in powers]


@kernel
def _gini(amounts: Floats) -> float:
    """Sorts ``amounts`` in place."""
    amounts.sort()
    ordered = amounts
    n = ordered.size
    total = 0.0
    ranked = 0.0
    for i in range(n):
        total += ordered[i]
        ranked += (2.0 * i + 1.0 - n) * ordered[i]
    return max(ranked / (n * total), 0.0) if total > 0.0 else 0.0
