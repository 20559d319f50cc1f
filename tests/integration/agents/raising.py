"""An agent that raises whenever it reads a certain bar, and so each time it recovers from its journal."""

from bus.agent import Agent, handles
from bus.config import Config, Settings
from bus.main import main
from bus.messages import MarketUpdate

NAME = "raising"


class RaisingConfig(Config):
    """The [raising] table."""

    bar: int


class Raising(Agent):
    """Hears the market until it fails."""

    def __init__(self, bar: int) -> None:
        super().__init__(NAME)
        self._bar = bar

    @handles(MarketUpdate)
    def hear(self, update: MarketUpdate) -> None:
        """Fail at the bar."""
        if update.bar == self._bar:
            raise RuntimeError(f"bar {update.bar} is poison")


def build(settings: Settings) -> Raising:
    """Make the agent."""
    return Raising(settings.table(NAME, RaisingConfig).bar)


if __name__ == "__main__":
    main(NAME, build)
