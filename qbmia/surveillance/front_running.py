"""Front-running: trading just ahead of another's large trade, the same way, and out again just behind it.

A trade is large from ``large`` median trades on. A sandwich is a trader's trade on its side within ``lead_s`` before it
and one on the other side within ``exit_s`` after it, neither with the large trade's own parties' sides exchanged. A
trader is scored by the share of large trades of others he sandwiched among those he traded near at all, times the share
of his trades that were part of a sandwich, graded by ``half`` and by their number (``event.graded``). Who trades all
the time is near many and sandwiches few.
"""

import numpy as np

from qbmia.surveillance.event import BUY, SELL, Orders, Suspicion, Trades, check, graded, traders_of, trades_of


def front_running(
    orders: Orders, trades: Trades, *, large: float = 5.0, lead_s: float = 5.0, exit_s: float = 15.0, half: float = 0.05
) -> Suspicion:
    """Score every trader; times in seconds."""
    check(orders, trades)
    traders = traders_of(orders, trades)
    scores = np.zeros(len(traders))
    if not len(trades.quantities):
        return Suspicion(traders, scores)
    is_large = trades.quantities >= large * np.median(trades.quantities)
    for i, trader in enumerate(traders.tolist()):
        bought, sold = trades_of(trades, trader, BUY), trades_of(trades, trader, SELL)
        times = {BUY: trades.times_s[bought], SELL: trades.times_s[sold]}
        near = sandwiches = 0.0
        for time_s in trades.times_s[is_large & ~bought & ~sold].tolist():
            before = {side: _any(times[side], time_s - lead_s, time_s) for side in (BUY, SELL)}
            after = {side: _any(times[side], time_s, time_s + exit_s) for side in (BUY, SELL)}
            near += any(before.values()) or any(after.values())
            sandwiches += (before[BUY] != before[SELL]) and after[SELL if before[BUY] else BUY]
        made = len(times[BUY]) + len(times[SELL])
        if sandwiches:
            scores[i] = graded(sandwiches / near * min(2.0 * sandwiches / made, 1.0), half, sandwiches)
    return Suspicion(traders, scores)


def _any(times: np.ndarray[tuple[int, ...], np.dtype[np.float64]], first: float, last: float) -> bool:
    """Tell whether one of ``times``, rising, lies strictly between two moments."""
    return bool(np.searchsorted(times, last, "left") > np.searchsorted(times, first, "right"))
