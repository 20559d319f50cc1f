"""Spoofing: large orders that were never meant to trade, on the far side of where their owner did trade.

A spoof is an order of at least ``large`` median orders, withdrawn within ``lifetime_s`` and filled by less than a
tenth, during whose life, or ``grace_s`` after, its owner traded on the other side. A trader is scored by the share of
the quantity he placed that was spoofs, graded by ``half`` and by their number (``event.graded``). The conduct is that
of the CFTC's interpretive guidance on disruptive practices, 2013, 78 FR 31890.
"""

import numpy as np

from qbmia.surveillance.event import Orders, Suspicion, Trades, graded, lives, traders_of, trades_of


def spoofing(
    orders: Orders,
    trades: Trades,
    *,
    large: float = 4.0,
    lifetime_s: float = 10.0,
    grace_s: float = 1.0,
    half: float = 0.1,
) -> Suspicion:
    """Score every trader; quantities in units of the market, times in seconds."""
    traders = traders_of(orders, trades)
    scores = np.zeros(len(traders))
    book = lives(orders, trades)
    if not len(book.traders):
        return Suspicion(traders, scores)
    is_fleeting = (book.ends_s - book.starts_s <= lifetime_s) & (book.filled < 0.1 * book.quantities)
    is_candidate = is_fleeting & (book.quantities >= large * np.median(book.quantities))
    for i, trader in enumerate(traders.tolist()):
        spoofed = count = 0.0
        for k in np.flatnonzero(is_candidate & (book.traders == trader)):
            times = trades.times_s[trades_of(trades, trader, -int(book.sides[k]))]
            if ((times >= book.starts_s[k]) & (times <= book.ends_s[k] + grace_s)).any():
                spoofed += float(book.quantities[k])
                count += 1.0
        placed = float(book.quantities[book.traders == trader].sum())
        scores[i] = graded(spoofed / placed, half, count) if count else 0.0
    return Suspicion(traders, scores)
