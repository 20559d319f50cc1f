"""The base of every message: a frozen, strict model whose class header fixes how it travels.

The class header is the single place where wire name, version, plane, delivery, priority, time to live and
overflow policy are said; nobody else writes a channel name or a priority.
"""

from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Annotated, Any, ClassVar, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

NEVER_EXPIRES: Final = 0
FOREVER_NS: Final = 2**63 - 1
MAX_COUNT: Final = 2**53 - 1
"""Largest sequence: the largest integer that is exact in every language's numbers."""

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Probabilities = tuple[Probability, Probability, Probability]
"""Probabilities of (down, flat, up), in that order."""
Name = Annotated[str, Field(min_length=1, max_length=64)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Words = Annotated[str, Field(max_length=1_000)]
NonNegativeDecimal = Annotated[Decimal, Field(ge=0)]
PositiveDecimal = Annotated[Decimal, Field(gt=0)]


AGENTS: Final = "*agents"
"""Every agent of the firm, as a lawful sender."""
SEATS: Final = "*seats"
"""Every agent whose role is seat."""
GUESTS: Final = "*guests"
"""Operators' commands, which are no agents: they hold the key of the operator and are called guest-SOMETHING."""
OPS: Final = "ops"
"""What watches the firm, the supervisor or the observer: no agent of the process list, but with a key of its own."""


class Plane(StrEnum):
    """Where a kind travels."""

    DIRECT = "direct"
    BROADCAST = "broadcast"
    LOCAL = "local"
    """Never leaves the process: timers and notices of the runtime."""


class Delivery(StrEnum):
    """What the bus promises of a direct message."""

    RELIABLE = "reliable"
    """Repeated until acknowledged or expired; handled once."""
    DEADLINE = "deadline"
    """Never repeated by time; late is absent."""


class Priority(IntEnum):
    """Order of handling within an inbox; a smaller number overtakes a larger one."""

    HIGH = 1
    NORMAL = 2
    LOW = 3


class Overflow(StrEnum):
    """What happens to a message when the receiver's inbox is full."""

    LATEST = "latest"
    """The newest per key replaces the waiting one."""
    DROP = "drop"
    """Dropped and counted."""
    REFUSE = "refuse"
    """Refused, and the sender is told."""


class Header(NamedTuple):
    """What the runtime writes about a message; agents read it and never make one.

    ``kind`` carries the schema version (``"ORDER_PROPOSED/1"``); ``sequence`` counts broadcasts of one kind by one
    sender from 1 and is 0 on the direct plane; ``sent_ns`` is nanoseconds since the epoch; ``ttl_ms`` 0 never expires.
    """

    id: str
    correlation_id: str
    causation_id: str
    kind: str
    sender: str
    recipient: str | None
    sequence: int
    sent_ns: int
    ttl_ms: int
    priority: int

    def has_expired(self, now_ns: int) -> bool:
        """Tell whether the time to live has passed at ``now_ns``."""
        return now_ns > self.expires_ns

    @property
    def expires_ns(self) -> int:
        """Last moment of the time to live, nanoseconds since the epoch; ``FOREVER_NS`` where there is no end."""
        return FOREVER_NS if self.ttl_ms == NEVER_EXPIRES else self.sent_ns + self.ttl_ms * 1_000_000


class Part(BaseModel):
    """A frozen, strict value inside a message body."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class Message(Part):
    """Base of all messages; a subclass with a ``kind`` enters the registry."""

    KIND: ClassVar[str] = ""
    PLANE: ClassVar[Plane] = Plane.LOCAL
    DELIVERY: ClassVar[Delivery] = Delivery.RELIABLE
    PRIORITY: ClassVar[Priority] = Priority.NORMAL
    TTL_S: ClassVar[float | None] = None
    OVERFLOW: ClassVar[Overflow] = Overflow.REFUSE
    KEY: ClassVar[str | None] = None
    OPENS: ClassVar[bool] = False
    SENDERS: ClassVar[tuple[str, ...]] = (AGENTS,)
    """Who may lawfully send this kind: names of agents, or AGENTS, SEATS, GUESTS, OPS."""

    def __init_subclass__(
        cls,
        *,
        kind: str | None = None,
        version: int = 1,
        plane: Plane = Plane.LOCAL,
        delivery: Delivery = Delivery.RELIABLE,
        priority: Priority = Priority.NORMAL,
        ttl_s: float | None = None,
        overflow: Overflow = Overflow.REFUSE,
        key: str | None = None,
        opens: bool = False,
        senders: tuple[str, ...] = (AGENTS,),
        **kwargs: Any,
    ) -> None:
        """Record how the kind travels.

        ``ttl_s`` None means the configured ``bus.message_ttl_s`` on the direct plane and no expiry for broadcast
        facts; ``key`` names the field by which ``Overflow.LATEST`` conflates; a kind that ``opens`` always begins a
        conversation of its own, whatever was being handled when it was sent; a frame of it by anybody but its
        ``senders`` is refused by whoever receives it.
        """
        super().__init_subclass__(**kwargs)
        if kind is None:
            return
        cls.KIND = f"{kind}/{version}"
        cls.PLANE, cls.DELIVERY, cls.PRIORITY = plane, delivery, priority
        cls.TTL_S, cls.OVERFLOW, cls.KEY, cls.OPENS = ttl_s, overflow, key, opens
        cls.SENDERS = senders
        if cls.KIND in _REGISTRY:
            raise TypeError(f"message kind {cls.KIND} is declared twice: {_REGISTRY[cls.KIND]} and {cls}")
        if overflow is Overflow.LATEST and key is None:
            raise TypeError(f"message kind {cls.KIND} conflates to the latest, but names no key field")
        _REGISTRY[cls.KIND] = cls

    @property
    def conflation_key(self) -> str | None:
        """Key under which a newer message of this kind replaces this one in a full inbox."""
        return None if self.KEY is None else str(getattr(self, self.KEY))


_REGISTRY: Final[dict[str, type[Message]]] = {}


def registry() -> dict[str, type[Message]]:
    """Return a copy of the kinds known to this process, wire name to class."""
    return dict(_REGISTRY)


def lookup(kind: str) -> type[Message] | None:
    """Find the class of a wire name such as ``"MARKET_UPDATE/1"``; None when unknown."""
    return _REGISTRY.get(kind)


class Envelope(NamedTuple):
    """A message with its header and, where it crossed a wire or a journal, the frame it came in."""

    header: Header
    message: Message
    frame: bytes | None = None
