"""What PADS knows of one instrument: bars, outcomes, the weights of the board, and rounds not settled yet.

A split is no move: prices are kept in the units of the first bar, of which one unit is ``scale`` units of today.
"""

import math
from bisect import insort
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from bus.message import Header, Message
from bus.messages import DecisionMade, MarketUpdate, PerformanceFeedback, Phase, PhaseTransition, PositionLevels
from kernels.pivot import Sign
from market.window import CLOSE, BarWindow
from pads.adaptability import PhaseMemory
from pads.board import Board, Opinion
from pads.care import Care, Holding
from pads.chart import Chart, unified
from pads.closes import LogCloses
from pads.config import SCALES, PadsConfig
from pads.connectedness import Connectedness
from pads.levels import told
from pads.panarchy import Panarchy
from pads.prior import OutcomeHistory, typical_move
from pads.restraint import Restraint
from pads.settlement import Pending, settle
from pads.style import StyleKeeper
from pads.swan import exceedance
from pads.volatility import Volatility, band
from portfolio.limits import RegimeLimits
from portfolio.regime import Regime

_ONE: Final = Decimal(1)


class Instrument:
    """State of one symbol; every change to it comes from that symbol's own bars, books, alerts and rounds.

    All but one: how connected its market is rests on the bars of others, in the order in which they were published.
    ``decided_bar`` and ``book_bar`` are the last bars a decision and a book were seen for; ``opened_ns`` and
    ``previous_ns`` are when the latest bar and the one before it opened, ``header`` is that of the latest bar.
    ``refused`` are the sides on which a gate would not let a position grow; ``idle`` says why nothing may be proposed
    on the first book of ``book_bar``, and ``awaited`` is another's order that came with it.
    """

    def __init__(
        self, symbol: str, config: PadsConfig, board: Board, connectedness: Connectedness, stress: RegimeLimits
    ) -> None:
        self.symbol = symbol
        self._config = config
        self._board = board
        self._connectedness = connectedness
        self._window = BarWindow(config.horizon + 2)
        self._volatility = Volatility(config.volatility_decay, config.volatility_min_returns)
        self._closes = LogCloses(max(config.panarchy.slow + 1, config.swan.window + 2))
        self._history = OutcomeHistory(config.prior_discount, typical_move(config.kappa))
        self._memory = PhaseMemory(config.prior_discount, config.horizon)
        self._pending: list[Pending] = []
        self._calm = 1.0
        self._alarmed: list[str] = []
        self._chart = Chart(config.volatility_decay)
        self.care = Care(config.care)
        self.refused = Restraint()
        self.regime = Regime(stress)
        self.scale = _ONE
        self.panarchy = Panarchy(config.panarchy)
        self.styles = StyleKeeper(config.styles)
        self.weights = list(board.initial_weights)
        self.severity = 0.0
        self.settled = self.voided = self.transitions = 0
        self.decided_bar = self.book_bar = -1
        self.opened_ns = self.previous_ns = 0
        self.log_return: float | None = None
        self.close = Decimal(0)
        self.header: Header | None = None
        self.idle = ""
        self.awaited: str | None = None

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
        """Operating phase as of the latest bar."""
        return self.panarchy.phase

    @property
    def is_calm(self) -> bool:
        """Whether the appetite has recovered from every alert."""
        return self._calm >= 1.0

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
        """Return what outcomes came in this phase before, drawn towards the prior; it abstains where none did."""
        return self._memory.opinion(phase, prior)

    def exceedance(self, position: Decimal) -> float | None:
        """Return the probability of a move worse than the latest one against ``position``, None where unknown."""
        return exceedance(self._closes, position, self._config.swan)

    def take(self, update: MarketUpdate, header: Header) -> list[Message] | None:
        """Take the next bar; return the settlements and the change of phase it brings, or None if it is not new."""
        before = float(self.close * self.scale)
        if update.bar <= self.bar:
            return None
        split = _ONE if update.action is None else update.action.split
        self.scale *= split
        bar = unified(update, self.scale)
        self._window.append(bar)
        self.close, self.header = update.close, header
        self.previous_ns, self.opened_ns = self.opened_ns, update.opened_ns
        self._calm = min(self._calm + self._config.alert.recovery, 1.0)
        is_first = len(self._window) == 1
        row = tuple(self._window.rows[-1].tolist())
        close = row[CLOSE]
        self.log_return = None if is_first else math.log(close / before)
        if is_first:
            self._forget()
        if split != 1:
            self.care.split(split)
        self._chart.take(row)
        self.regime.take(float(update.close), float(split))
        self._closes.append(math.log(close))
        news: list[Message] = list(self._settle())
        if self.log_return is not None:
            self._volatility.update(self.log_return)
            self._connectedness.observe(self.symbol, self.previous_ns, self.opened_ns, self.log_return)
            news += self._read_phase()
        self.styles.update(self.phase)
        return news

    def watch(self, units: Decimal, entry: Decimal, equity: float) -> list[PositionLevels]:
        """Look after the position as of the latest close; return what guards it where that has changed."""
        if not units:
            self.care.release()
            return []
        scale, close = float(self.scale), float(self.close)
        exposure = float(units) * close / equity if equity > 0.0 else math.copysign(1.0, units)
        held = Holding(units, float(entry) * scale, close * scale, exposure)
        if not self.care.look(held, self.bar, self._chart):
            return []
        assert self.care.guard is not None
        return [told(self.symbol, self.bar, self.care.guard, scale)]

    def extent(self, side: Sign) -> float:
        """Return the share of equity up to which a position may grow before its stop could cost too much."""
        return self.care.extent(side, float(self.close * self.scale), self._chart)

    def hold(self, made: DecisionMade, close: Decimal, evidence: Mapping[str, bytes]) -> list[Message]:
        """Keep a decided round until its horizon ends; settle it at once if that bar has passed."""
        price = float(close * self.scale)
        seen = self._memory.seen(made.phase)
        insort(self._pending, Pending(made, price, seen, tuple(evidence.items())), key=_end_bar)
        return list(self._settle())

    def suspect(self, phase: Phase, seats: str) -> PhaseTransition | None:
        """Enter a phase that ``seats`` suspect, if the panarchy bears them out; return the change."""
        previous = self.phase
        return self._enter(previous, f"suspected by {seats}") if self.panarchy.suspect(phase) else None

    def heed(self, severities: Mapping[str, float]) -> None:
        """Take note of the dangers that seats told in their answers: each that becomes severe is an alert."""
        severe = sorted(seat for seat, severity in severities.items() if severity > self._config.alert.severity)
        for seat in severe:
            if seat not in self._alarmed:
                self._upset()
        self._alarmed = severe

    def alert(self, severity: float) -> None:
        """Take note of an alert; the worst one counts at the next decision."""
        self.severity = max(self.severity, severity)
        if severity > self._config.alert.severity:
            self._upset()

    def lose_bars(self) -> None:
        """Forget bars, because the ones that follow may not be the next ones."""
        self._window.clear()
        self._forget()

    def _forget(self) -> None:
        """Forget what rests on bars without a hole."""
        self._volatility.clear()
        self._closes.clear()
        self._chart.clear()
        self.regime.forget()
        self.panarchy.clear()

    def _upset(self) -> None:
        """Lower the appetite, no further than its floor."""
        self._calm = max(self._calm * self._config.alert.factor, self._config.alert.floor)

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
        self._memory.observe(pending.made.phase, done.outcome, pending.seen, pending.made.prior)
        if pending.made.is_quorate:
            self.styles.score(done.feedback.board_log_score - done.feedback.prior_log_score)
        return done.feedback

    def _read_phase(self) -> list[PhaseTransition]:
        previous = self.phase
        common = tuple(self._connectedness.of(self.symbol, scale) for scale in range(len(SCALES)))
        if self.panarchy.update(self._closes, common) is previous:
            return []
        return [self._enter(previous, "read by pads")]

    def _enter(self, previous: Phase, why: str) -> PhaseTransition:
        """Tell of a change of phase; what members earned in the one before counts for less from now on."""
        self.transitions += 1
        self.weights = self._board.renew(self.weights, self._config.reweigh)
        reason = f"{why}; {self.panarchy.explain()}"
        return PhaseTransition(symbol=self.symbol, bar=self.bar, previous=previous, phase=self.phase, reason=reason)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "window": self._window.snapshot(),
            "volatility": self._volatility.snapshot(),
            "closes": self._closes.snapshot(),
            "panarchy": self.panarchy.snapshot(),
            "styles": self.styles.snapshot(),
            "history": self._history.snapshot(),
            "memory": self._memory.snapshot(),
            "pending": [[made, close, list(seen), evidence] for made, close, seen, evidence in self._pending],
            "chart": self._chart.snapshot(),
            "care": self.care.snapshot(),
            "refused": self.refused.snapshot(),
            "regime": self.regime.snapshot(),
            "calm": self._calm,
            "alarmed": list(self._alarmed),
            **{name: getattr(self, name) for name in _PLAIN},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._window.restore(state["window"])
        self._volatility.restore(state["volatility"])
        self._closes.restore(state["closes"])
        self.panarchy.restore(state["panarchy"])
        self.styles.restore(state["styles"])
        self._history.restore(state["history"])
        self._memory.restore(state["memory"])
        self._pending = [Pending(made, at, (k[0], k[1], k[2]), told) for made, at, k, told in state["pending"]]
        self._chart.restore(state["chart"])
        self.care.restore(state["care"])
        self.refused.restore(state["refused"])
        self.regime.restore(state["regime"])
        self._calm, self._alarmed = state["calm"], list(state["alarmed"])
        for name in _PLAIN:
            setattr(self, name, state[name])


_PLAIN = (
    "weights", "severity", "settled", "voided", "transitions", "decided_bar", "book_bar", "opened_ns", "previous_ns",
    "log_return", "close", "header", "scale", "idle", "awaited",
)  # fmt: skip


def _end_bar(pending: Pending) -> int:
    return pending.end_bar
