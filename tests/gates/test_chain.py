"""An approval that is forged, altered, replayed, expired or a stranger's is refused, recorded and alerted."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import pytest

from bus.approval import GATES, approve, forgery, statement
from bus.keys import Signer, Verifier
from bus.message import Message
from bus.messages import (
    Approval,
    ExecutionReport,
    LeaseState,
    Order,
    OrderApproved,
    OrderCleared,
    OrderProposed,
    OrderRejected,
    OrderStatus,
    RiskAlert,
    RiskLease,
    Side,
    Urgency,
)
from ops.recorder.rows import alert_rows, execution_rows, rejection_rows, stamp
from tests.gates.firm import HELD, Firm

MAX_SEVERITY: Final = 0.8
"""From here on PADS gives positions up; a stranger must not bring it to that by being caught."""
STRANGER: Final = Signer("risk", [(0, b"x" * 32)])
ALTERED: Final[dict[str, Any]] = {
    "order_id": "AAA-131-o9",
    "decision_id": "AAA-131-9",
    "symbol": "BBB",
    "side": Side.SELL,
    "quantity": Decimal(11),
    "reference_price": Decimal("100.0001"),
    "bar": 130,
    "urgency": Urgency.URGENT,
}
Forge = Callable[[tuple[Approval, ...]], tuple[Approval, ...]]


def flipped(approval: Approval) -> Approval:
    """Return an approval with one bit of its signature flipped."""
    signature = approval.signature
    return approval.model_copy(update={"signature": bytes([signature[0] ^ 1]) + signature[1:]})


def named(approval: Approval, gate: str) -> Approval:
    return approval.model_copy(update={"gate": gate})


def with_signature_of(approval: Approval, other: Approval) -> Approval:
    return approval.model_copy(update={"signature": other.signature})


def signed_by_stranger(gate: str) -> Approval:
    return named(approve(STRANGER, ORDER_IN_HAND[0], 10**18, 0), gate)


ORDER_IN_HAND: Final[list[Order]] = []
FORGED: Final[dict[str, Forge]] = {
    "nobody signed": lambda true: (),
    "risk did not sign": lambda true: true[:1],
    "compliance did not sign": lambda true: true[1:],
    "compliance signed twice": lambda true: (true[0], true[0]),
    "risk signed twice": lambda true: (true[1], true[1]),
    "risk signed in the name of compliance": lambda true: (named(true[1], "compliance"), true[1]),
    "three signatures": lambda true: (*true, true[1]),
    "in the wrong order": lambda true: true[::-1],
    "signatures swapped": lambda true: (with_signature_of(true[0], true[1]), with_signature_of(true[1], true[0])),
    "a bit of compliance's flipped": lambda true: (flipped(true[0]), true[1]),
    "a bit of risk's flipped": lambda true: (true[0], flipped(true[1])),
    "by a stranger in place of compliance": lambda true: (signed_by_stranger("compliance"), true[1]),
    "by a stranger in place of risk": lambda true: (true[0], signed_by_stranger("risk")),
    "valid for longer": lambda true: (true[0], true[1].model_copy(update={"valid_until_ns": 10**18})),
}


def stop(kind: type[Message], firm: Firm) -> Any:
    """Let an order come as far as a kind of message, which never arrives; return the message."""
    firm.bend = lambda header, to: 1e6 if header.kind == kind.KIND else 0.0
    ORDER_IN_HAND[:] = [firm.propose(firm.order(Side.BUY, 10))]
    firm.run(0.1)
    firm.bend = lambda header, to: 0.0
    [message] = firm.heard(kind)
    return message


def alerts(firm: Firm, source: str) -> list[str]:
    """Return what an agent alerted the firm of; the ledger has a row of each."""
    found = []
    for envelope in firm.said:
        message = envelope.message
        if isinstance(message, RiskAlert) and message.source == source:
            assert 0 < message.severity < MAX_SEVERITY
            rows = alert_rows(message, envelope.header, stamp(envelope.header, firm.now_ns))
            assert message.reason in str(rows["risk_events"])
            found.append(message.reason)
    return found


def test_an_order_carries_both_signatures_through_the_chain(firm: Firm, sent: list[str]) -> None:
    order = firm.propose(firm.order(Side.BUY, 10))
    firm.run(0.1)
    [cleared], [approved] = firm.heard(OrderCleared), firm.heard(OrderApproved)
    assert cleared.order == approved.order == order
    assert [approval.gate for approval in approved.approvals] == list(GATES)
    assert approved.approvals[0] == cleared.approval
    verifier = Verifier.load(firm.settings.keys)
    assert forgery(verifier, approved, firm.now_ns) == ""
    for approval in approved.approvals:
        signed = statement(approval.gate, order, approval.valid_until_ns)
        assert verifier.objection(approval.gate, approval.key, signed, approval.signature, firm.now_ns) == ""
        assert 9e9 < approval.valid_until_ns - firm.now_ns <= 10e9
    assert [report.status for report in firm.heard(ExecutionReport)] == [OrderStatus.ACCEPTED]
    assert sent == [f"bd-{order.order_id}-1"]
    assert alerts(firm, "risk") == alerts(firm, "execution") == []


@pytest.mark.parametrize("field", Order.model_fields)
def test_risk_refuses_an_order_altered_since_compliance_signed_it(firm: Firm, sent: list[str], field: str) -> None:
    cleared = stop(OrderCleared, firm)
    order = cleared.order.model_copy(update={field: ALTERED[field]})
    firm.say(cleared.model_copy(update={"order": order}), "compliance", "risk")
    firm.run(0.1)
    assert_refused_by_risk(firm, order, "compliance", "the signature of compliance does not fit the order")
    assert sent == []


@pytest.mark.parametrize("sender", ["pads", "risk", "execution", "guest-7-1"])
def test_risk_takes_a_clearance_from_compliance_alone(firm: Firm, sent: list[str], sender: str) -> None:
    cleared = stop(OrderCleared, firm)
    firm.say(cleared, sender, "risk")
    firm.run(0.1)
    why = f"handed in by {sender}, signed by compliance, not by compliance"
    assert_refused_by_risk(firm, cleared.order, sender, why)
    assert sent == []


def test_risk_refuses_a_strangers_clearance(firm: Firm, sent: list[str]) -> None:
    cleared = stop(OrderCleared, firm)
    approval = signed_by_stranger("compliance")
    firm.say(cleared.model_copy(update={"approval": approval}), "compliance", "risk")
    firm.run(0.1)
    assert_refused_by_risk(firm, cleared.order, "compliance", f"no key {approval.key} of compliance is known")
    assert sent == []


def test_risk_refuses_an_expired_clearance(firm: Firm, sent: list[str]) -> None:
    cleared = stop(OrderCleared, firm)
    firm.run((cleared.approval.valid_until_ns - firm.now_ns) / 1e9)
    firm.said.clear()
    firm.run(0.5)
    firm.say(cleared, "compliance", "risk")
    firm.run(0.1)
    assert_refused_by_risk(firm, cleared.order, "compliance", "the approval of compliance is no longer valid")
    assert sent == []


def test_risk_judges_a_clearance_once(firm: Firm, sent: list[str]) -> None:
    order = firm.propose(firm.order(Side.BUY, 10))
    firm.run(0.1)
    [cleared] = firm.heard(OrderCleared)
    before = list(sent)
    for _ in range(2):
        firm.say(cleared, "compliance", "risk")
        firm.run(0.1)
        firm.rebuild("risk")
    rejected = firm.heard(OrderRejected)
    assert [verdict.rule for verdict in rejected[0].verdicts if verdict.refuses] == ["duplicate"]
    assert len(firm.heard(OrderApproved)) == 1
    assert sent == before
    assert [working.order for working in firm.book.working] == [order]


@pytest.mark.parametrize("forged", FORGED)
def test_execution_believes_nobody_but_both_gates(firm: Firm, sent: list[str], forged: str) -> None:
    approved = stop(OrderApproved, firm)
    firm.say(approved.model_copy(update={"approvals": FORGED[forged](approved.approvals)}), "risk", "execution")
    firm.run(0.1)
    assert_not_believed(firm, sent, approved.order, "risk")
    firm.say(approved, "risk", "execution")
    firm.run(0.1)
    assert sent == [f"bd-{approved.order.order_id}-1"]


@pytest.mark.parametrize("field", Order.model_fields)
def test_execution_refuses_an_order_altered_since_it_was_approved(firm: Firm, sent: list[str], field: str) -> None:
    approved = stop(OrderApproved, firm)
    order = approved.order.model_copy(update={field: ALTERED[field]})
    firm.say(approved.model_copy(update={"order": order}), "risk", "execution")
    firm.run(0.1)
    assert_not_believed(firm, sent, order, "risk")


def test_a_true_approval_is_believed_whoever_brings_it(firm: Firm, sent: list[str]) -> None:
    """Signatures, not senders, are what counts: who carries a letter cannot alter it."""
    approved = stop(OrderApproved, firm)
    firm.say(approved, "guest-7-1", "execution")
    firm.run(0.1)
    assert sent == [f"bd-{approved.order.order_id}-1"]


@pytest.mark.parametrize("seconds", [0.1, 5.0, 30.0, 69.0, 500.0])
def test_an_approval_works_once(firm: Firm, sent: list[str], seconds: float) -> None:
    order = firm.propose(firm.order(Side.BUY, 10))
    firm.run(0.1)
    [approved] = firm.heard(OrderApproved)
    for _ in range(3):
        firm.run(seconds / 3)
        firm.day()
    before, reports = list(sent), len(firm.heard(ExecutionReport))
    for number in range(2):
        firm.say(approved, "risk", "execution")
        firm.run(0.1)
        firm.rebuild("execution")
        assert len(alerts(firm, "execution")) == number + 1
        assert f"order {order.order_id} was approved before and" in alerts(firm, "execution")[-1]
    assert sent == before
    assert len(firm.heard(ExecutionReport)) == reports
    assert firm.agent("execution").report()["duplicate_approvals"] == 2


def test_an_expired_approval_is_refused_recorded_and_alerted(firm: Firm, sent: list[str]) -> None:
    approved = stop(OrderApproved, firm)
    firm.run((approved.valid_until_ns - firm.now_ns) / 1e9)
    firm.say(approved, "risk", "execution")
    firm.run(0.1)
    assert sent == []
    [(report, header)] = [(e.message, e.header) for e in firm.said if isinstance(e.message, ExecutionReport)]
    assert (report.order, report.status) == (approved.order, OrderStatus.REFUSED)
    assert report.reason == "the approval is no longer valid"
    assert report.reason in str(execution_rows(report, header.sender, stamp(header, firm.now_ns))["orders"])
    [said] = alerts(firm, "execution")
    assert said == f"approval of order {approved.order.order_id} refused: the approval is no longer valid"


def test_an_approval_that_lapses_while_it_waits_is_alerted_too(firm: Firm, sent: list[str]) -> None:
    firm.kill("risk")
    firm.run(2.5)
    firm.revive("risk")
    firm.bend = lambda header, to: 1e6 if header.kind.startswith("RISK_LEASE") else 0.0
    order = firm.propose(firm.order(Side.BUY, 10))
    firm.run(15.0)
    assert sent == []
    assert firm.ends() == {order.order_id: ["refused"]}
    [said] = alerts(firm, "execution")
    assert "expired while waiting" in said


def test_nothing_leaves_without_a_gate_between(firm: Firm, sent: list[str]) -> None:
    """PADS cannot hand an order to execution, nor to risk, whatever it writes into it."""
    order = firm.order(Side.BUY, 10)
    firm.say(OrderProposed(order=order, portfolio_version=firm.book.version), "pads", "risk")
    firm.say(OrderProposed(order=order, portfolio_version=firm.book.version), "pads", "execution")
    firm.say(OrderApproved(order=order, verdicts=(), approvals=()), "pads", "execution")
    firm.run(0.1)
    assert sent == []
    assert_not_believed(firm, sent, order, "pads")


@pytest.mark.parametrize("sender", ["pads", "compliance", "guest-7-1"])
@pytest.mark.parametrize("state", list(LeaseState))
def test_a_lease_is_taken_from_risk_alone(firm: Firm, sent: list[str], sender: str, state: LeaseState) -> None:
    """A stranger neither lets orders leave while risk is dead, nor sells the book out."""
    firm.kill("risk")
    firm.run(2.1)
    before = firm.agent("execution").lease
    firm.say(RiskLease(state=state, expires_ns=firm.now_ns + 10**15, reason="", halt=9), sender, "execution")
    firm.run(1.0)
    firm.day()
    assert firm.agent("execution").lease == before
    assert alerts(firm, "execution") == [f"lease from {sender} refused: only risk gives one"]
    assert sent == []
    assert firm.held("AAA") == HELD


def assert_refused_by_risk(firm: Firm, order: Order, sender: str, why: str) -> None:
    """The order ended in public with the rule's word, in the ledger too, and the firm was alerted."""
    [(rejected, header)] = [(e.message, e.header) for e in firm.said if isinstance(e.message, OrderRejected)]
    assert (rejected.order, rejected.rejected_by) == (order, "risk")
    [clearance] = [verdict for verdict in rejected.verdicts if verdict.rule == "clearance"]
    assert (clearance.id, clearance.refuses, clearance.detail) == ("RSK_001", True, why)
    assert f"clearance: {why}" in str(rejection_rows(rejected, stamp(header, firm.now_ns))["orders"])
    assert alerts(firm, "risk") == [f"clearance of order {order.order_id} from {sender} refused: {why}"]
    assert firm.heard(OrderApproved) == []


def assert_not_believed(firm: Firm, sent: list[str], order: Order, sender: str) -> None:
    """Nothing left, nothing was answered, and the firm was alerted of what came and from whom."""
    assert sent == []
    assert firm.heard(ExecutionReport) == []
    assert firm.book.working == ()
    [said] = alerts(firm, "execution")
    assert said.startswith(f"approval of order {order.order_id} from {sender} refused: ")
    assert firm.agent("execution").report()["forged_approvals"] == 1
