"""One file of a journal: a header, then records, each chained to the one before; a finished one may be compressed.

All integers are little-endian. The header is magic, version, agent, number of the first record, the chain before it,
CRC; a record is payload length, type, time, CRC of these three, payload, CRC of the payload, chain. Two CRCs, because
a length that cannot be trusted would leave nothing to say about the bytes after it.
"""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from errno import EACCES, EDQUOT, EFBIG, ENOSPC, EPERM, EROFS
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from typing import IO, Final, NamedTuple, cast
from zlib import crc32

from bus.errors import JournalError

MAGIC: Final = b"BRJRNL\r\n"
VERSION: Final = 1
CHAIN_BYTES: Final = 16
MAX_AGENT_BYTES: Final = 64
HEAD: Final = Struct("<IBQ")
_CRC: Final = Struct("<I")
HEAD_CRC: Final = Struct("<IBQI")
TAIL: Final = Struct(f"<I{CHAIN_BYTES}s")
_HEADER: Final = Struct(f"<{len(MAGIC)}sH{MAX_AGENT_BYTES}sQ{CHAIN_BYTES}s")
HEADER_BYTES: Final = _HEADER.size + _CRC.size
RECORD_OVERHEAD_BYTES: Final = HEAD_CRC.size + TAIL.size
_READ_BYTES: Final = 1 << 18
COMPRESSED: Final = ".gz"
_NO_SPACE: Final = (ENOSPC, EDQUOT, EFBIG)
_NO_ACCESS: Final = (EACCES, EPERM, EROFS)


class RecordType(IntEnum):
    """What a record holds."""

    START = 1
    """A process began: msgpack map of its incarnation and the version of its code."""
    INPUT = 2
    """A frame as it was received."""
    TIMER = 3
    """A timer that fired: its id as u64."""
    NOTICE = 4
    """The frame of a message the runtime itself handed to the agent."""
    OUTPUT = 5
    """A frame that was released, after the number, as u64, of the input record that caused it."""
    ACK = 6
    """Msgpack array: ids of reliable messages that their receivers acknowledged."""


class Record(NamedTuple):
    """One record; ``number`` counts from 1 over all segments, ``time_ns`` is that of the input."""

    number: int
    type: RecordType
    time_ns: int
    payload: bytes


class Position(NamedTuple):
    """A place between two records: the number of the next one and the chain before it."""

    number: int
    chain: bytes


ORIGIN: Final = Position(1, bytes(CHAIN_BYTES))


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong where: ``number`` is None where the segment's header is meant; ``offset`` is in bytes.

    ``is_torn`` says that it looks like a write that never finished: nothing whole comes after it in its file.
    """

    file: Path
    number: int | None
    offset: int
    reason: str
    is_torn: bool = False

    def __str__(self) -> str:
        what = "segment header" if self.number is None else f"record {self.number}"
        return f"{self.file}: {what} at byte {self.offset}: {self.reason}"


class BrokenJournal(JournalError):
    """A journal that is not as it was written."""

    def __init__(self, damage: Damage) -> None:
        super().__init__(
            f"{damage}; the journal {damage.file.parent} cannot be trusted from here on: "
            "restore this file from a copy, or move the whole folder away to begin without a past"
        )
        self.damage = damage


class Segment:
    """Reads one segment from its beginning and checks everything on the way.

    Iterating yields the records; ``position`` and ``offset`` (bytes) are those after the last good one. A file that
    is being written ends, for one iteration, where it ended when that began.

    Raises
    ------
    BrokenJournal
        Here or while iterating: the first damage.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with explained(path, "read"), _opened(path) as file:
            header = file.read(HEADER_BYTES)
            self.agent, self.start = _unpack_header(header, path, file)
        self.position = self.start
        self.offset = HEADER_BYTES

    def __iter__(self) -> Iterator[Record]:
        with explained(self.path, "read"), _opened(self.path, is_whole=True) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(HEADER_BYTES)
            self.position, self.offset = self.start, HEADER_BYTES
            while self.offset < size:
                yield self._next(file, size)

    def _next(self, file: IO[bytes], size: int) -> Record:
        head = file.read(HEAD_CRC.size)
        if len(head) < HEAD_CRC.size:
            raise self._broken(file, size, HEAD_CRC.size, "it ends within its first bytes")
        length, kind, time_ns, crc = HEAD_CRC.unpack(head)
        if crc32(head[: HEAD.size]) != crc:
            raise self._broken(file, size, HEAD_CRC.size, "length, type and time do not match their checksum")
        extent = RECORD_OVERHEAD_BYTES + length
        rest = b"" if self.offset + extent > size else file.read(length + TAIL.size)
        if len(rest) < length + TAIL.size:
            raise self._broken(file, size, extent, f"{extent} bytes long, but only {size - self.offset} are there")
        payload = rest[:length]
        crc, chain = TAIL.unpack_from(rest, length)
        if crc32(payload) != crc:
            raise self._broken(file, size, extent, "the payload does not match its checksum")
        number, before = self.position
        if chain != blake2b(b"".join((before, head[4 : HEAD.size], payload)), digest_size=CHAIN_BYTES).digest():
            raise self._broken(file, size, extent, "its chain hash does not follow from the record before")
        record_type = _TYPES.get(kind)
        if record_type is None:
            raise BrokenJournal(Damage(self.path, number, self.offset, f"unknown record type {kind}, newer code?"))
        self.position = Position(number + 1, chain)
        self.offset += extent
        return Record(number, record_type, time_ns, payload)

    def _broken(self, file: IO[bytes], size: int, extent: int, reason: str) -> BrokenJournal:
        file.seek(self.offset)
        is_torn = len(file.read(size - self.offset).rstrip(b"\0")) <= extent
        return BrokenJournal(Damage(self.path, self.position.number, self.offset, reason, is_torn))


@contextmanager
def _opened(path: Path, *, is_whole: bool = False) -> Iterator[IO[bytes]]:
    """Open a segment for reading; a compressed one is inflated, ``is_whole`` all of it before anything is read."""
    if path.suffix != COMPRESSED:
        with path.open("rb", buffering=_READ_BYTES) as plain:
            yield plain
        return
    try:
        with gzip.open(path, "rb") as packed:
            yield io.BytesIO(packed.read()) if is_whole else cast("IO[bytes]", packed)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BrokenJournal(Damage(path, None, 0, f"it cannot be inflated: {error}")) from None


_TYPES: Final = {int(member): member for member in RecordType}


def pack_header(agent: str, start: Position) -> bytes:
    """Return the header of a segment that continues at ``start``."""
    name = agent.encode()
    if not 0 < len(name) <= MAX_AGENT_BYTES or b"\0" in name:
        raise JournalError(f"agent name {agent!r}: expected 1 to {MAX_AGENT_BYTES} bytes")
    header = _HEADER.pack(MAGIC, VERSION, name, *start)
    return header + _CRC.pack(crc32(header))


def _unpack_header(header: bytes, path: Path, file: IO[bytes]) -> tuple[str, Position]:
    content = header[: -_CRC.size]
    if len(header) < HEADER_BYTES or _CRC.pack(crc32(content)) != header[-_CRC.size :]:
        written = (header + file.read()).rstrip(b"\0")
        is_torn = len(written) < HEADER_BYTES and MAGIC.startswith(written[: len(MAGIC)])
        known = is_torn or header.startswith(MAGIC)
        reason = "it does not match its checksum" if known else "this is not a segment of a journal"
        raise BrokenJournal(Damage(path, None, 0, reason, is_torn))
    magic, version, name, number, chain = _HEADER.unpack(content)
    if magic != MAGIC or version != VERSION:
        raise BrokenJournal(Damage(path, None, 0, f"format {magic!r} version {version}, this code reads {VERSION}"))
    return name.rstrip(b"\0").decode(errors="replace"), Position(number, chain)


def cannot(path: Path, do: str, error: OSError) -> str:
    """Say in one line what the system refused to do with ``path`` and what to do about it."""
    advice = "look at the disk, then start again"
    if error.errno in _NO_SPACE:
        advice = "free space or lift the limit, then start again"
    elif error.errno in _NO_ACCESS:
        advice = f"make it accessible to user {os.geteuid()}, then start again"
    return f"{path}: cannot {do}: {error.strerror or error}; {advice}"


@contextmanager
def explained(path: Path, do: str) -> Iterator[None]:
    """Turn an OSError into a JournalError that says what could not be done with ``path``."""
    try:
        yield
    except OSError as error:
        raise JournalError(cannot(path, do, error)) from error


def sync_folder(folder: Path) -> None:
    """Return when the disk has the names in ``folder``."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
