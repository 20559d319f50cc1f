"""PADS with seats of several replicas: it asks the owner of the symbol, and another when that one is gone.

Replicas are the same whatever they were asked, because a question changes nothing in them: what the seat told last
comes with the question, and what it will learn from goes with the answer into PADS, and from there with the feedback to
all of them. So who answers changes no answer, and a round may be asked again.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from bus.agent import Report, handles
from bus.keys import Verifier
from bus.messages import DecisionResponse, Heard, Left, Silent
from pads.agent import Pads
from pads.config import PadsConfig
from pads.roster import Roster
from pads.rounds import Round
from portfolio.limits import BookLimits

_NS: Final = 1_000_000_000


class ReplicatedPads(Pads):
    """PADS as ever, but for whom it asks.

    Parameters
    ----------
    replicas
        The processes of each seat that has several.
    """

    def __init__(
        self,
        name: str,
        config: PadsConfig,
        limits: BookLimits,
        verifier: Verifier,
        replicas: Mapping[str, Iterable[str]],
    ) -> None:
        super().__init__(name, config, limits, verifier)
        self._roster = Roster(replicas)
        self._out: dict[str, dict[str, str]] = {}
        self._told: dict[str, dict[str, float]] = {}
        self._asked_again = 0

    @handles(Heard)
    def hear(self, heard: Heard) -> None:
        """Let a replica that is there have its symbols, and ask it what others left unanswered."""
        if self._roster.seat_of(heard.agent) is not None:
            self._roster.hear(heard.agent)
            self._ask_again()

    @handles(Silent)
    def miss(self, silent: Silent) -> None:
        """Give the symbols of a silent replica to others, and ask them what it has not answered."""
        self._lose(silent.agent)

    @handles(Left)
    def part(self, left: Left) -> None:
        """Do the same for one that stops in order."""
        self._lose(left.agent)

    @handles(DecisionResponse)
    def take_response(self, response: DecisionResponse) -> None:
        """Decide once every seat has answered, by whichever replica."""
        sender = self.conversation.sender
        seat = self._roster.seat_of(sender)
        if seat is None:
            super().take_response(response)
            return
        opened = self._chair.rounds.find(response.round_id)
        is_first = opened is not None and seat not in opened.answers
        if not response.is_whole and self._pass_on(seat, sender, response.round_id):
            return
        answered = self._chair.rounds.take(seat, response)
        if opened is not None and is_first and seat in opened.answers:
            opened.evidence[seat] = response.evidence
        if answered is not None:
            self._close(answered)

    def _put(self, opened: Round) -> None:
        for seat in self._chair.board.seats:
            self._ask(opened, seat)
        self._arm()

    def _ask(self, opened: Round, seat: str) -> None:
        """Ask the owner of the round's symbol; what its seat told last comes with the question."""
        request = opened.request
        owner = self._roster.owner(seat, request.symbol)
        if seat in self._roster.seats:
            self._out.setdefault(request.round_id, {})[seat] = owner
            told = self._told.get(request.symbol, {}).get(seat, 0.0)
            request = request.model_copy(update={"told": told})
        self.send(request, to=owner, about=opened.header, ttl_s=(request.deadline_ns - self.now_ns) / _NS)

    def _close(self, closing: Round) -> None:
        request, seats = closing.request, self._roster.seats
        self._out.pop(request.round_id, None)
        told = self._told.setdefault(request.symbol, {})
        told |= {seat: closing.severities[seat] for seat in seats if seat in closing.severities}
        closing.evidence = {seat: closing.evidence.get(seat, b"") for seat in seats}
        super()._close(closing)

    def _lose(self, agent: str) -> None:
        if self._roster.seat_of(agent) is not None:
            self._roster.miss(agent)
            self._ask_again()

    def _ask_again(self) -> None:
        """Put what absent replicas have not answered to those that own it now."""
        for opened in list(self._chair.rounds):
            for seat, asked in list(self._out.get(opened.request.round_id, {}).items()):
                owner = self._roster.owner(seat, opened.request.symbol)
                is_lost = self._roster.is_present(owner) and not self._roster.is_present(asked)
                if is_lost and self._may_ask(opened, seat):
                    self._asked_again += 1
                    self._ask(opened, seat)

    def _pass_on(self, seat: str, replica: str, round_id: str) -> bool:
        """Put a question to another replica because this one is not whole; return whether there is one that is."""
        self._roster.doubt(replica)
        opened = self._chair.rounds.find(round_id)
        if opened is None or not self._may_ask(opened, seat):
            return False
        owner = self._roster.owner(seat, opened.request.symbol)
        if not self._roster.is_whole(owner):
            return False
        self._asked_again += 1
        self._ask(opened, seat)
        return True

    def _may_ask(self, opened: Round, seat: str) -> bool:
        return seat not in opened.answers and opened.request.deadline_ns > self.now_ns

    def report(self) -> Report:
        """Count also replicas that are not there or not whole, and questions asked again."""
        return super().report() | self._roster.report() | {"asked_again": self._asked_again}

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        own = [self._roster.snapshot(), self._out, self._told, self._asked_again]
        return super().snapshot() | {"replicas": own}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        super().restore(state)
        roster, asked, told, self._asked_again = state["replicas"]
        self._roster.restore(roster)
        self._out = {round_id: dict(seats) for round_id, seats in asked.items()}
        self._told = {symbol: dict(seats) for symbol, seats in told.items()}
