import pytest

from bus.messages import (
    Action,
    Command,
    CommandRecord,
    CommandResult,
    DecisionMade,
    DecisionRequest,
    OrderProposed,
    PerformanceFeedback,
    SystemCommand,
)
from tests.pads.desk import BULLISH, NEUTRAL, Desk, messages, of, only


def answered(desk: Desk) -> CommandResult:
    outputs = desk.ask()
    for request in messages(outputs, DecisionRequest)[:1]:
        for seat, answer in BULLISH.items():
            outputs += desk.answer(seat, request, *answer)
    return only(outputs, CommandResult)


def test_an_asked_round_answers_the_asker(warm: Desk) -> None:
    asked = warm.ask()
    assert [envelope.header.recipient for envelope in asked] == ["qbmia", "quantum_amos", "quasar", None]
    record = messages(asked, CommandRecord)[0]
    assert (record.is_done, record.sender, record.detail) == (True, "cli", "a round on X is opened")
    request = messages(asked, DecisionRequest)[0]
    assert (request.round_id, request.bar) == ("X-24-ask1", 24)
    outputs = [warm.answer(seat, request, *answer) for seat, answer in BULLISH.items()]
    (envelope,) = outputs[-1]
    assert envelope.header.recipient == "cli"
    assert envelope.header.correlation_id == asked[0].header.correlation_id
    assert isinstance(envelope.message, CommandResult)
    made = envelope.message.decision
    assert made is not None
    assert (envelope.message.is_done, made.decision_id, made.action, made.order_id) == (
        True,
        "X-24-ask1",
        Action.BUY,
        None,
    )


def test_an_asked_round_orders_nothing_and_never_settles(warm: Desk) -> None:
    answered(warm)
    for _ in range(8):
        warm.reject(warm.round(100.0, NEUTRAL))
    assert of(warm.sent, OrderProposed) == []
    assert all("ask" not in made.decision_id for made in messages(warm.sent, DecisionMade))
    assert all("ask" not in each.decision_id for each in messages(warm.sent, PerformanceFeedback))


def test_asking_changes_nothing_else() -> None:
    decided = []
    for is_asked in (False, True):
        desk = Desk()
        desk.warm_up()
        if is_asked:
            answered(desk)
        decided.append([messages(desk.round(100.0 + bar, BULLISH), DecisionMade) for bar in range(8)])
    assert decided[0] == decided[1]


def test_questions_are_numbered(warm: Desk) -> None:
    first, second = answered(warm).decision, answered(warm).decision
    assert first is not None
    assert second is not None
    assert (first.decision_id, second.decision_id) == ("X-24-ask1", "X-24-ask2")


def test_an_asked_round_beside_that_of_the_bar(warm: Desk) -> None:
    warm.bar(100.0)
    request = messages(warm.book(), DecisionRequest)[0]
    asked = messages(warm.ask(), DecisionRequest)[0]
    assert (request.round_id, asked.round_id) == ("X-25", "X-25-ask1")
    for seat, answer in BULLISH.items():
        outputs = warm.answer(seat, request, *answer)
    assert only(outputs, DecisionMade).decision_id == "X-25"
    for seat, answer in BULLISH.items():
        outputs = warm.answer(seat, asked, *answer)
    assert only(outputs, CommandResult).is_done


def test_the_deadline_answers_too(warm: Desk) -> None:
    warm.ask()
    result = only(warm.pass_time(3.0), CommandResult)
    assert result.is_done
    assert result.detail.startswith("below quorum: 0 of 3")


@pytest.mark.parametrize("symbol", ["Y", None])
def test_an_unknown_symbol_is_refused_with_the_known_ones(warm: Desk, symbol: str | None) -> None:
    warm.warm_up(2, "B")
    result = only(warm.ask(symbol), CommandResult)
    assert (result.is_done, result.decision) == (False, None)
    assert result.detail.endswith("known: B, X")


def test_before_the_first_bar_no_symbol_is_known(desk: Desk) -> None:
    assert "no bar has arrived" in only(desk.ask(), CommandResult).detail
    desk.book("X", bar=0)
    assert "no bar has arrived" in only(desk.ask(), CommandResult).detail


def test_without_a_book_there_is_no_answer(desk: Desk) -> None:
    desk.bar(100.0)
    result = only(desk.ask(), CommandResult)
    assert not result.is_done
    assert "book is not known" in result.detail


def test_with_too_little_history_the_answer_is_hold_at_once(desk: Desk) -> None:
    desk.warm_up(3)
    result = only(desk.ask(), CommandResult)
    assert result.is_done
    assert result.decision is not None
    assert (result.decision.decision_id, result.decision.action) == ("X-2-ask1", Action.HOLD)


@pytest.mark.parametrize("command", [Command.HALT, Command.RESUME])
def test_other_commands_belong_to_risk(warm: Desk, command: Command) -> None:
    result = only(warm.command(SystemCommand(command=command)), CommandResult)
    assert not result.is_done
    assert "send" in result.detail
