"""What PADS knows of one instrument: bars, outcomes, the weights of the board, and rounds not settled yet."""

import math
from bisect import insort
from decimal import Decimal
from typing import Any

from bus.message import Header, Message
from bus.messages import MarketUpdate, PerformanceFeedback, Phase, PhaseTransition
from market.window import BarWindow
from pads.board import ABSENT, Board, Opinion
from pads.config import PadsConfig
from pads.phase import PhaseReading
from pads.prior import ADD_ONE, OutcomeHistory, typical_move
from pads.settlement import Pending, settle
from pads.volatility import Volatility, band


class Instrument:
    """State of one symbol; every change to it comes from that symbol's own bars, books, alerts and rounds.

    ``decided_bar`` and ``book_bar`` are the last bars a decision and a book were seen for; ``opened_ns`` and
    ``previous_ns`` are when the latest bar and the one before it opened, ``header`` is that of the latest bar.
    """

    def __init__(self, symbol: str, config: PadsConfig, board: Board) -> None:
        self.symbol = symbol
        self._config = config
        self._board = board
        self._window = BarWindow(config.horizon + 2)
        self._volatility = Volatility(config.volatility_decay, config.volatility_min_returns)
        self._phase = PhaseReading(config.phase)
        typical = typical_move(config.kappa)
        self._history = OutcomeHistory(config.prior_discount, typical)
        self._by_phase = {phase: OutcomeHistory(config.prior_discount, typical) for phase in Phase}
        self._pending: list[Pending] = []
        self._calm = 1.0
        self.weights = list(board.initial_weights)
        self.severity = 0.0
        self.settled = self.voided = 0
        self.decided_bar = self.book_bar = -1
        self.opened_ns = self.previous_ns = 0
        self.log_return: float | None = None
        self.close = Decimal(0)
        self.header: Header | None = None

    @property
    def bar(self) -> int:
        """The latest bar, -1 before the first."""
        return self._window.bar

    @property
    def band(self) -> float | None:
        """Half-width of "flat" as of the latest bar, None with too little history."""
        sigma = self._volatility.sigma
        return None if sigma is None else band(sigma, self._config.kappa, self._config.horizon)

    @property
    def phase(self) -> Phase:
        """Phase as of the latest bar."""
        return self._phase.phase

    @property
    def appetite(self) -> float:
        """Share of the full position that phase and recent alerts leave, in [0, 1]."""
        full = self._config.phase.appetite.of(self.phase)
        return max(full * self._calm, min(full, self._config.alert.floor))

    @property
    def prior(self) -> tuple[float, float, float]:
        """Discounted frequencies of (down, flat, up) with add-one smoothing."""
        return self._history.frequencies()

    def moves(self, band: float) -> tuple[float, float, float]:
        """Return the mean log returns of (down, flat, up) over the horizon, scaled to the band."""
        down, flat, up = self._history.mean_moves()
        return down * band, flat * band, up * band

    def adaptability(self, phase: Phase, prior: tuple[float, float, float]) -> Opinion:
        """Return what outcomes came in this phase before: their frequencies, drawn towards the prior.

        The prior weighs 3 h pseudo-observations, since h successive outcomes overlap and come to one; confidence is
        the share of real ones among all. Without any it abstains.
        """
        history = self._by_phase[phase]
        seen = history.observations
        pseudo = ADD_ONE * self._config.horizon
        return Opinion(history.frequencies(prior, pseudo), seen / (seen + pseudo)) if seen else ABSENT

    def take(self, update: MarketUpdate, header: Header) -> list[Message] | None:
        """Take the next bar; return the settlements and the change of phase it brings, or None if it is not new."""
        before = float(self.close)
        if not self._window.append(update):
            return None
        self.close, self.header = update.close, header
        self.previous_ns, self.opened_ns = self.opened_ns, update.opened_ns
        self._calm = min(self._calm + self._config.alert.recovery, 1.0)
        if len(self._window) == 1:
            self.log_return = None
            self._volatility.clear()
            return list(self._settle())
        self.log_return = math.log(float(update.close) / before)
        self._volatility.update(self.log_return)
        return [*self._settle(), *self._read_phase()]

    def hold(self, pending: Pending) -> list[Message]:
        """Keep a decided round until its horizon ends; settle it at once if that bar has passed."""
        insort(self._pending, pending, key=_end_bar)
        return list(self._settle())

    def alert(self, severity: float) -> None:
        """Take note of an alert; the worst one counts at the next decision."""
        self.severity = max(self.severity, severity)
        if severity > self._config.alert.severity:
            self._calm = max(self._calm * self._config.alert.factor, self._config.alert.floor)

    def lose_bars(self) -> None:
        """Forget bars, because the ones that follow may not be the next ones."""
        self._window.clear()
        self._volatility.clear()

    def _settle(self) -> list[PerformanceFeedback]:
        """Settle the rounds whose horizon has ended; one whose last bar was never seen is void, and counted."""
        feedback: list[PerformanceFeedback] = []
        while self._pending and self._pending[0].end_bar <= self.bar:
            pending = self._pending.pop(0)
            age = self.bar - pending.end_bar
            if age < len(self._window):
                close = float(self._window.closes[len(self._window) - 1 - age])
                feedback.append(self._learn(pending, close))
            else:
                self.voided += 1
        return feedback

    def _learn(self, pending: Pending, close: float) -> PerformanceFeedback:
        self.settled += 1
        done = settle(pending, close, self.weights, self._board, self.settled)
        self.weights = done.weights
        self._history.observe(done.outcome, done.move)
        self._by_phase[pending.made.phase].observe(done.outcome, done.move)
        return done.feedback

    def _read_phase(self) -> list[PhaseTransition]:
        sigma = self._volatility.sigma
        previous = self.phase
        if sigma is None or self._phase.update(sigma) is previous:
            return []
        reason = f"volatility {sigma:.6g} ranks at {self._phase.rank:.3f} of its recent history"
        return [PhaseTransition(symbol=self.symbol, bar=self.bar, previous=previous, phase=self.phase, reason=reason)]

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "window": self._window.snapshot(),
            "volatility": self._volatility.snapshot(),
            "phase": self._phase.snapshot(),
            "history": self._history.snapshot(),
            "by_phase": {phase.value: history.snapshot() for phase, history in self._by_phase.items()},
            "pending": [list(pending) for pending in self._pending],
            "calm": self._calm,
            **{name: getattr(self, name) for name in _PLAIN},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._window.restore(state["window"])
        self._volatility.restore(state["volatility"])
        self._phase.restore(state["phase"])
        self._history.restore(state["history"])
        for phase, history in self._by_phase.items():
            history.restore(state["by_phase"][phase.value])
        self._pending = [Pending(made, close) for made, close in state["pending"]]
        self._calm = state["calm"]
        for name in _PLAIN:
            setattr(self, name, state[name])


_PLAIN = (
    "weights", "severity", "settled", "voided", "decided_bar", "book_bar", "opened_ns", "previous_ns", "log_return",
    "close", "header",
)  # fmt: skip


def _end_bar(pending: Pending) -> int:
    return pending.end_bar
