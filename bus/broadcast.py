"""The broadcast plane: Redis pub/sub, one channel per kind and sender, read in two lanes by the process's own poll.

A channel belongs to its sender, and Redis lets nobody else publish on it, so that the channel vouches for who speaks.
Kinds of high priority have a connection of their own, which is read to its end before a bounded part of the other.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, Protocol

import hiredis

from bus.config import Settings
from bus.errors import ConfigError, Fatal, Transient
from bus.lawful import Arrival, Law
from bus.message import Message, Plane, Priority, lookup
from bus.messages import AgentStatus
from bus.redis_acl import CHANNELS, load_secrets
from bus.redis_links import Attempt, Links, Opener, Secrets
from bus.redis_server import EMBEDDED, url_of
from bus.redis_wire import Wire
from bus.rundir import RunDir

_RETRY_S: Final = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_STANDS_S: Final = 5.0
_WATCH_S: Final = 0.1
_HIGH_BYTES: Final = 1 << 20
_OTHER_BYTES: Final = 1 << 15
_MESSAGE: Final = b"message"
Subscriptions = Mapping[str, Iterable[str]]
"""Wire names, each with the senders to hear."""


class BroadcastPlane(Protocol):
    """What a process needs of the broadcast plane; the simulated one and Redis both give it."""

    counters: Counter[str]

    def publish(self, kind: str, frame: bytes) -> bool:
        """Hand a frame to the plane; False when it cannot leave now."""

    def receive(self) -> list[Arrival]:
        """Return the frames that have arrived."""

    def close(self) -> None:
        """Give up all sockets."""


def subscriptions(handled: Iterable[type[Message]], peers: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what an agent of a firm must subscribe to: what it handles and heartbeats, each by its lawful senders."""
    law = Law(peers)
    kinds = {kind for kind in handled if kind.PLANE is Plane.BROADCAST} | {AgentStatus}
    return {kind.KIND: sorted(law.senders(kind) & peers.keys()) for kind in sorted(kinds, key=lambda each: each.KIND)}


def open_broadcast(settings: Settings, name: str, handled: Iterable[type[Message]]) -> "RedisBroadcast":
    """Return the broadcast plane of an agent of this firm, not connected yet.

    Raises
    ------
    ConfigError
        The URL cannot be used.
    """
    bus = settings.firm.bus
    peers = {peer: entry.role for peer, entry in settings.firm.agents.items()}
    by_name = bus.redis_url == EMBEDDED or bus.redis_auth == "acl"
    return RedisBroadcast(
        url_of(bus.redis_url, RunDir(settings.run_dir)), subscriptions(handled, peers), name,
        (lambda: load_secrets(settings.keys, name)) if by_name else None,
    )  # fmt: skip


def channel(kind: str, sender: str) -> bytes:
    """Return the name of the channel on which ``sender`` publishes a kind."""
    return f"{CHANNELS}{kind}.{sender}".encode()


class RedisBroadcast:
    """Up to three connections to Redis: one publishes, one is subscribed to what is urgent, one to the rest.

    Parameters
    ----------
    url
        ``unix://PATH``, ``redis://`` or ``rediss://`` URL; of the last, ``ssl_ca_certs``, ``ssl_certfile`` and
        ``ssl_keyfile`` name files in its query.
    subscribed
        Kinds to subscribe to, each with its senders.
    name
        This process: the sender on whose channels it publishes.
    secrets
        Gives the passwords of the user ``name``, the newest first; None logs in with what the URL holds.
    monotonic
        Clock for reconnecting and for noticing a dead server, in seconds.

    Attributes
    ----------
    is_connected
        Whether all connections stand.
    filenos
        Descriptors to poll for reading.
    refusal
        What Redis refused last, and what to do; empty when it refused nothing.
    """

    def __init__(
        self,
        url: str,
        subscribed: Subscriptions,
        name: str,
        secrets: Secrets | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counters: Counter[str] = Counter()
        self.is_connected = False
        self.filenos: tuple[int, ...] = ()
        self.refusal = ""
        self.name = name
        self._origins = {channel(kind, sender): sender for kind, senders in subscribed.items() for sender in senders}
        urgent = {channel(kind, sender) for kind in subscribed if _is_urgent(kind) for sender in subscribed[kind]}
        self._own: dict[str, bytes] = {}
        self._monotonic = monotonic
        self._opener = Opener(url, name, secrets, sorted(urgent), sorted(self._origins.keys() - urgent))
        self._links: Links | None = None
        self._attempt: Attempt | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._since = 0.0
        self._watch_at = 0.0
        self._is_other_next = True

    @property
    def has_more(self) -> bool:
        """Whether something may be waiting that no poll of the descriptors tells of."""
        return self._links is not None and any(wire.has_more for wire in self._links.wires)

    @property
    def patient_fileno(self) -> int | None:
        """Descriptor of the connection on which nothing urgent comes."""
        return None if self._links is None or self._links.other is None else self._links.other.fileno

    def connect(self) -> None:
        """Connect and subscribe.

        Raises
        ------
        Transient
            Redis does not answer; another attempt may succeed.
        ConfigError
            It answers, and refuses.
        """
        self._drop()
        self._take(self._opener.open())

    def connect_or_fail(self, patience_s: float) -> None:
        """Connect, trying for ``patience_s`` seconds.

        Raises
        ------
        Fatal
            No Redis in that time.
        ConfigError
            It answers, and refuses.
        """
        deadline = self._monotonic() + patience_s
        while True:
            try:
                return self.connect()
            except Transient as error:
                if self._monotonic() > deadline:
                    raise Fatal(
                        f"{error}; start the firm with `boardroom up`, which brings its own, or point bus.redis_url "
                        f"at a running Redis"
                    ) from None
                time.sleep(0.05)

    def reconnect(self) -> bool:
        """Have a thread try again when it is time to; True when the connections came back. Never blocks."""
        if self.is_connected:
            return False
        if self._attempt is None:
            if self._monotonic() >= self._retry_at:
                self._attempt = Attempt(self._opener.open)
            return False
        if self._attempt.is_running:
            return False
        attempt, self._attempt = self._attempt, None
        if attempt.links is None:
            self._failures += 1
            self._retry_at = self._monotonic() + _RETRY_S[min(self._failures, len(_RETRY_S)) - 1]
            self.refusal = str(attempt.error) if isinstance(attempt.error, ConfigError) else ""
            self.counters["redis_refused"] += bool(self.refusal)
            return False
        self._take(attempt.links)
        self.counters["redis_reconnects"] += 1
        return True

    def publish(self, kind: str, frame: bytes) -> bool:
        """Hand a frame to Redis; False when it cannot leave now: receivers will ask for it."""
        own = self._own.get(kind) or self._own.setdefault(kind, channel(kind, self.name))
        try:
            if self._links is not None and self._links.publisher.offer(b"PUBLISH", own, frame):
                return True
        except OSError:
            self._lost()
        self.counters["unpublished"] += 1
        return False

    def receive(self) -> list[Arrival]:
        """Return frames that have arrived: what is urgent, else a bounded part of the rest."""
        arrived: list[Arrival] = []
        if self._links is None:
            return arrived
        publisher, high, other = self._links
        try:
            self._hear_replies(publisher)
            if high is not None:
                self._read(high, _HIGH_BYTES, arrived)
            self._is_other_next = not (arrived and self._is_other_next)
            if other is not None and self._is_other_next:
                self._read(other, _OTHER_BYTES, arrived)
        except (OSError, hiredis.HiredisError):
            self._lost()
        return arrived

    def watch(self, readable: Collection[int]) -> None:
        """Notice a server that has fallen silent without closing; ``readable`` are descriptors with something to read.

        What is readable is not silent: a process that was held up itself must read before it judges.
        """
        now_s = self._monotonic()
        if self._links is None or now_s < self._watch_at:
            return
        self._watch_at = now_s + _WATCH_S
        try:
            for wire in self._links.wires:
                wire.flush()
                if wire.fileno not in readable and not wire.has_more:
                    wire.watch(now_s)
        except OSError:
            self._lost()

    def close(self) -> None:
        """Give up all sockets, after what is still unsent has left."""
        if self._links is not None:
            with contextlib.suppress(OSError):
                self._links.publisher.drain()
        if self._attempt is not None:
            self._attempt.abandon()
            self._attempt = None
        self._drop()

    def _hear_replies(self, publisher: Wire) -> None:
        for reply in publisher.replies():
            if isinstance(reply, hiredis.ReplyError):
                self.refusal = f"Redis at {self._opener.where} refuses what {self.name} publishes: {reply}"
                self.counters["forbidden" if str(reply).startswith("NOPERM") else "unpublished"] += 1
        publisher.flush()

    def _read(self, wire: Wire, most_bytes: int, arrived: list[Arrival]) -> None:
        origins = self._origins
        for reply in wire.replies(most_bytes):
            if type(reply) is list and reply[0] == _MESSAGE:
                arrived.append(Arrival(reply[2], origins[reply[1]]))
            elif isinstance(reply, hiredis.ReplyError):
                raise ConnectionError(str(reply))

    def _take(self, links: Links) -> None:
        self._links = links
        self.filenos = tuple(wire.fileno for wire in links.wires)
        self.is_connected = True
        self.refusal = ""
        self._since = self._monotonic()

    def _lost(self) -> None:
        self.counters["redis_lost"] += 1
        self._drop()
        now_s = self._monotonic()
        self._failures = 0 if now_s - self._since > _STANDS_S else self._failures + 1
        self._retry_at = now_s + (_RETRY_S[min(self._failures, len(_RETRY_S)) - 1] if self._failures else 0.0)

    def _drop(self) -> None:
        self.is_connected = False
        self.filenos = ()
        if self._links is not None:
            for wire in self._links.wires:
                wire.close()
        self._links = None


def _is_urgent(kind: str) -> bool:
    """Tell whether a kind goes in the urgent lane; heartbeats must not overtake the broadcasts that they count."""
    known = lookup(kind)
    return known is not None and known.PRIORITY is Priority.HIGH and known is not AgentStatus
