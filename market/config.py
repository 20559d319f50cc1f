"""The [market] table of firm.toml: which bars, which window of them, and how fast."""

from datetime import date
from itertools import pairwise
from typing import Annotated, Final, Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from bus.config import Config
from market.sources.packaged import PACKAGED

MAX_SYMBOL_CHARACTERS: Final = 32
LAST_YEAR: Final = 2200

_SECONDS_PER_YEAR: Final = 31_556_952
_WEEKENDS: Final = 7 / 5
"""Days that pass per daily bar."""

Symbol = Annotated[str, Field(min_length=1, max_length=MAX_SYMBOL_CHARACTERS, pattern=r"^[A-Za-z0-9._/:^=-]+$")]


class Regime(Config):
    """A state of the synthetic market: ``drift`` and ``volatility`` of the log return per bar, ``mean_bars`` it lasts.

    ``weight`` is how likely it is, beside the others, to be the next one when another ends.
    """

    name: Annotated[str, Field(min_length=1, max_length=32)]
    drift: Annotated[float, Field(ge=-0.2, le=0.2)]
    volatility: Annotated[float, Field(gt=0, le=0.5)]
    mean_bars: Annotated[float, Field(ge=1)]
    weight: Annotated[float, Field(gt=0)]


class SyntheticConfig(Config):
    """The [market.synthetic] table: an invented market, for tests and figures of speed, not for results.

    ``correlation`` is that of the log returns of any two symbols; ``decimals`` those of a price.
    """

    seed: Annotated[int, Field(ge=0)] = 1
    start: Annotated[date, Field(ge=date(1700, 1, 1))] = date(2000, 1, 3)
    bar_s: Annotated[int, Field(ge=1)] = 86_400
    price: Annotated[float, Field(gt=0, le=1e9)] = 100.0
    volume: Annotated[float, Field(gt=0, le=1e15)] = 1_000_000.0
    decimals: Annotated[int, Field(ge=0, le=10)] = 2
    correlation: Annotated[float, Field(ge=0, le=1)] = 0.6
    regimes: Annotated[tuple[Regime, ...], Field(min_length=1)] = (
        Regime(name="calm", drift=0.0006, volatility=0.008, mean_bars=120, weight=6),
        Regime(name="volatile", drift=0.0, volatility=0.02, mean_bars=40, weight=3),
        Regime(name="crash", drift=-0.012, volatility=0.035, mean_bars=8, weight=1),
    )


class MarketConfig(Config):
    """The [market] table.

    ``source`` demo is the daily S&P 500 (SPX) and NASDAQ (NDQ) of the arch package. ``paths`` gives a file per symbol,
    relative to the configuration folder, for csv and parquet. ``symbols`` picks some of what the source has, all when
    empty. ``first`` and ``last`` are days, inclusive; ``bars`` caps each symbol from ``first`` on; ``history_bars`` are
    published before ``first`` in the same way, so that the models are warm by then.

    ``speed`` lockstep waits for each bar's conclusion; a number is bars per second without waiting. After ``stall_s``
    without a conclusion an alert goes out, and the market goes on waiting. ``spacing_s`` is the expected distance of
    bars for the report of gaps, by default the most frequent one. A file with more than ``max_rejected_fraction`` of
    its rows refused is not traded on.
    """

    source: Literal["demo", "csv", "parquet", "synthetic"]
    paths: dict[Symbol, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    symbols: tuple[Symbol, ...] = ()
    first: date | None = None
    last: date | None = None
    bars: Annotated[int, Field(ge=1)] | None = None
    history_bars: Annotated[int, Field(ge=0)] = 0
    speed: Literal["lockstep"] | PositiveFloat = "lockstep"
    stall_s: Annotated[float, Field(gt=0)] = 60.0
    spacing_s: Annotated[float, Field(gt=0)] | None = None
    max_rejected_fraction: Annotated[float, Field(ge=0, le=1)] = 0.01
    synthetic: SyntheticConfig = SyntheticConfig()

    @property
    def chosen(self) -> tuple[str, ...]:
        """Symbols to publish, sorted."""
        return tuple(sorted(self.symbols or self.offered))

    @property
    def offered(self) -> tuple[str, ...]:
        """Symbols that the source has; for the synthetic one, those that were asked for."""
        match self.source:
            case "demo":
                return tuple(PACKAGED)
            case "synthetic":
                return self.symbols
            case _:
                return tuple(self.paths)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        """Refuse what contradicts itself."""
        is_file = self.source in ("csv", "parquet")
        if is_file != bool(self.paths):
            raise ValueError(f"source {self.source} {'needs' if is_file else 'takes no'} paths, a file per symbol")
        if any(one == another for one, another in pairwise(sorted(self.symbols))):
            raise ValueError("symbols names one twice")
        unknown = sorted(set(self.symbols) - set(self.offered))
        if unknown:
            raise ValueError(f"source {self.source} has no symbol {unknown[0]}; it has {', '.join(self.offered)}")
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ValueError(f"last {self.last} lies before first {self.first}")
        if self.source == "synthetic":
            self._check_synthetic()
        return self

    def _check_synthetic(self) -> None:
        if not self.symbols or self.bars is None:
            raise ValueError("source synthetic needs symbols and bars")
        if self.first is not None or self.last is not None:
            raise ValueError("source synthetic begins at synthetic.start; it takes no first or last")
        years = (self.bars + self.history_bars) * self.synthetic.bar_s * _WEEKENDS / _SECONDS_PER_YEAR
        if self.synthetic.start.year + years >= LAST_YEAR:
            raise ValueError(f"source synthetic would run beyond the year {LAST_YEAR}; lower bars or synthetic.bar_s")
