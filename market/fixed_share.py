"""Weights that are earned: the fixed-share form of Hedge on log scores (Herbster and Warmuth 1998).

w_i <- (1 - alpha) w_i l_i / sum_j w_j l_j + alpha w_i(0), with l_i the probability that forecaster i gave to what
happened. With alpha 0 this is Bayes' rule over the forecasters: the log loss of the mixture sum_i w_i p_i exceeds that
of the best one by at most ln(1 / w_best(0)). A share alpha that returns to its initial place lets one that was wrong
for long come back.
"""

from collections.abc import Sequence


def fixed_share(
    weights: Sequence[float], initial: Sequence[float], likelihoods: Sequence[float | None], alpha: float
) -> list[float]:
    """Return the weights after an outcome.

    Those without a likelihood keep their weight to the last bit: the rule redistributes only what those present hold
    together, so absence neither gains nor loses.

    Examples
    --------
    >>> fixed_share([0.5, 0.5], [0.5, 0.5], [0.25, 0.125], 0.5)
    [0.5833333333333333, 0.41666666666666663]
    >>> fixed_share([0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [None, 0.4, None], 0.01)
    [0.5, 0.3, 0.2]
    """
    present = 0
    held = earned = begun = 0.0
    for weight, first, likelihood in zip(weights, initial, likelihoods, strict=True):
        if likelihood is not None:
            present += 1
            held += weight
            earned += weight * likelihood
            begun += first
    if present < 2 or not earned > 0.0:
        return list(weights)
    kept = 1.0 - alpha
    return [
        weight if likelihood is None
        else min(held * (kept * (weight * likelihood / earned) + alpha * first / begun), 1.0)
        for weight, first, likelihood in zip(weights, initial, likelihoods, strict=True)
    ]  # fmt: skip
