"""Files of keys: one line a key, the nanosecond from which it is in force and 32 bytes in hexadecimal, oldest first."""

import fcntl
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from bus.errors import ConfigError

PRIVATE: Final = 0o600
PUBLIC: Final = 0o644
_FOLDER: Final = 0o700
_LINE: Final = re.compile(r"(0|[1-9][0-9]{0,18}) ([0-9a-f]{64})")
_MOST_BYTES: Final = 1 << 20
_IGNORE: Final = ".gitignore"


class Line(NamedTuple):
    """One key: the nanosecond since the epoch from which it is in force, and its 32 bytes."""

    since_ns: int
    raw: bytes


def read(path: Path, mode: int) -> list[Line]:
    """Read a file of keys that may have at most the permissions ``mode``.

    Raises
    ------
    ConfigError
        Missing, unreadable, malformed, or open to others than ``mode`` says.
    """
    try:
        with path.open("rb") as file:
            found = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(_MOST_BYTES)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such key; make the firm's keys with `boardroom keys`, or put it back") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; make it readable for the user of the firm") from None
    _check_mode(path, found & 0o077 & ~mode, mode)
    _check_mode(path.parent, path.parent.stat().st_mode & 0o022, _FOLDER)
    return _parsed(path, data)


def write(path: Path, lines: Sequence[Line], mode: int) -> None:
    """Replace a file whole and on the disk, so that neither a reader nor a power cut ever leaves half a key."""
    temporary = path.with_suffix(f".{os.getpid()}.new")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(file, "w", encoding="ascii") as out:
        os.fchmod(file, mode)
        out.writelines(f"{line.since_ns} {line.raw.hex()}\n" for line in lines)
        out.flush()
        os.fsync(file)
    temporary.replace(path)
    _sync(path.parent)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make a folder for keys where there is none, and keep other makers out of it.

    It is mode 700 and tells git to look away, wherever it stands.

    Raises
    ------
    ConfigError
        It is there, and open to others.
    OSError
        It cannot be made.
    """
    folder.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
    _check_mode(folder, folder.stat().st_mode & 0o077, _FOLDER)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        ignore = folder / _IGNORE
        if not ignore.exists():
            ignore.write_text("*\n", encoding="ascii")
        yield
    finally:
        os.close(handle)


def _check_mode(path: Path, excess: int, mode: int) -> None:
    if excess:
        may = "read" if excess & 0o044 else "write" if excess & 0o022 else "use"
        raise ConfigError(
            f"{path}: others may {may} it; run `chmod {mode:o} {path}`, and `boardroom keys --rotate` if they did"
        )


def _parsed(path: Path, data: bytes) -> list[Line]:
    lines = []
    for number, text in enumerate(data.removesuffix(b"\n").split(b"\n"), start=1):
        match = _LINE.fullmatch(text.decode("ascii", "replace"))
        if match is None:
            raise ConfigError(
                f"{path}: line {number} is not a time and a key; put a whole copy back, or move the file away and run "
                f"`boardroom keys --rotate`"
            )
        lines.append(Line(int(match[1]), bytes.fromhex(match[2])))
    if any(later.since_ns <= earlier.since_ns for earlier, later in pairwise(lines)):
        raise ConfigError(
            f"{path}: its keys do not follow each other in time; put a whole copy back, or move the file away and run "
            f"`boardroom keys --rotate`"
        )
    return lines


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
