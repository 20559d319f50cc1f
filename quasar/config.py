"""The [quasar] table."""

from pydantic import Field

from kernels.indicators import LEAST_BARS
from market.seat import SeatConfig


class QuasarConfig(SeatConfig):
    """Parameters of the regression.

    ``volatility_decay`` weighs the past in the volatility that indicators are measured in; ``learning_rate`` is the
    size of the first step; ``shrinkage`` pulls the weights to zero, which is the prior; ``evidence_rounds`` is how
    many rounds must have been learned before confidence reaches half of what the record earns.
    """

    window_bars: int = Field(64, ge=LEAST_BARS)
    volatility_decay: float = Field(0.94, ge=0, lt=1)
    learning_rate: float = Field(0.05, ge=0)
    shrinkage: float = Field(0.002, ge=0)
    evidence_rounds: float = Field(50.0, ge=0)
