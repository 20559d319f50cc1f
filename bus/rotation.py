"""Rotation of a log by the process that writes it: the full file is renamed, and standard error goes on in a new one.

Only whoever writes a file knows that no line is on its way into it, so nothing is lost between two files. Where
standard error is no regular file, as in a container, nothing is rotated.
"""

import os
import stat
from pathlib import Path
from typing import Final

_STDOUT: Final = 1
_STDERR: Final = 2
_MB: Final = 1 << 20
_MODE: Final = 0o600


class Rotation:
    """The log file of one process.

    Parameters
    ----------
    path
        What standard error is redirected to; where it is another file, that one is left alone.
    most_bytes
        Size from which on the file is full.
    files
        How many are kept, the one in use among them: NAME.log, NAME.log.1 and so on, from new to old.
    """

    def __init__(self, path: Path, most_bytes: int, files: int) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._files = files

    def turn(self) -> bool:
        """Begin a new file if the one in use is full; tell whether it was. A disk that refuses keeps the old one."""
        try:
            now = os.fstat(_STDERR)
            if now.st_size < self._most_bytes or not stat.S_ISREG(now.st_mode):
                return False
            if self._path.exists():  # it is gone where a file could be renamed, but no new one begun
                if not os.path.samestat(now, self._path.stat()):
                    return False
                self._shift()
            self._begin(now)
        except OSError:
            return False
        return True

    def _shift(self) -> None:
        """Make room for the file in use among the older ones; the oldest goes."""
        for number in range(self._files - 1, 0, -1):
            older = self._numbered(number)
            newer = self._path if number == 1 else self._numbered(number - 1)
            if newer.exists():
                newer.replace(older)
        if self._files == 1:
            self._path.unlink()

    def _begin(self, before: os.stat_result) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)
        try:
            if os.path.samestat(os.fstat(_STDOUT), before):
                os.dup2(descriptor, _STDOUT)
            os.dup2(descriptor, _STDERR)
        finally:
            os.close(descriptor)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


_chosen: list[Rotation] = []
"""The log of this process: there is one standard error, and one who says what becomes of it."""


def rotate_log(path: Path, log_mb: float, log_files: int) -> None:
    """Have this process rotate the log it writes to standard error."""
    _chosen[:] = [Rotation(path, round(log_mb * _MB), log_files)]


def turn_log() -> None:
    """Begin a new log file if the one in use is full."""
    for rotation in _chosen:
        rotation.turn()
