"""A panel of strategies: the mixture, its quorum, what it pays, and what it remembers."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.message import Probabilities
from bus.messages import DecisionRequest, PerformanceFeedback, Phase
from kernels.arrays import Floats
from market.factors import Reading
from market.strategy import ABSTENTION, Panel, Scene, Vote
from tests.seats.driver import feedback, request

PRIOR = (0.3, 0.4, 0.3)
READING = Reading(0, np.zeros(8), (False,) * 8, np.zeros(10), 0.01)
BELIEF = st.tuples(st.floats(0.05, 1.0), st.floats(0.05, 1.0), st.floats(0.05, 1.0)).map(
    lambda b: (b[0] / sum(b), b[1] / sum(b), b[2] / sum(b))
)


class Saying:
    """Votes as it is told, and counts what it hears."""

    def __init__(self, vote: Vote = ABSTENTION) -> None:
        self.answer = vote
        self.heard: list[float] = []
        self.learned: list[Probabilities | None] = []

    def take(self, row: Floats) -> None:
        self.heard.append(float(row[3]))

    def clear(self) -> None:
        self.heard.clear()

    def vote(self, scene: Scene) -> Vote:
        return self.answer

    def learn(self, settled: DecisionRequest, vote: Vote, settlement: PerformanceFeedback) -> None:
        self.learned.append(vote.belief)

    def snapshot(self) -> dict[str, Any]:
        return {"heard": list(self.heard)}

    def restore(self, state: dict[str, Any]) -> None:
        self.heard = list(state["heard"])


def panel(*votes: Vote, quorum: int = 1, alpha: float = 0.0) -> tuple[Panel, list[Saying]]:
    """Make a panel of strategies a, b, c ... of equal weight."""
    said = [Saying(vote) for vote in votes]
    names = "abcdefg"[: len(votes)]
    return Panel(dict(zip(names, said, strict=True)), dict.fromkeys(names, 2.0), alpha, quorum), said


def scene() -> Scene:
    return Scene(request(5, prior=PRIOR), np.ones((5, 5)), READING)


@given(BELIEF, BELIEF, st.floats(0, 1), st.floats(0, 1))
def test_it_believes_the_mixture_of_tempered_votes(
    one: Probabilities, other: Probabilities, first: float, second: float
) -> None:
    made, _ = panel(Vote(one, first), Vote(other, second))
    pooled = made.vote(scene()).belief
    assert pooled is not None
    for k in range(3):
        tempered = (first * one[k] + (1 - first) * PRIOR[k], second * other[k] + (1 - second) * PRIOR[k])
        assert pooled[k] == pytest.approx(sum(tempered) / 2, abs=1e-12)


@given(BELIEF, BELIEF, st.floats(0, 1), st.floats(0, 1))
def test_mirrored_votes_give_the_mirrored_mixture(
    one: Probabilities, other: Probabilities, first: float, second: float
) -> None:
    here, _ = panel(Vote(one, first), Vote(other, second))
    there, _ = panel(Vote(one[::-1], first), Vote(other[::-1], second))
    straight, turned = here.vote(scene()).belief, there.vote(scene()).belief
    assert straight is not None
    assert turned == straight[::-1]


def test_votes_without_confidence_leave_the_prior_itself() -> None:
    made, _ = panel(Vote((0.1, 0.1, 0.8), 0.0), Vote((0.8, 0.1, 0.1), 0.0))
    assert made.vote(scene()).belief == PRIOR


def test_it_abstains_below_its_quorum_and_says_how_many_voted() -> None:
    made, _ = panel(Vote(PRIOR, 0.5), ABSTENTION, ABSTENTION, quorum=2)
    pooled = made.vote(scene())
    assert pooled.belief is None
    assert pooled.reasons == (("strategies voting", 1.0),)


def test_those_that_abstain_leave_their_weight_to_the_others() -> None:
    made, _ = panel(Vote((0.1, 0.1, 0.8), 1.0), ABSTENTION)
    assert made.vote(scene()).belief == pytest.approx((0.1, 0.1, 0.8))


def test_the_one_that_was_right_gains_what_the_other_loses() -> None:
    made, said = panel(Vote((0.1, 0.1, 0.8), 1.0), Vote((0.8, 0.1, 0.1), 1.0), ABSTENTION)
    votes = made.vote(scene()).votes
    made.learn(request(5, prior=PRIOR), votes, feedback(5, 6, 1, 0.02, 0.005))
    assert made.weights == pytest.approx([2 / 3 * 8 / 9, 2 / 3 * 1 / 9, 1 / 3])
    assert [len(each.learned) for each in said] == [1, 1, 0]


def test_an_untrusted_wrong_vote_costs_less_than_a_trusted_one() -> None:
    made, _ = panel(Vote((0.8, 0.1, 0.1), 1.0), Vote((0.8, 0.1, 0.1), 0.2))
    made.learn(request(5, prior=PRIOR), made.vote(scene()).votes, feedback(5, 6, 1, 0.02, 0.005))
    assert made.weights[0] < made.weights[1]


def test_reasons_name_the_strategy_its_lean_and_its_weight() -> None:
    made, _ = panel(Vote((0.1, 0.1, 0.8), 0.5, (("signal", 3.0),)))
    reasons = dict(made.vote(scene()).reasons)
    assert reasons["a"] == pytest.approx(0.5 * 0.7)
    assert reasons["a.weight"] == 1.0
    assert reasons["a.signal"] == 3.0


def test_the_worst_danger_and_the_first_suspicion_are_the_panel_s() -> None:
    made, _ = panel(Vote(None, 0.0, severity=0.4), Vote(PRIOR, 0.0, suspected=Phase.RELEASE, severity=0.9))
    pooled = made.vote(scene())
    assert (pooled.suspected, pooled.severity) == (Phase.RELEASE, 0.9)


def test_every_strategy_hears_every_bar_until_it_is_told_to_forget() -> None:
    made, said = panel(ABSTENTION, ABSTENTION)
    made.take(np.full(5, 7.0))
    assert [each.heard for each in said] == [[7.0], [7.0]]
    made.clear()
    assert [each.heard for each in said] == [[], []]


def test_a_restored_panel_goes_on_to_the_last_bit() -> None:
    votes = (Vote((0.2, 0.3, 0.5), 0.7), Vote((0.5, 0.3, 0.2), 0.4))
    made, _ = panel(*votes, alpha=0.01)
    again, said = panel(*votes, alpha=0.01)
    made.take(np.full(5, 7.0))
    made.learn(request(5, prior=PRIOR), made.vote(scene()).votes, feedback(5, 6, 1, 0.02, 0.005))
    again.restore(made.snapshot())
    assert again.vote(scene()) == made.vote(scene())
    assert said[0].heard == [7.0]
