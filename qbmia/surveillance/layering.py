"""Layering: orders at several prices on one side, gone soon after their owner traded on the other.

At each of a trader's trades, his live orders that are withdrawn within ``lifetime_s`` of the trade, filled by less than
a tenth, are counted by distinct price on either side; ``levels`` more on the other side than on the trade's own make
the trade layered, since who makes a market has both. A trader is scored by the share of his trades that were layered,
graded by ``half`` and by their number (``event.graded``).
"""

import numpy as np

from qbmia.surveillance.event import BUY, SELL, Orders, Suspicion, Trades, graded, lives, traders_of, trades_of


def layering(
    orders: Orders, trades: Trades, *, levels: int = 3, lifetime_s: float = 10.0, half: float = 0.05
) -> Suspicion:
    """Score every trader; times in seconds."""
    traders = traders_of(orders, trades)
    scores = np.zeros(len(traders))
    book = lives(orders, trades)
    is_hollow = book.filled < 0.1 * book.quantities
    for i, trader in enumerate(traders.tolist()):
        made = layered = 0.0
        for side in (BUY, SELL):
            own = is_hollow & (book.traders == trader)
            starts, ends = book.starts_s[own], book.ends_s[own]
            sides, prices = book.sides[own], book.prices[own]
            for time_s in trades.times_s[trades_of(trades, trader, side)].tolist():
                fleeting = (starts <= time_s) & (ends >= time_s) & (ends <= time_s + lifetime_s)
                made += 1.0
                there = len(np.unique(prices[fleeting & (sides == -side)]))
                layered += there - len(np.unique(prices[fleeting & (sides == side)])) >= levels
        scores[i] = graded(layered / made, half, layered) if made else 0.0
    return Suspicion(traders, scores)
