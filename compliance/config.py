"""What compliance is told: its parameters in firm.toml, its limits in limits.toml. No limit has a default."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, StrictBool, StrictInt

from bus.config import Config
from bus.message import Name
from kernels.shortfall import LEAST_OBSERVATIONS
from portfolio.limits import Share

Positive = Annotated[Decimal, Field(gt=0)]


class ComplianceConfig(Config):
    """The [compliance] table of firm.toml.

    ``order_validity_s`` is how long an order may take to reach execution once it was signed. ``order_life_s`` is how
    long an order that was passed on, and never heard of again, counts as open. ``remembered_orders`` is how many recent
    orders a repetition is recognised among, ``remembered_violations`` how many remediated ones an operator may still
    review. ``window`` is the number of bars per symbol that the tail is measured on, ``quality_bars`` of bars that the
    quality of data is, ``cost_orders`` of ended orders that the mean shortfall is. ``inspection_s`` is how often the
    book is inspected when nothing happens, ``availability_s`` how far availability looks back.
    """

    order_validity_s: float = Field(10.0, gt=0)
    order_life_s: float = Field(60.0, gt=0)
    remembered_orders: int = Field(4_096, ge=1)
    remembered_violations: int = Field(1_024, ge=1)
    window: int = Field(500, ge=2)
    quality_bars: int = Field(250, ge=2)
    cost_orders: int = Field(20, ge=1)
    inspection_s: float = Field(60.0, gt=0)
    availability_s: float = Field(600.0, gt=0)


class ComplianceLimits(Config):
    """The [compliance] table of limits.toml; each key is explained there."""

    restricted: tuple[Name, ...]
    allow_short: StrictBool
    no_short: tuple[Name, ...]
    price_collar: Annotated[Decimal, Field(gt=0, lt=1)]
    order_notional: Positive
    order_quantity: Positive
    orders_per_bar: Annotated[StrictInt, Field(ge=1)]
    order_age_bars: Annotated[StrictInt, Field(ge=0)]
    contiguous_bars: Annotated[StrictInt, Field(ge=1)]
    calendars: dict[Name, Name]
    expected_shortfall: Share
    observations: Annotated[StrictInt, Field(ge=LEAST_OBSERVATIONS)]
    concentration: Share
    implementation_shortfall: Share
    availability: Share
    data_quality: Share
