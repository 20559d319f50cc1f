"""A gate's signature over one exact order, and what speaks against believing one.

What is signed is text, one line a field: a prefix that no other signature of the firm shares, the gate, when the
approval is void, and every field of the order, each with its length in bytes before it, so that no two orders give one
text. docs/approvals.md says it for a program in another language.
"""

from typing import Final

from bus.keys import SIGNERS, Signer, Verifier
from bus.messages import Approval, Order, OrderApproved

PREFIX: Final = "boardroom order approval 1"
GATES: Final = SIGNERS


def statement(gate: str, order: Order, valid_until_ns: int) -> bytes:
    """Return what a gate signs."""
    fields = (
        *(PREFIX, gate, str(valid_until_ns), order.order_id, order.decision_id, order.symbol, order.side.value),
        *(str(order.quantity), str(order.reference_price), str(order.bar), order.urgency.value),
    )
    return b"".join(b"%d %b\n" % (len(field), field) for field in map(str.encode, fields))


def approve(signer: Signer, order: Order, valid_until_ns: int, now_ns: int) -> Approval:
    """Sign an order."""
    key, signature = signer.sign(statement(signer.name, order, valid_until_ns), now_ns)
    return Approval(gate=signer.name, valid_until_ns=valid_until_ns, key=key, signature=signature)


def objection(verifier: Verifier, approval: Approval, order: Order, now_ns: int) -> str:
    """Return why an approval does not hold for an order now; empty when it does."""
    why = _unsigned(verifier, approval, order, now_ns)
    if why:
        return why
    return f"the approval of {approval.gate} is no longer valid" if now_ns > approval.valid_until_ns else ""


def forgery(verifier: Verifier, approved: OrderApproved, now_ns: int) -> str:
    """Return why the signatures of an approved order are not those of both gates; empty when they are.

    Time is not looked at here: an approval that came too late was still given.
    """
    gates = tuple(approval.gate for approval in approved.approvals)
    if gates != GATES:
        return f"signed by {' and '.join(gates) or 'nobody'}, not by {' and '.join(GATES)}"
    for approval in approved.approvals:
        why = _unsigned(verifier, approval, approved.order, now_ns)
        if why:
            return why
    return ""


def _unsigned(verifier: Verifier, approval: Approval, order: Order, now_ns: int) -> str:
    """Return why a signature is not that of the approval's gate over an order; empty when it is."""
    signed = statement(approval.gate, order, approval.valid_until_ns)
    return verifier.objection(approval.gate, approval.key, signed, approval.signature, now_ns)
