"""A TCP port before the unix socket of a Redis: encrypted on demand, and a black hole on demand."""

import contextlib
import datetime as dt
import ipaddress
import selectors
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST: Final = "127.0.0.1"
_BYTES: Final = 1 << 16


class Relay:
    """Copies bytes between whoever connects and a unix socket, each connection in a thread."""

    def __init__(self, target: str, context: ssl.SSLContext | None) -> None:
        self.is_black_hole = False
        self._target = target
        self._context = context
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """End all connections."""
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                incoming, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(incoming,)))
            self._threads[-1].start()

    def _serve(self, incoming: socket.socket) -> None:
        with incoming, socket.socket(socket.AF_UNIX) as outgoing, contextlib.suppress(OSError):
            outgoing.connect(self._target)
            near = incoming if self._context is None else self._context.wrap_socket(incoming, server_side=True)
            with near:
                self._copy(near, outgoing)

    def _copy(self, near: socket.socket, far: socket.socket) -> None:
        ends = {near: far, far: near}
        with selectors.DefaultSelector() as selector:
            for end in ends:
                selector.register(end, selectors.EVENT_READ)
            while not self._stop.is_set():
                for key, _ in selector.select(0.02):
                    if self.is_black_hole:
                        self._stop.wait(0.02)
                        continue
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    data = source.recv(_BYTES)
                    if not data:
                        return
                    ends[source].sendall(data)


@contextmanager
def relay(target: str, context: ssl.SSLContext | None = None) -> Iterator[Relay]:
    """Give a relay to a unix socket."""
    made = Relay(target, context)
    try:
        yield made
    finally:
        made.close()


def write_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Write a self-signed certificate for 127.0.0.1 and its key; return where."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.crt", folder / f"{name}.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths
