"""A signature holds for one exact order, one gate and its time, and for nothing else."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bus.approval import GATES, PREFIX, approve, forgery, objection, statement
from bus.codec import decode, encode
from bus.keys import GRACE_NS, Signer, Verifier
from bus.message import Header
from bus.messages import Approval, Order, OrderApproved, Side, Urgency
from tests.keys import FAR_NS, SECRETS, SIGNERS, VERIFIER, approval, approvals, public_of

NOW_NS = 1_000
UNTIL_NS = 2_000
ORDER = Order(
    order_id="SPX-7-o1",
    decision_id="SPX-7",
    symbol="SPX",
    side=Side.BUY,
    quantity=Decimal(10),
    reference_price=Decimal("1402.25"),
    bar=7,
    urgency=Urgency.MEDIUM,
)
ALTERED: dict[str, Any] = {
    "order_id": "SPX-7-o2",
    "decision_id": "SPX-8",
    "symbol": "NDQ",
    "side": Side.SELL,
    "quantity": Decimal(11),
    "reference_price": Decimal("1402.26"),
    "bar": 8,
    "urgency": Urgency.URGENT,
}
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
ORDERS = st.builds(
    Order,
    order_id=TEXT,
    decision_id=TEXT,
    symbol=TEXT,
    side=st.sampled_from(Side),
    quantity=st.decimals("0.001", "1e6", allow_nan=False),
    reference_price=st.decimals("0.001", "1e6", allow_nan=False),
    bar=st.integers(-1, 9),
    urgency=st.sampled_from(Urgency),
)


def approved(*signatures: Approval, order: Order = ORDER) -> OrderApproved:
    return OrderApproved(order=order, verdicts=(), approvals=signatures)


def test_the_bytes_signed_are_these() -> None:
    assert statement("risk", ORDER, UNTIL_NS) == (
        b"26 boardroom order approval 1\n4 risk\n4 2000\n8 SPX-7-o1\n5 SPX-7\n3 SPX\n3 BUY\n2 10\n7 1402.25\n1 7\n"
        b"6 medium\n"
    )


def test_lengths_count_bytes() -> None:
    named = ORDER.model_copy(update={"symbol": "Ö€"})
    assert b"\n5 \xc3\x96\xe2\x82\xac\n" in statement("risk", named, UNTIL_NS)


def test_every_field_of_an_order_is_signed() -> None:
    assert set(ALTERED) == set(Order.model_fields)


@pytest.mark.parametrize("field", Order.model_fields)
def test_an_order_altered_in_one_field_is_refused(field: str) -> None:
    altered = ORDER.model_copy(update={field: ALTERED[field]})
    signed = approvals(ORDER, UNTIL_NS)
    assert forgery(VERIFIER, approved(*signed, order=altered), NOW_NS) == (
        "the signature of compliance does not fit the order"
    )
    only_risk = (approval("compliance", altered, UNTIL_NS), signed[1])
    assert forgery(VERIFIER, approved(*only_risk, order=altered), NOW_NS) == (
        "the signature of risk does not fit the order"
    )
    assert objection(VERIFIER, signed[0], altered, NOW_NS) == "the signature of compliance does not fit the order"


@given(first=ORDERS, second=ORDERS)
@settings(deadline=None, max_examples=50)
def test_two_orders_are_never_signed_alike(first: Order, second: Order) -> None:
    assume([str(value) for _, value in first] != [str(value) for _, value in second])
    assert statement("risk", first, UNTIL_NS) != statement("risk", second, UNTIL_NS)
    assert objection(VERIFIER, approval("risk", first), second, NOW_NS) != ""


@given(order=ORDERS, data=st.data())
@settings(deadline=None, max_examples=50)
def test_text_moved_from_one_field_to_the_next_is_another_order(order: Order, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(order.order_id) - 1))
    moved = order.model_copy(
        update={"order_id": order.order_id[:cut], "decision_id": order.order_id[cut:] + order.decision_id}
    )
    assert statement("risk", order, UNTIL_NS) != statement("risk", moved, UNTIL_NS)


@given(order=ORDERS)
@settings(deadline=None, max_examples=50)
def test_a_signature_outlives_the_wire(order: Order) -> None:
    message = approved(*approvals(order, UNTIL_NS), order=order)
    header = Header("risk:1", "risk:1", "", message.KIND, "risk", "execution", 0, 0, 0, 2)
    received = decode(encode(header, message)).message
    assert isinstance(received, OrderApproved)
    assert forgery(VERIFIER, received, NOW_NS) == ""


def test_an_approval_of_both_gates_holds() -> None:
    assert forgery(VERIFIER, approved(*approvals(ORDER, UNTIL_NS)), NOW_NS) == ""
    assert objection(VERIFIER, approval("compliance", ORDER, UNTIL_NS), ORDER, UNTIL_NS) == ""


def test_an_expired_approval_is_void() -> None:
    late = objection(VERIFIER, approval("compliance", ORDER, UNTIL_NS), ORDER, UNTIL_NS + 1)
    assert late == "the approval of compliance is no longer valid"


def test_the_first_signature_to_expire_ends_the_approval() -> None:
    both = approved(approval("compliance", ORDER, 900), approval("risk", ORDER, 800))
    assert both.valid_until_ns == 800
    assert approved(approval("compliance", ORDER, 700), approval("risk", ORDER, 800)).valid_until_ns == 700
    assert approved().valid_until_ns == 0


def test_time_cannot_be_written_anew() -> None:
    for gate in GATES:
        stretched = approval(gate, ORDER, UNTIL_NS).model_copy(update={"valid_until_ns": FAR_NS})
        other = tuple(stretched if each == gate else approval(each, ORDER) for each in GATES)
        assert forgery(VERIFIER, approved(*other), NOW_NS) == f"the signature of {gate} does not fit the order"


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        ((), "nobody"),
        (("risk",), "risk"),
        (("compliance",), "compliance"),
        (("risk", "risk"), "risk and risk"),
        (("compliance", "compliance"), "compliance and compliance"),
        (("risk", "compliance"), "risk and compliance"),
        (("compliance", "risk", "risk"), "compliance and risk and risk"),
    ],
)
def test_anything_but_one_signature_of_each_is_refused(gates: tuple[str, ...], said: str) -> None:
    signatures = [approval(gate, ORDER) for gate in gates]
    assert forgery(VERIFIER, approved(*signatures), NOW_NS) == f"signed by {said}, not by compliance and risk"


def test_one_gate_cannot_sign_for_both() -> None:
    risk = SIGNERS["risk"]
    twice = approve(Signer("compliance", [(0, SECRETS["risk"])]), ORDER, FAR_NS, NOW_NS)
    assert twice.gate == "compliance"
    assert forgery(VERIFIER, approved(twice, approve(risk, ORDER, FAR_NS, NOW_NS)), NOW_NS) == (
        f"no key {twice.key} of compliance is known"
    )


def test_swapped_signatures_are_refused() -> None:
    compliance, risk = approvals(ORDER)
    swapped = (
        compliance.model_copy(update={"signature": risk.signature}),
        risk.model_copy(update={"signature": compliance.signature}),
    )
    assert forgery(VERIFIER, approved(*swapped), NOW_NS) == "the signature of compliance does not fit the order"
    renamed = (compliance.model_copy(update={"gate": "risk"}), risk.model_copy(update={"gate": "compliance"}))
    assert forgery(VERIFIER, approved(*renamed[::-1]), NOW_NS).startswith("no key ")


def test_the_other_gates_words_under_this_gates_key_do_not_hold() -> None:
    """A gate signs its own name with the order, so its signature is worth nothing in the other's place."""
    key, signature = SIGNERS["compliance"].sign(statement("risk", ORDER, FAR_NS), NOW_NS)
    moved = Approval(gate="compliance", valid_until_ns=FAR_NS, key=key, signature=signature)
    assert forgery(VERIFIER, approved(moved, approval("risk", ORDER)), NOW_NS) == (
        "the signature of compliance does not fit the order"
    )


def test_a_stranger_signs_nothing() -> None:
    stranger = approve(Signer("risk", [(0, b"x" * 32)]), ORDER, FAR_NS, NOW_NS)
    why = forgery(VERIFIER, approved(approval("compliance", ORDER), stranger), NOW_NS)
    assert why == f"no key {stranger.key} of risk is known"
    borrowed = stranger.model_copy(update={"key": approval("risk", ORDER).key})
    why = forgery(VERIFIER, approved(approval("compliance", ORDER), borrowed), NOW_NS)
    assert why == "the signature of risk does not fit the order"


@given(at=st.integers(0, 63), bit=st.integers(0, 7), gate=st.sampled_from(GATES))
@settings(deadline=None, max_examples=50)
def test_one_flipped_bit_of_a_signature_is_a_forgery(at: int, bit: int, gate: str) -> None:
    broken = bytearray(approval(gate, ORDER).signature)
    broken[at] ^= 1 << bit
    forged = tuple(
        each.model_copy(update={"signature": bytes(broken)}) if each.gate == gate else each for each in approvals(ORDER)
    )
    assert forgery(VERIFIER, approved(*forged), NOW_NS) == f"the signature of {gate} does not fit the order"


@pytest.mark.parametrize("signature", [b"", b"\0" * 64, b"\0" * 63, b"\xff" * 65])
def test_what_is_no_signature_at_all_is_a_forgery(signature: bytes) -> None:
    empty = approval("risk", ORDER).model_copy(update={"signature": signature})
    why = forgery(VERIFIER, approved(approval("compliance", ORDER), empty), NOW_NS)
    assert why == "the signature of risk does not fit the order"


def rotated(at_ns: int) -> tuple[Signer, Verifier]:
    lines = [(0, SECRETS["risk"]), (at_ns, b"n" * 32)]
    return Signer("risk", lines), Verifier(
        {"compliance": [(0, public_of(SECRETS["compliance"]))], "risk": [(at, public_of(raw)) for at, raw in lines]}
    )


def test_what_a_rotated_key_signed_holds_within_its_grace() -> None:
    at_ns = 10 * GRACE_NS
    signer, verifier = rotated(at_ns)
    old = approved(approval("compliance", ORDER), approve(signer, ORDER, FAR_NS, at_ns - 1))
    new = approved(approval("compliance", ORDER), approve(signer, ORDER, FAR_NS, at_ns))
    assert old.approvals[1].key != new.approvals[1].key
    assert forgery(verifier, old, at_ns + GRACE_NS) == ""
    assert forgery(verifier, new, at_ns) == ""
    assert forgery(verifier, old, at_ns + GRACE_NS + 1) == f"key {old.approvals[1].key} of risk was replaced"


def test_the_prefix_is_the_first_line() -> None:
    assert statement("risk", ORDER, UNTIL_NS).startswith(f"{len(PREFIX)} {PREFIX}\n".encode())
