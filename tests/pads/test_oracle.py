"""Who knows earns weight, who guesses loses it, and who peeks is caught; on the simulated bus, with the real PADS."""

import math
import random
from collections.abc import Callable, Sequence
from typing import Final

import pytest

from bus.agent import Agent, handles
from bus.message import Message, Probabilities
from bus.messages import Action, DecisionMade, DecisionRequest, DecisionResponse, PerformanceFeedback, Score
from bus.simulation import Simulation
from pads.agent import Pads
from pads.config import PadsConfig
from pads.prior import outcome_of
from tests.keys import VERIFIER
from tests.pads.desk import LIMITS, bar_of, book_of, drifting

ROUNDS: Final = 200
HORIZON: Final = 5
FIRST: Final = 20
"""Bar of the first round: PADS knows no volatility before."""
Belief = Callable[[DecisionRequest], Probabilities]


class Planted(Agent):
    """A seat whose belief is what a test wants it to be."""

    def __init__(self, name: str, believe: Belief) -> None:
        super().__init__(name)
        self._believe = believe

    @handles(DecisionRequest)
    def decide(self, request: DecisionRequest) -> DecisionResponse:
        """Answer at once."""
        return DecisionResponse(
            round_id=request.round_id, symbol=request.symbol, bar=request.bar, belief=self._believe(request),
            confidence=0.8, choice=Action.HOLD, expected_return=0.0, reasons=(),
        )  # fmt: skip


def oracle(closes: Sequence[float], accuracy: float, seed: int) -> Belief:
    """Know the outcome with a probability, and say honestly with which; the errors are spread evenly."""
    generator = random.Random(seed)

    def believe(request: DecisionRequest) -> Probabilities:
        move = math.log(closes[request.bar + request.horizon] / closes[request.bar])
        outcome = outcome_of(move, request.band)
        if generator.random() >= accuracy:
            outcome = (outcome + generator.choice([1, 2])) % 3
        rest = (1.0 - accuracy) / 2.0
        said = [rest, rest, rest]
        said[outcome] = accuracy
        return said[0], said[1], said[2]

    return believe


def noise(seed: int) -> Belief:
    """Believe anything."""
    generator = random.Random(seed)

    def believe(request: DecisionRequest) -> Probabilities:
        weights = [generator.random() + 0.05 for _ in range(3)]
        total = math.fsum(weights)
        return weights[0] / total, weights[1] / total, weights[2] / total

    return believe


def follow_prior(request: DecisionRequest) -> Probabilities:
    """Believe what the market maker believes."""
    return request.prior


def play(closes: Sequence[float], seats: dict[str, Belief], bars: int) -> list[Message]:
    """Play the first bars of a market and return everything that was said."""
    weight = 1.0 / len(seats)
    stakes = {name: {"member": name, "weight": weight} for name in seats}
    pads = Pads("pads", PadsConfig.model_validate({"stakes": stakes, "horizon": HORIZON}), LIMITS, VERIFIER)
    simulation = Simulation([pads, *(Planted(name, believe) for name, believe in seats.items())])
    said: list[Message] = []
    simulation.observe(lambda envelope: said.append(envelope.message))
    for number, close in enumerate(closes[:bars]):
        simulation.inject(bar_of(close, "X", number), sender="market")
        simulation.inject(book_of(number + 1, "X", number, {}, "0"), sender="execution")
        simulation.run()
    return said


def settled(closes: Sequence[float], seats: dict[str, Belief], bars: int) -> list[dict[str, Score]]:
    """Return the scores of every settled round, by member."""
    told = [each for each in play(closes, seats, bars) if isinstance(each, PerformanceFeedback)]
    return [{score.member: score for score in each.scores} for each in told]


@pytest.mark.parametrize("seed", range(8))
def test_an_oracle_earns_more_than_half_of_the_weight_and_noise_loses_its_own(seed: int) -> None:
    """It takes 2 to 23 rounds (these seeds); errors in a row cost it half for a while, as they should."""
    closes = drifting(FIRST + ROUNDS + 2 * HORIZON, seed, scale=0.01)
    seats = {"oracle": oracle(closes, 0.7, seed), "noise": noise(seed), "neutral": follow_prior}
    rounds = settled(closes, seats, FIRST + ROUNDS + HORIZON)
    assert len(rounds) == ROUNDS
    weights = [each["oracle"].weight for each in rounds]
    assert next(number for number, weight in enumerate(weights, 1) if weight > 0.5) <= 25
    late = rounds[ROUNDS // 2 :]
    mean = {member: math.fsum(each[member].weight for each in late) / len(late) for member in late[0]}
    assert mean["oracle"] > 0.5
    assert sum(each["oracle"].weight > 0.5 for each in late) > len(late) / 2
    initial = 0.8 / 3
    assert mean["noise"] < initial / 4
    profit = {member: math.fsum(each[member].profit for each in rounds) for member in rounds[-1]}
    assert profit["oracle"] == max(profit.values()) > 1000.0


def test_without_an_oracle_those_who_guess_lose_to_the_prior() -> None:
    closes = drifting(FIRST + ROUNDS + 2 * HORIZON, 3, scale=0.01)
    seats = {"one": noise(1), "other": noise(2), "neutral": follow_prior}
    rounds = settled(closes, seats, FIRST + ROUNDS + HORIZON)
    late = rounds[ROUNDS // 2 :]
    mean = {member: math.fsum(each[member].weight for each in late) / len(late) for member in late[0]}
    assert mean["neutral"] > 2 * max(mean["one"], mean["other"])
    assert max(mean["one"], mean["other"]) < 0.8 / 3


Factor = Callable[[Sequence[float]], list[float]]


def momentum(closes: Sequence[float]) -> list[float]:
    """Return the log return of the last three bars, at every bar."""
    return [math.log(closes[n] / closes[max(n - 3, 0)]) for n in range(len(closes))]


def standardised(closes: Sequence[float]) -> list[float]:
    """Return the same over the deviation of all of them: each value has seen every bar that was to come."""
    raw = momentum(closes)
    deviation = math.sqrt(math.fsum(value * value for value in raw) / len(raw)) or 1.0
    return [value / deviation for value in raw]


def centred(closes: Sequence[float]) -> list[float]:
    """Return the distance from an average that reaches one bar into the future."""
    last = len(closes) - 1
    return [math.log(closes[n] / ((closes[max(n - 1, 0)] + closes[min(n + 1, last)]) / 2)) for n in range(last + 1)]


def leaks(factor: Factor, closes: Sequence[float]) -> list[int]:
    """Return the bars at which a factor is another one when later bars are taken away."""
    whole = factor(closes)
    return [n for n in range(len(closes)) if factor(closes[: n + 1])[n] != whole[n]]


def test_truncation_catches_a_planted_leak() -> None:
    closes = drifting(60, 5, scale=0.01)
    assert leaks(momentum, closes) == []
    assert leaks(standardised, closes) == list(range(1, 59))
    assert leaks(centred, closes) == list(range(59))


def test_truncation_catches_a_seat_that_peeks() -> None:
    """What was believed up to bar 59 may not change when bars from 60 on are others."""
    closes = drifting(80, 5, scale=0.01)
    others = [*closes[:60], *(close * 1.5 for close in closes[60:])]

    def differing(make: Callable[[Sequence[float]], Belief]) -> list[int]:
        found = []
        for path in (closes, others):
            said = play(path, {"one": make(path), "other": follow_prior}, 70)
            found.append({each.bar: each.members[0].belief for each in said if isinstance(each, DecisionMade)})
        return [bar for bar in range(60) if found[0][bar] != found[1][bar]]

    def causal(known: Sequence[float]) -> Belief:
        return lambda asked: (0.2, 0.3, 0.5) if known[asked.bar] > known[asked.bar - 1] else (0.5, 0.3, 0.2)

    assert differing(causal) == []
    caught = differing(lambda known: oracle(known, 0.9, 1))
    assert caught
    assert set(caught) <= set(range(60 - HORIZON, 60))
