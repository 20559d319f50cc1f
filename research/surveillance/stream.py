"""A simulated stream of orders and trades around real quotes, with one manipulator or none in it.

Prices and their moves are the quotes' own; who trades is simulated. Of thirty traders, three make markets: they quote
ladders on both sides every few seconds, withdraw them again, and are on the other side of most trades. The others place
orders of log-normal size, some large, which trade or are withdrawn after a while; three of them in a hurry, both ways.
Honest traders therefore do by chance some of what a manipulator does on purpose: withdraw large orders unfilled, hold
several levels, trade back and forth and near large trades. The manipulator trades honestly as well, and bends a few
episodes in between; how many is drawn evenly.
"""

from typing import Final

import numpy as np

from kernels.arrays import Floats
from qbmia.surveillance.event import BUY, CANCELLED, PLACED, SELL, Orders, Trades

TRADERS: Final = 30
MAKERS: Final = 3
HASTY: Final = 3
WINDOW_S: Final = 1_800.0
MANIPULATOR: Final = 7
PATTERNS: Final = ("spoofing", "layering", "wash trading", "front-running")

_ORDERS: Final = 300
_QUOTES: Final = 250
_LARGE_SHARE: Final = 0.05
_LARGE: Final = 6.0
_MADE: Final = 0.7
_MOST_EPISODES: Final = 6


class Stream:
    """Half an hour of orders and trades.

    Parameters
    ----------
    quotes
        Bid and ask at each minute, shape (30, 2).
    generator
        Source of randomness.
    """

    def __init__(self, quotes: Floats, generator: np.random.Generator) -> None:
        self._quotes = quotes
        self._draw = generator
        self._orders: list[tuple[float, int, int, int, int, float, float]] = []
        self._trades: list[tuple[float, int, int, int, int, float, float]] = []
        self._next = 0
        self._honest()

    def bend(self, pattern: str) -> None:
        """Let the manipulator act, 1 to 6 times."""
        act = (self._spoof, self._layer, self._wash, self._front_run)[PATTERNS.index(pattern)]
        for _ in range(int(self._draw.integers(1, _MOST_EPISODES + 1))):
            act(float(self._draw.uniform(10.0, WINDOW_S - 60.0)))

    def events(self) -> tuple[Orders, Trades]:
        """Return all that happened, in time order."""
        orders = zip(*sorted(self._orders), strict=True)
        trades = zip(*sorted(self._trades), strict=True)
        order_types = (float, np.int64, np.int64, np.int64, np.int64, float, float)
        trade_types = (float, np.int64, np.int64, np.int64, np.int64, float, float)
        return (
            Orders(*(np.array(column, kind) for column, kind in zip(orders, order_types, strict=True))),
            Trades(*(np.array(column, kind) for column, kind in zip(trades, trade_types, strict=True))),
        )

    def _honest(self) -> None:
        for time_s in self._draw.uniform(0.0, WINDOW_S, _QUOTES).tolist():
            maker = int(self._draw.integers(0, MAKERS))
            life_s = float(self._draw.exponential(6.0))
            sides = (BUY, SELL) if self._draw.random() < 0.9 else (int(self._draw.choice([BUY, SELL])),) * 2
            quoted = [self._place(time_s, maker, side, 1.0, life_s, level=0) for side in sides]
            for level in range(1, int(self._draw.integers(1, 5))):
                for side in sides:
                    self._place(time_s, maker, side, 1.0, life_s * float(self._draw.uniform(0.7, 1.3)), level=level)
            if self._draw.random() < 0.3:
                taken = int(self._draw.integers(0, 2))
                self._fill(time_s + 0.5 * life_s, maker, sides[taken], quoted[taken], 0.5)
        for time_s in self._draw.uniform(0.0, WINDOW_S, _ORDERS).tolist():
            is_hasty = self._draw.random() < 0.2
            trader = int(self._draw.integers(TRADERS - HASTY if is_hasty else MAKERS, TRADERS))
            side = int(self._draw.choice([BUY, SELL]))
            size = float(self._draw.lognormal(0.0, 0.6)) * (_LARGE if self._draw.random() < _LARGE_SHARE else 1.0)
            if self._draw.random() < 0.5:
                order = self._place(time_s, trader, side, size, None)
                self._fill(time_s + float(self._draw.exponential(2.0)), trader, side, order, size)
            else:
                self._place(time_s, trader, side, size, float(self._draw.exponential(5.0 if is_hasty else 30.0)))

    def _spoof(self, time_s: float) -> None:
        side = int(self._draw.choice([BUY, SELL]))
        size, life_s = float(self._draw.uniform(3.0, 12.0)), float(self._draw.uniform(1.0, 14.0))
        self._place(time_s, MANIPULATOR, side, size, life_s)
        self._trade_now(time_s + 0.8, MANIPULATOR, -side, 1.0)

    def _layer(self, time_s: float) -> None:
        side = int(self._draw.choice([BUY, SELL]))
        for level in range(int(self._draw.integers(2, 6))):
            self._place(time_s, MANIPULATOR, side, 2.0, float(self._draw.uniform(1.5, 14.0)), level=level)
        self._trade_now(time_s + 1.0, MANIPULATOR, -side, 1.0)

    def _wash(self, time_s: float) -> None:
        partner = int(self._draw.choice([MANIPULATOR, MANIPULATOR + 1]))
        size = float(self._draw.uniform(0.5, 3.0))
        price = self._price(time_s, BUY, 0)
        self._trades.append((time_s, MANIPULATOR, partner, -1, -1, price, size))
        if partner != MANIPULATOR:
            self._trades.append((time_s + self._draw.uniform(1.0, 50.0), partner, MANIPULATOR, -1, -1, price, size))

    def _front_run(self, time_s: float) -> None:
        side = int(self._draw.choice([BUY, SELL]))
        self._trade_now(time_s, MANIPULATOR, side, 1.0)
        victim = int(self._draw.integers(MANIPULATOR + 2, TRADERS))
        self._trade_now(time_s + float(self._draw.uniform(0.5, 4.0)), victim, side, _LARGE)
        self._trade_now(time_s + 5.0 + float(self._draw.uniform(0.0, 6.0)), MANIPULATOR, -side, 1.0)

    def _trade_now(self, time_s: float, trader: int, side: int, size: float) -> None:
        self._fill(time_s, trader, side, self._place(time_s, trader, side, size, None), size)

    def _place(
        self, time_s: float, trader: int, side: int, size: float, life_s: float | None, *, level: int | None = None
    ) -> int:
        depth = int(self._draw.integers(0, 4)) if level is None else level
        price = self._price(time_s, side, depth)
        order = self._next
        self._next += 1
        self._orders.append((time_s, PLACED, order, trader, side, price, size))
        if life_s is not None:
            self._orders.append((time_s + life_s, CANCELLED, order, trader, side, price, size))
        return order

    def _fill(self, time_s: float, trader: int, side: int, order: int, size: float) -> None:
        others = [each for each in range(MAKERS if self._draw.random() < _MADE else TRADERS) if each != trader]
        other = int(self._draw.choice(others))
        price = self._price(time_s, side, 0)
        if side == BUY:
            self._trades.append((time_s, trader, other, order, -1, price, size))
        else:
            self._trades.append((time_s, other, trader, -1, order, price, size))

    def _price(self, time_s: float, side: int, level: int) -> float:
        bid, ask = self._quotes[min(int(time_s / 60.0), len(self._quotes) - 1)]
        return float(bid if side == BUY else ask) * (1.0 - side * 1e-4 * level)
