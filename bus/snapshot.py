"""Snapshots of a process: its whole state after a journal record, one file each, written aside and then renamed.

A snapshot only saves time: without one the journal is read from its beginning. So a bad one is skipped, never repaired.
"""

import os
import re
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from typing import Any, Final, NamedTuple

from bus import plain
from bus.errors import CodecError, JournalError
from bus.segment import cannot, explained, sync_folder

MAGIC: Final = b"BRSNAP\r\n"
VERSION: Final = 1
_CHECKSUM_BYTES: Final = 16
_HEADER: Final = Struct(f"<8sHQQ{_CHECKSUM_BYTES}s")
_NAME: Final = re.compile(r"[0-9]{12}\.snap")
_UNFINISHED: Final = re.compile(r"[0-9]{12}\.tmp")


class Skipped(NamedTuple):
    """A snapshot that could not be used, and why."""

    name: str
    reason: str


class SnapshotStore:
    """The snapshots of one process in one folder, of which the newest ``keep`` stay.

    Attributes
    ----------
    skipped
        What the last ``newest`` passed over.
    """

    def __init__(self, folder: Path, keep: int = 2) -> None:
        if keep < 1:
            raise ValueError(f"snapshots to keep: {keep}, expected at least 1")
        self.skipped: list[Skipped] = []
        self._folder = folder
        self._keep = keep

    def save(self, number: int, state: object) -> Path:
        """Write the state after journal record ``number``; sync the journal up to there first.

        Raises
        ------
        CodecError
            The state is not plain data.
        JournalError
            The operating system refused; older snapshots are as they were.
        """
        content = plain.pack(state)
        path = self._folder / f"{number:012d}.snap"
        unfinished = path.with_suffix(".tmp")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as file:
                file.write(_HEADER.pack(MAGIC, VERSION, number, len(content), _checksum(number, content)))
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
            sync_folder(self._folder)
        except OSError as error:
            raise JournalError(cannot(path, "save this snapshot", error) + _discard(unfinished)) from error
        self._prune(path)
        return path

    def newest(self) -> tuple[int, Any] | None:
        """Return (record number, state) of the newest valid snapshot; None when there is none.

        Raises
        ------
        JournalError
            The folder cannot be read.
        """
        self.skipped = []
        for path in reversed(self._paths()):
            try:
                return _load(path)
            except (CodecError, OSError) as error:
                self.skipped.append(Skipped(path.name, str(error)))
        return None

    def _paths(self) -> list[Path]:
        if not self._folder.exists():
            return []
        with explained(self._folder, "list these snapshots"):
            return sorted(path for path in self._folder.iterdir() if _NAME.fullmatch(path.name))

    def _prune(self, saved: Path) -> None:
        """Remove all but ``saved`` and the newest others, those known to be bad first, and what crashes left."""
        bad = {skipped.name for skipped in self.skipped}
        others = [path for path in self._paths() if path != saved]
        others.sort(key=lambda path: (path.name not in bad, path.name))
        with explained(self._folder, "remove old snapshots"):
            for path in others[: max(0, len(others) - self._keep + 1)]:
                path.unlink()
            for path in self._folder.iterdir():
                if _UNFINISHED.fullmatch(path.name):
                    path.unlink()


def _load(path: Path) -> tuple[int, Any]:
    data = path.read_bytes()
    if len(data) < _HEADER.size or not data.startswith(MAGIC):
        raise CodecError("not a snapshot, or only its beginning")
    _, version, number, length, checksum = _HEADER.unpack_from(data)
    content = data[_HEADER.size :]
    if version != VERSION:
        raise CodecError(f"format version {version}, this code reads {VERSION}")
    if length != len(content) or checksum != _checksum(number, content):
        raise CodecError("the content does not match its length and checksum")
    if path.stem != f"{number:012d}":
        raise CodecError(f"it is of record {number}, not of what its name says")
    return number, plain.unpack(content)


def _checksum(number: int, content: bytes) -> bytes:
    checksum = blake2b(number.to_bytes(8, "little"), digest_size=_CHECKSUM_BYTES)
    checksum.update(content)
    return checksum.digest()


def _discard(path: Path) -> str:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        return f"; the unfinished {path.name} is still there: {error.strerror}"
    return ""
