"""A seat whose belief has nothing to do with the market."""

import numpy as np

from bus.config import Settings
from bus.messages import DecisionRequest
from market.belief import tilt
from market.seat import Seat, SeatConfig, View


class NoiseConfig(SeatConfig):
    """The [noise] table."""

    window_bars: int = 2
    seed: int = 7


class Noise(Seat):
    """Leans up or down by the draw of the bar."""

    def __init__(self, config: NoiseConfig) -> None:
        super().__init__("noise", config)
        self._seed = config.seed

    def believe(self, symbol: str, request: DecisionRequest) -> View:
        """Tilt the prior by a number drawn for the bar, with a confidence that no record lowers."""
        lean = float(np.random.default_rng((self._seed, request.bar)).normal(0.0, 0.3))
        return View(tilt(request.prior, lean), 0.5, (("lean", lean),))


def build(settings: Settings) -> Seat:
    """Build the seat from its table."""
    return Noise(settings.table("noise", NoiseConfig))
