"""The line of ops: asks agents how they are, hands them commands and events, and hears who wants something of ops."""

import time
from collections.abc import Callable, Iterator
from typing import Final

from bus.codec import decode, encode
from bus.config import Settings
from bus.direct import ZmqDirect, open_direct
from bus.errors import CodecError
from bus.lawful import Arrival, Law
from bus.message import NEVER_EXPIRES, OPS, Envelope, Header, Message
from bus.messages import Ping

_MOST: Final = 512
_TTL_MS: Final = 10_000


class Line:
    """What ops says and hears on the direct plane, under its own name.

    Parameters
    ----------
    plane
        Bound as ops.
    law
        Who may say what.
    clock_ns
        Nanoseconds since the epoch.
    """

    def __init__(self, plane: ZmqDirect, law: Law, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self.refused = 0
        self.last_refused = ""
        self._plane = plane
        self._law = law
        self._clock_ns = clock_ns
        self._born_ns = clock_ns()
        self._count = 0

    @classmethod
    def open(cls, settings: Settings) -> "Line":
        """Bind the line of a firm.

        Raises
        ------
        ConfigError
            Addresses or keys are missing, or do not fit.
        Fatal
            The address cannot be bound.
        """
        law = Law({name: entry.role for name, entry in settings.firm.agents.items()})
        return cls(open_direct(settings, OPS), law)

    def tell(self, name: str, message: Message, message_id: str = "") -> str:
        """Send a message to an agent; return its id."""
        own = message_id or self._next_id()
        # one whose clock is ahead is not hung, and must be found well
        ttl_ms = NEVER_EXPIRES if isinstance(message, Ping) else _TTL_MS
        self._send(Header(own, own, "", message.KIND, OPS, name, 0, 0, ttl_ms, int(message.PRIORITY)), message)
        return own

    def answer(self, asked: Header, message: Message) -> None:
        """Answer somebody who reached ops."""
        own, to, priority = self._next_id(), asked.sender, int(message.PRIORITY)
        header = Header(own, asked.correlation_id, asked.id, message.KIND, OPS, to, 0, 0, _TTL_MS, priority)
        self._send(header, message)

    def receive(self) -> Iterator[Envelope]:
        """Return what came for ops since the last call; what is unlawful is refused and counted."""
        self._plane.flush()
        for arrival in self._plane.receive(_MOST):
            envelope = self._admit(arrival)
            if envelope is not None:
                yield envelope

    def flush(self) -> None:
        """Let everything leave."""
        self._plane.flush()

    def close(self) -> None:
        """Give up all sockets."""
        self._plane.close()

    def _next_id(self) -> str:
        self._count += 1
        return f"{OPS}:{self._born_ns}:{self._count}"

    def _send(self, header: Header, message: Message) -> None:
        stamped = header._replace(sent_ns=self._clock_ns())
        self._plane.send(str(header.recipient), encode(stamped, message))

    def _admit(self, arrival: Arrival) -> Envelope | None:
        try:
            envelope = decode(arrival.frame)
        except CodecError as error:
            self._refuse(str(error))
            return None
        why = self._objection(envelope, arrival.origin)
        if why:
            self._refuse(why)
        return None if why else envelope

    def _objection(self, envelope: Envelope, origin: str) -> str:
        header, message, _ = envelope
        if header.recipient != OPS:
            return f"{header.kind} {header.id} is for {header.recipient}"
        if header.has_expired(self._clock_ns()):
            return f"{header.kind} {header.id} came too late"
        return self._law.objection(header, type(message), origin)

    def _refuse(self, why: str) -> None:
        self.refused += 1
        self.last_refused = why
