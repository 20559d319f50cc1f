"""The style a market is traded in: a named set of parameters, chosen by its phase and by what the board has shown.

| the board's record | growth, reorganization | conservation, release |
|---|---|---|
| good | bold | balanced |
| fair, or too short | balanced | balanced |
| poor | cautious | cautious |

The record is the discounted mean of the board's log score over the prior's. It leaves good or poor only beyond zero,
and a bolder style must be due for some bars in a row; so the style does not flap. Balanced is [pads.sizing] as it
stands.
"""

from enum import StrEnum
from typing import Any, Final

from bus.messages import Phase
from pads.config import StyleConfig, StylesConfig


class Standing(StrEnum):
    """What the board's record amounts to."""

    POOR = "poor"
    FAIR = "fair"
    GOOD = "good"


class Style(StrEnum):
    """The styles, from the most cautious to the boldest."""

    CAUTIOUS = "cautious"
    BALANCED = "balanced"
    BOLD = "bold"


_ORDER: Final = tuple(Style)
_OPEN_PHASES: Final = (Phase.GROWTH, Phase.REORGANIZATION)


class StyleKeeper:
    """The board's record in one instrument, and the style that follows from it."""

    def __init__(self, config: StylesConfig) -> None:
        self._config = config
        self._excess = self._weight = 0.0
        self._rounds = self._due = 0
        self.standing = Standing.FAIR
        self.style = Style.BALANCED

    def parameters(self) -> StyleConfig:
        """Return the parameters of the style in force."""
        parameters: StyleConfig = getattr(self._config, self.style.value)
        return parameters

    def score(self, excess: float) -> None:
        """Take a settled round: the board's log score less the prior's, in nats."""
        decay = self._config.decay
        self._excess = decay * self._excess + excess
        self._weight = decay * self._weight + 1.0
        self._rounds += 1
        if self._rounds >= self._config.min_rounds:
            self.standing = self._stand(self._excess / self._weight)

    def update(self, phase: Phase) -> None:
        """Take a bar: change to a more cautious style at once, to a bolder one after patience."""
        wanted = self._wanted(phase)
        is_bolder = _ORDER.index(wanted) > _ORDER.index(self.style)
        self._due = self._due + 1 if is_bolder else 0
        if not is_bolder or self._due >= self._config.patience:
            self.style, self._due = wanted, 0

    def _stand(self, record: float) -> Standing:
        if record > self._config.good:
            return Standing.GOOD
        if record < self._config.poor:
            return Standing.POOR
        if self.standing is Standing.GOOD and record >= 0.0:
            return Standing.GOOD
        if self.standing is Standing.POOR and record <= 0.0:
            return Standing.POOR
        return Standing.FAIR

    def _wanted(self, phase: Phase) -> Style:
        if self.standing is Standing.POOR:
            return Style.CAUTIOUS
        is_bold = self.standing is Standing.GOOD and phase in _OPEN_PHASES
        return Style.BOLD if is_bold else Style.BALANCED

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self._excess, self._weight, self._rounds, self._due, self.standing.value, self.style.value]

    def restore(self, state: list[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._excess, self._weight, self._rounds, self._due, standing, style = state
        self.standing, self.style = Standing(standing), Style(style)
