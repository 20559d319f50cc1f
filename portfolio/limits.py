"""The [book] table of limits.toml: what PADS, risk and compliance all hold the book to. No limit has a default."""

from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from bus.config import BOOK, Config, Settings
from bus.message import Name

Positive = Annotated[Decimal, Field(gt=0)]
UNCLASSIFIED: Final = "unclassified"
"""Sector of every symbol that is in none."""
Share = Annotated[Decimal, Field(gt=0, le=1)]
"""A positive fraction of one."""


class DrawdownTier(Config):
    """A step of the drawdown ladder: in force from ``enter`` until the drawdown is below ``leave``.

    ``cut`` is the share of the position limit that is taken away.
    """

    enter: Annotated[Decimal, Field(gt=0, lt=1)]
    leave: Annotated[Decimal, Field(ge=0, lt=1)]
    cut: Annotated[Decimal, Field(gt=0, lt=1)]


class RegimeLimits(Config):
    """How stress tightens the position limit: see ``portfolio.regime``.

    ``fast`` and ``slow`` are the decays of two variances, ``calm`` the ratio of volatilities up to which nothing is
    tightened, ``floor`` the least share of the limit that is left.
    """

    fast: Annotated[float, Field(gt=0, lt=1)]
    slow: Annotated[float, Field(gt=0, lt=1)]
    calm: Annotated[float, Field(ge=1)]
    floor: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def check_decays(self) -> Self:
        """Refuse a fast variance that is not the faster one."""
        if self.fast >= self.slow:
            raise ValueError(
                f"fast = {self.fast} must decay faster than slow = {self.slow}: give it the smaller number"
            )
        return self


class BookLimits(Config):
    """The [book] table of limits.toml; each key is explained there."""

    position_weight: Annotated[Decimal, Field(gt=0)]
    sector_weight: Annotated[Decimal, Field(gt=0)]
    gross: Annotated[Decimal, Field(gt=0)]
    drawdown: Annotated[Decimal, Field(gt=0, lt=1)]
    drawdown_tiers: Annotated[tuple[DrawdownTier, ...], Field(min_length=1)]
    regime: RegimeLimits
    sectors: dict[Name, Name]
    lot: Positive
    lots: dict[Name, Positive]

    @model_validator(mode="after")
    def check_ladder(self) -> Self:
        """Refuse a ladder that loosens on the way down, flickers, or goes on below the budget."""
        tiers = self.drawdown_tiers
        for tier in tiers:
            if tier.leave >= tier.enter:
                raise ValueError(f"tier entered at {tier.enter} must be left below that, not at {tier.leave}")
        for shallow, deep in pairwise(tiers):
            if deep.enter <= shallow.enter or deep.leave < shallow.leave or deep.cut <= shallow.cut:
                raise ValueError(f"tier {deep.enter} must be deeper and cut more than tier {shallow.enter} before it")
        if tiers[-1].enter > self.drawdown:
            raise ValueError(
                f"tier {tiers[-1].enter} lies below the drawdown of {self.drawdown} at which the firm halts"
            )
        return self

    def lot_of(self, symbol: str) -> Decimal:
        """Return the step of quantities of a symbol, in units."""
        return self.lots.get(symbol, self.lot)

    def sector(self, symbol: str) -> str:
        """Return the sector of a symbol; all that are not listed share one, so that nobody escapes the limit."""
        return self.sectors.get(symbol, UNCLASSIFIED)


def book_limits(settings: Settings) -> BookLimits:
    """Return the limits of the book."""
    return settings.limits(BOOK, BookLimits)
