"""What a process says of single messages: those that go wrong, and those that move or stop orders, one line each.

A line carries the message's id and its correlation id, which is the id of the bar or command that began it all and
stands in the ledger beside what came of it. A flood is told by its first lines and by how many were left unsaid.
"""

from typing import Final

from structlog.typing import FilteringBoundLogger

from bus.message import Envelope, Header, Message
from bus.messages import (
    CommandRecord,
    Gap,
    HaltStatus,
    OrderApproved,
    OrderCleared,
    OrderProposed,
    OrderRejected,
    RiskAlert,
    Undelivered,
)

TOLD: Final[frozenset[type[Message]]] = frozenset(
    {OrderProposed, OrderCleared, OrderApproved, OrderRejected, RiskAlert, HaltStatus, CommandRecord}
)
"""Kinds of which each one that a process says is worth a line."""
MOST: Final = 20
"""Lines of one sort within a window; the rest is counted."""
WINDOW_NS: Final = 10_000_000_000
_SHOWN: Final = ("symbol", "bar", "severity", "source", "stage", "command", "operator", "reason", "is_done")
_LONGEST: Final = 300


class _Sort:
    """Lines of one sort: how many this window has had, and how many went unsaid."""

    __slots__ = ("began_ns", "said", "unsaid")

    def __init__(self) -> None:
        self.began_ns = 0
        self.said = 0
        self.unsaid = 0

    def admit(self, now_ns: int) -> bool:
        if now_ns - self.began_ns >= WINDOW_NS:
            self.began_ns, self.said = now_ns, 0
        if self.said >= MOST:
            self.unsaid += 1
            return False
        self.said += 1
        return True


class Incidents:
    """Writes the lines of one process.

    Parameters
    ----------
    log
        Where they go; None is nowhere, and costs nothing.
    """

    def __init__(self, log: FilteringBoundLogger | None = None) -> None:
        self._log = log
        self._sorts: dict[str, _Sort] = {}

    def tell(self, what: str, header: Header | None, now_ns: int, reason: str = "", origin: str = "") -> None:
        """Say what went wrong with a message; one that could not be read has no header."""
        if self._log is None:
            return
        sort = self._sorts.setdefault(what, _Sort())
        if sort.admit(now_ns):
            facts = {} if header is None else _ids(header)
            facts |= {key: text[:_LONGEST] for key, text in (("reason", reason), ("origin", origin)) if text}
            self._log.warning(what, **facts, **_unsaid(sort))

    def noticed(self, notice: Envelope, now_ns: int) -> None:
        """Say that something was lost for good: broadcasts of a peer, or a message of this agent."""
        message = notice.message
        if isinstance(message, Gap):
            reason = f"{message.stream} {message.first} to {message.last} by {message.sender}"
            self.tell("gap lost", None, now_ns, reason, message.sender)
        elif isinstance(message, Undelivered):
            lost = notice.header._replace(kind=message.kind, id=message.message_id, recipient=message.recipient)
            self.tell("undelivered", lost, now_ns, "nobody acknowledged it in time")

    def note(self, output: Envelope, now_ns: int) -> None:
        """Say that a message of a kind in TOLD leaves."""
        if self._log is None:
            return
        header, message, _ = output
        sort = self._sorts.setdefault(header.kind, _Sort())
        if sort.admit(now_ns):
            what = header.kind.partition("/")[0].lower().replace("_", " ")
            self._log.info(what, **_ids(header), **_facts(message), **_unsaid(sort))


def _ids(header: Header) -> dict[str, str]:
    named = {
        "kind": header.kind,
        "message_id": header.id,
        "correlation_id": header.correlation_id,
        "causation_id": header.causation_id,
        "sender": header.sender,
        "recipient": header.recipient or "",
    }
    return {key: text[:_LONGEST] for key, text in named.items() if text}


def _facts(message: Message) -> dict[str, str | int | float]:
    """Return what is told of a message, its order first; nothing of keys and signatures."""
    order = getattr(message, "order", None)
    facts: dict[str, str | int | float] = {}
    if order is not None:
        facts = {"order_id": order.order_id, "decision_id": order.decision_id, "symbol": order.symbol, "bar": order.bar}
        facts |= {"side": str(order.side), "quantity": str(order.quantity)}
    for name in _SHOWN:
        value = getattr(message, name, None)
        if isinstance(value, str):
            facts[name] = str(value)[:_LONGEST]
        elif isinstance(value, int | float):
            facts[name] = value
    return facts


def _unsaid(sort: _Sort) -> dict[str, int]:
    unsaid, sort.unsaid = sort.unsaid, 0
    return {"unsaid": unsaid} if unsaid else {}
