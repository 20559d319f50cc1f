"""Whether compliance has cleared an order: it handed the order in itself, and signed it."""

from typing import Final

from bus.approval import objection
from bus.keys import Verifier
from bus.messages import OrderCleared

COMPLIANCE: Final = "compliance"


def unclear(verifier: Verifier, cleared: OrderCleared, sender: str, now_ns: int) -> str:
    """Return why an order that ``sender`` handed in was not cleared by compliance; empty when it was."""
    gate = cleared.approval.gate
    if sender != COMPLIANCE or gate != COMPLIANCE:
        return f"handed in by {sender}, signed by {gate}, not by {COMPLIANCE}"
    return objection(verifier, cleared.approval, cleared.order, now_ns)
