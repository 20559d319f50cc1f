"""PADS driven by hand: envelopes in, outputs out, and a market, a book and seats that do as they are told."""

import math
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

from bus.message import Envelope, Header, Message, Probabilities
from bus.messages import (
    Action,
    Command,
    DecisionMade,
    DecisionRequest,
    DecisionResponse,
    MarketUpdate,
    OrderProposed,
    OrderRejected,
    Phase,
    PortfolioUpdate,
    PositionView,
    SystemCommand,
    WorkingOrder,
)
from bus.stepper import Stepper
from pads.agent import Pads
from pads.config import PadsConfig
from portfolio.limits import BookLimits
from tests.keys import VERIFIER, ordered

SECOND_NS = 1_000_000_000
M = TypeVar("M", bound=Message)
Beliefs = Mapping[str, tuple[Probabilities | None, float]]

BULLISH: Beliefs = {
    "qbmia": ((0.1, 0.2, 0.7), 0.9),
    "quasar": ((0.15, 0.25, 0.6), 0.8),
    "quantum_amos": ((0.1, 0.3, 0.6), 0.7),
}
BEARISH: Beliefs = {seat: ((p[2], p[1], p[0]), c) for seat, (p, c) in BULLISH.items() if p is not None}
SHORT: Final[Mapping[str, Any]] = {"panarchy": {"fast": 8, "meso": 16, "slow": 32, "min_history": 10}}
"""Scales so short that a phase needs 26 bars and not 120."""
NEUTRAL: Beliefs = dict.fromkeys(BULLISH, ((0.3, 0.4, 0.3), 0.5))


LIMITS: Final = BookLimits.model_validate(
    {
        "position_weight": "0.10",
        "sector_weight": "0.25",
        "gross": "1.5",
        "drawdown": "0.15",
        "drawdown_tiers": [
            {"enter": "0.08", "leave": "0.06", "cut": "0.10"},
            {"enter": "0.12", "leave": "0.10", "cut": "0.25"},
            {"enter": "0.15", "leave": "0.12", "cut": "0.50"},
        ],
        "regime": {"fast": 0.94, "slow": 0.99, "calm": 1.5, "floor": 0.5},
        "sectors": {},
        "lot": "1",
        "lots": {},
    }
)

ROOMY: Final = LIMITS.model_copy(update={"position_weight": Decimal(100)})
"""Limits that no position comes to."""


class Desk:
    """PADS behind its stepper, with a market, a book and seats that do as they are told."""

    def __init__(self, config: PadsConfig | None = None, limits: BookLimits = LIMITS) -> None:
        self.config = config or PadsConfig()
        self.stepper = Stepper(Pads("pads", self.config, limits, VERIFIER))
        self.now_ns = SECOND_NS
        self.version = 0
        self.sent: list[Envelope] = []
        self._ids = 0
        self._bars: dict[str, int] = {}

    def step(self, message: Message, sender: str, *, correlation_id: str | None = None) -> list[Envelope]:
        """Hand PADS one message and return what it says."""
        self._ids += 1
        name = f"{sender}:{self._ids}"
        header = Header(
            name, correlation_id or name, "", message.KIND, sender, None, 0, self.now_ns, 0, int(message.PRIORITY)
        )
        outputs = self.stepper.step(Envelope(header, message), self.now_ns)
        self.sent.extend(outputs)
        return outputs

    def bar(
        self, close: float, symbol: str = "X", bar: int | None = None, opened_ns: int | None = None
    ) -> list[Envelope]:
        """Publish the next bar of a symbol."""
        number = self._bars.get(symbol, -1) + 1 if bar is None else bar
        self._bars[symbol] = number
        return self.step(bar_of(close, symbol, number, opened_ns), "market")

    def book(
        self,
        symbol: str = "X",
        positions: Mapping[str, str] | None = None,
        *,
        equity: str = "100000",
        peak: str | None = None,
        working: Sequence[WorkingOrder] = (),
        bar: int | None = None,
    ) -> list[Envelope]:
        """Publish the book as of the last bar of a symbol."""
        self.version += 1
        number = self._bars[symbol] if bar is None else bar
        book = book_of(self.version, symbol, number, positions or {}, equity, working)
        return self.step(book.model_copy(update={"peak_equity": Decimal(peak or equity)}), "execution")

    def answer(
        self,
        seat: str,
        request: DecisionRequest,
        belief: Probabilities | None,
        confidence: float,
        *,
        suspected: Phase | None = None,
        severity: float = 0.0,
    ) -> list[Envelope]:
        """Answer as a seat."""
        return self.step(response_of(request, belief, confidence, suspected=suspected, severity=severity), seat)

    def round(
        self,
        close: float,
        beliefs: Beliefs | None,
        symbol: str = "X",
        positions: Mapping[str, str] | None = None,
        *,
        opened_ns: int | None = None,
        working: Sequence[WorkingOrder] = (),
        equity: str = "100000",
        peak: str | None = None,
        suspected: Mapping[str, Phase] | None = None,
        severities: Mapping[str, float] | None = None,
    ) -> list[Envelope]:
        """Play one whole bar; return everything PADS said. Without beliefs every seat believes the prior."""
        outputs = self.bar(close, symbol, opened_ns=opened_ns)
        outputs += self.book(symbol, positions, working=working, equity=equity, peak=peak)
        for envelope in of(outputs, DecisionRequest):
            seat = envelope.header.recipient or ""
            assert isinstance(envelope.message, DecisionRequest)
            said = (envelope.message.prior, 0.5) if beliefs is None else beliefs.get(seat)
            if said is not None:
                phase, severity = (suspected or {}).get(seat), (severities or {}).get(seat, 0.0)
                outputs += self.answer(seat, envelope.message, *said, suspected=phase, severity=severity)
        return outputs

    def ask(self, symbol: str | None = "X", asker: str = "cli") -> list[Envelope]:
        """Ask the board now."""
        return self.command(SystemCommand(command=Command.ASK, symbol=symbol), asker)

    def command(self, command: SystemCommand, operator: str = "cli") -> list[Envelope]:
        """Hand PADS an operator's command, signed now."""
        return self.step(ordered(command, "pads", self.now_ns, f"n{self._ids}"), operator)

    def reject(self, outputs: Sequence[Envelope]) -> list[Envelope]:
        """Refuse the orders among outputs, as risk would; return what PADS says to it."""
        said: list[Envelope] = []
        for proposed in messages(outputs, OrderProposed):
            said += self.step(OrderRejected(order=proposed.order, rejected_by="risk", reason="no", verdicts=()), "risk")
        return said

    def pass_time(self, seconds: float) -> list[Envelope]:
        """Let time pass and fire what is due."""
        until = self.now_ns + round(seconds * SECOND_NS)
        outputs: list[Envelope] = []
        while (timer := self.stepper.next_timer()) is not None and timer[0] <= until:
            self.now_ns = max(timer[0], self.now_ns)
            outputs += self.stepper.fire(timer[1], self.now_ns)
        self.now_ns = until
        self.sent.extend(outputs)
        return outputs

    def warm_up(self, bars: int = 25, symbol: str = "X", beliefs: Beliefs = NEUTRAL, scale: float = 0.01) -> float:
        """Play bars of mild alternating moves until the volatility is defined; return the last close."""
        close = 100.0
        for number in range(bars):
            close *= math.exp(scale if number % 2 else -scale)
            self.reject(self.round(close, beliefs, symbol))
        return close


def of(outputs: Sequence[Envelope], kind: type[Message]) -> list[Envelope]:
    """Return the outputs of one kind."""
    return [envelope for envelope in outputs if type(envelope.message) is kind]


def messages(outputs: Sequence[Envelope], kind: type[M]) -> list[M]:
    """Return the messages of one kind among outputs."""
    return [envelope.message for envelope in outputs if isinstance(envelope.message, kind)]


def only(outputs: Sequence[Envelope], kind: type[M]) -> M:
    """Return the one message of a kind among outputs."""
    found = messages(outputs, kind)
    assert len(found) == 1, [envelope.header.kind for envelope in outputs]
    return found[0]


def decision(outputs: Sequence[Envelope]) -> DecisionMade:
    """Return the one decision among outputs."""
    return only(outputs, DecisionMade)


def bar_of(close: float, symbol: str, bar: int, opened_ns: int | None = None) -> MarketUpdate:
    price = Decimal(repr(close))
    opened = bar * 86_400 * SECOND_NS if opened_ns is None else opened_ns
    return MarketUpdate(
        symbol=symbol, bar=bar, opened_ns=opened, open=price, high=price, low=price, close=price, volume=Decimal(1)
    )


def book_of(
    version: int, symbol: str, bar: int, positions: Mapping[str, str], equity: str, working: Sequence[WorkingOrder] = ()
) -> PortfolioUpdate:
    held = tuple(
        PositionView(symbol=name, quantity=Decimal(units), average_price=Decimal(100), last_price=Decimal(100))
        for name, units in positions.items()
    )
    return PortfolioUpdate(
        version=version,
        symbol=symbol,
        bar=bar,
        cash=Decimal(equity),
        equity=Decimal(equity),
        peak_equity=Decimal(equity),
        realized=Decimal(0),
        fees=Decimal(0),
        positions=held,
        working=tuple(working),
    )


def response_of(
    request: DecisionRequest,
    belief: Probabilities | None,
    confidence: float,
    *,
    suspected: Phase | None = None,
    severity: float = 0.0,
) -> DecisionResponse:
    return DecisionResponse(
        round_id=request.round_id,
        symbol=request.symbol,
        bar=request.bar,
        belief=belief,
        confidence=confidence,
        choice=Action.HOLD,
        expected_return=0.0,
        reasons=(),
        suspected_phase=suspected,
        severity=severity,
    )


def drifting(bars: int, seed: int = 1, close: float = 100.0, drift: float = 0.001, scale: float = 0.005) -> list[float]:
    """Return closes of a mild random walk."""
    generator = random.Random(seed)
    closes = []
    for _ in range(bars):
        close *= math.exp(generator.gauss(drift, scale))
        closes.append(close)
    return closes


def crash(close: float, bars: int = 3) -> list[float]:
    """Return closes that fall, faster with each bar."""
    return [close * math.exp(-sum(0.03 + 0.002 * k for k in range(n + 1))) for n in range(bars)]


def random_beliefs(generator: random.Random) -> Beliefs:
    """Return a belief and a confidence for each seat, now and then an abstention."""
    beliefs: dict[str, tuple[Probabilities | None, float]] = {}
    for seat in BULLISH:
        weights = [generator.random() + 0.05 for _ in range(3)]
        total = sum(weights)
        belief = (weights[0] / total, weights[1] / total, weights[2] / total)
        beliefs[seat] = (None if generator.random() < 0.05 else belief, generator.random())
    return beliefs
