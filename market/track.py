"""What a seat keeps of one symbol, and the view that it gives of it."""

from typing import Any, NamedTuple

from bus.errors import CodecError, Invalid
from bus.message import Probabilities
from bus.messages import MOST_EVIDENCE, Action, DecisionRequest, PerformanceFeedback, Phase
from bus.plain import pack, unpack
from market.belief import MoveSizes
from market.window import BarWindow


class View(NamedTuple):
    """What a seat believes: probabilities of (down, flat, up) summing to 1, or None to abstain.

    ``reasons`` are (factor, contribution), for people; ``evidence`` is plain data (numbers, tuples, arrays) that
    ``learn`` gets back when the round settles. ``suspected`` is a phase the market seems to enter, ``severity`` that
    of a danger in the market itself. ``choice`` is the seat's own among the seven actions, None to leave it to the
    rule of ``market.choice``.
    """

    belief: Probabilities | None
    confidence: float
    reasons: tuple[tuple[str, float], ...]
    evidence: Any = None
    suspected: Phase | None = None
    severity: float = 0.0
    choice: Action | None = None


class Round(NamedTuple):
    """A question that was answered and has not settled yet."""

    request: DecisionRequest
    view: View


def evidence_of(request: DecisionRequest, view: View) -> bytes:
    """Return what every replica of a seat must know to learn from a round that one of them answered.

    The reasons are for people and stay out of it.

    Raises
    ------
    Invalid
        More than a message has room for.
    """
    fields = request.__dict__ | {"phase": request.phase.value}  # an enum would cost more than all the rest
    packed = pack([fields, view.belief, view.confidence, view.evidence])
    if len(packed) > MOST_EVIDENCE:
        raise Invalid(f"evidence of {request.round_id} has {len(packed)} bytes, the bound is {MOST_EVIDENCE}")
    return packed


def abstain(reason: str) -> View:
    """Return the view of a seat that has nothing to say, and why."""
    return View(None, 0.0, ((reason, 1.0),))


class Track:
    """What the chassis keeps of one symbol: bars, open rounds, sizes of moves, and the record against the prior."""

    def __init__(self, window_bars: int) -> None:
        self.window = BarWindow(window_bars)
        self.settled = 0
        self.rounds: dict[str, Round] = {}
        self.sizes = MoveSizes()
        self.advantage = 0.0
        self.is_alarmed = False
        self.has_lost_bars = False
        self.has_lost_feedback = False
        self.is_whole = True

    def open(self, request: DecisionRequest, view: View) -> None:
        """Keep an answered question until it settles."""
        self.rounds[request.round_id] = Round(
            request, View(view.belief, view.confidence, view.reasons, view.evidence, None, view.severity)
        )

    def settle(self, feedback: PerformanceFeedback, seat: str) -> Round | None:
        """Return the round that settled: the one kept here, or what a replica of ``seat`` told when it answered.

        Raises
        ------
        Invalid
            What came back is not what a replica tells.
        """
        self.is_whole = self.is_whole and feedback.settled == self.settled + 1
        self.settled = max(self.settled, feedback.settled)
        self.has_lost_feedback = False
        settled = self.close(feedback)
        for name, told in feedback.evidence:
            if name == seat:
                return self._told(told, feedback) if told else None
        return settled

    def _told(self, told: bytes, feedback: PerformanceFeedback) -> Round:
        """Return the round that a replica told of; without it this one is no longer like the others."""
        try:
            fields, belief, confidence, evidence = unpack(told)
            request = DecisionRequest.model_validate(fields)
        except (CodecError, ValueError, TypeError) as error:
            self.is_whole = False
            reason = " ".join(str(error).split())
            raise Invalid(f"evidence of {feedback.decision_id}: {reason}; do all replicas run one version?") from None
        if request.round_id != feedback.decision_id:
            self.is_whole = False
            raise Invalid(f"evidence of {feedback.decision_id} is that of {request.round_id}")
        return Round(request, View(belief, confidence, (), evidence))

    def close(self, feedback: PerformanceFeedback) -> Round | None:
        """Take out the round that settled, and older ones whose feedback never came."""
        settled = self.rounds.pop(feedback.decision_id, None)
        while self.rounds:
            key, oldest = next(iter(self.rounds.items()))
            if oldest.request.bar + oldest.request.horizon >= feedback.bar:
                break
            del self.rounds[key]
        return settled

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "window": self.window.snapshot(),
            "settled": self.settled,
            "rounds": [[request, *view] for request, view in self.rounds.values()],
            "sizes": self.sizes.snapshot(),
            "advantage": self.advantage,
            "is_alarmed": self.is_alarmed,
            "has_lost_bars": self.has_lost_bars,
            "has_lost_feedback": self.has_lost_feedback,
            "is_whole": self.is_whole,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.window.restore(state["window"])
        self.settled = state["settled"]
        self.rounds = {request.round_id: Round(request, View(*view)) for request, *view in state["rounds"]}
        self.sizes.restore(state["sizes"])
        self.advantage = state["advantage"]
        self.is_alarmed = state["is_alarmed"]
        self.has_lost_bars = state["has_lost_bars"]
        self.has_lost_feedback = state["has_lost_feedback"]
        self.is_whole = state["is_whole"]
