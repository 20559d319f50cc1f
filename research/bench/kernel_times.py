"""`python -m research.bench.kernel_times`: microseconds a call of every public kernel, as JSON.

Run once as it is and once with NUMBA_DISABLE_JIT=1, the second gives the same functions in plain Python and numpy.
"""

import json
import timeit
from collections.abc import Callable
from typing import Final

import numpy as np

from kernels import align, bootstrap, cycle, gaussian, indicators, lmsr, logistic, logit, spectrum, tail
from kernels.arrays import Floats

_REPEATS: Final = 7
_LEAST_S: Final = 0.02
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


def cases() -> dict[str, Callable[[], object]]:
    """Return a call of each kernel on inputs such as the firm gives it."""
    draw = np.random.Generator(np.random.PCG64(1))
    prior = np.array([0.3, 0.4, 0.3])
    beliefs = np.array([[0.2, 0.3, 0.5], [0.25, 0.25, 0.5], [0.6, 0.3, 0.1], [0.3, 0.3, 0.4], [0.2, 0.5, 0.3]])
    stakes = np.array([0.30, 0.25, 0.20, 0.10, 0.05])
    closes = 100 * np.exp(np.cumsum(draw.normal(0, 0.01, 250)))
    rows = np.column_stack([closes, closes * 1.01, closes * 0.99, closes, np.full(250, 1e6)])
    logs = np.log(closes[-cycle.WINDOW :])
    bars, measured, last_bar = indicators.initial(), np.zeros(indicators.WIDTH), tuple(rows[-1].tolist())
    for row in rows:
        indicators.update(bars, row, 0.94, measured)
    losses = draw.standard_t(4, 1000)
    returns = draw.standard_t(4, (4, 500)) * 0.01
    joint = returns[:, -250:].T.copy()
    held = np.array([0.08, -0.05, 0.04, 0.02])
    memories = np.array([5, 20, 60])
    earned, holdings = logit.payoffs(closes, memories, decay=0.94, discount=0.97)
    state = gaussian.initial(5, prior_variance=0.01, noise_rounds=20.0)
    factors, present = np.array([0.4, -0.2, 0.1, 0.0, 0.3]), np.ones(5, np.bool_)
    weights, squares, features = np.zeros(10), np.ones(10), draw.normal(0, 1, 10)
    times = np.arange(1000)
    odds = (0.3, 0.4, 0.3)
    return {
        "lmsr.cost": lambda: lmsr.cost(np.array([10.0, 0.0, 5.0]), 100.0),
        "lmsr.price": lambda: lmsr.price(np.array([10.0, 0.0, 5.0]), 100.0),
        "lmsr.log_pool": lambda: lmsr.log_pool(prior, beliefs, stakes),
        "lmsr.consensus": lambda: lmsr.consensus(beliefs, stakes),
        "lmsr.joint_trade": lambda: lmsr.joint_trade(prior, beliefs, stakes, 100.0),
        "tail.expected_shortfall": lambda: tail.expected_shortfall(losses, 0.975),
        "tail.value_at_risk": lambda: tail.value_at_risk(losses, 0.975),
        "tail.worst_shortfall": lambda: tail.worst_shortfall(returns, held, held - 0.02, held + 0.03, 0.975),
        "indicators.update": lambda: indicators.update(bars, last_bar, 0.94, measured),
        "indicators.series": lambda: indicators.series(rows, 0.94),
        "cycle.cycle": lambda: cycle.cycle(logs),
        "spectrum.absorption_ratio": lambda: spectrum.absorption_ratio(joint),
        "spectrum.lag1_autocorrelation": lambda: spectrum.lag1_autocorrelation(closes),
        "logit.payoffs": lambda: logit.payoffs(closes, memories, decay=0.94, discount=0.97),
        "logit.equilibrium": lambda: logit.equilibrium(earned, holdings, temperature=0.1, crowding=0.5),
        "logistic.scores": lambda: logistic.scores(weights, features, 8),
        "logistic.learn": lambda: logistic.learn(
            weights, squares, features, odds, 1, directional=8, rate=0.05, shrinkage=0.001
        ),
        "gaussian.forecast": lambda: gaussian.forecast(state, state, factors, present, np.ones(5)),
        "gaussian.learn": lambda: gaussian.learn(state, state, factors, present, 0.5, forgetting=0.99, importance=0.2),
        "align.common_times": lambda: align.common_times(times, times[::2].copy()),
        "bootstrap.stationary_means": lambda: bootstrap.stationary_means(
            losses, 10.0, 50, np.random.Generator(np.random.PCG64(1))
        ),
    }


def numpy_cases() -> dict[str, Callable[[], object]]:
    """Return the same results written with whole-array numpy, where that is the natural way to write them."""
    draw = np.random.Generator(np.random.PCG64(1))
    prior = np.array([0.3, 0.4, 0.3])
    beliefs = np.array([[0.2, 0.3, 0.5], [0.25, 0.25, 0.5], [0.6, 0.3, 0.1], [0.3, 0.3, 0.4], [0.2, 0.5, 0.3]])
    stakes = np.array([0.30, 0.25, 0.20, 0.10, 0.05])
    draw.normal(0, 0.01, 250)
    losses = draw.standard_t(4, 1000)
    return {
        "lmsr.price": lambda: _softmax(np.array([10.0, 0.0, 5.0]) / 100.0),
        "lmsr.log_pool": lambda: _softmax((1 - stakes.sum()) * np.log(prior) + stakes @ np.log(beliefs)),
        "lmsr.joint_trade": lambda: _joint_trade(prior, beliefs, stakes, 100.0),
        "tail.expected_shortfall": lambda: float(np.sort(losses)[-25:].mean()),
        "tail.value_at_risk": lambda: float(np.quantile(losses, 0.975, method="inverted_cdf")),
    }


def _softmax(exponents: Floats) -> Floats:
    grown = np.exp(exponents - exponents.max())
    total: Floats = grown / grown.sum()
    return total


def _joint_trade(prior: Floats, beliefs: Floats, stakes: Floats, liquidity: float) -> tuple[Floats, Floats, Floats]:
    floored = np.maximum(beliefs, 1e-3)
    floored /= floored.sum(axis=1, keepdims=True)
    shares = liquidity * stakes[:, None] * (np.log(floored) - np.log(prior))
    start, drift = np.log(prior), shares.sum(axis=0) / liquidity
    paths = start + (0.5 * (_NODES + 1))[:, None] * drift
    grown = np.exp(paths - paths.max(axis=1, keepdims=True))
    average = (0.5 * _WEIGHTS) @ (grown / grown.sum(axis=1, keepdims=True))
    return _softmax(start + drift), shares, shares @ average


def microseconds(call: Callable[[], object]) -> float:
    """Return the least time of one call over several runs, in microseconds."""
    call()
    timer = timeit.Timer(call)
    number = 1
    while timer.timeit(number) < _LEAST_S:
        number *= 4
    return min(timer.repeat(_REPEATS, number)) / number * 1e6


if __name__ == "__main__":
    print(
        json.dumps(
            {
                "kernels": {name: microseconds(call) for name, call in cases().items()},
                "numpy": {name: microseconds(call) for name, call in numpy_cases().items()},
            }
        )
    )
