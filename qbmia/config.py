"""The [qbmia] table."""

from typing import Annotated

from pydantic import Field

from market.seat import SeatConfig


class QbmiaConfig(SeatConfig):
    """Parameters of the game and of its calibration.

    ``memories_bars`` are those of momentum and reversion; ``volatility_decay`` and ``payoff_discount`` weigh the past
    in the variance and the payoffs; ``temperature`` is the noise of choice and ``crowding`` the price of holding what
    all hold, both in units of payoff; ``calibration`` is the lean of the belief per unit of exposure to begin with,
    and ``learning_rate`` how fast the score moves it.
    """

    window_bars: int = Field(64, ge=3)
    memories_bars: tuple[Annotated[int, Field(ge=1)], ...] = Field((3, 8, 21), min_length=1)
    volatility_decay: float = Field(0.94, ge=0, lt=1)
    payoff_discount: float = Field(0.97, gt=0, le=1)
    temperature: float = Field(0.1, ge=0.01)
    crowding: float = Field(0.1, ge=0, le=1)
    calibration: float = Field(0.2, gt=0, le=4)
    learning_rate: float = Field(0.1, ge=0, le=1)
