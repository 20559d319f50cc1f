"""What risk is told: its parameters in firm.toml, its limits in limits.toml. No limit has a default."""

from typing import Annotated

from pydantic import Field, StrictInt

from bus.config import Config
from kernels.shortfall import LEAST_OBSERVATIONS
from portfolio.limits import Share


class RiskConfig(Config):
    """The [risk] table of firm.toml.

    ``lease_s`` is how long a lease lasts; it is renewed four times in that. ``order_validity_s`` is how long execution
    may begin to work an approved order. ``window`` is the number of bars per symbol that losses are simulated from.
    ``remembered_orders`` is how many recent orders a repetition is recognised among.
    """

    lease_s: float = Field(2.0, gt=0)
    order_validity_s: float = Field(10.0, gt=0)
    window: int = Field(500, ge=2)
    remembered_orders: int = Field(4_096, ge=1)


class RiskLimits(Config):
    """The [risk] table of limits.toml; each key is explained there."""

    expected_shortfall: Share
    correlation: Share
    daily_loss: Share
    observations: Annotated[StrictInt, Field(ge=LEAST_OBSERVATIONS)]
    stale_bars: Annotated[StrictInt, Field(ge=0)]
