"""A seat whose belief is the mixture of a panel of strategies: every symbol has a panel of its own."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field

from bus.errors import ConfigError
from bus.messages import DecisionRequest, PerformanceFeedback
from kernels.arrays import Floats
from market.seat import Round, Seat, SeatConfig, View, abstain
from market.strategy import Panel, Pooled, Scene, Strategy, Vote

Weight = Annotated[float, Field(ge=0.0)]
"""Initial weight of a strategy; 0 switches it off."""


class PanelConfig(SeatConfig):
    """What every seat with strategies can be told.

    ``alpha`` is the share of weight that returns to its initial place when a round settles. With fewer than ``quorum``
    strategies able to answer, the seat abstains.
    """

    alpha: float = Field(0.01, ge=0, le=1)
    quorum: int = Field(1, ge=1)


class PanelSeat(Seat):
    """Asks the strategies of a symbol, believes their mixture, and lets each of them learn.

    Parameters
    ----------
    weights
        Initial weight of each strategy; one of weight 0 is not made.
    make
        How to make each strategy for a new symbol.

    Raises
    ------
    ConfigError
        Fewer strategies are switched on than the quorum.
    """

    def __init__(
        self,
        name: str,
        config: PanelConfig,
        weights: Mapping[str, float],
        make: Mapping[str, Callable[[], Strategy]],
    ) -> None:
        super().__init__(name, config)
        self._panel_config = config
        self._weights = {each: weight for each, weight in weights.items() if weight > 0.0}
        self._make = {each: make[each] for each in self._weights}
        if len(self._make) < config.quorum:
            raise ConfigError(f"{name}.quorum = {config.quorum}, but only {len(self._make)} strategies are switched on")
        self._panels: dict[str, Panel] = {}

    def observe(self, symbol: str, row: Floats) -> None:
        """Let the panel hear the bar."""
        self._panel(symbol).take(row)

    def forget(self, symbol: str) -> None:
        """Let the panel forget its bars."""
        self._panel(symbol).clear()

    def believe(self, symbol: str, request: DecisionRequest) -> View:
        """Believe the panel's mixture, as firmly as the seat's record allows; abstain before there are factors."""
        reading = self.reading(symbol)
        if reading is None:
            return abstain("history")
        pooled = self._panel(symbol).vote(Scene(request, self.bars(symbol), reading))
        confidence = 0.0 if pooled.belief is None else self.credibility(symbol)
        evidence = [list(vote[:4]) for vote in pooled.votes]
        return View(pooled.belief, confidence, self.reasons(pooled), evidence, pooled.suspected, pooled.severity)

    def reasons(self, pooled: Pooled) -> tuple[tuple[str, float], ...]:
        """Return what the answer says of how it came about."""
        return pooled.reasons

    def learn(self, symbol: str, settled: Round, feedback: PerformanceFeedback) -> None:
        """Pay the strategies and let them learn."""
        votes = tuple(Vote(*vote) for vote in settled.view.evidence)
        self._panel(symbol).learn(settled.request, votes, feedback)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {**super().snapshot(), "panels": {symbol: panel.snapshot() for symbol, panel in self._panels.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        super().restore(state)
        self._panels = {}
        for symbol, panel in state["panels"].items():
            self._panel(symbol).restore(panel)

    def _panel(self, symbol: str) -> Panel:
        panel = self._panels.get(symbol)
        if panel is None:
            config = self._panel_config
            strategies = {name: make() for name, make in self._make.items()}
            panel = self._panels[symbol] = Panel(strategies, self._weights, config.alpha, config.quorum)
        return panel
