"""What one run said, as arrays: the settled rounds in market time, the weights at the end, the firm's equity."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from bus.message import Envelope
from bus.messages import DataReport, DecisionMade, MarketUpdate, PerformanceFeedback, PortfolioUpdate
from kernels.arrays import Floats, Ints
from market.belief import OUTCOMES
from ops.curve import Curve, curve, since

_UNKNOWN: Final = -1


@dataclass(frozen=True)
class Tape:
    """A run, n settled rounds of m members; the market maker is the last member.

    Rounds are in the order in which their settling bars opened, then by symbol. Probabilities are over (down, flat,
    up); a member without a belief has NaN.

    Attributes
    ----------
    rounds
        Ids of the settled rounds, n.
    outcomes
        Index of what happened, shape (n,).
    prior, price
        Before and after the trade, shape (n, 3).
    beliefs
        Shape (n, m, 3).
    profits
        In the board's own currency, shape (n, m).
    weights
        Of each member at the end, the mean over symbols, m.
    equity
        Of the firm, from the first decision's bar on.
    """

    sources: tuple[str, ...]
    symbols: tuple[str, ...]
    members: tuple[str, ...]
    decided: int
    quorate: int
    horizon: int
    rounds: tuple[str, ...]
    outcomes: Ints
    prior: Floats
    price: Floats
    beliefs: Floats
    profits: Floats
    weights: tuple[float, ...]
    equity: Curve

    @property
    def log_scores(self) -> Floats:
        """Log score of the board, in nats, shape (n,)."""
        return self._scored(self.price)

    @property
    def excess(self) -> Floats:
        """Log score of the board less the prior's, in nats, shape (n,)."""
        return self.log_scores - self._scored(self.prior)

    def member_excess(self, member: int) -> Floats:
        """Log score of a member less the prior's in the rounds in which it had a belief, in nats."""
        excess = self._scored(self.beliefs[:, member]) - self._scored(self.prior)
        return excess[~np.isnan(excess)]

    def _scored(self, probabilities: Floats) -> Floats:
        return np.log(probabilities[np.arange(len(self.outcomes)), self.outcomes])


class _Settled(NamedTuple):
    at: tuple[int, str, int]
    made: DecisionMade
    feedback: PerformanceFeedback


class Listener:
    """Hears every message of a run and keeps what a tape needs."""

    def __init__(self) -> None:
        self._opened_ns: dict[tuple[str, int], int] = {}
        self._sources: dict[str, str] = {}
        self._waiting: dict[str, DecisionMade] = {}
        self._settled: list[_Settled] = []
        self._weights: dict[str, tuple[float, ...]] = {}
        self._equity: list[tuple[int, int, float]] = []
        self._symbols: set[str] = set()
        self._first_ns: int | None = None
        self._decided = self._quorate = 0

    def hear(self, envelope: Envelope) -> None:
        """Take note of a message."""
        match envelope.message:
            case MarketUpdate() as update:
                self._opened_ns[update.symbol, update.bar] = update.opened_ns
            case DecisionMade() as made:
                self._decide(made)
            case PerformanceFeedback() as feedback:
                self._settle(feedback)
            case PortfolioUpdate() as book if book.bar >= 0:
                self._equity.append((self._time(book.symbol, book.bar), book.version, float(book.equity)))
            case DataReport() as report:
                self._sources[report.symbol] = report.source

    def tape(self) -> Tape:
        """Return what was heard so far."""
        settled = sorted(self._settled, key=lambda each: each.at)
        views = [each.made.members for each in settled]
        count, members = len(settled), tuple(view.member for view in views[0]) if views else ()
        beliefs = np.array(
            [[view.belief or (np.nan,) * 3 for view in row] for row in views], dtype=np.float64
        ).reshape(count, len(members), 3)  # fmt: skip
        profits = [[score.profit for score in each.feedback.scores] for each in settled]
        weights = np.array(list(self._weights.values()), dtype=np.float64)
        points = [(at_ns, equity) for at_ns, _, equity in sorted(self._equity)]
        return Tape(
            sources=tuple(dict.fromkeys(source for _, source in sorted(self._sources.items()))),
            symbols=tuple(sorted(self._symbols)),
            members=members,
            decided=self._decided,
            quorate=self._quorate,
            horizon=max((each.made.horizon for each in settled), default=1),
            rounds=tuple(each.made.decision_id for each in settled),
            outcomes=np.array([OUTCOMES.index(each.feedback.outcome) for each in settled], dtype=np.int64),
            prior=np.array([each.made.prior for each in settled], dtype=np.float64).reshape(count, 3),
            price=np.array([each.made.price for each in settled], dtype=np.float64).reshape(count, 3),
            beliefs=beliefs,
            profits=np.array(profits, dtype=np.float64).reshape(count, len(members)),
            weights=tuple(weights.mean(axis=0).tolist()) if len(weights) else (),
            equity=since(curve(points), self._first_ns or 0),
        )

    def _decide(self, made: DecisionMade) -> None:
        self._decided += 1
        self._quorate += made.is_quorate
        self._symbols.add(made.symbol)
        self._waiting[made.decision_id] = made
        at_ns = self._time(made.symbol, made.bar)
        self._first_ns = at_ns if self._first_ns is None else min(self._first_ns, at_ns)

    def _settle(self, feedback: PerformanceFeedback) -> None:
        made = self._waiting.pop(feedback.decision_id)
        at = (self._time(feedback.symbol, feedback.bar), feedback.symbol, feedback.settled)
        self._settled.append(_Settled(at, made, feedback))
        self._weights[feedback.symbol] = tuple(score.weight for score in feedback.scores)

    def _time(self, symbol: str, bar: int) -> int:
        return self._opened_ns.get((symbol, bar), _UNKNOWN)
