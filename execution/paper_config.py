"""The [execution.paper] table: what the paper venue charges, and how it errs."""

from decimal import Decimal
from typing import Self

from pydantic import Field, model_validator

from bus.config import Config


class PaperConfig(Config):
    """The [execution.paper] table.

    ``half_spread_bps`` is paid on each fill from a bar without a quote; ``fee_bps`` are basis points of what was
    traded, ``minimum_fee`` money for an order however many slices and fills it takes, ``borrow_bps`` a year on what is
    held short. ``impact_coefficient`` is Y in Y * sigma * sqrt(Q / volume). ``max_volume_share`` is the fraction of a
    bar's volume that all our orders together may take. An order comes to the venue ``latency_bars`` bars and
    ``latency_ms`` after it was sent, and expires ``expire_bars`` bars after it came. ``reject_rate`` of the orders are
    refused; a cancel comes after the fills of the next bar with probability ``cancel_race``. What has ended is
    remembered ``memory_bars`` bars, and an order sent longer ago than that is refused. ``seed`` makes all chance.
    """

    half_spread_bps: Decimal = Field(default=Decimal(1), ge=0, lt=1_000, decimal_places=6)
    fee_bps: Decimal = Field(default=Decimal(1), ge=0, lt=1_000, decimal_places=6)
    minimum_fee: Decimal = Field(default=Decimal(1), ge=0, le=1_000_000, decimal_places=6)
    borrow_bps: Decimal = Field(default=Decimal(50), ge=0, le=1_000_000, decimal_places=6)
    impact_coefficient: float = Field(default=1.0, ge=0, le=100)
    max_volume_share: Decimal = Field(default=Decimal("0.5"), gt=0, le=1, decimal_places=9)
    latency_bars: int = Field(default=0, ge=0, le=1_000)
    latency_ms: int = Field(default=0, ge=0, le=86_400_000)
    expire_bars: int = Field(default=5, ge=1)
    reject_rate: float = Field(default=0.0, ge=0, le=1)
    cancel_race: float = Field(default=1.0, ge=0, le=1)
    memory_bars: int = Field(default=1_000, ge=1)
    seed: int = Field(default=1, ge=0)

    @model_validator(mode="after")
    def _remembers_what_rests(self) -> Self:
        if self.memory_bars <= self.latency_bars + self.expire_bars:
            least = self.latency_bars + self.expire_bars + 1
            raise ValueError(f"memory_bars is {self.memory_bars}: what rests must be known; expected {least} or more")
        return self
