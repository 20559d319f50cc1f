"""What risk is told: its parameters in firm.toml, its limits in limits.toml. No limit has a default."""

from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, StrictInt, model_validator

from bus.config import Config

Share = Annotated[Decimal, Field(gt=0, le=1)]
"""A positive fraction of one."""


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


class DrawdownTier(Config):
    """A step of the drawdown ladder: in force from ``enter`` until the drawdown is below ``leave``.

    ``cut`` is the share of the position limit that is taken away; 1 leaves nothing but orders that reduce.
    """

    enter: Annotated[Decimal, Field(gt=0, lt=1)]
    leave: Annotated[Decimal, Field(ge=0, lt=1)]
    cut: Share


class RiskLimits(Config):
    """The [risk] table of limits.toml; each key is explained there."""

    expected_shortfall: Share
    position_weight: Annotated[Decimal, Field(gt=0)]
    gross: Annotated[Decimal, Field(gt=0)]
    daily_loss: Share
    drawdown_tiers: Annotated[tuple[DrawdownTier, ...], Field(min_length=1)]
    observations: Annotated[StrictInt, Field(ge=2)]
    stale_bars: Annotated[StrictInt, Field(ge=0)]

    @model_validator(mode="after")
    def check_ladder(self) -> Self:
        """Refuse a ladder that loosens on the way down, flickers, or never ends in reduce only."""
        tiers = self.drawdown_tiers
        for tier in tiers:
            if tier.leave >= tier.enter:
                raise ValueError(f"tier entered at {tier.enter} must be left below that, not at {tier.leave}")
        for shallow, deep in pairwise(tiers):
            if deep.enter < shallow.enter or deep.leave < shallow.leave or deep.cut <= shallow.cut:
                raise ValueError(f"tier {deep.enter} must be deeper and cut more than tier {shallow.enter} before it")
        if tiers[-1].cut != 1:
            raise ValueError("the last tier must have cut = 1: past the budget only orders that reduce")
        return self
