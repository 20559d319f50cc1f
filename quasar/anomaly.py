"""How unusual a bar's features are: half-space trees of the river library (Tan, Ting and Liu 2011).

Features are scaled to [0, 1] and stripped of their direction, so that a mirrored market is as unusual: |x| of those
that flip in a mirror, (1 + x) / 2 of volatility, and ADX as it is. Trees are drawn once from a seed, split at random,
and count where situations fell; a score in [0, 1] is high where few of the last whole window did. Before the first
window is whole it is 0; on daily stock indices it
is above 0.75 on one day in twenty.
"""

from typing import Any, Final

import numpy as np

from kernels.arrays import Floats
from market.factors import DIRECTIONAL_FEATURES, FEATURES
from quasar.library import HalfSpaceTrees

_VOLATILITY: Final = FEATURES.index("volatility")
_UNDIRECTED: Final = tuple(
    (place, name) for place, (name, flips) in enumerate(zip(FEATURES, DIRECTIONAL_FEATURES, strict=True)) if not flips
)


class AnomalyTrees:
    """Half-space trees over the ten features.

    Parameters
    ----------
    trees, height
        How many, and of how many splits from root to leaf.
    window
        Situations that masses are counted over.
    seed
        Of the splits.
    """

    def __init__(self, trees: int, height: int, window: int, seed: int) -> None:
        self._model = HalfSpaceTrees(n_trees=trees, height=height, window_size=window, seed=seed)
        self._has_learned = False

    def score(self, features: Floats) -> float:
        """Return how unusual the features are, in [0, 1]."""
        return float(self._model.score_one(_scaled(features)))

    def learn(self, features: Floats) -> None:
        """Count where the features fall."""
        self._model.learn_one(_scaled(features))
        self._has_learned = True

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data; the splits follow from the seed, so that masses and counter are all of it."""
        masses = [[(node.l_mass, node.r_mass) for node in nodes] for nodes in self._model._tree_nodes]
        return {
            "masses": np.array(masses, np.int64) if self._has_learned else None,
            "counter": self._model.counter,
            "is_first_window": self._model._first_window,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave, into trees that have learned nothing yet."""
        if state["masses"] is None:
            return
        self.learn(np.zeros(len(FEATURES)))
        for nodes, masses in zip(self._model._tree_nodes, state["masses"].tolist(), strict=True):
            for node, (left, right) in zip(nodes, masses, strict=True):
                node.l_mass, node.r_mass = left, right
        self._model.counter = state["counter"]
        self._model._first_window = state["is_first_window"]


def _scaled(features: Floats) -> dict[str, float]:
    values = features.tolist()
    values[_VOLATILITY] = (1.0 + values[_VOLATILITY]) / 2.0
    scaled: dict[str, float] = dict(zip(FEATURES, map(abs, values), strict=True))
    for place, name in _UNDIRECTED:
        scaled[name] = values[place]
    return scaled
