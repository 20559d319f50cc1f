"""The life of an approved order, and of the child orders it is worked in: which state may follow which."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from bus.errors import Invalid
from bus.messages import OrderStatus

_LIVE: Final = frozenset(
    {OrderStatus.PARTIAL, OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED},
)
NEXT: Final[Mapping[OrderStatus | None, frozenset[OrderStatus]]] = {
    None: frozenset({OrderStatus.ACCEPTED, OrderStatus.REFUSED}),
    OrderStatus.ACCEPTED: _LIVE,
    OrderStatus.PARTIAL: _LIVE,
    OrderStatus.FILLED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
    OrderStatus.EXPIRED: frozenset(),
    OrderStatus.REFUSED: frozenset(),
}
"""States that may follow each state of an approved order; None is one not yet answered."""


class ChildStatus(StrEnum):
    """States of a child order, as far as its end was heard of; the last five are ends."""

    SENT = "sent"
    WORKING = "working"
    PARTIAL = "partial"
    CANCELLING = "cancelling"
    """A cancel was asked for: it may still fill, and is not gone before the broker says so."""
    FILLED = "filled"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    EXPIRED = "expired"
    LOST = "lost"
    """The broker shows it no longer and never said why."""


_ENDS: Final = frozenset(
    {ChildStatus.FILLED, ChildStatus.CANCELLED, ChildStatus.REFUSED, ChildStatus.EXPIRED, ChildStatus.LOST}
)
_GONE: Final = frozenset({ChildStatus.FILLED, ChildStatus.CANCELLED, ChildStatus.EXPIRED, ChildStatus.LOST})
NEXT_CHILD: Final[Mapping[ChildStatus | None, frozenset[ChildStatus]]] = {
    None: frozenset({ChildStatus.SENT}),
    # What was sent may fill before it was ever acknowledged.
    ChildStatus.SENT: _ENDS | {ChildStatus.WORKING, ChildStatus.PARTIAL, ChildStatus.CANCELLING},
    ChildStatus.WORKING: _GONE | {ChildStatus.PARTIAL, ChildStatus.CANCELLING},
    ChildStatus.PARTIAL: _GONE | {ChildStatus.PARTIAL, ChildStatus.CANCELLING},
    ChildStatus.CANCELLING: _ENDS | {ChildStatus.CANCELLING},
    ChildStatus.FILLED: frozenset(),
    ChildStatus.CANCELLED: frozenset(),
    ChildStatus.REFUSED: frozenset(),
    ChildStatus.EXPIRED: frozenset(),
    ChildStatus.LOST: frozenset(),
}
"""States that may follow each state of a child order; None is one not yet sent."""
_HEARD: Final[Mapping[OrderStatus, ChildStatus]] = {
    OrderStatus.ACCEPTED: ChildStatus.WORKING,
    OrderStatus.PARTIAL: ChildStatus.PARTIAL,
    OrderStatus.FILLED: ChildStatus.FILLED,
    OrderStatus.CANCELLED: ChildStatus.CANCELLED,
    OrderStatus.EXPIRED: ChildStatus.EXPIRED,
    OrderStatus.REFUSED: ChildStatus.REFUSED,
}


ENDS: Final = frozenset(status for status, following in NEXT.items() if not following)
"""States of an approved order that nothing follows."""


def is_end(status: OrderStatus) -> bool:
    """Tell whether nothing can follow ``status``."""
    return not NEXT[status]


def is_over(status: ChildStatus) -> bool:
    """Tell whether nothing can follow ``status`` of a child order."""
    return status in _ENDS


def advance(status: OrderStatus | None, event: OrderStatus) -> OrderStatus:
    """Return the state of an approved order after ``event``, which is named for the state it leads to.

    Raises
    ------
    Invalid
        The event cannot happen to an order in this state.
    """
    if event not in NEXT[status]:
        raise Invalid(f"an order that is {'new' if status is None else status} cannot become {event}")
    return event


def advance_child(status: ChildStatus | None, event: ChildStatus) -> ChildStatus:
    """Return the state of a child order after ``event``, which is named for the state it leads to.

    Raises
    ------
    Invalid
        The event cannot happen to a child order in this state.
    """
    if event not in NEXT_CHILD[status]:
        raise Invalid(f"a child order that is {'new' if status is None else status} cannot become {event}")
    return event


def hear(status: ChildStatus, word: OrderStatus) -> ChildStatus:
    """Return the state of a child order after what the broker said of it.

    What a cancel was asked for stays so through acknowledgements and partial fills.

    Raises
    ------
    Invalid
        The broker cannot say that of a child order in this state.
    """
    event = _HEARD[word]
    if status is ChildStatus.CANCELLING and event in (ChildStatus.WORKING, ChildStatus.PARTIAL):
        return status
    return advance_child(status, event)
