"""Support enumeration beside Nashpy's, over the same twenty games of each size.

Nashpy tries supports of every size, as it does by default, and, beside that, supports of equal size only, which is all
that can succeed. It compares best replies with ``==``, so that it loses an equilibrium of these games now and then;
the figures are of the time alone.
"""

import warnings
from collections.abc import Callable
from typing import Final, NamedTuple

import nashpy
import numpy as np

from kernels.arrays import Floats
from kernels.games import support_enumeration

_GAMES: Final = 20
_SIZES: Final = (3, 4)


class _Game(NamedTuple):
    row: Floats
    column: Floats


def cases() -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Return, for each size of game and way of Nashpy's, our enumeration of all games and the peer's."""
    table: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {}
    for size in _SIZES:
        games = _drawn(size)
        name = f"equilibria of {_GAMES} games of {size}x{size}"
        table[name] = (_ours(games), _peer(games, is_equal_sized=False))
        table[f"{name}, equal supports"] = (_ours(games), _peer(games, is_equal_sized=True))
    return table


def _drawn(size: int) -> list[_Game]:
    draw = np.random.Generator(np.random.PCG64(size))
    return [_Game(draw.normal(size=(size, size)), draw.normal(size=(size, size))) for _ in range(_GAMES)]


def _ours(games: list[_Game]) -> Callable[[], object]:
    return lambda: [support_enumeration(game.row, game.column) for game in games]


def _peer(games: list[_Game], *, is_equal_sized: bool) -> Callable[[], object]:
    peers = [nashpy.Game(game.row, game.column) for game in games]

    def enumerate_all() -> object:
        with warnings.catch_warnings():
            # An even number of equilibria, where it lost one.
            warnings.simplefilter("ignore", RuntimeWarning)
            return [list(peer.support_enumeration(non_degenerate=is_equal_sized)) for peer in peers]

    return enumerate_all
