"""The run directory: where one firm keeps its sockets, journals, ledger, logs and locks."""

import fcntl
import os
import time
from pathlib import Path
from typing import IO, Final

from bus.errors import Fatal

_MAX_SOCKET_PATH: Final = 100
_LOOK_S: Final = 0.2
"""Longer than ``Lock.is_held`` takes: whoever only looks must not keep the owner out."""
_FOLDERS: Final = ("sockets", "journal", "snapshots", "logs", "locks")


class RunDir:
    """Paths inside a run directory; ``create`` makes them, private to the user."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def create(self) -> None:
        """Make the folders, mode 700.

        Raises
        ------
        Fatal
            Not writable, open to others, or its path is too long for a unix socket.
        """
        longest = str(self.sockets / "quantum_amos.sock")
        if len(longest) > _MAX_SOCKET_PATH:
            raise Fatal(
                f"run directory {self.root}: a socket path in it has {len(longest)} bytes, unix sockets allow "
                f"{_MAX_SOCKET_PATH}; choose a shorter one with --run-dir"
            )
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._refuse_others()
            for name in _FOLDERS:
                (self.root / name).mkdir(mode=0o700, exist_ok=True)
        except FileExistsError:
            raise Fatal(f"run directory {self.root}: there is a file in its place; give another --run-dir") from None
        except OSError as error:
            raise Fatal(f"run directory {self.root}: {error.strerror}; make it writable or give another") from None

    def _refuse_others(self) -> None:
        """Refuse a directory that was there and that others may enter: whoever reaches its sockets is believed."""
        if self.root.stat().st_mode & 0o077:
            raise Fatal(f"run directory {self.root}: open to others; run `chmod 700 {self.root}`, or give another")

    @property
    def sockets(self) -> Path:
        """Folder of unix sockets."""
        return self.root / "sockets"

    @property
    def redis_socket(self) -> Path:
        """Unix socket of the embedded Redis."""
        return self.sockets / "redis.sock"

    def journal(self, agent: str) -> Path:
        """Folder of an agent's journal."""
        return self.root / "journal" / agent

    def snapshots(self, agent: str) -> Path:
        """Folder of an agent's snapshots."""
        return self.root / "snapshots" / agent

    def log(self, name: str) -> Path:
        """Log file of a process."""
        return self.root / "logs" / f"{name}.log"

    def open_log(self, name: str) -> IO[bytes]:
        """Open the log of a process to write at its end.

        Raises
        ------
        Fatal
            It cannot be written.
        """
        path = self.log(name)
        try:
            return path.open("ab")
        except OSError as error:
            raise Fatal(f"{path}: {error.strerror}; make it writable, or use another --run-dir") from None

    def lock(self, name: str) -> "Lock":
        """Return the lock that one process of that name holds."""
        return Lock(self.root / "locks" / f"{name}.lock", name)


class Lock:
    """An advisory lock on a file, held until released or until the process ends."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises
        ------
        Fatal
            Another process holds it, and the message names its pid; or it cannot be written.
        """
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Fatal(f"{self.path}: {error.strerror}; make it writable, or use another --run-dir") from None
        deadline = time.monotonic() + _LOOK_S
        while not _is_locked(file):
            if time.monotonic() > deadline:
                os.close(file)
                raise Fatal(
                    f"{self.name} already runs in {self.path.parent.parent} (pid {self.holder() or 'unknown'}); "
                    f"stop it first, or use another --run-dir"
                )
            time.sleep(_LOOK_S / 10)
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def holder(self) -> int | None:
        """Return the pid written by the last holder, or None."""
        try:
            return int(self.path.read_text().strip())
        except (OSError, ValueError):
            return None

    def is_held(self) -> bool:
        """Tell whether some process holds the lock now."""
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return not _is_locked(file)
        finally:
            os.close(file)


def _is_locked(file: int) -> bool:
    """Lock a file unless somebody else has; tell whether it is ours now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
