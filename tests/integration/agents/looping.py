"""An agent that is caught in an endless loop the first time it reads a certain bar."""

from pathlib import Path

from bus.agent import Agent, handles
from bus.config import Config, Settings
from bus.main import main
from bus.messages import MarketUpdate

NAME = "looping"


class LoopingConfig(Config):
    """The [looping] table."""

    bar: int


class Looping(Agent):
    """Hears the market until it hangs; ``mark`` is a file that tells the next process that it has hung."""

    def __init__(self, bar: int, mark: Path) -> None:
        super().__init__(NAME)
        self._bar = bar
        self._mark = mark

    @handles(MarketUpdate)
    def hear(self, update: MarketUpdate) -> None:
        """Hang at the bar, once."""
        if update.bar == self._bar and not self._mark.exists():
            self._mark.touch()
            while True:
                pass


def build(settings: Settings) -> Looping:
    """Make the agent."""
    return Looping(settings.table(NAME, LoopingConfig).bar, settings.run_dir / "looped")


if __name__ == "__main__":
    main(NAME, build)
