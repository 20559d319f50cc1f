"""A guest on the direct plane: asks agents and waits for their answers; it has no journal and no lock."""

import itertools
import os
import time
from collections.abc import Iterable
from typing import Final, TypeVar

from bus.codec import decode, encode
from bus.config import Settings
from bus.direct import open_direct
from bus.errors import CodecError, Transient
from bus.lawful import GUEST_PREFIX
from bus.message import NEVER_EXPIRES, OPS, Header, Message
from bus.messages import AgentStatus, Ping

_NS: Final = 1_000_000_000
_POLL_MS: Final = 50
_COUNTER: Final = itertools.count(1)
R = TypeVar("R", bound=Message)


class Client:
    """Talks to the agents of one firm, and to what watches it.

    Over tcp it holds the key of the operator, or as ops that of ops.

    Parameters
    ----------
    settings
        Configuration of the firm.
    as_ops
        Speaks as "ops", which one process of a firm may: a second one would take away the answers of the first.

    Raises
    ------
    ConfigError
        Addresses or keys are missing, or do not fit.
    """

    def __init__(self, settings: Settings, *, as_ops: bool = False) -> None:
        guest = f"{GUEST_PREFIX}{os.getpid()}-{next(_COUNTER)}"
        self.name = OPS if as_ops else guest
        self._prefix = f"{OPS}@{time.time_ns()}" if as_ops else guest
        self._direct = open_direct(settings, self.name, is_client=True)
        self._count = 0

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(self, name: str, message: Message, answer: type[R], timeout_s: float) -> R:
        """Send a message to one agent and return its answer of that kind.

        Raises
        ------
        Transient
            No answer in time.
        """
        message_id = self._send(name, message, timeout_s)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for header, reply in self._receive():
                if isinstance(reply, answer) and header.correlation_id == message_id:
                    return reply
        raise Transient(f"{name} gave no answer within {timeout_s:g} s; is it running? see `boardroom status`")

    def statuses(self, names: Iterable[str], timeout_s: float) -> dict[str, AgentStatus]:
        """Ask several agents for their status; those that do not answer in time are absent."""
        waiting = {self._send(name, Ping(), timeout_s): name for name in names}
        found: dict[str, AgentStatus] = {}
        deadline = time.monotonic() + timeout_s
        while len(found) < len(waiting) and time.monotonic() < deadline:
            for header, reply in self._receive():
                name = waiting.get(header.correlation_id)
                if name is not None and isinstance(reply, AgentStatus):
                    found[name] = reply
        return found

    def close(self) -> None:
        """Give up all sockets."""
        self._direct.close()

    def _send(self, name: str, message: Message, timeout_s: float) -> str:
        self._count += 1
        message_id = f"{self._prefix}:{self._count}"
        # how an agent is can be asked of one whose clock is ahead, too
        ttl_ms = NEVER_EXPIRES if isinstance(message, Ping) else round(timeout_s * 1000)
        header = Header(
            message_id, message_id, "", message.KIND, self.name, name, 0, time.time_ns(), ttl_ms, int(message.PRIORITY)
        )
        self._direct.send(name, encode(header, message))
        self._direct.flush()
        return message_id

    def _receive(self) -> Iterable[tuple[Header, Message]]:
        self._direct.poller.poll(_POLL_MS)
        for frame, origin in self._direct.receive(64):
            try:
                header, message, _ = decode(frame)
            except CodecError:
                continue
            if origin in ("", header.sender):
                yield header, message
