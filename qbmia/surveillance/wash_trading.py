"""Wash trading: volume that changed no ownership, a trader with himself or back and forth between two.

A trade of a trader with himself counts in full. A trade from i to j is matched with trades from j to i within
``window_s`` at a price no further than ``tolerance`` (a fraction) away; matched quantity is the lesser of the two, and
each is matched once. A trader is scored by the share of his volume that was matched, graded by ``half`` and by the
number of matches (``event.graded``).
"""

import numpy as np

from qbmia.surveillance.event import Orders, Suspicion, Trades, check, graded, traders_of


def wash_trading(
    orders: Orders, trades: Trades, *, window_s: float = 60.0, tolerance: float = 2e-4, half: float = 0.1
) -> Suspicion:
    """Score every trader; times in seconds."""
    check(orders, trades)
    traders = traders_of(orders, trades)
    matched, counts, volumes = np.zeros(len(traders)), np.zeros(len(traders)), np.zeros(len(traders))
    buyers, sellers = np.searchsorted(traders, trades.buyers), np.searchsorted(traders, trades.sellers)
    left = trades.quantities.copy()
    for k in range(len(left)):
        i, j = buyers[k], sellers[k]
        volumes[i] += trades.quantities[k]
        if i == j:
            matched[i] += left[k]
            counts[i] += 1.0
            left[k] = 0.0
            continue
        volumes[j] += trades.quantities[k]
        first = int(np.searchsorted(trades.times_s, trades.times_s[k] - window_s))
        near = np.abs(trades.prices[first:k] / trades.prices[k] - 1.0) <= tolerance
        for back in first + np.flatnonzero((buyers[first:k] == j) & (sellers[first:k] == i) & near):
            part = min(left[k], left[back])
            if part > 0.0:
                left[k] -= part
                left[back] -= part
                matched[[i, j]] += 2.0 * part
                counts[[i, j]] += 1.0
    shares = np.divide(matched, volumes, out=np.zeros(len(traders)), where=volumes > 0.0)
    return Suspicion(traders, np.array([graded(share, half, n) for share, n in zip(shares, counts, strict=True)]))
