"""Online logistic regression over (down, flat, up), anchored on a prior, in which a mirror stays a mirror.

With directional features x (they flip in a mirror), neutral features z (they do not) and one weight each,

    lean = a . x,  spread = b . z,
    p proportional to (prior_down e^(spread - lean), prior_flat, prior_up e^(spread + lean)).

This is the three-class model with w_up = (a, b), w_down = (-a, b), w_flat = 0. The gradient of ln p[outcome] is (y -
(p_up - p_down)) x for a and (|y| - (p_up + p_down)) z for b, with y = -1, 0, 1 for down, flat, up: mirrored rounds
teach the same weights. Steps are those of AdaGrad (Duchi, Hazan and Singer 2011): rate / sqrt(1 + sum of squared
gradients), after shrinking towards zero, which is the prior.
"""

import math

import numpy as np

from kernels.arrays import Floats
from kernels.jit import kernel


def scores(weights: Floats, features: Floats, directional: int) -> tuple[float, float]:
    """Return (lean, spread) of one situation.

    Parameters
    ----------
    weights, features
        Shape (n,) each, the directional ones first.
    directional
        How many features flip in a mirror, 0 to n.
    """
    _check(weights, features, directional)
    return _scores(weights, features, directional)


def learn(
    weights: Floats, squares: Floats, features: Floats, prior: tuple[float, float, float], direction: int,
    *, directional: int, rate: float, shrinkage: float,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return weights and sums of squared gradients after one settled round.

    Parameters
    ----------
    weights, squares, features
        Shape (n,) each: before the round, and its features, the directional ones first.
    prior
        Probabilities of (down, flat, up) that the features were to move.
    direction
        What happened: -1 down, 0 flat, 1 up.
    rate, shrinkage
        Size of the first step, and weight of the penalty on squared weights; both at least 0.
    """
    _check(weights, features, directional)
    if squares.shape != weights.shape:
        raise ValueError(f"squared gradients of shape {squares.shape}, expected {weights.shape}")
    if direction not in (-1, 0, 1) or rate < 0.0 or shrinkage < 0.0:
        raise ValueError(f"direction {direction}, rate {rate}, shrinkage {shrinkage}: expected -1, 0, 1 and both >= 0")
    return _learn(weights, squares, features, prior, direction, directional, rate, shrinkage)


def _check(weights: Floats, features: Floats, directional: int) -> None:
    if weights.ndim != 1 or weights.shape != features.shape or not 0 <= directional <= weights.shape[0]:
        raise ValueError(
            f"weights {weights.shape}, features {features.shape}, {directional} directional: expected (n,) twice"
        )


@kernel
def _scores(weights: Floats, features: Floats, directional: int) -> tuple[float, float]:
    lean = 0.0
    spread = 0.0
    for i in range(weights.shape[0]):
        if i < directional:
            lean += weights[i] * features[i]
        else:
            spread += weights[i] * features[i]
    return lean, spread


@kernel
def _learn(
    weights: Floats, squares: Floats, features: Floats, prior: tuple[float, float, float], direction: int,
    directional: int, rate: float, shrinkage: float,
) -> tuple[Floats, Floats]:  # fmt: skip
    lean, spread = _scores(weights, features, directional)
    top = max(0.0, spread + abs(lean))
    down = prior[0] * math.exp(spread - lean - top)
    flat = prior[1] * math.exp(-top)
    up = prior[2] * math.exp(spread + lean - top)
    total = (down + up) + flat
    leaned = direction - (up - down) / total
    spreaded = abs(direction) - (up + down) / total
    new_weights = np.empty_like(weights)
    new_squares = np.empty_like(squares)
    for i in range(weights.shape[0]):
        error = leaned if i < directional else spreaded
        gradient = error * features[i] - shrinkage * weights[i]
        new_squares[i] = squares[i] + gradient * gradient
        new_weights[i] = weights[i] + rate * gradient / math.sqrt(1.0 + new_squares[i])
    return new_weights, new_squares
