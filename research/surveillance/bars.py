"""Patterns of manipulation put into real bars, and what QBMIA's watch says of them.

Each case takes a stretch of real bars at a place drawn at random, changes it, and scores it after the same real past;
the clean case is the same stretch as it was. Moves are in deviations of the 60 returns before. A pattern's strength is
drawn evenly from its range, weak ones included, so an area of 1 is not to be had.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from kernels import surveillance
from kernels.arrays import Floats
from kernels.surveillance import DETECTORS
from qbmia.config import MachiavellianConfig
from qbmia.machiavellian import score

_LOOK_BACK: Final = 60
_AFTER: Final = 2
Change = Callable[[Floats, Floats, float, np.random.Generator], None]


class Pattern(NamedTuple):
    """``change`` alters log returns and volumes of ``bars`` bars in place, given a deviation."""

    name: str
    detector: int
    bars: int
    change: Change


def _informed(moves: Floats, volumes: Floats, sigma: float, draw: np.random.Generator) -> None:
    moves += draw.choice([-1.0, 1.0]) * draw.uniform(0.4, 1.2) * sigma
    volumes *= draw.uniform(1.2, 2.5)


def _thinned(moves: Floats, volumes: Floats, _sigma: float, draw: np.random.Generator) -> None:
    moves *= draw.uniform(1.5, 4.0)
    volumes *= draw.uniform(0.4, 1.0)


def _washed(moves: Floats, volumes: Floats, _sigma: float, draw: np.random.Generator) -> None:
    moves *= 0.5
    volumes *= draw.uniform(3.0, 10.0)


def _marked(moves: Floats, volumes: Floats, sigma: float, draw: np.random.Generator) -> None:
    moves += draw.choice([-1.0, 1.0]) * draw.uniform(1.5, 4.0) * sigma
    volumes *= draw.uniform(0.1, 0.4)


def _pumped(moves: Floats, volumes: Floats, sigma: float, draw: np.random.Generator) -> None:
    up = 5
    height = draw.uniform(0.8, 2.5) * sigma
    moves[:up] += height
    moves[up:] -= height * up / (len(moves) - up)
    volumes *= draw.uniform(1.5, 5.0)


PATTERNS: Final = (
    Pattern("informed flow", 0, 15, _informed),
    Pattern("thinned market", 1, 10, _thinned),
    Pattern("wash volume", 2, 3, _washed),
    Pattern("marked close", 3, 1, _marked),
    Pattern("pump and dump", 4, 8, _pumped),
)


class Cases(NamedTuple):
    """Greatest score over each case, shape (cases, 5), with the pattern and without."""

    bent: Floats
    clean: Floats


def cases(rows: Floats, pattern: Pattern, count: int, generator: np.random.Generator) -> Cases:
    """Score ``count`` cases of a pattern in ``rows``, shape (n, 5), after a whole baseline."""
    config = MachiavellianConfig()
    first = max(config.memory_bars, _LOOK_BACK + 1)
    places = np.sort(generator.choice(np.arange(first, len(rows) - pattern.bars - _AFTER), count, replace=False))
    bent, clean = np.zeros((count, len(DETECTORS))), np.zeros((count, len(DETECTORS)))
    state, at = surveillance.initial(), 0
    for i, place in enumerate(places.tolist()):
        while at < place:
            surveillance.update(state, rows[at], memory=config.memory_bars, fast=config.fast_bars)
            at += 1
        stretch = rows[place : place + pattern.bars + _AFTER]
        bent[i] = _greatest(state.copy(), bend(rows, place, pattern, generator), config)
        clean[i] = _greatest(state.copy(), stretch, config)
    return Cases(bent, clean)


def bend(rows: Floats, place: int, pattern: Pattern, generator: np.random.Generator) -> Floats:
    """Return the stretch that begins at ``place``, bent; highs, lows and opens keep their distance from the close."""
    stretch = rows[place : place + pattern.bars + _AFTER].copy()
    logs = np.log(rows[place - _LOOK_BACK - 1 : place + pattern.bars + _AFTER, 3])
    moves = np.diff(logs)
    sigma = float(moves[:_LOOK_BACK].std())
    part = slice(_LOOK_BACK, _LOOK_BACK + pattern.bars)
    before = moves[part].copy()
    pattern.change(moves[part], stretch[: pattern.bars, 4], sigma, generator)
    shift = np.cumsum(moves[part] - before)
    offsets = np.concatenate([shift, np.full(_AFTER, shift[-1])])
    starts = np.concatenate([[0.0], offsets[:-1]])
    stretch[:, 3] *= np.exp(offsets)
    stretch[:, 0] *= np.exp(starts)
    stretch[:, 1] = np.maximum(stretch[:, 1] * np.exp(np.minimum(starts, offsets)), stretch[:, [0, 3]].max(axis=1))
    stretch[:, 2] = np.minimum(stretch[:, 2] * np.exp(np.maximum(starts, offsets)), stretch[:, [0, 3]].min(axis=1))
    return stretch


def alert_rates(rows: Floats) -> Floats:
    """Return the share of bars, after a whole baseline, at which each detector scores above 0.7, then any of them."""
    config = MachiavellianConfig()
    state = surveillance.initial()
    counts = np.zeros(len(DETECTORS) + 1)
    for at, row in enumerate(rows):
        signs = surveillance.update(state, row, memory=config.memory_bars, fast=config.fast_bars)
        if at >= config.memory_bars:
            above = score(signs, config.tolerance) > 0.7
            counts[:-1] += above
            counts[-1] += above.any()
    rates: Floats = counts / max(len(rows) - config.memory_bars, 1)
    return rates


def _greatest(state: Floats, stretch: Floats, config: MachiavellianConfig) -> Floats:
    best = np.zeros(len(DETECTORS))
    for row in stretch:
        signs = surveillance.update(state, row, memory=config.memory_bars, fast=config.fast_bars)
        best = np.maximum(best, score(signs, config.tolerance))
    return best
