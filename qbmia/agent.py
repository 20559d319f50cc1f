"""The QBMIA seat: asks five strategies, believes their mixture, and lets their scores decide who is heard."""

from collections.abc import Callable
from typing import Final

from bus.agent import Agent
from bus.config import Settings
from market.panel_seat import PanelSeat
from market.strategy import Pooled, Reasons, Strategy
from qbmia.antifragile_coalition import AntifragileCoalition
from qbmia.config import QbmiaConfig
from qbmia.machiavellian import Machiavellian
from qbmia.quantum_nash import QuantumNash
from qbmia.robin_hood import RobinHood, budget
from qbmia.temporal_biological_nash import TemporalBiologicalNash

_ROBIN_HOOD: Final = "robin_hood.budget.robin_hood"


class Qbmia(PanelSeat):
    """Believes the mixture of its five strategies; abstains with fewer than the quorum able to answer.

    Parameters
    ----------
    quantum
        Whether Quantum Nash may play the entangled game; the classical one answers otherwise.
    """

    def __init__(self, config: QbmiaConfig, *, quantum: bool = True, name: str = "qbmia") -> None:
        decay = config.volatility_decay
        make: dict[str, Callable[[], Strategy]] = {
            "quantum_nash": lambda: QuantumNash(config.quantum_nash, decay=decay, quantum=quantum and config.quantum),
            "machiavellian": lambda: Machiavellian(config.machiavellian),
            "robin_hood": lambda: RobinHood(config.robin_hood),
            "temporal_biological_nash": lambda: TemporalBiologicalNash(config.temporal_biological_nash, decay=decay),
            "antifragile_coalition": lambda: AntifragileCoalition(config.antifragile_coalition, decay=decay),
        }
        super().__init__(name, config, config.strategies.model_dump(), make)
        self._config = config
        self._budget_names = {f"{name}.weight": f"robin_hood.budget.{name}" for name in self._weights}

    def reasons(self, pooled: Pooled) -> Reasons:
        """Add Robin Hood's fair split of the risk budget, where he votes."""
        named = self._budget_names
        weights = {named[name]: weight for name, weight in pooled.reasons[: 2 * len(named)] if name in named}
        if _ROBIN_HOOD not in weights:
            return pooled.reasons
        return pooled.reasons + budget(weights, self._config.robin_hood.fairness)


def build(settings: Settings) -> Agent:
    """Build the seat from its table and the switch over quantum models."""
    return Qbmia(settings.table("qbmia", QbmiaConfig), quantum=settings.firm.models.quantum)
