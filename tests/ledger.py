"""What tests read off a ledger."""

from sqlalchemy import select

from ops.ledger import Ledger
from ops.schema import OPERATION, system_events


def told(ledger: Ledger, event: str, subject: str) -> list[str]:
    """Return what ops told the ledger under a word of somebody, oldest first."""
    is_it = (system_events.c.kind == OPERATION) & (system_events.c.subject == subject)
    rows = ledger.read(select(system_events.c.event_id, system_events.c.detail).where(is_it))
    named = [(event_id.split("/"), detail) for event_id, detail in rows]
    return [detail for words, detail in sorted(named) if words[2] == event]
