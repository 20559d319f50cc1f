"""The CONTRARIAN seat: leans against the return over its window."""

import math

from pydantic import Field

from bus.agent import Agent
from bus.config import Settings
from bus.messages import DecisionRequest
from market.belief import tilt
from market.seat import Seat, SeatConfig, View
from market.window import CLOSE


class ContrarianConfig(SeatConfig):
    """The [contrarian] table: ``strength`` is the lean, as ``tilt`` takes it, for a return as large as the band."""

    window_bars: int = Field(6, ge=2)
    strength: float = Field(0.1, ge=0, le=1)


class Contrarian(Seat):
    """Believes that what rose will fall, a little."""

    def __init__(self, config: ContrarianConfig) -> None:
        super().__init__("contrarian", config)
        self._strength = config.strength

    def believe(self, symbol: str, request: DecisionRequest) -> View:
        """Tilt the prior against the return over the window, measured in bands."""
        closes = self.bars(symbol)[:, CLOSE]
        move = math.log(closes[-1] / closes[0])
        lean = -self._strength * move / request.band
        return View(tilt(request.prior, lean), self.credibility(symbol), (("return", move), ("lean", lean)))


def build(settings: Settings) -> Agent:
    """Build the seat from its table."""
    return Contrarian(settings.table("contrarian", ContrarianConfig))
