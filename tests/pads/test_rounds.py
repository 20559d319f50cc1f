from decimal import Decimal

import pytest

from bus.message import Header, Probabilities
from bus.messages import DecisionRequest, Phase
from pads.board import ABSENT, Opinion
from pads.rounds import Receipt, Round, Rounds
from tests.pads.desk import book_of, response_of

SEATS = ("qbmia", "quantum_amos", "quasar")
BELIEF = (0.2, 0.3, 0.5)
HEADER = Header("market:1", "market:1", "", "MARKET_UPDATE/1", "market", None, 1, 0, 0, 3)


def request(round_id: str = "X-7", *, deadline_ns: int = 1000) -> DecisionRequest:
    return DecisionRequest(
        round_id=round_id,
        symbol="X",
        bar=7,
        horizon=5,
        band=0.01,
        prior=(0.3, 0.4, 0.3),
        position=Decimal(0),
        entry_price=Decimal(0),
        exposure=0.0,
        drawdown=0.0,
        phase=Phase.GROWTH,
        appetite=0.7,
        settled=0,
        deadline_ns=deadline_ns,
    )


def a_round(round_id: str = "X-7", *, deadline_ns: int = 1000) -> Round:
    return Round(request(round_id, deadline_ns=deadline_ns), HEADER, book_of(1, "X", 7, {}, "1"), Decimal(100), 0)


@pytest.fixture
def rounds() -> Rounds:
    opened = Rounds(SEATS, 2)
    opened.open(a_round())
    return opened


def take(rounds: Rounds, seat: str, belief: Probabilities | None = BELIEF, round_id: str = "X-7") -> Round | None:
    return rounds.take(seat, response_of(request(round_id), belief, 0.5))


def test_a_round_is_complete_when_the_last_seat_answers(rounds: Rounds) -> None:
    assert take(rounds, "qbmia") is None
    assert take(rounds, "quasar", None) is None
    answered = take(rounds, "quantum_amos")
    assert answered is not None
    assert answered.answers == {
        "qbmia": Opinion(BELIEF, 0.5),
        "quasar": ABSENT,
        "quantum_amos": Opinion(BELIEF, 0.5),
    }


def test_quorum_counts_beliefs_and_not_answers(rounds: Rounds) -> None:
    take(rounds, "qbmia")
    take(rounds, "quasar", None)
    answered = take(rounds, "quantum_amos", None)
    assert answered is not None
    assert not rounds.is_quorate(answered)
    assert Rounds(SEATS, 1).is_quorate(answered)


@pytest.mark.parametrize(
    ("seat", "response", "receipt"),
    [
        ("quasar", response_of(request(), BELIEF, 0.5), Receipt.TAKEN),
        ("qbmia", response_of(request(), BELIEF, 0.5), Receipt.DUPLICATE),
        ("risk", response_of(request(), BELIEF, 0.5), Receipt.STRANGER),
        ("quasar", response_of(request("X-6"), BELIEF, 0.5), Receipt.LATE),
        ("quasar", response_of(request("X-99"), BELIEF, 0.5), Receipt.UNKNOWN),
        ("quasar", response_of(request().model_copy(update={"bar": 8}), BELIEF, 0.5), Receipt.MISMATCHED),
        ("quasar", response_of(request().model_copy(update={"symbol": "Y"}), BELIEF, 0.5), Receipt.MISMATCHED),
        ("quasar", response_of(request(), (0.2, 0.3, 0.6), 0.5), Receipt.MALFORMED),
    ],
)
def test_every_response_is_counted_by_what_became_of_it(seat: str, response: object, receipt: Receipt) -> None:
    rounds = Rounds(SEATS, 2)
    closed = a_round("X-6")
    rounds.open(closed)
    rounds.close(closed)
    rounds.open(a_round())
    take(rounds, "qbmia")
    rounds.take(seat, response)  # type: ignore[arg-type]
    rounds.receipts["taken"] -= 1
    assert +rounds.receipts == {receipt.value: 1}
    (only,) = rounds
    assert set(only.answers) == {"qbmia"} | ({seat} if receipt in (Receipt.TAKEN, Receipt.MALFORMED) else set())


def test_a_malformed_belief_is_an_abstention(rounds: Rounds) -> None:
    take(rounds, "qbmia", (0.5, 0.5, 0.5))
    (only,) = rounds
    assert only.answers["qbmia"] is ABSENT


def test_rounds_are_overdue_at_their_deadline(rounds: Rounds) -> None:
    rounds.open(a_round("X-8", deadline_ns=2000))
    assert rounds.next_deadline_ns() == 1000
    assert rounds.overdue(999) == []
    assert [each.request.round_id for each in rounds.overdue(1000)] == ["X-7"]
    assert [each.request.round_id for each in rounds.overdue(2000)] == ["X-7", "X-8"]


def test_without_rounds_there_is_no_deadline() -> None:
    assert Rounds(SEATS, 2).next_deadline_ns() is None


def test_restored_rounds_go_on_the_same(rounds: Rounds) -> None:
    take(rounds, "qbmia")
    copy = Rounds(SEATS, 2)
    copy.restore(rounds.snapshot())
    assert list(copy) == list(rounds)
    take(copy, "quasar", None)
    answered = take(copy, "quantum_amos")
    assert answered is not None
    copy.close(answered)
    take(copy, "quasar")
    assert copy.receipts == {"taken": 3, "late": 1}
