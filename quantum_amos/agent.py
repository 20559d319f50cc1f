"""The QUANTUM AMOS seat: one mind per symbol (``quantum_amos.mind``)."""

from typing import Any

from bus.agent import Agent
from bus.config import Settings
from bus.messages import DecisionRequest, PerformanceFeedback
from kernels.arrays import Floats
from market.seat import Round, Seat, View, abstain
from market.window import CLOSE
from quantum_amos.config import QuantumAmosConfig
from quantum_amos.intention import Scenarios
from quantum_amos.mind import Mind


class QuantumAmos(Seat):
    """Answers with what its mind about a symbol believes and means.

    Parameters
    ----------
    is_quantum
        Whether the fusion may be the circuit; otherwise it is the circuit's classical counterpart.
    """

    def __init__(self, config: QuantumAmosConfig, *, name: str = "quantum_amos", is_quantum: bool = True) -> None:
        super().__init__(name, config)
        self._config = config
        self._is_quantum = is_quantum and config.quantum
        self._scenarios = Scenarios(config.scenarios)
        self._minds: dict[str, Mind] = {}

    def observe(self, symbol: str, row: Floats) -> None:
        """Let the commitment meet the bar, once there is a reading of it."""
        reading = self.reading(symbol)
        if reading is not None:
            self._mind(symbol).observe(reading)

    def forget(self, symbol: str) -> None:
        """Let go of what the agent was committed to."""
        self._mind(symbol).forget()

    def believe(self, symbol: str, request: DecisionRequest) -> View:
        """Ask the mind, whose state changes with bars and feedback only; abstain before there are factors."""
        reading = self.reading(symbol)
        if reading is None:
            return abstain("history")
        close = float(self.bars(symbol)[-1, CLOSE])
        return self._mind(symbol).view(request, reading, close, self.credibility(symbol))

    def learn(self, symbol: str, settled: Round, feedback: PerformanceFeedback) -> None:
        """Let belief and affect learn what the round came to."""
        if settled.view.evidence is not None:
            self._mind(symbol).learn(settled.view.evidence, feedback.realized_return, settled.request.horizon)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {**super().snapshot(), "minds": {symbol: mind.snapshot() for symbol, mind in self._minds.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        super().restore(state)
        self._minds = {}
        for symbol, mind in state["minds"].items():
            self._mind(symbol).restore(mind)

    def _mind(self, symbol: str) -> Mind:
        mind = self._minds.get(symbol)
        if mind is None:
            mind = self._minds[symbol] = Mind(self._config, self._scenarios, is_quantum=self._is_quantum)
        return mind


def build(settings: Settings) -> Agent:
    """Build the seat from its table and the switch over quantum models."""
    return QuantumAmos(settings.table("quantum_amos", QuantumAmosConfig), is_quantum=settings.firm.models.quantum)
