"""Whether the latest move is a black swan: a loss that earlier returns make next to impossible.

Returns against the position are losses; those before the latest one are the sample, and peaks over a threshold tell
how their tail thins out (``kernels.extreme``). Nothing is assumed of a sample too short.
"""

import math
from decimal import Decimal

from kernels.extreme import worse_than_latest
from pads.closes import LogCloses
from pads.config import SwanConfig


def exceedance(closes: LogCloses, position: Decimal, config: SwanConfig) -> float | None:
    """Return the probability that a move exceeds the latest one against ``position``, in units of its sign.

    None without a position, without a move against it, and where earlier returns are too few or too much alike to tell.
    """
    logs = closes.last(config.window + 2)
    if len(logs) - 2 < config.min_returns:
        return None
    # Asked without a position too, so that the kernels are compiled before the first one hangs on them.
    sign = 0.0 if not position else 1.0 if position > 0 else -1.0
    probability = worse_than_latest(logs, sign, config.tail)
    return None if math.isnan(probability) else probability
