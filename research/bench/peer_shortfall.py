"""By how much one more order raises a book's shortfall, beside computing the book anew without and with it.

1,000 days of 50 symbols, all held, gross exposure about 1.2; the order is for 2 %, 5 % or 10 % of equity, the last
being the position limit. The peers get both books' holdings as they are and compute the losses, one product of a matrix
by a vector each, and the mean of the worst 25. A peer that remembers the book without the order takes half as long.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from kernels.arrays import Floats
from kernels.marginal import BookTail
from kernels.tail import expected_shortfall

Call = Callable[[], object]

_DAYS: Final = 1_000
_SYMBOLS: Final = 50
_LEVEL: Final = 0.975
_WORST: Final = 25
_ORDERED: Final = 3
_CHANGES: Final = (0.02, 0.05, 0.10)
_SHORTFALLS: Final[dict[str, Callable[[Floats], float]]] = {
    "numpy partition": lambda earned: float(-np.partition(earned, _WORST)[:_WORST].mean()),
    "numpy sort": lambda earned: float(-np.sort(earned)[:_WORST].mean()),
    "our own kernel": lambda earned: expected_shortfall(-earned, _LEVEL),
}


def cases() -> dict[str, tuple[Call, Call]]:
    """Return, by size of the order and peer, our answer about the order and the peer's calculation from scratch."""
    draw = np.random.Generator(np.random.PCG64(1))
    returns = draw.standard_t(4, (_SYMBOLS, _DAYS)) * np.linspace(0.005, 0.02, _SYMBOLS)[:, None]
    held = draw.normal(0.0, 0.03, _SYMBOLS)
    return {
        f"order of {change:.0%}, {_DAYS:,} x {_SYMBOLS}, {name}": (
            _ours(returns, held, change),
            _anew(returns, held, change, shortfall),
        )
        for change in _CHANGES
        for name, shortfall in _SHORTFALLS.items()
    }


def _ours(returns: Floats, held: Floats, change: float) -> Call:
    book = BookTail(returns, held, _LEVEL)
    return lambda: book.marginal(_ORDERED, change)


def _anew(returns: Floats, held: Floats, change: float, shortfall: Callable[[Floats], float]) -> Call:
    after = held.copy()
    after[_ORDERED] += change
    return lambda: shortfall(after @ returns) - shortfall(held @ returns)
