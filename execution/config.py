"""The [execution] table: starting cash, how orders are worked, and what is expected of the market's answer."""

from decimal import Decimal
from typing import Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from bus.config import Config
from execution.paper_config import PaperConfig
from kernels.impact import Prior
from kernels.participation import Thresholds

PAPER: Final = "paper"


class PaceConfig(Config):
    """The [execution.pace] table: how the adaptive schedule takes a market that widens.

    ``calm``, ``wide``, ``pause`` and ``resume`` are multiples of the usual spread or volatility: full rate up to calm,
    least rate from wide on, none from pause on until it has been resume or less for ``patience`` bars in a row.
    """

    calm: float = Field(default=1.5, gt=0)
    wide: float = Field(default=2.5, gt=0)
    pause: float = Field(default=4.0, gt=0)
    resume: float = Field(default=2.5, gt=0)
    patience: int = Field(default=2, ge=1)

    @model_validator(mode="after")
    def _are_in_order(self) -> Self:
        if not (self.calm < self.wide <= self.pause and self.resume < self.pause):
            raise ValueError("expected calm < wide <= pause and resume < pause")
        return self

    @property
    def thresholds(self) -> Thresholds:
        """The same for the kernel."""
        return Thresholds(self.calm, self.wide, self.pause, self.resume, self.patience)


class ImpactConfig(Config):
    """The [execution.impact] table: what is held of Y in Y * sigma * sqrt(Q / V) before any order of our own.

    ``mean`` and ``deviation`` of Y, ``noise`` the deviation of one order's cost in sigmas of a bar, ``memory`` the
    weight of what was learned before at each order, ``clip`` how many deviations an outlier counts for at most, and
    ``least`` and ``most`` the bounds of Y.
    """

    mean: float = Field(default=1.0, ge=0)
    deviation: float = Field(default=0.5, gt=0)
    noise: float = Field(default=0.1, gt=0)
    memory: float = Field(default=0.995, gt=0, le=1)
    clip: float = Field(default=3.0, gt=0)
    least: float = Field(default=0.0, ge=0)
    most: float = Field(default=10.0, gt=0)

    @model_validator(mode="after")
    def _holds_its_mean(self) -> Self:
        if not self.least <= self.mean <= self.most:
            raise ValueError("expected least <= mean <= most")
        return self

    @property
    def prior(self) -> Prior:
        """The same for the kernel."""
        return Prior(self.mean, self.deviation, self.noise, self.memory, self.clip, self.least, self.most)


class ExecutionConfig(Config):
    """The [execution] table.

    Orders are worked by ``schedule`` in whole lots of ``lot`` units; twap, vwap and shortfall take ``horizon_bars``
    bars, the others may take ``expire_bars``, and what is not done then expires. ``pov_rate`` is the share of volume of
    pov, ``risk_aversion`` that of shortfall, per unit of money. An order is given up after ``refusals`` child orders in
    a row that the broker refused, and a child order that the broker does not show for ``lost_bars`` bars is lost.
    In a halt, positions are closed by orders that may fill ``halt_collar`` away from the last close, as a fraction,
    and the broker's account is read again after each bar and every ``halt_check_s`` seconds.
    An approval's id is remembered ``remembered_s`` seconds beyond its validity, an older approval is not answered.
    """

    broker: str = PAPER
    initial_cash: Decimal = Field(default=Decimal(1_000_000), gt=0, le=Decimal("1e15"), decimal_places=6)
    lot: Decimal = Field(default=Decimal("0.0001"), gt=0, le=1_000_000, decimal_places=8)
    schedule: Literal["immediate", "twap", "vwap", "pov", "shortfall", "adaptive"] = "adaptive"
    horizon_bars: int = Field(default=5, ge=1, le=10_000)
    expire_bars: int = Field(default=5, ge=1, le=10_000)
    pov_rate: float = Field(default=0.1, gt=0, le=1)
    risk_aversion: float = Field(default=1e-6, ge=0, le=1e6)
    refusals: int = Field(default=3, ge=1)
    lost_bars: int = Field(default=2, ge=1)
    remembered_s: float = Field(default=60.0, ge=0)
    halt_collar: Decimal = Field(default=Decimal("0.05"), gt=0, lt=1, decimal_places=9)
    halt_check_s: float = Field(default=1.0, gt=0)
    pace: PaceConfig = PaceConfig()
    impact: ImpactConfig = ImpactConfig()
    paper: PaperConfig = PaperConfig()

    @field_validator("broker")
    @classmethod
    def _is_part_of_this_build(cls, broker: str) -> str:
        if broker != PAPER:
            raise ValueError(f"live brokers are not part of this build; use broker = {PAPER!r}")
        return broker
