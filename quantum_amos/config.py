"""The [quantum_amos] table."""

from pydantic import Field

from kernels.indicators import LEAST_BARS
from market.seat import SeatConfig


class QuantumAmosConfig(SeatConfig):
    """Parameters of the Gaussian beliefs.

    ``volatility_decay`` weighs the past in the volatility that returns are standardised by; ``prior_variance`` is
    that of each factor's coefficient before evidence, in standardised returns squared; ``forgetting`` is what remains
    of the evidence when a round settles; ``noise_rounds`` what the first belief about noise is worth; standardised
    returns beyond ``outlier_sigmas`` count as that much.
    """

    window_bars: int = Field(64, ge=LEAST_BARS)
    volatility_decay: float = Field(0.94, ge=0, lt=1)
    prior_variance: float = Field(0.02, gt=0)
    forgetting: float = Field(0.998, gt=0, le=1)
    noise_rounds: float = Field(20.0, gt=0)
    outlier_sigmas: float = Field(4.0, gt=0)
