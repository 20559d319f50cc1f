"""Gaussian beliefs: one small regression per factor, learned by conjugate updates that forget, and pooled by precision.

Each factor f in [-1, 1] claims y = beta f + noise of the standardised return y. Its belief about beta is normal with
precision P and mean h / P, its noise variance is scatter / weight. When a round of importance w settles, with q the
forgetting factor and 0 marking the values before any evidence,

    P <- q P + (1 - q) P0 + w f^2 / s^2         h <- q h + w f y / s^2
    scatter <- q scatter + (1 - q) weight0 + w e^2    weight <- q weight + (1 - q) weight0 + w,

e being the error of the forecast made before the update and s^2 the noise variance then. A factor's forecast is
normal with mean m = f h / P and variance v = f^2 / P + s^2. The forecasts of n factors are pooled logarithmically
with equal weights: precision mean(1/v), mean (sum of m/v) / (sum of 1/v). Unlike a product, this does not count the
same noise n times.

Sources: West and Harrison 1997, chapters 2 and 4 (conjugate updating, discounting); Genest and Zidek 1986 (pooling).
A mirrored history (y and directional factors flipped) gives mirrored forecasts to the last bit.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel

PRECISION: Final = 0
SHIFT: Final = 1
SCATTER: Final = 2
WEIGHT: Final = 3
_LEAST_PROBABILITY: Final = 1e-12


class Forecast(NamedTuple):
    """Pooled forecast of the standardised return.

    ``resolved`` is the share of the doubt about the betas, as far as it bears on this situation, that evidence has
    removed: in [0, 1), and 0 where no factor speaks. ``means`` and ``variances`` are those of each factor.
    """

    mean: float
    variance: float
    resolved: float
    means: Floats
    variances: Floats


def initial(factors: int, *, prior_variance: float, noise_rounds: float) -> Floats:
    """Return the state before any evidence, shape (4, factors): rows precision, shift, scatter, weight.

    ``prior_variance`` is that of each beta; the belief about noise is worth ``noise_rounds`` rounds of unit noise.
    """
    if factors < 1 or not (prior_variance > 0.0 and noise_rounds > 0.0):
        raise ValueError(f"{factors} factors, variance {prior_variance}, {noise_rounds} noise rounds: all must be > 0")
    state = np.zeros((4, factors))
    state[PRECISION] = 1.0 / prior_variance
    state[SCATTER] = state[WEIGHT] = noise_rounds
    return state


def forecast(state: Floats, start: Floats, factors: Floats) -> Forecast:
    """Pool what the factors say.

    Parameters
    ----------
    state, start
        Now and before any evidence, shape (4, n).
    factors
        Shape (n,), in [-1, 1].
    """
    _check(state, start, factors)
    return Forecast(*_forecast(state, start, factors))


def learn(
    state: Floats, start: Floats, factors: Floats, target: float, *, forgetting: float, importance: float
) -> Floats:
    """Return the state after a round in which ``factors`` met the standardised return ``target``.

    ``forgetting`` in (0, 1] is what remains of older evidence; ``importance`` w > 0 is 1 for an independent round.
    """
    _check(state, start, factors)
    if not (0.0 < forgetting <= 1.0 and importance > 0.0 and math.isfinite(target)):
        raise ValueError(f"forgetting {forgetting}, importance {importance}, target {target}: want (0, 1], > 0, finite")
    return _learn(state, start, factors, target, forgetting, importance)


def band_probabilities(mean: float, variance: float, band: float) -> tuple[float, float, float]:
    """Return the normal probabilities of (below -band, between, above band), each at least 1e-12.

    Examples
    --------
    >>> down, flat, up = band_probabilities(0.0, 1.0, 0.5)
    >>> round(down, 6), round(flat, 6), round(up, 6)
    (0.308538, 0.382925, 0.308538)
    """
    if not (variance > 0.0 and band > 0.0):
        raise ValueError(f"variance {variance}, band {band}: both must be > 0")
    scale = math.sqrt(2.0 * variance)
    down = 0.5 * math.erfc((band + mean) / scale)
    up = 0.5 * math.erfc((band - mean) / scale)
    flat = 1.0 - (down + up)
    return max(down, _LEAST_PROBABILITY), max(flat, _LEAST_PROBABILITY), max(up, _LEAST_PROBABILITY)


def _check(state: Floats, start: Floats, factors: Floats) -> None:
    if factors.ndim != 1 or state.shape != (4, factors.shape[0]) or start.shape != state.shape:
        raise ValueError(f"states {state.shape} and {start.shape} for factors {factors.shape}: expected (4, n), (n,)")


@kernel
def _forecast(state: Floats, start: Floats, factors: Floats) -> tuple[float, float, float, Floats, Floats]:
    n = factors.shape[0]
    means = np.empty(n)
    variances = np.empty(n)
    doubt = 0.0
    first_doubt = 0.0
    precision = 0.0
    weighted = 0.0
    for i in range(n):
        square = factors[i] * factors[i]
        means[i] = factors[i] * state[1, i] / state[0, i]
        variances[i] = square / state[0, i] + state[2, i] / state[3, i]
        doubt += square / state[0, i]
        first_doubt += square / start[0, i]
        precision += 1.0 / variances[i]
        weighted += means[i] / variances[i]
    resolved = 1.0 - doubt / first_doubt if first_doubt > 0.0 else 0.0
    return weighted / precision, n / precision, max(resolved, 0.0), means, variances


@kernel
def _learn(
    state: Floats, start: Floats, factors: Floats, target: float, forgetting: float, importance: float
) -> Floats:
    new = np.empty_like(state)
    for i in range(factors.shape[0]):
        f = factors[i]
        noise = state[2, i] / state[3, i]
        error = target - f * state[1, i] / state[0, i]
        new[0, i] = forgetting * state[0, i] + (1.0 - forgetting) * start[0, i] + importance * f * f / noise
        new[1, i] = forgetting * state[1, i] + importance * f * target / noise
        new[2, i] = forgetting * state[2, i] + (1.0 - forgetting) * start[2, i] + importance * error * error
        new[3, i] = forgetting * state[3, i] + (1.0 - forgetting) * start[3, i] + importance
    return new
