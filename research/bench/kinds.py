"""Kinds and agents that the benches send around."""

import time
from collections.abc import Callable
from typing import Final

from bus.agent import Agent, Answer, handles
from bus.message import Delivery, Message, Overflow, Plane, Priority
from bus.messages import DecisionRequest, DecisionResponse
from bus.messages.decision import Action

AHEAD: Final = 8
"""Windows on their way at once, here and in the floors."""


class Unit(Message, kind="BENCH_UNIT", plane=Plane.DIRECT, delivery=Delivery.DEADLINE, overflow=Overflow.DROP):
    """One small direct message."""

    number: int


class Token(Message, kind="BENCH_TOKEN", plane=Plane.DIRECT, delivery=Delivery.DEADLINE, priority=Priority.HIGH):
    """Receiver to sender: the window up to ``number`` has been handled."""

    number: int


class News(Message, kind="BENCH_NEWS", plane=Plane.BROADCAST, overflow=Overflow.DROP):
    """One small broadcast."""

    number: int


class Begin(Message, kind="BENCH_BEGIN", plane=Plane.DIRECT):
    """Bench to an agent: begin."""

    count: int


class Sink(Agent):
    """Counts units and news, and gives a token back for each full window."""

    def __init__(self, name: str, window: int) -> None:
        super().__init__(name)
        self.window = window

    @handles(Unit)
    def take(self, unit: Unit) -> Answer:
        """Count a unit."""
        return Token(number=unit.number) if unit.number % self.window == 0 else None

    @handles(News)
    def hear(self, news: News) -> Answer:
        """Count a broadcast."""
        if news.number % self.window == 0:
            self.send(Token(number=news.number), to="source")
        return None


class Source(Agent):
    """Sends units, or news, in windows; a token for one window lets the window ``AHEAD`` of it leave."""

    def __init__(self, window: int, *, is_broadcast: bool) -> None:
        super().__init__("source")
        self.window = window
        self.is_broadcast = is_broadcast
        self.count = 0
        self.elapsed_s = 0.0
        self._started = 0.0

    @handles(Begin)
    def begin(self, begin: Begin) -> Answer:
        """Take the order to begin."""
        self.count = begin.count
        self._started = time.perf_counter()
        for window in range(AHEAD):
            self._send(1 + window * self.window)
        return None

    @handles(Token)
    def go_on(self, token: Token) -> Answer:
        """Send the next window."""
        if token.number >= self.count:
            self.elapsed_s = time.perf_counter() - self._started
        else:
            self._send(token.number + 1 + (AHEAD - 1) * self.window)
        return None

    def _send(self, first: int) -> None:
        if first > self.count:
            return
        for number in range(first, first + self.window):
            if self.is_broadcast:
                self.publish(News(number=number))
            else:
                self.send(Unit(number=number), to="sink")


class TrivialSeat(Agent):
    """Answers every request with the prior at once."""

    @handles(DecisionRequest)
    def decide(self, request: DecisionRequest) -> Answer:
        """Answer with the prior."""
        return DecisionResponse(
            round_id=request.round_id, symbol=request.symbol, bar=request.bar, belief=request.prior, confidence=0.5,
            choice=Action.HOLD, expected_return=0.0, reasons=(("prior", 1.0),),
        )  # fmt: skip


class Asker(Agent):
    """Opens one round after another on three seats, as PADS alone may, and notes how long each took."""

    def __init__(self, seats: tuple[str, ...], make: Callable[[int], DecisionRequest]) -> None:
        super().__init__("pads")
        self.seats = seats
        self.make = make
        self.rounds_s: list[float] = []
        self.wanted = 0
        self._answers = 0
        self._opened = 0.0

    @handles(Begin)
    def begin(self, begin: Begin) -> Answer:
        """Take the order to begin."""
        self.wanted = begin.count
        self._open()
        return None

    @handles(DecisionResponse)
    def gather(self, _: DecisionResponse) -> Answer:
        """Close the round when all have answered."""
        self._answers += 1
        if self._answers == len(self.seats):
            self.rounds_s.append(time.perf_counter() - self._opened)
            if len(self.rounds_s) < self.wanted:
                self._open()
        return None

    def _open(self) -> None:
        self._answers = 0
        self._opened = time.perf_counter()
        request = self.make(len(self.rounds_s))
        for seat in self.seats:
            self.send(request, to=seat)
