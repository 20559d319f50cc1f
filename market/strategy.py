"""What a seat is made of: strategies, each with a belief of its own, and the panel that weighs them by their scores.

A strategy is the state of one symbol. It hears every bar, is asked for a vote, and learns what its vote came to::

    class Follower:
        '''Leans with the last return.'''

        def take(self, row: Floats) -> None: ...
        def clear(self) -> None: ...
        def vote(self, scene: Scene) -> Vote:
            lean = 0.1 * scene.reading.features[0]
            return Vote(tilt(scene.request.prior, lean), 0.5, (("return", lean),))
        def learn(self, settled: DecisionRequest, vote: Vote, feedback: PerformanceFeedback) -> None: ...
        def snapshot(self) -> dict[str, Any]: ...
        def restore(self, state: dict[str, Any]) -> None: ...
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from bus.message import Probabilities
from bus.messages import DecisionRequest, PerformanceFeedback, Phase
from kernels.arrays import Floats
from market.belief import OUTCOMES, SCORE_FLOOR
from market.factors import Reading
from market.fixed_share import fixed_share

Reasons = tuple[tuple[str, float], ...]


class Scene(NamedTuple):
    """What a strategy may look at: the question, the window of bars (``market.window``), and the factors of its end.

    ``rows`` has shape (n, 5) and is valid for this call only.
    """

    request: DecisionRequest
    rows: Floats
    reading: Reading


class Vote(NamedTuple):
    """What a strategy believes of (down, flat, up), or None to abstain, and how far it may be trusted, in [0, 1].

    ``evidence`` is plain data that ``learn`` gets back. ``suspected`` is a phase the market seems to enter;
    ``severity`` that of a danger in the market itself.
    """

    belief: Probabilities | None
    confidence: float
    reasons: Reasons = ()
    evidence: Any = None
    suspected: Phase | None = None
    severity: float = 0.0


ABSTENTION = Vote(None, 0.0)


class Strategy(Protocol):
    """One symbol's share of a strategy; everything it knows is in its state."""

    def take(self, row: Floats) -> None:
        """Hear a closed bar, columns as in ``market.window``; ``row`` is valid for this call only."""

    def clear(self) -> None:
        """Forget the bars heard so far, because the next one does not follow them; what was learned stays."""

    def vote(self, scene: Scene) -> Vote:
        """Say what is believed; called at any bar, as often as someone asks, and changes nothing."""

    def learn(self, settled: DecisionRequest, vote: Vote, feedback: PerformanceFeedback) -> None:
        """Take note of what a vote with a belief came to."""

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""


class Pooled(NamedTuple):
    """What a panel believes, None below its quorum; ``votes`` go back to ``Panel.learn``."""

    belief: Probabilities | None
    reasons: Reasons
    votes: tuple[Vote, ...]
    suspected: Phase | None
    severity: float


class _FullNames(dict[str, str]):
    """Reasons of one strategy to their names in the panel's, made when first met."""

    def __init__(self, strategy: str) -> None:
        super().__init__()
        self._strategy = strategy

    def __missing__(self, reason: str) -> str:
        full = self[reason] = f"{self._strategy}.{reason}"
        return full


class Panel:
    """The strategies of one symbol and the weights they have earned.

    A vote counts as c p + (1 - c) pi: what the strategy does not trust of its own belief p stays with the prior pi.
    The panel believes the mixture sum_i w_i (c_i p_i + (1 - c_i) pi) over those that vote, their weights scaled to sum
    to 1, and pays with fixed-share Hedge on the same tempered votes, so confidence is scored too.

    Parameters
    ----------
    strategies
        By name; the order is that of every sum.
    weights
        Initial weights, positive, of any sum.
    alpha
        Share of weight that returns to its initial place when a round settles.
    quorum
        Votes with a belief below which the panel has none.
    """

    def __init__(
        self, strategies: Mapping[str, Strategy], weights: Mapping[str, float], alpha: float, quorum: int
    ) -> None:
        self.names = tuple(strategies)
        self._strategies = tuple(strategies.values())
        total = sum(weights[name] for name in self.names)
        self._initial = [weights[name] / total for name in self.names]
        self._alpha = alpha
        self._quorum = quorum
        self._weight_names = tuple(f"{name}.weight" for name in self.names)
        self._full_names = tuple(_FullNames(name) for name in self.names)
        self.weights = list(self._initial)

    def take(self, row: Floats) -> None:
        """Let every strategy hear a bar."""
        for strategy in self._strategies:
            strategy.take(row)

    def clear(self) -> None:
        """Let every strategy forget its bars."""
        for strategy in self._strategies:
            strategy.clear()

    def vote(self, scene: Scene) -> Pooled:
        """Ask every strategy and pool what they say."""
        votes = tuple([strategy.vote(scene) for strategy in self._strategies])
        suspected, severity = None, 0.0
        voting, held = 0, 0.0
        for vote, weight in zip(votes, self.weights, strict=True):
            suspected = suspected or vote.suspected
            severity = max(severity, vote.severity)
            if vote.belief is not None:
                voting, held = voting + 1, held + weight
        if voting < self._quorum or not held > 0.0:
            reasons = [("strategies voting", float(voting)), *self._named(votes)]
            return Pooled(None, tuple(reasons), votes, suspected, severity)
        belief, leans = self._mixture(votes, held, scene.request.prior)
        return Pooled(belief, tuple(leans + self._named(votes)), votes, suspected, severity)

    def _mixture(
        self, votes: tuple[Vote, ...], held: float, prior: Probabilities
    ) -> tuple[Probabilities, list[tuple[str, float]]]:
        """Return the mixture of the votes with a belief, and what each adds to p_up - p_down beside its weight."""
        down = flat = up = moved = 0.0
        tilt = prior[2] - prior[0]
        leans: list[tuple[str, float]] = []
        for name, weight_name, weight, vote in zip(self.names, self._weight_names, self.weights, votes, strict=True):
            belief = vote.belief
            if belief is None:
                continue
            trusted = weight / held * vote.confidence
            down += trusted * belief[0]
            flat += trusted * belief[1]
            up += trusted * belief[2]
            moved += trusted
            leans.append((name, trusted * ((belief[2] - belief[0]) - tilt)))
            leans.append((weight_name, weight))
        if not moved > 0.0:
            return prior, leans
        own = max(1.0 - moved, 0.0)
        down, flat, up = down + own * prior[0], flat + own * prior[1], up + own * prior[2]
        total = (down + up) + flat
        return (down / total, flat / total, up / total), leans

    def learn(self, settled: DecisionRequest, votes: tuple[Vote, ...], feedback: PerformanceFeedback) -> None:
        """Pay the strategies for their votes, and let each learn from its own."""
        k = OUTCOMES.index(feedback.outcome)
        self.weights = fixed_share(
            self.weights, self._initial, [_likelihood(vote, settled.prior, k) for vote in votes], self._alpha
        )
        for strategy, vote in zip(self._strategies, votes, strict=True):
            if vote.belief is not None:
                strategy.learn(settled, vote, feedback)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        parts = zip(self.names, self._strategies, strict=True)
        return {"weights": list(self.weights), "strategies": {name: each.snapshot() for name, each in parts}}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.weights = list(state["weights"])
        for name, strategy in zip(self.names, self._strategies, strict=True):
            strategy.restore(state["strategies"][name])

    def _named(self, votes: tuple[Vote, ...]) -> list[tuple[str, float]]:
        """Return every strategy's own reasons under its name."""
        full = self._full_names
        return [
            (named[reason], value) for named, vote in zip(full, votes, strict=True) for reason, value in vote.reasons
        ]


def _likelihood(vote: Vote, prior: Probabilities, k: int) -> float | None:
    """Return the probability that a tempered vote gave to outcome ``k``, None without one."""
    if vote.belief is None:
        return None
    return max(vote.confidence * vote.belief[k] + (1.0 - vote.confidence) * prior[k], SCORE_FLOOR)
