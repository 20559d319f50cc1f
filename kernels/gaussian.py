"""Gaussian beliefs: one small regression per factor, learned by updates that forget, and pooled by earned weights.

Each factor f in [-1, 1] claims y = beta f + noise of the standardised return y. Its belief about beta is normal with
precision P and mean h / P, its noise variance is scatter / weight. When a round of importance w settles, with q the
forgetting factor and 0 marking the values before any evidence,

    P <- q P + (1 - q) P0 + w f^2 / s^2         h <- q h + w f y / s^2
    scatter <- q scatter + (1 - q) weight0 + w e^2    weight <- q weight + (1 - q) weight0 + w,

e being the error of the forecast made before the update and s^2 the noise variance then. A factor's forecast is
normal with mean m = f h / P and variance v = f^2 / P + s^2. A factor that is absent is not updated.

The forecasts are pooled logarithmically with weights u that sum to 1 over the factors present: precision
1/V = sum u_i/v_i, mean M = V sum u_i m_i/v_i. Unlike a product, this does not count the same noise n times. The weights
are learned by exponentiated gradient on the log score L = -ln N(y; M, V) of the pool,

    u_i <- u_i exp(-eta w dL/du_i) / Z,     dL/du_i = ((y - m_i)^2 - (m_i - M)^2 - V) / (2 v_i),

after being drawn back towards the initial ones: u_i <- u_i^q u0_i^(1-q). What the factors present hold together stays.

Sources: West and Harrison 1997, chapters 2 and 4 (conjugate updating, discounting); Genest and Zidek 1986 (pooling);
Kivinen and Warmuth 1997 (exponentiated gradient). A mirrored history (y and directional factors flipped) gives
mirrored forecasts and the same weights to the last bit.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from kernels.arrays import Bools, Floats
from kernels.jit import kernel

PRECISION: Final = 0
SHIFT: Final = 1
SCATTER: Final = 2
WEIGHT: Final = 3
LEAST_WEIGHT: Final = 1e-9
"""Weights in a pool do not fall below this, so that one can always come back."""
_LEAST_PROBABILITY: Final = 1e-12


class Forecast(NamedTuple):
    """Pooled forecast of the standardised return; without any factor its mean is 0 and its variance 1.

    ``resolved`` is the share of the doubt about the betas, as far as it bears on this situation, that evidence has
    removed: in [0, 1), and 0 where no factor speaks. ``means`` and ``variances`` are those of each factor, 0 and 1
    where it is absent; ``shares`` are the weights in the pool, 0 where it is absent.
    """

    mean: float
    variance: float
    resolved: float
    means: Floats
    variances: Floats
    shares: Floats


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


def forecast(state: Floats, start: Floats, factors: Floats, present: Bools, weights: Floats) -> Forecast:
    """Pool what the factors say.

    Parameters
    ----------
    state, start
        Now and before any evidence, shape (4, n).
    factors
        Shape (n,), in [-1, 1].
    present
        Which factors there are, shape (n,).
    weights
        Of the factors in the pool, positive, of any sum, shape (n,).
    """
    _check(state, start, factors, present, weights)
    table = np.empty((3, len(factors)))
    mean, variance, resolved = _forecast(state, start, factors, present, weights, table)
    return Forecast(mean, variance, resolved, table[0], table[1], table[2])


def learn(
    state: Floats,
    start: Floats,
    factors: Floats,
    present: Bools,
    target: float,
    *,
    forgetting: float,
    importance: float,
) -> Floats:
    """Return the state after a round in which ``factors`` met the standardised return ``target``.

    ``forgetting`` in (0, 1] is what remains of older evidence; ``importance`` w > 0 is 1 for an independent round.
    """
    _check(state, start, factors, present, factors)
    if not (0.0 < forgetting <= 1.0 and importance > 0.0 and math.isfinite(target)):
        raise ValueError(f"forgetting {forgetting}, importance {importance}, target {target}: want (0, 1], > 0, finite")
    return _learn(state, start, factors, present, target, forgetting, importance)


def reweigh(
    weights: Floats, initial_weights: Floats, pooled: Forecast, target: float, *, rate: float, forgetting: float
) -> Floats:
    """Return the weights, shape (n,), after the forecast ``pooled`` met the standardised return ``target``.

    ``rate`` is eta w >= 0, the step for the importance of the round; ``forgetting`` in (0, 1] is what remains of what
    was learned. A factor that was absent keeps its weight to the last bit.
    """
    if not weights.shape == initial_weights.shape == pooled.shares.shape:
        raise ValueError(
            f"weights {weights.shape} and {initial_weights.shape}, expected those of {pooled.shares.shape}"
        )
    if not (0.0 < forgetting <= 1.0 and 0.0 <= rate < math.inf and math.isfinite(target)):
        raise ValueError(f"forgetting {forgetting}, rate {rate}, target {target}: want (0, 1], >= 0, finite")
    means, variances, shares = pooled.means, pooled.variances, pooled.shares
    return _reweigh(
        weights, initial_weights, means, variances, shares, pooled.mean, pooled.variance, target, rate, forgetting
    )


def settle(
    state: Floats, start: Floats, weights: Floats, initial_weights: Floats, factors: Floats, present: Bools,
    target: float, *, forgetting: float, importance: float, rate: float,
) -> None:  # fmt: skip
    """Take a round in one call: what ``reweigh`` by the forecast before it and ``learn`` return, written in place.

    Arguments are those of ``forecast``, ``reweigh`` and ``learn``; ``state`` and ``weights`` are changed.
    """
    _check(state, start, factors, present, weights)
    if initial_weights.shape != weights.shape:
        raise ValueError(f"weights {weights.shape} and {initial_weights.shape}: expected the same")
    is_sound = 0.0 < forgetting <= 1.0 and importance > 0.0 and 0.0 <= rate < math.inf and math.isfinite(target)
    if not is_sound:
        raise ValueError(
            f"forgetting {forgetting}, importance {importance}, rate {rate}, target {target}: want (0, 1], > 0, >= 0, "
            "finite"
        )
    _settle(state, start, weights, initial_weights, factors, present, target, forgetting, importance, rate)


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


def _check(state: Floats, start: Floats, factors: Floats, present: Bools, weights: Floats) -> None:
    n = factors.shape[0]
    if factors.ndim != 1 or state.shape != (4, n) or start.shape != state.shape:
        raise ValueError(f"states {state.shape} and {start.shape} for factors {factors.shape}: expected (4, n), (n,)")
    if present.shape != (n,) or weights.shape != (n,):
        raise ValueError(f"present {present.shape} and weights {weights.shape} for {n} factors: expected (n,)")


@kernel
def _forecast(
    state: Floats, start: Floats, factors: Floats, present: Bools, weights: Floats, table: Floats
) -> tuple[float, float, float]:
    """Return mean, variance and what is resolved; write means, variances and shares to the rows of ``table``."""
    n = factors.shape[0]
    held = 0.0
    for i in range(n):
        table[0, i], table[1, i], table[2, i] = 0.0, 1.0, 0.0
        if present[i]:
            held += weights[i]
    doubt = 0.0
    first_doubt = 0.0
    precision = 0.0
    weighted = 0.0
    for i in range(n):
        if not present[i]:
            continue
        square = factors[i] * factors[i]
        share = weights[i] / held
        mean = factors[i] * state[1, i] / state[0, i]
        variance = square / state[0, i] + state[2, i] / state[3, i]
        doubt += share * square / state[0, i]
        first_doubt += share * square / start[0, i]
        precision += share / variance
        weighted += share * mean / variance
        table[0, i], table[1, i], table[2, i] = mean, variance, share
    if not precision > 0.0:
        return 0.0, 1.0, 0.0
    resolved = 1.0 - doubt / first_doubt if first_doubt > 0.0 else 0.0
    return weighted / precision, 1.0 / precision, max(resolved, 0.0)


@kernel
def _learn(
    state: Floats,
    start: Floats,
    factors: Floats,
    present: Bools,
    target: float,
    forgetting: float,
    importance: float,
) -> Floats:
    new = state.copy()
    for i in range(factors.shape[0]):
        if not present[i]:
            continue
        f = factors[i]
        noise = state[2, i] / state[3, i]
        error = target - f * state[1, i] / state[0, i]
        new[0, i] = forgetting * state[0, i] + (1.0 - forgetting) * start[0, i] + importance * f * f / noise
        new[1, i] = forgetting * state[1, i] + importance * f * target / noise
        new[2, i] = forgetting * state[2, i] + (1.0 - forgetting) * start[2, i] + importance * error * error
        new[3, i] = forgetting * state[3, i] + (1.0 - forgetting) * start[3, i] + importance
    return new


@kernel
def _reweigh(
    weights: Floats,
    initial_weights: Floats,
    means: Floats,
    variances: Floats,
    shares: Floats,
    mean: float,
    variance: float,
    target: float,
    rate: float,
    forgetting: float,
) -> Floats:
    n = weights.shape[0]
    new = weights.copy()
    logs = np.zeros(n)
    top = -math.inf
    held = 0.0
    for i in range(n):
        if shares[i] > 0.0:
            slope = (target - means[i]) ** 2 - (means[i] - mean) ** 2 - variance
            kept = forgetting * math.log(weights[i]) + (1.0 - forgetting) * math.log(initial_weights[i])
            logs[i] = kept - rate * slope / (2.0 * variances[i])
            top = max(top, logs[i])
            held += weights[i]
    total = 0.0
    for i in range(n):
        if shares[i] > 0.0:
            new[i] = max(math.exp(logs[i] - top), LEAST_WEIGHT)
            total += new[i]
    for i in range(n):
        if shares[i] > 0.0:
            new[i] *= held / total
    return new


@kernel
def _settle(
    state: Floats, start: Floats, weights: Floats, initial_weights: Floats, factors: Floats, present: Bools,
    target: float, forgetting: float, importance: float, rate: float,
) -> None:  # fmt: skip
    n = factors.shape[0]
    table = np.empty((3, n))
    mean, variance, _ = _forecast(state, start, factors, present, weights, table)
    moved = _reweigh(weights, initial_weights, table[0], table[1], table[2], mean, variance, target, rate, forgetting)
    learned = _learn(state, start, factors, present, target, forgetting, importance)
    for i in range(n):
        weights[i] = moved[i]
        for k in range(4):
            state[k, i] = learned[k, i]
