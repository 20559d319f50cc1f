"""Rounds, each a state machine keyed by its id: asked, answered seat by seat, closed once.

A round closes when every seat has answered or its deadline has passed; what comes after that is late. Nothing here
knows of clocks or messages sent: the caller says when the deadline has passed.
"""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from bus.message import Header
from bus.messages import DecisionRequest, DecisionResponse, Phase, PortfolioUpdate
from pads.board import ABSENT, Opinion, is_distribution
from pads.care import UNGUARDED, Watch
from pads.room import BOUNDLESS, Room
from pads.style import Style

_REMEMBERED: Final = 256


class Receipt(StrEnum):
    """What became of a response."""

    TAKEN = "taken"
    LATE = "late"
    DUPLICATE = "duplicate"
    STRANGER = "stranger"
    UNKNOWN = "unknown"
    MISMATCHED = "mismatched"
    """Another symbol or bar than the question."""
    MALFORMED = "malformed"
    """A belief that does not sum to 1; it counts as an abstention, though a danger told beside it is heeded."""


@dataclass(slots=True)
class Round:
    """A question put to the seats, and everything its decision will rest on, fixed when it was put.

    ``header`` is that of the conversation it belongs to; ``asker`` is who wants the answer of an asked round, None for
    one opened by a bar; ``opened_ns`` is when the bar opened; ``exceedance`` the probability of a move worse than the
    bar's against the position; ``watch`` is what care leaves of it, ``room`` how large it may be; ``idle`` says why
    nothing may be proposed, empty where it may, and ``awaited`` is another's order that the bar brings. By seat,
    ``answers`` hold the beliefs, ``severities`` the dangers seen and ``suspected`` the phases that the market seems to
    enter; ``evidence`` is what seats of several replicas are to learn from.
    """

    request: DecisionRequest
    header: Header
    book: PortfolioUpdate
    close: Decimal
    opened_ns: int
    asker: str | None = None
    style: Style = Style.BALANCED
    exceedance: float | None = None
    watch: Watch = UNGUARDED
    room: Room = BOUNDLESS
    idle: str = ""
    awaited: str | None = None
    answers: dict[str, Opinion] = field(default_factory=dict)
    severities: dict[str, float] = field(default_factory=dict)
    suspected: dict[str, Phase] = field(default_factory=dict)
    evidence: dict[str, bytes] = field(default_factory=dict)

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        fixed = [self.request, self.header, self.book, self.close, self.opened_ns, self.asker]
        answers = [[seat, *opinion] for seat, opinion in self.answers.items()]
        suspected = {seat: phase.value for seat, phase in self.suspected.items()}
        means = [self.style.value, self.exceedance, list(self.watch), self.room.snapshot(), self.idle, self.awaited]
        return [*fixed, *means, answers, dict(self.severities), suspected, dict(self.evidence)]

    @classmethod
    def restored(cls, state: list[Any]) -> "Round":
        """Return the round that ``snapshot`` gave."""
        *fixed, style, exceedance, watch, room, idle, awaited, answers, severities, suspected, told = state
        heard = {seat: Opinion(*opinion) for seat, *opinion in answers}
        phases = {seat: Phase(phase) for seat, phase in suspected.items()}
        request, header, book, close, opened_ns, asker = fixed
        means = (Style(style), exceedance, Watch(*watch), Room.restored(room), idle, awaited)
        return cls(request, header, book, close, opened_ns, asker, *means, heard, dict(severities), phases, dict(told))


class Rounds:
    """The open rounds, oldest first, and a count of responses by what became of them.

    Parameters
    ----------
    seats
        Names of the agents that are asked.
    quorum
        Beliefs of seats below which a round does not trade.
    """

    def __init__(self, seats: Sequence[str], quorum: int) -> None:
        self.receipts: Counter[str] = Counter()
        self._seats = frozenset(seats)
        self._quorum = quorum
        self._open: dict[str, Round] = {}
        self._closed: deque[str] = deque(maxlen=_REMEMBERED)

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Round]:
        return iter(self._open.values())

    def find(self, round_id: str) -> Round | None:
        """Return an open round, None where there is none of that name."""
        return self._open.get(round_id)

    def open(self, opened: Round) -> None:
        """Begin to wait for answers."""
        self._open[opened.request.round_id] = opened

    def take(self, seat: str, response: DecisionResponse) -> Round | None:
        """Count a response; return its round once every seat has answered."""
        receipt = self._receive(seat, response)
        self.receipts[receipt.value] += 1
        if receipt is not Receipt.TAKEN and receipt is not Receipt.MALFORMED:
            return None
        answered = self._open[response.round_id]
        is_heard = receipt is Receipt.TAKEN and response.belief is not None
        answered.answers[seat] = Opinion(response.belief, response.confidence) if is_heard else ABSENT
        answered.severities[seat] = response.severity
        if response.suspected_phase is not None:
            answered.suspected[seat] = response.suspected_phase
        return answered if len(answered.answers) == len(self._seats) else None

    def close(self, closing: Round) -> None:
        """Take a round out; whatever still comes for it is late."""
        del self._open[closing.request.round_id]
        self._closed.append(closing.request.round_id)

    def overdue(self, now_ns: int) -> list[Round]:
        """Return the rounds whose deadline has passed, oldest first."""
        return [each for each in self if each.request.deadline_ns <= now_ns]

    def next_deadline_ns(self) -> int | None:
        """Return the earliest deadline of an open round."""
        return min([each.request.deadline_ns for each in self._open.values()], default=None)

    def is_quorate(self, closing: Round) -> bool:
        """Tell whether enough seats have a belief for the board to trade."""
        return len([0 for opinion in closing.answers.values() if opinion.belief is not None]) >= self._quorum

    def _receive(self, seat: str, response: DecisionResponse) -> Receipt:
        answered = self._open.get(response.round_id)
        if seat not in self._seats:
            return Receipt.STRANGER
        if answered is None:
            return Receipt.LATE if response.round_id in self._closed else Receipt.UNKNOWN
        if seat in answered.answers:
            return Receipt.DUPLICATE
        if (response.symbol, response.bar) != (answered.request.symbol, answered.request.bar):
            return Receipt.MISMATCHED
        if response.belief is not None and not is_distribution(response.belief):
            return Receipt.MALFORMED
        return Receipt.TAKEN

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "open": [each.snapshot() for each in self],
            "closed": list(self._closed),
            "receipts": dict(self.receipts),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._open = {}
        for each in state["open"]:
            self.open(Round.restored(each))
        self._closed = deque(state["closed"], maxlen=_REMEMBERED)
        self.receipts = Counter(state["receipts"])
