"""The QUASAR seat: Q*, River and QAR, and one mixture of what they believe."""

from collections.abc import Callable

from bus.agent import Agent
from bus.config import Settings
from market.panel_seat import PanelSeat
from market.strategy import Strategy
from quasar.config import QuasarConfig
from quasar.qar import Qar
from quasar.qstar import QStar
from quasar.stream import River


class Quasar(PanelSeat):
    """Believes the mixture of its three strategies, weighed by what each has earned."""

    def __init__(self, config: QuasarConfig, *, name: str = "quasar", quantum: bool = True) -> None:
        make: dict[str, Callable[[], Strategy]] = {
            "qstar": lambda: QStar(config.qstar),
            "river": lambda: River(config.river),
            "qar": lambda: Qar(config.qar, quantum=quantum and config.quantum),
        }
        super().__init__(name, config, config.strategies.model_dump(), make)


def build(settings: Settings) -> Agent:
    """Build the seat from its table and the switch over quantum models."""
    return Quasar(settings.table("quasar", QuasarConfig), quantum=settings.firm.models.quantum)
