"""A few planes on the loopback with CURVE, and what a stranger would connect with instead."""

import random
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import zmq

from bus.curve import CurveKeys, curve_names, make_curve_keys
from bus.direct import ZmqDirect
from bus.lawful import Arrival

PATIENCE_S = 10.0
_PORTS = range(12_000, 30_000)


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback that were free a moment ago, from below those that connections get by themselves."""
    found: list[int] = []
    for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
        with socket.socket() as each, suppress(OSError):
            each.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"of the ports {_PORTS.start} to {_PORTS.stop - 1} not {count} are free")


class Wires:
    """Planes over tcp, all turned in one thread."""

    def __init__(self, folder: Path, agents: Iterable[str]) -> None:
        self.folder = folder
        self.names = curve_names(agents)
        make_curve_keys(folder, self.names, 1)
        ports = free_ports(len(self.names))
        self.book = {name: f"tcp://127.0.0.1:{port}" for name, port in zip(self.names, ports, strict=True)}
        self.planes: dict[str, ZmqDirect] = {}

    def keys(self, name: str) -> CurveKeys:
        return CurveKeys.load(self.folder, name, self.names)

    def open(self, name: str, book: dict[str, str] | None = None, **options: Any) -> ZmqDirect:
        agents = {each: address for each, address in self.book.items() if each not in ("ops", "operator")}
        if name == "ops":
            agents["ops"] = self.book["ops"]
        keys = self.keys("operator" if name.startswith("guest-") else name)
        plane = self.planes[name] = ZmqDirect(name, book or agents, keys=keys, **options)
        return plane

    def say(self, sender: str, recipient: str, frame: bytes) -> None:
        self.planes[sender].send(recipient, frame)
        self.planes[sender].flush()

    def turn(self, seconds: float = 0.002) -> dict[str, list[Arrival]]:
        """Turn every plane's loop once; return what arrived where."""
        time.sleep(seconds)
        return {name: plane.receive(100) for name, plane in self.planes.items()}

    def hear(self, name: str, count: int = 1) -> list[Arrival]:
        """Turn all planes until ``count`` frames have come to one of them."""
        deadline = time.monotonic() + PATIENCE_S
        found: list[Arrival] = []
        while len(found) < count:
            assert time.monotonic() < deadline, {each: plane.counters for each, plane in self.planes.items()}
            found += self.turn()[name]
        return found

    def idle(self, seconds: float) -> list[Arrival]:
        """Turn all planes for that long; return whatever arrived anywhere."""
        deadline = time.monotonic() + seconds
        found: list[Arrival] = []
        while time.monotonic() < deadline:
            for arrived in self.turn().values():
                found += arrived
        return found

    def close(self) -> None:
        for plane in self.planes.values():
            plane.close()


@contextmanager
def bare_dealer(
    address: str, routing_id: bytes = b"", *, secret: bytes = b"", public: bytes = b"", server: bytes = b""
) -> Iterator[zmq.Socket[bytes]]:
    """Connect as anybody could, with whatever keys he has got hold of."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 0)
        if routing_id:
            dealer.setsockopt(zmq.IDENTITY, routing_id)
        if server:
            dealer.setsockopt(zmq.CURVE_SECRETKEY, secret)
            dealer.setsockopt(zmq.CURVE_PUBLICKEY, public)
            dealer.setsockopt(zmq.CURVE_SERVERKEY, server)
        dealer.connect(address)
        yield dealer


class Cable:
    """A way from a free port to another one that can be cut so that neither end is told, as a network is."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._is_whole = threading.Event()
        self._is_whole.set()
        self._is_open = True
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def cut(self) -> None:
        self._is_whole.clear()

    def mend(self) -> None:
        """Let everything through again, also what came in the meantime."""
        self._is_whole.set()

    def close(self) -> None:
        self._is_open = False
        self._is_whole.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for pair in self._pairs:
            for each in pair:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for pair in self._pairs:
            for each in pair:
                each.close()

    def _accept(self) -> None:
        while self._is_open:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._is_whole.wait()
            try:
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                near.close()
                continue
            self._pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                thread = threading.Thread(target=self._carry, args=(source, sink), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                self._is_whole.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
