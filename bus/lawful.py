"""Who may say what: the senders each kind allows, and whether a frame comes from whom it names as its sender."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from bus.message import AGENTS, GUESTS, OPS, SEATS, Header, Message

GUEST_PREFIX: Final = "guest-"
OPERATOR: Final = "operator"
"""Name of the key that guests hold; each connection of theirs has a name of its own."""
_SEAT: Final = "seat"


class Arrival(NamedTuple):
    """A frame and the name its transport vouches for: that of the key it came in by, or of the channel it came on.

    ``origin`` is empty where the transport knows only that the sender may open files of this user: a unix socket in
    the run directory.
    """

    frame: bytes
    origin: str


class Law:
    """The lawful senders of one firm.

    Parameters
    ----------
    roles
        Role of each agent of the process list: seat, gate or service.
    """

    def __init__(self, roles: Mapping[str, str]) -> None:
        self._agents = frozenset(roles)
        self._seats = frozenset(name for name, role in roles.items() if role == _SEAT)
        self._senders: dict[type[Message], tuple[frozenset[str], bool]] = {}

    def objection(self, header: Header, kind: type[Message], origin: str) -> str:
        """Return why a frame may not be believed; empty when it may."""
        sender = header.sender
        if origin and origin != sender and not (origin == OPERATOR and sender.startswith(GUEST_PREFIX)):
            return f"{header.kind} {header.id} names {sender} as its sender, but came from {origin}"
        names, may_be_guest = self._senders.get(kind) or self._learn(kind)
        if sender in names or (may_be_guest and sender.startswith(GUEST_PREFIX)):
            return ""
        return f"{header.kind} {header.id} by {sender}, who may not send it"

    def senders(self, kind: type[Message]) -> frozenset[str]:
        """Return the agents that may send a kind; guests are not among them."""
        return (self._senders.get(kind) or self._learn(kind))[0]

    def _learn(self, kind: type[Message]) -> tuple[frozenset[str], bool]:
        named = kind.SENDERS
        names = frozenset(_members(named, {AGENTS: self._agents, SEATS: self._seats, OPS: frozenset({OPS})}))
        found = self._senders[kind] = (names, GUESTS in named)
        return found


def _members(named: Iterable[str], groups: Mapping[str, frozenset[str]]) -> Iterable[str]:
    for name in named:
        yield from groups.get(name, (name,))
