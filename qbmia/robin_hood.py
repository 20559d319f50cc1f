"""Robin Hood: leans against an inventory that few have piled up, and shares the risk budget fairly.

**Inventory.** q in [-1, 1] is the crowd's net buying over the window as a share of volume (``kernels.inventory``). Who
holds q values the market at the reservation price of Avellaneda and Stoikov (2008, "High-frequency trading in a limit
order book", Quantitative Finance 8, 217-224),

    r = s - q gamma sigma^2 (T - t),

below the mid s while long: there it is indifferent to giving a unit back. The holder here is the crowd, not the desk,
whose position says nothing about the market. s is the log close, sigma the volatility of log returns per bar, T - t the
horizon h in bars, and gamma = ``risk_aversion`` / sigma, aversion being stated per volatility so that it has no unit.
In deviations of the horizon, (r - s) / (sigma sqrt h) = -risk_aversion q sqrt h.

**Liquidity.** Where the recent move per volume exceeds the window's (Amihud 2002) by a log of L > 0, giving back costs
more: the pressure is multiplied by 1 + L / (1 + L). The exposure is the pressure squashed by x / (1 + |x|); confidence
is the greater of two Gini coefficients, of volume and of absolute returns over the window's bars: an inventory spread
evenly presses on nobody. Without any volume in the window it abstains.

**Budget.** ``kernels.concentration.fair_split`` shares the risk budget among the strategies that vote by their earned
weights, x_i proportional to w_i^(1 / alpha) (Mo and Walrand 2000); the seat reports it, the mixture keeps its own rule.
"""

import math
from collections.abc import Mapping

from kernels.concentration import fair_split
from kernels.inventory import Holding, holding
from market.strategy import ABSTENTION, Reasons, Scene, Vote
from qbmia.calibration import Windowed
from qbmia.config import RobinHoodConfig


class RobinHood(Windowed):
    """The crowd's reservation price of one symbol; all it measures lies in the window of bars."""

    def __init__(self, config: RobinHoodConfig) -> None:
        self._config = config
        super().__init__(config.calibration, config.learning_rate)

    def vote(self, scene: Scene) -> Vote:
        """Lean with the reservation price, as far as the inventory is concentrated; abstain without volume."""
        seen = holding(scene.rows, self._config.discount, self._config.recent_bars)
        if seen.gaps >= 1.0:
            return ABSTENTION
        exposure = pressure(seen, self._config.risk_aversion, scene.request.horizon)
        reasons = (
            ("inventory", seen.inventory),
            ("gini", max(seen.volume_gini, seen.gain_gini)),
            ("thinness", seen.thinness),
        )
        return self._calibration.vote(scene, exposure, max(seen.volume_gini, seen.gain_gini), reasons)


def reservation_price(mid: float, inventory: float, risk_aversion: float, sigma: float, horizon: float) -> float:
    """Return r = mid - inventory * risk_aversion * sigma^2 * horizon, in the unit of ``mid``.

    Examples
    --------
    >>> reservation_price(100.0, 1.0, 0.1, 2.0, 1.0)
    99.6
    """
    return mid - inventory * risk_aversion * sigma * sigma * horizon


def pressure(seen: Holding, risk_aversion: float, horizon: int) -> float:
    """Return the squashed distance of the reservation price from the mid, in deviations of the horizon."""
    thin = max(seen.thinness, 0.0)
    distance = reservation_price(0.0, seen.inventory, risk_aversion, 1.0, horizon) / math.sqrt(horizon)
    x = distance * (1.0 + thin / (1.0 + thin))
    return x / (1.0 + abs(x))


def budget(weights: Mapping[str, float], fairness: float) -> Reasons:
    """Return each strategy's share of the risk budget."""
    return tuple(zip(weights, fair_split(list(weights.values()), fairness), strict=True))
