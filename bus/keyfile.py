"""Files of keys: one line a key, the nanosecond from which it is in force and 32 bytes in hexadecimal, oldest first.

What a container engine mounts is read too: files of root that a group of this process may read. So is a variable of
the environment in place of a file: ``BOARDROOM_SECRET_RISK_KEY`` for risk.key.
"""

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

VARIABLES: Final = "BOARDROOM_SECRET_"
"""What the name of every variable of the environment that holds a secret begins with."""
PRIVATE: Final = 0o600
PUBLIC: Final = 0o644
_FOLDER: Final = 0o700
_LINE: Final = re.compile(r"(0|[1-9][0-9]{0,18}) ([0-9a-f]{64})")
_MOST_BYTES: Final = 1 << 20
IGNORE: Final = ".gitignore"
_ROOT: Final = 0


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
    return _parsed(path, contents(path, mode))


def contents(path: Path, mode: int) -> bytes:
    """Return what a secret file holds, or the variable of the environment that stands for it.

    Raises
    ------
    ConfigError
        Neither is there, they differ, or the file is unreadable, another's, or open to others than ``mode`` says.
    """
    name = variable(path)
    given = os.environ.get(name)
    try:
        with path.open("rb") as file:
            status, data = os.fstat(file.fileno()), file.read(_MOST_BYTES)
    except FileNotFoundError:
        if given is not None:
            return given.encode(errors="replace")
        raise ConfigError(
            f"{path}: no such key; make the firm's keys with `boardroom keys`, or put it back, or give it as {name}"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; make it readable for the user of the firm") from None
    if given is not None and given.encode(errors="replace").strip() != data.strip():
        raise ConfigError(f"{path}: the environment holds another in {name}; take one of them away")
    _check_file(path, status, mode)
    for folder in {path.parent, path.resolve().parent}:
        _check_folder(folder)
    return data


def is_there(path: Path) -> bool:
    """Tell whether a secret is here, as a file or in the environment."""
    return path.exists() or variable(path) in os.environ


def read_if_there(path: Path, mode: int) -> list[Line]:
    """Read a file of keys as ``read``; nothing where there is none."""
    return read(path, mode) if is_there(path) else []


def variable(path: Path) -> str:
    """Return the variable of the environment that stands for a missing file."""
    return VARIABLES + re.sub(r"[^A-Z0-9]", "_", path.name.upper())


def write(path: Path, lines: Sequence[Line], mode: int) -> None:
    """Replace a file of keys whole and on the disk."""
    replace(path, "".join(f"{line.since_ns} {line.raw.hex()}\n" for line in lines).encode("ascii"), mode)


def replace(path: Path, data: bytes, mode: int, *, is_copy: bool = False) -> None:
    """Replace a file whole and on the disk, so that neither a reader nor a power cut ever leaves half a key.

    A copy, which can be made again, is not waited for until it is on the disk.
    """
    temporary = path.with_suffix(f".{os.getpid()}.new")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(file, "wb") as out:
        os.fchmod(file, mode)
        out.write(data)
        out.flush()
        if not is_copy:
            os.fsync(file)
    temporary.replace(path)
    if not is_copy:
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
    folder.parent.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
    folder.mkdir(mode=_FOLDER, exist_ok=True)
    _check_mode(folder, folder.stat().st_mode & 0o077, f"chmod {_FOLDER:o} {folder}")
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        ignore = folder / IGNORE
        if not ignore.exists():
            ignore.write_text("*\n", encoding="ascii")
        yield
    finally:
        os.close(handle)


def _check_file(path: Path, status: os.stat_result, mode: int) -> None:
    """Refuse a file that another user can change, or can read beyond ``mode``.

    Root is no other user, and what root alone can change its group may read: so engines mount secrets.
    """
    user = os.geteuid()
    if user not in (_ROOT, status.st_uid) and status.st_uid != _ROOT:
        raise ConfigError(f"{path}: belongs to user {status.st_uid}, who can change it; make it the firm's or root's")
    excess = stat.S_IMODE(status.st_mode) & 0o077 & ~mode
    is_mounted = status.st_uid == _ROOT and (user != _ROOT or _is_read_only(path))
    if is_mounted and status.st_gid in (os.getegid(), *os.getgroups()):
        excess &= ~0o040
    _check_mode(path, excess, f"chmod {mode:o} {path}", is_mounted=is_mounted)


def _check_folder(folder: Path) -> None:
    """Refuse a folder in which others can put a file in the place of a key; where nothing can be written none can."""
    excess = folder.stat().st_mode & 0o022
    if excess and not _is_read_only(folder):
        _check_mode(folder, excess, f"chmod {_FOLDER:o} {folder}")


def _is_read_only(path: Path) -> bool:
    """Tell whether a file system is mounted read-only, as Kubernetes mounts its secrets."""
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _check_mode(path: Path, excess: int, remedy: str, *, is_mounted: bool = False) -> None:
    if excess:
        may = "read" if excess & 0o044 else "write" if excess & 0o022 else "use"
        what = "mount it with mode 440 and a group of the firm's user" if is_mounted else f"run `{remedy}`"
        raise ConfigError(f"{path}: others may {may} it; {what}, and `boardroom keys --rotate` if they did")


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
