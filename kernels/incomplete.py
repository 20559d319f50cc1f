"""The incomplete beta and gamma functions, from which the laws of Student and chi-square come.

Continued fractions by the modified method of Lentz (Thompson and Barnett 1986): I_x(a, b) = x^a (1 - x)^b / (a B(a, b))
over 1 + d1/(1 + d2/(1 + ...)) with d_(2m) = m (b - m) x / ((a + 2m - 1)(a + 2m)) and d_(2m+1) = -(a + m)(a + b + m) x /
((a + 2m)(a + 2m + 1)) (DLMF 8.17.22), on the side where it converges fast, the other by I_x(a, b) = 1 - I_(1-x)(b, a).
The gamma function below x = a + 1 is its series (DLMF 8.7.1), above it the fraction of DLMF 8.9.2.
"""

import math
from typing import Final

from kernels.jit import kernel

_MOST: Final = 10_000
_CLOSE: Final = 1e-16
_TINY: Final = 1e-300


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b) for a, b > 0 and x in [0, 1].

    Examples
    --------
    >>> round(incomplete_beta(2.0, 3.0, 0.5), 12)
    0.6875
    """
    if not (0.0 < a < math.inf and 0.0 < b < math.inf and 0.0 <= x <= 1.0):
        raise ValueError(f"a {a}, b {b}, x {x}: expected both > 0 and finite, and x in [0, 1]")
    return float(_incomplete_beta(a, b, x, 1.0 - x))


def upper_gamma(a: float, x: float) -> float:
    """Return the regularised upper incomplete gamma function Q(a, x) for a > 0 and x >= 0.

    Examples
    --------
    >>> round(upper_gamma(1.0, 2.0), 12) == round(math.exp(-2.0), 12)
    True
    """
    if not (0.0 < a < math.inf and 0.0 <= x < math.inf):
        raise ValueError(f"a {a}, x {x}: expected > 0 and >= 0, both finite")
    return float(_upper_gamma(a, x))


@kernel
def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """I_x(a, b), with ``rest`` 1 - x handed in: the caller may know it without cancellation."""
    if x <= 0.0:
        return 0.0
    if rest <= 0.0:
        return 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    )  # fmt: skip
    if x < (a + 1.0) / (a + b + 2.0):
        return front / (a * _beta_fraction(a, b, x))
    return 1.0 - front / (b * _beta_fraction(b, a, rest))


@kernel
def _beta_fraction(a: float, b: float, x: float) -> float:
    value = 1.0
    upper = 1.0
    lower = 0.0
    for i in range(1, _MOST):
        m = i // 2
        if i % 2 == 0:
            term = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        else:
            term = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        lower = 1.0 / _away_from_zero(1.0 + term * lower)
        upper = _away_from_zero(1.0 + term / upper)
        value *= upper * lower
        if abs(upper * lower - 1.0) <= _CLOSE:
            break
    return value


@kernel
def _upper_gamma(a: float, x: float) -> float:
    if x <= 0.0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        term = 1.0 / a
        total = term
        for i in range(1, _MOST):
            term *= x / (a + i)
            total += term
            if term <= total * _CLOSE:
                break
        return max(0.0, 1.0 - front * total)
    base = x + 1.0 - a
    upper = 1.0 / _TINY
    lower = 1.0 / base
    value = lower
    for i in range(1, _MOST):
        term = -i * (i - a)
        base += 2.0
        lower = 1.0 / _away_from_zero(base + term * lower)
        upper = _away_from_zero(base + term / upper)
        value *= upper * lower
        if abs(upper * lower - 1.0) <= _CLOSE:
            break
    return min(1.0, front * value)


@kernel
def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
