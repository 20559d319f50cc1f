from itertools import permutations

import pytest

from market.conclusion import Conclusions
from tests.market.rounds import decision, order, update

BAR = "SPX-7"


@pytest.fixture
def rounds() -> Conclusions:
    conclusions = Conclusions()
    conclusions.expect(update("SPX", 7))
    return conclusions


def test_a_decision_without_an_order_concludes(rounds: Conclusions) -> None:
    assert rounds.decide(decision(BAR))
    assert (len(rounds), rounds.concluded) == (0, 1)


def test_a_decision_with_an_order_waits_for_the_order(rounds: Conclusions) -> None:
    assert not rounds.decide(decision(BAR, "o1"))
    assert len(rounds) == 1
    assert rounds.end(order(BAR))
    assert (len(rounds), rounds.concluded) == (0, 1)


def test_the_order_may_end_before_the_decision_is_seen(rounds: Conclusions) -> None:
    assert not rounds.end(order(BAR))
    assert rounds.decide(decision(BAR, "o1"))
    assert rounds.concluded == 1


def test_every_order_of_arrival_concludes_once(rounds: Conclusions) -> None:
    def play(turn: str, conclusions: Conclusions) -> bool:
        return conclusions.decide(decision(BAR, "o1")) if turn == "decision" else conclusions.end(order(BAR, turn))

    for turns in permutations(["decision", "o1", "o2", "o1"]):
        conclusions = Conclusions()
        conclusions.restore(rounds.snapshot())
        assert sum(play(turn, conclusions) for turn in turns) == 1
        assert conclusions.snapshot() == {"concluded": 1, "orders": {}, "ended": {}}


@pytest.mark.parametrize("other", ["SPX-6", "SPX-8", "NDQ-7", "SPX-7-1"])
def test_other_rounds_do_not_conclude_it(rounds: Conclusions, other: str) -> None:
    assert not rounds.decide(decision(other))
    assert not rounds.end(order(other))
    assert (len(rounds), rounds.concluded) == (1, 0)


def test_another_order_of_the_same_decision_does_not_conclude_it(rounds: Conclusions) -> None:
    rounds.decide(decision(BAR, "o1"))
    assert not rounds.end(order(BAR, "o2"))
    assert rounds.snapshot() == {"concluded": 0, "orders": {BAR: "o1"}, "ended": {}}


def test_giving_up_forgets_without_counting(rounds: Conclusions) -> None:
    rounds.end(order(BAR))
    rounds.give_up()
    assert rounds.snapshot() == {"concluded": 0, "orders": {}, "ended": {}}
    assert not rounds.decide(decision(BAR))


def test_a_snapshot_goes_on_where_it_was_taken(rounds: Conclusions) -> None:
    rounds.end(order(BAR))
    copy = Conclusions()
    copy.restore(rounds.snapshot())
    assert copy.snapshot() == rounds.snapshot()
    assert copy.decide(decision(BAR, "o1"))
    assert len(rounds) == 1
