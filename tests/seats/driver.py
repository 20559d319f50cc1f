"""A PADS small enough to read: it shows a seat bars, opens a round at each, and settles it at the horizon."""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np

from bus.agent import Agent
from bus.message import Envelope, Header, Message, Probabilities
from bus.messages import DecisionRequest, DecisionResponse, MarketUpdate, Outcome, PerformanceFeedback, Phase
from bus.stepper import Stepper
from kernels.arrays import Floats
from market.belief import OUTCOMES, log_score
from market.seat import Seat, SeatConfig
from qbmia.agent import Qbmia
from qbmia.config import QbmiaConfig
from quantum_amos.agent import QuantumAmos
from quantum_amos.config import QuantumAmosConfig
from quasar.agent import Quasar
from quasar.config import QuasarConfig

SYMBOL: Final = "SPX"
_KAPPA: Final = 0.5
_DECAY: Final = 0.94

SEATS: Final[dict[str, tuple[Callable[..., Seat], type[SeatConfig]]]] = {
    "qbmia": (Qbmia, QbmiaConfig),
    "quasar": (Quasar, QuasarConfig),
    "quantum_amos": (QuantumAmos, QuantumAmosConfig),
}


def make(name: str, **parameters: object) -> Seat:
    """Build a seat from its defaults and ``parameters``."""
    seat, config = SEATS[name]
    return seat(config.model_validate(parameters))


def envelope(message: Message, number: int, sender: str = "pads") -> Envelope:
    """Put a message into an envelope as a runtime would."""
    header = Header(f"{sender}:{number}", f"{sender}:{number}", "", message.KIND, sender, None, 0, 0, 0, 2)
    return Envelope(header, message)


def bar(number: int, row: Sequence[float] | Floats, symbol: str = SYMBOL) -> MarketUpdate:
    """Make a closed bar of (open, high, low, close, volume)."""
    opened, high, low, close, volume = (Decimal(repr(float(x))) for x in row)
    return MarketUpdate(
        symbol=symbol, bar=number, opened_ns=number, open=opened, high=high, low=low, close=close, volume=volume
    )


def request(
    number: int,
    *,
    prior: Probabilities = (0.3, 0.4, 0.3),
    settled: int = 0,
    horizon: int = 1,
    band: float = 0.005,
    position: Decimal = Decimal(0),
    entry_price: Decimal = Decimal(0),
    exposure: float = 0.0,
    drawdown: float = 0.0,
    phase: Phase = Phase.GROWTH,
    symbol: str = SYMBOL,
) -> DecisionRequest:
    """Ask about a symbol as of bar ``number``."""
    return DecisionRequest(
        round_id=f"{symbol}-{number}",
        symbol=symbol,
        bar=number,
        horizon=horizon,
        band=band,
        prior=prior,
        position=position,
        entry_price=entry_price,
        exposure=exposure,
        drawdown=drawdown,
        phase=phase,
        appetite=0.7,
        settled=settled,
        deadline_ns=3_000_000_000,
    )


def feedback(
    round_bar: int, settled_bar: int, settled: int, realized_return: float, band: float, symbol: str = SYMBOL
) -> PerformanceFeedback:
    """Settle the round of ``round_bar``."""
    outcome = Outcome.UP if realized_return > band else Outcome.DOWN if realized_return < -band else Outcome.FLAT
    return PerformanceFeedback(
        decision_id=f"{symbol}-{round_bar}",
        symbol=symbol,
        bar=settled_bar,
        settled=settled,
        outcome=outcome,
        realized_return=realized_return,
        scores=(),
        prior_log_score=math.log(0.4),
        board_log_score=math.log(0.4),
        identity_error=0.0,
    )


class Played(NamedTuple):
    """A settled round: the question, the answer, and what happened."""

    request: DecisionRequest
    response: DecisionResponse
    outcome: Outcome

    @property
    def gain(self) -> float | None:
        """Log score of the seat above the prior's, in nats; None where it abstained."""
        if self.response.belief is None:
            return None
        return log_score(self.response.belief, self.outcome) - log_score(self.request.prior, self.outcome)


class Table:
    """One seat at a table with one symbol; ``play`` shows it a bar and returns its answer."""

    def __init__(self, seat: Agent, *, horizon: int = 1, symbol: str = SYMBOL) -> None:
        self.stepper = Stepper(seat)
        self.played: list[Played] = []
        self._horizon = horizon
        self._symbol = symbol
        self._closes: list[float] = []
        self._open: list[tuple[DecisionRequest, DecisionResponse]] = []
        self._counts = [1.0, 1.0, 1.0]
        self._variance = 0.0
        self._number = 0

    def hand(self, message: Message, sender: str = "pads") -> list[Message]:
        """Hand the seat one message and return what it says."""
        self._number += 1
        return [each.message for each in self.stepper.step(envelope(message, self._number, sender), self._number)]

    def play(self, row: Sequence[float] | Floats, **asked: object) -> DecisionResponse:
        """Show a bar, settle what is due, ask, and return the answer."""
        number = len(self._closes)
        self._closes.append(float(row[3]))
        if number > 0:
            move = math.log(self._closes[-1] / self._closes[-2])
            self._variance = move * move if number == 1 else _DECAY * self._variance + (1 - _DECAY) * move * move
        self.hand(bar(number, row, self._symbol), "market")
        self._settle(number)
        question = self._question(number).model_copy(update=asked)
        answers = [each for each in self.hand(question) if isinstance(each, DecisionResponse)]
        assert len(answers) == 1
        self._open.append((question, answers[0]))
        return answers[0]

    def _question(self, number: int) -> DecisionRequest:
        total = (self._counts[0] + self._counts[2]) + self._counts[1]
        prior = (self._counts[0] / total, self._counts[1] / total, self._counts[2] / total)
        band = max(_KAPPA * math.sqrt(self._variance * self._horizon), 1e-6)
        return request(
            number, prior=prior, settled=len(self.played), horizon=self._horizon, band=band, symbol=self._symbol
        )

    def _settle(self, number: int) -> None:
        while self._open and self._open[0][0].bar + self._horizon <= number:
            question, response = self._open.pop(0)
            realized = math.log(self._closes[number]) - math.log(self._closes[question.bar])
            message = feedback(question.bar, number, len(self.played) + 1, realized, question.band, self._symbol)
            self.played.append(Played(question, response, message.outcome))
            self._counts[OUTCOMES.index(message.outcome)] += 1.0
            self.hand(message)


def walk(seed: int, bars: int, *, sigma: float = 0.01, persistence: float = 0.0) -> Floats:
    """Make seeded bars whose log returns are AR(1) with the given persistence, shape (bars, 5)."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0.0, sigma, bars)
    moves = np.empty(bars)
    moves[0] = noise[0]
    for t in range(1, bars):
        moves[t] = persistence * moves[t - 1] + noise[t]
    closes = 100.0 * np.exp(np.cumsum(moves))
    opens = np.concatenate(([100.0], closes[:-1]))
    spread = np.abs(rng.normal(0.0, sigma / 2, (2, bars)))
    highs = np.maximum(opens, closes) * np.exp(spread[0])
    lows = np.minimum(opens, closes) * np.exp(-spread[1])
    return np.column_stack([opens, highs, lows, closes, rng.integers(1_000, 9_000, bars).astype(float)])


def mirrored(rows: Floats) -> Floats:
    """Turn every log price into its negative: 1/p, high and low swapped."""
    flipped = rows.copy()
    flipped[:, :4] = 1.0 / rows[:, [0, 2, 1, 3]]
    return flipped
