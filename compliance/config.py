"""What compliance is told: its parameters in firm.toml, its limits in limits.toml. No limit has a default."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, StrictBool, StrictInt

from bus.config import Config
from bus.message import Name


class ComplianceConfig(Config):
    """The [compliance] table of firm.toml.

    ``order_life_s`` is how long an order that was passed on, and never heard of again, counts as open.
    ``remembered_orders`` is how many recent orders a repetition is recognised among.
    """

    order_life_s: float = Field(60.0, gt=0)
    remembered_orders: int = Field(4_096, ge=1)


class ComplianceLimits(Config):
    """The [compliance] table of limits.toml; each key is explained there."""

    restricted: tuple[Name, ...]
    allow_short: StrictBool
    price_collar: Annotated[Decimal, Field(gt=0, lt=1)]
    order_notional: Annotated[Decimal, Field(gt=0)]
    order_quantity: Annotated[Decimal, Field(gt=0)]
    orders_per_bar: Annotated[StrictInt, Field(ge=1)]
    order_age_bars: Annotated[StrictInt, Field(ge=0)]
    contiguous_bars: Annotated[StrictInt, Field(ge=1)]
