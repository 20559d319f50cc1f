"""Which replica of a seat answers for which symbol, and who of them is there.

Rendezvous hashing (Thaler and Ravishankar 1998): every replica has a score for every symbol, BLAKE2b of the two names,
and the highest of those present owns it. So when one leaves, its symbols move and no others do; when it comes back, the
same ones move back.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final

from bus.config import AgentEntry

_SCORE_BYTES: Final = 8


def replicas_of(agents: Mapping[str, AgentEntry]) -> dict[str, tuple[str, ...]]:
    """Return the processes of each seat that has more than one, the seat's own first."""
    found: dict[str, tuple[str, ...]] = {}
    for name, entry in agents.items():
        if entry.replica_of and entry.enabled:
            found[entry.replica_of] = (*found.get(entry.replica_of, (entry.replica_of,)), name)
    return found


def ranked(symbol: str, replicas: Iterable[str]) -> tuple[str, ...]:
    """Return replicas by their claim to a symbol, the strongest first."""
    return tuple(sorted(replicas, key=lambda replica: (_score(symbol, replica), replica), reverse=True))


class Roster:
    """Owners of symbols among the replicas of each seat.

    One that is silent or has left owns nothing while another is there; one that said it is not whole owns nothing while
    another has not. Before anybody was heard all are taken to be there.

    Parameters
    ----------
    replicas
        The processes of each seat that has several.
    """

    def __init__(self, replicas: Mapping[str, Iterable[str]]) -> None:
        self.seats = tuple(sorted(replicas))
        self._replicas = {seat: tuple(replicas[seat]) for seat in self.seats}
        self._seat_of = {name: seat for seat, names in self._replicas.items() for name in names}
        self._absent: dict[str, None] = {}
        self._partial: dict[str, None] = {}
        self._owners: dict[tuple[str, str], str] = {}

    def seat_of(self, name: str) -> str | None:
        """Return the seat that a process is a replica of; None for any other agent."""
        return self._seat_of.get(name)

    def owner(self, seat: str, symbol: str) -> str:
        """Return the replica of ``seat`` that answers for ``symbol`` now; an agent with no replicas is its own."""
        owner = self._owners.get((seat, symbol))
        if owner is None:
            owner = self._owners[seat, symbol] = self._choose(seat, symbol)
        return owner

    def is_present(self, replica: str) -> bool:
        """Tell whether a replica is there, as far as is known."""
        return replica not in self._absent

    def is_whole(self, replica: str) -> bool:
        """Tell whether a replica has everything that its seat heard, as far as is known."""
        return replica not in self._partial

    def hear(self, replica: str) -> None:
        """Take note that a replica is there, and may be whole again."""
        self._absent.pop(replica, None)
        self._partial.pop(replica, None)
        self._owners.clear()

    def miss(self, replica: str) -> None:
        """Take note that a replica is silent or has left."""
        self._absent[replica] = None
        self._owners.clear()

    def doubt(self, replica: str) -> None:
        """Take note that a replica lacks what others of its seat may have."""
        if replica not in self._partial:
            self._partial[replica] = None
            self._owners.clear()

    def report(self) -> dict[str, int]:
        """Count replicas that are not there, and those that are not whole."""
        return {"replicas_absent": len(self._absent), "replicas_partial": len(self._partial)}

    def _choose(self, seat: str, symbol: str) -> str:
        order = ranked(symbol, self._replicas.get(seat, (seat,)))
        present = [name for name in order if name not in self._absent] or order
        return next((name for name in present if name not in self._partial), present[0])

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [list(self._absent), list(self._partial)]

    def restore(self, state: list[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        absent, partial = state
        self._absent, self._partial = dict.fromkeys(absent), dict.fromkeys(partial)
        self._owners.clear()


def _score(symbol: str, replica: str) -> int:
    return int.from_bytes(blake2b(f"{symbol}\0{replica}".encode(), digest_size=_SCORE_BYTES).digest(), "big")
