"""The [execution] table: starting cash, and what the paper broker charges."""

from decimal import Decimal
from typing import Final

from pydantic import Field, field_validator

from bus.config import Config

PAPER: Final = "paper"


class ExecutionConfig(Config):
    """The [execution] table.

    ``half_spread_bps`` and ``fee_bps`` are basis points of the fill's notional; ``minimum_fee`` is money for an order,
    however many fills it takes; ``impact_coefficient`` is Y in Y * sigma * sqrt(Q / volume); ``max_volume_share`` is
    the fraction of a bar's volume that all our orders together may take; an order that is not filled ``expire_bars``
    bars after it was accepted expires.
    """

    broker: str = PAPER
    initial_cash: Decimal = Field(default=Decimal(1_000_000), gt=0, le=Decimal("1e15"), decimal_places=6)
    half_spread_bps: Decimal = Field(default=Decimal(1), ge=0, lt=1_000, decimal_places=6)
    fee_bps: Decimal = Field(default=Decimal(1), ge=0, lt=1_000, decimal_places=6)
    minimum_fee: Decimal = Field(default=Decimal(1), ge=0, le=1_000_000, decimal_places=6)
    impact_coefficient: float = Field(default=1.0, ge=0, le=100)
    max_volume_share: Decimal = Field(default=Decimal("0.1"), gt=0, le=1, decimal_places=9)
    expire_bars: int = Field(default=5, ge=1)

    @field_validator("broker")
    @classmethod
    def _is_part_of_this_build(cls, broker: str) -> str:
        if broker != PAPER:
            raise ValueError(f"live brokers are not part of this build; use broker = {PAPER!r}")
        return broker
