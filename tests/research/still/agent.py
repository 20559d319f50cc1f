"""A seat that knows nothing and says so."""

from bus.config import Settings
from bus.messages import DecisionRequest
from market.seat import Seat, SeatConfig, View


class StillConfig(SeatConfig):
    """The [still] table."""

    window_bars: int = 2


class Still(Seat):
    """Believes the prior."""

    def __init__(self, config: StillConfig) -> None:
        super().__init__("still", config)

    def believe(self, symbol: str, request: DecisionRequest) -> View:
        """Return the prior."""
        return View(request.prior, self.credibility(symbol), ())


def build(settings: Settings) -> Seat:
    """Build the seat from its table."""
    return Still(settings.table("still", StillConfig))
