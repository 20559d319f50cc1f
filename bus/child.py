"""A process that runs for this one: born here, or left by another and taken over, held so that no other can be meant.

A pid may be given to a stranger as soon as its process has ended; a descriptor of the process (Linux) never is.
"""

import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Final, Protocol, Self

from bus.errors import Fatal

_CREDENTIALS: Final = struct.Struct("3i")


class Child(Protocol):
    """What can be done with a process that is looked after."""

    @property
    def pid(self) -> int:
        """Process id."""

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""

    @property
    def code(self) -> int | None:
        """Exit status, negative for a signal; None while it runs, and where nobody can know it."""

    def send(self, number: int) -> None:
        """Send it a signal; one that has ended gets none."""

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until it has ended, at most ``timeout_s``; tell whether it has."""


class Born:
    """A process that this one started."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    @property
    def code(self) -> int | None:
        """Exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def send(self, number: int) -> None:
        """Send it a signal; one that has ended gets none."""
        self._process.send_signal(number)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until it has ended, at most ``timeout_s``; tell whether it has."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        return not self.is_running


class Adopted:
    """A process that another one started, whose exit status nobody here can know."""

    code: Final[int | None] = None

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid: Final = pid
        self._descriptor = descriptor
        self._has_ended = False

    @classmethod
    def hold(cls, pid: int) -> Self | None:
        """Take hold of the process that has this id now; None when there is none.

        Raises
        ------
        Fatal
            The system has no descriptors of processes.
        """
        if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
            raise Fatal(f"pid {pid} was left running, and processes can be taken over on Linux only; end it")
        try:
            return cls(pid, os.pidfd_open(pid))
        except ProcessLookupError:
            return None
        except OSError as error:
            raise Fatal(f"pid {pid} cannot be taken over: {error.strerror}; end it") from None

    def has_open(self, path: Path) -> bool:
        """Tell whether it holds a file open, and is therefore the process that the file names."""
        folder = Path(f"/proc/{self.pid}/fd")
        try:
            wanted = path.stat()
            for link in folder.iterdir():
                with contextlib.suppress(OSError):
                    if os.path.samestat(link.stat(), wanted):
                        return self.is_running
        except OSError:
            return False
        return False

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return not self.wait(0.0)

    def send(self, number: int) -> None:
        """Send it a signal; one that has ended gets none."""
        if not self._has_ended:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until it has ended, at most ``timeout_s``; tell whether it has."""
        if not self._has_ended:
            poll = select.poll()
            poll.register(self._descriptor, select.POLLIN)
            if poll.poll(None if timeout_s is None else round(timeout_s * 1000)):
                self._has_ended = True
                os.close(self._descriptor)
        return self._has_ended

    def let_go(self) -> None:
        """Give the descriptor back without touching the process."""
        if not self._has_ended:
            self._has_ended = True
            os.close(self._descriptor)


def listener(path: Path) -> int | None:
    """Return the id of the process that listens on a unix socket, as the kernel knows it; None when none does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
            said = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except OSError:
            return None
    pid: int = _CREDENTIALS.unpack(said)[0]
    return pid
