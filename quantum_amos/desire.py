"""What the agent would like to hold at most, whatever it believes.

    scale   = appetite * max(0, 1 - drawdown / drawdown budget) * (1 + a * valence), at most 1
    ceiling = min(max exposure, risk budget * scale / (sigma sqrt(h)))

``scale`` is the appetite that the phase grants, what the firm's drawdown leaves of it, and mood, a being how far affect
has its say. ``ceiling`` is the exposure, as a share of equity, whose standard deviation over the horizon spends the
risk budget so scaled: a longer horizon or a wilder market is desired less of. It is a budget, not a forecast, and
knows no direction.
"""

from typing import NamedTuple

from bus.messages import DecisionRequest
from quantum_amos.config import QuantumAmosConfig


class Desire(NamedTuple):
    """``scale`` in [0, 1] and the largest exposure desired, as a share of equity, in [0, max exposure]."""

    scale: float
    ceiling: float


def desire_of(request: DecisionRequest, deviation: float, valence: float, config: QuantumAmosConfig) -> Desire:
    """Return the desire of a moment.

    Parameters
    ----------
    deviation
        Standard deviation of the log return over the horizon, positive.
    valence
        Mood in [-1, 1].
    """
    kept = max(0.0, 1.0 - request.drawdown / config.drawdown_budget)
    scale = min(request.appetite * kept * (1.0 + config.parts.affect * valence), 1.0)
    return Desire(scale, min(config.max_exposure, config.risk_budget * scale / deviation))
