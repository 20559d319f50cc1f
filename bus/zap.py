"""Who is let in over tcp: ZeroMQ's authentication requests (ZAP, RFC 27) and what becomes of each connection.

Both are read in the process's own loop. An agent whose loop does not turn lets nobody in; there is no thread beside it
that would.
"""

import struct
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import zmq

from bus.lawful import GUEST_PREFIX, OPERATOR
from bus.message import OPS

DOMAIN: Final = b"boardroom"
_ENDPOINT: Final = "inproc://zeromq.zap.01"
_VERSION: Final = b"1.0"
_MECHANISM: Final = b"CURVE"
_FRAMES: Final = 7
_MOST_AT_ONCE: Final = 64
"""Strangers that knock in crowds wait for the next turn of the loop, so that they cannot hold it up."""
_ANONYMOUS: Final = b"\0"
"""First byte of the routing ids that a ROUTER gives to peers that chose none."""
_NOBLOCK: Final = int(zmq.NOBLOCK)
_EVENTS: Final = int(zmq.EVENTS)
_POLLIN: Final = int(zmq.POLLIN)
_SHOWN: Final = 40
_EVENT: Final = struct.Struct("=hi")
_ACCEPTED: Final = int(zmq.EVENT_ACCEPTED)
_JOINED: Final = int(zmq.EVENT_HANDSHAKE_SUCCEEDED)
_GONE: Final = int(zmq.EVENT_DISCONNECTED)
_BROKEN: Final = int(zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
_ABANDONED: Final = int(zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL)
_LEFT_WITHOUT_A_KEY: Final = "a connection that ended before it had shown a key"
_NO_CURVE: Final = "a connection whose handshake was not CURVE, or not with this agent's public key"


def verdict(request: list[bytes], holders: Mapping[bytes, str]) -> tuple[list[bytes], str]:
    """Return the reply to a ZAP request, and why it lets nobody in; empty when it does.

    The reply names the holder of the key as the User-Id of the connection.
    """
    request_id = request[1] if len(request) > 1 else b""
    if len(request) != _FRAMES or (request[0], request[2], request[5]) != (_VERSION, DOMAIN, _MECHANISM):
        return _reply(request_id, b""), "a request to be let in that is not one of CURVE"
    name = holders.get(request[6])
    if name is not None:
        return _reply(request_id, name.encode()), ""
    address = request[3][:_SHOWN].decode("ascii", "replace")
    return _reply(request_id, b""), f"a key that nobody in the firm has, from {address}"


def _reply(request_id: bytes, name: bytes) -> list[bytes]:
    code, text = (b"200", b"OK") if name else (b"400", b"not in the firm")
    return [_VERSION, request_id, code, text, name, b""]


class Doorkeeper:
    """Lets in whose key is known, and counts under "denied" whoever is not let in or comes under another's name.

    It must be there before any socket with CURVE is bound.

    Parameters
    ----------
    context
        Context of the sockets it guards.
    holders
        Who has each public key.
    counters
        Where to count.
    """

    def __init__(
        self, context: "zmq.Context[zmq.Socket[bytes]]", holders: Mapping[bytes, str], counters: Counter[str]
    ) -> None:
        self.last_denied = ""
        self._reason = ""
        self._context = context
        self._holders = holders
        self._ops_route = OPS.encode()
        self._own_ids = {name: name.encode() for name in holders.values()}
        self._counters = counters
        self._socket: Any = context.socket(zmq.REP)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(_ENDPOINT)
        self._watched: Any = None
        self._watch: Any = None
        self._unknown: set[int] = set()
        self._joined = 0

    def watch(self, router: "zmq.Socket[bytes]", poller: zmq.Poller) -> None:
        """Hear of every connection that a socket takes, and have ``poller`` wait for it and for who knocks."""
        self._watched = router
        endpoint = f"inproc://connections-of-{id(self):x}"
        router.monitor(endpoint, _ACCEPTED | _JOINED | _GONE | _BROKEN | _ABANDONED)
        self._watch = _listener(self._context, endpoint)
        for socket in (self._socket, self._watch):
            poller.register(socket, zmq.POLLIN)

    def answer(self) -> None:
        """Answer who knocks, and take note of who has come and gone; at most 64 of each."""
        socket = self._socket
        for _ in range(_MOST_AT_ONCE):
            if not int(socket.get(_EVENTS)) & _POLLIN:
                break
            reply, reason = verdict(socket.recv_multipart(_NOBLOCK), self._holders)
            self._reason = reason or self._reason
            socket.send_multipart(reply, _NOBLOCK)
        for _ in range(_MOST_AT_ONCE):
            if not int(self._watch.get(_EVENTS)) & _POLLIN:
                return
            self._note(*_EVENT.unpack(self._watch.recv_multipart(_NOBLOCK)[0]))

    def vouch(self, routing_id: zmq.Frame, frame: zmq.Frame) -> str | None:
        """Return whose key a frame came in by; None, counted, when the connection goes by a name that is not its own.

        An agent's may have its own or none. Guests have one key and must each have a name that begins with "guest-".
        """
        name = str(frame.get("User-Id"))
        chosen = routing_id.bytes
        if name == OPERATOR:
            is_own = chosen.startswith(GUEST_PREFIX.encode())
        else:
            is_own = chosen[:1] == _ANONYMOUS or chosen == self._own_ids[name]
        if is_own:
            if name == OPS:
                self._ops_route = chosen
            return name
        self._deny(f"{name}'s key under the name {chosen[:_SHOWN].decode('ascii', 'replace')}")
        return None

    def route(self, recipient: str) -> bytes:
        """Return the routing id of whoever is answered on its own connection: a guest, or ops where it last spoke."""
        return self._ops_route if recipient == OPS else recipient.encode()

    def close(self) -> None:
        """Let nobody in any more; the guarded sockets must be closed by now."""
        if self._watch is not None:
            self._watch.close(linger=0)
        self._socket.close(linger=0)

    def _note(self, event: int, value: int) -> None:
        """Follow the connections by descriptor; who joins is told without one, and is one of those not known yet."""
        if event == _ACCEPTED:
            self._unknown.add(value)
        elif event == _JOINED:
            self._joined += 1
        elif event == _BROKEN:
            self._reason = _NO_CURVE
        elif event == _ABANDONED:
            self._reason = _LEFT_WITHOUT_A_KEY
        elif value in self._unknown:
            self._unknown.discard(value)
            self._deny(self._reason or _LEFT_WITHOUT_A_KEY)
            self._reason = ""
        if len(self._unknown) == self._joined:
            self._unknown.clear()
            self._joined = 0

    def _deny(self, reason: str) -> None:
        self._counters["denied"] += 1
        self.last_denied = reason


class Returns:
    """Tells which connections that this process makes were lost and are back.

    Parameters
    ----------
    context
        Context of the sockets.
    """

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self._context = context
        self._watches: dict[str, Any] = {}
        self._known: set[str] = set()

    def watch(self, name: str, dealer: "zmq.Socket[bytes]") -> None:
        """Hear of every connection that a socket makes."""
        endpoint = f"inproc://connection-{id(self):x}-{name}"
        dealer.monitor(endpoint, _JOINED)
        self._watches[name] = _listener(self._context, endpoint)

    def take(self) -> list[str]:
        """Return the peers that are back since the last call; the first time that a peer is there does not count."""
        found = []
        for name, watch in self._watches.items():
            count = 0
            while int(watch.get(_EVENTS)) & _POLLIN:
                watch.recv_multipart(_NOBLOCK)
                count += 1
            if count > 1 or (count and name in self._known):
                found.append(name)
            if count:
                self._known.add(name)
        return found

    def close(self) -> None:
        """Hear no more."""
        for watch in self._watches.values():
            watch.close(linger=0)
        self._watches.clear()


def _listener(context: "zmq.Context[zmq.Socket[bytes]]", endpoint: str) -> Any:
    """Return the reading end of a monitor.

    It has room for all there is: ZeroMQ's own thread would wait for room, and all connections with it.
    """
    watch: Any = context.socket(zmq.PAIR)
    watch.setsockopt(zmq.RCVHWM, 0)
    watch.connect(endpoint)
    return watch
