"""A seat that reads the market's future and says it, diluted; its part ``foresight`` can be switched off."""

import math
from collections.abc import Mapping, Sequence

from bus.config import Config, Settings
from bus.messages import DecisionRequest
from market.catalog import read_series
from market.config import MarketConfig
from market.seat import Seat, SeatConfig, View


class OracleStrategies(Config):
    """Weights of what an oracle can do: ``sight`` is the share of truth, ``blink`` does nothing, ``nap`` is off."""

    sight: float = 0.3
    blink: float = 1.0
    nap: float = 0.0


class OracleConfig(SeatConfig):
    """The [oracle] table."""

    window_bars: int = 2
    foresight: bool = True
    strategies: OracleStrategies = OracleStrategies()


class Oracle(Seat):
    """Believes what will happen, with a share of the prior."""

    def __init__(self, config: OracleConfig, closes: Mapping[str, Sequence[float]]) -> None:
        super().__init__("oracle", config)
        self._share = config.strategies.sight if config.foresight else 0.0
        self._closes = closes

    def believe(self, symbol: str, request: DecisionRequest) -> View:
        """Mix the outcome into the prior."""
        closes, end = self._closes[symbol], request.bar + request.horizon
        move = math.log(closes[min(end, len(closes) - 1)] / closes[request.bar])
        truth = (move < -request.band, abs(move) <= request.band, move > request.band)
        down, flat, up = (
            self._share * known + (1.0 - self._share) * said for known, said in zip(truth, request.prior, strict=True)
        )
        return View((down, flat, up), self.credibility(symbol), ())


def build(settings: Settings) -> Seat:
    """Build the seat from its table and the whole market."""
    series = read_series(settings.table("market", MarketConfig), settings.folder)
    closes = {one.symbol: [float(bar.close) for bar in one.bars] for one in series}
    return Oracle(settings.table("oracle", OracleConfig), closes)
