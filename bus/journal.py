"""The journal of one process: every input before it is handled, every output before it leaves, in a chain of hashes.

A folder of segments ``00000001.log``, ``00000002.log``, ... that are only ever appended to. What a crash left
unfinished at the very end is cut when the journal is opened; damage anywhere else refuses to open or to read.
"""

import os
import struct
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Final, NoReturn, Self
from zlib import crc32

from bus.chain import VerifyReport, check_order, check_start, read, segment_path, segment_paths, verify
from bus.errors import JournalError
from bus.segment import (
    CHAIN_BYTES,
    HEAD,
    HEAD_CRC,
    HEADER_BYTES,
    ORIGIN,
    TAIL,
    BrokenJournal,
    Damage,
    Position,
    Record,
    RecordType,
    Segment,
    cannot,
    explained,
    pack_header,
    sync_folder,
)

__all__ = ["BrokenJournal", "Damage", "Journal", "Position", "Record", "RecordType", "VerifyReport", "read", "verify"]

SEGMENT_BYTES: Final = 64 << 20
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
_pack_head: Final = HEAD.pack
_pack_head_crc: Final = HEAD_CRC.pack
_pack_tail: Final = TAIL.pack
_sync_data: Final = getattr(os, "fdatasync", os.fsync)


class Journal:
    """Appends records and reads them back; one writer per folder, which the lock of the run directory sees to.

    ``append`` gathers, ``flush`` hands what was gathered to the operating system (it then survives the death of the
    process), ``sync`` makes it survive the death of the machine. After a failure every call raises what failed.

    Attributes
    ----------
    cuts
        What ``open`` found unfinished at the end and cut off.
    """

    cuts: tuple[Damage, ...] = ()

    def __init__(self, folder: Path, agent: str, segment_bytes: int) -> None:
        self._folder, self._agent, self._segment_bytes = folder, agent, segment_bytes
        self._failure = ""
        self._index, self._fd, self._offset = 0, -1, 0
        self._number, self._chain = ORIGIN
        self._flushed = ORIGIN
        self._pending: list[bytes] = []
        self._is_synced = True

    @classmethod
    def open(cls, folder: Path, agent: str, segment_bytes: int = SEGMENT_BYTES) -> Self:
        """Open the journal of ``agent`` for appending; begin one where there is none.

        The last segment is checked whole and a torn end is cut and noted in ``cuts``; ``verify`` checks the others.

        Raises
        ------
        JournalError
            Damage before the end, a missing segment, a foreign file, another agent's journal, or an error of the
            operating system.
        """
        journal = cls(folder, agent, segment_bytes)
        with explained(folder, "open this journal"):
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)
        last = journal._recover(segment_paths(folder))
        if last is None:
            journal._create(1)
        else:
            journal._resume(last)
        return journal

    def append(self, kind: RecordType, time_ns: int, payload: bytes) -> int:
        """Gather one record and return its number; nothing is written before ``flush``."""
        if self._failure:
            raise JournalError(self._failure)
        number = self._number
        try:
            head = _pack_head(len(payload), kind, time_ns)
        except struct.error as error:
            raise JournalError(f"{self._path}: record {number} at {time_ns} ns cannot be: {error}") from None
        chained = blake2b(self._chain, digest_size=CHAIN_BYTES)
        chained.update(head[4:])
        chained.update(payload)
        self._chain = chain = chained.digest()
        pending = self._pending
        pending.append(_pack_head_crc(len(payload), kind, time_ns, crc32(head)))
        pending.append(payload)
        pending.append(_pack_tail(crc32(payload), chain))
        self._number = number + 1
        return number

    def flush(self) -> None:
        """Write everything gathered in one go.

        Raises
        ------
        JournalError
            The operating system refused. The segment is cut back to the last record flushed before, what was
            gathered is lost, and this object refuses all further work.
        """
        if self._failure:
            raise JournalError(self._failure)
        if not self._pending:
            return
        data = b"".join(self._pending)
        if self._offset > HEADER_BYTES and self._offset + len(data) > self._segment_bytes:
            self._rotate()
        try:
            written = os.write(self._fd, data)
            while written < len(data):
                written += os.write(self._fd, memoryview(data)[written:])
        except OSError as error:
            self._fail("write", error)
        self._offset += len(data)
        self._pending.clear()
        self._flushed = self.position
        self._is_synced = False

    def sync(self) -> None:
        """Flush, and return when the disk has it.

        Raises
        ------
        JournalError
            As ``flush``; where the disk itself failed, records flushed before stay in the file.
        """
        self.flush()
        if self._is_synced:
            return
        try:
            _sync_data(self._fd)
        except OSError as error:
            self._fail("sync", error)
        self._is_synced = True

    def close(self) -> None:
        """Sync and close; a journal that failed or is closed stays as it is."""
        if self._failure:
            return
        self.sync()
        self._failure = f"{self._path}: this journal is closed"
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def position(self) -> Position:
        """Number of the next record and the chain before it, those not yet flushed included."""
        return Position(self._number, self._chain)

    @property
    def last_number(self) -> int:
        """Number of the last record, those not yet flushed included; 0 when there is none."""
        return self._number - 1

    def read(self, first: int = 1) -> Iterator[Record]:
        """Yield the flushed records from number ``first`` on; see ``read`` of this module."""
        if self._failure:
            raise JournalError(self._failure)
        return read(self._folder, first)

    @property
    def _path(self) -> Path:
        return segment_path(self._folder, self._index)

    def _recover(self, paths: list[Path]) -> Segment | None:
        """Read the last segment to its end, cut what is torn, and return it."""
        if not paths:
            return None
        path = paths[-1]
        try:
            segment = Segment(path)
        except BrokenJournal as error:
            if not error.damage.is_torn:
                raise
            self._cut(error.damage)
            return self._recover(paths[:-1])
        check_start(segment, self._agent)
        check_order(segment, paths)
        try:
            for _ in segment:
                pass
        except BrokenJournal as error:
            if not error.damage.is_torn:
                raise
            self._cut(error.damage)
        return segment

    def _cut(self, damage: Damage) -> None:
        with explained(damage.file, "cut its torn end"):
            if damage.number is None:
                damage.file.unlink()
                sync_folder(self._folder)
            else:
                with damage.file.open("r+b") as file:
                    file.truncate(damage.offset)
                    os.fsync(file.fileno())
        self.cuts += (damage,)

    def _resume(self, segment: Segment) -> None:
        self._index = int(segment.path.stem)
        self._offset = segment.offset
        self._number, self._chain = self._flushed = segment.position
        with explained(segment.path, "append"):
            self._fd = os.open(segment.path, _FLAGS)
            sync_folder(self._folder)
        self._is_synced = False

    def _rotate(self) -> None:
        """Finish the segment and begin the next; the old one is on the disk before the new one exists."""
        try:
            _sync_data(self._fd)
        except OSError as error:
            self._fail("sync", error)
        os.close(self._fd)
        self._fd = -1
        self._create(self._index + 1)

    def _create(self, index: int) -> None:
        self._index = index
        header = pack_header(self._agent, self._flushed)
        try:
            self._fd = os.open(self._path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o644)
            written = os.write(self._fd, header)
            while written < len(header):
                written += os.write(self._fd, header[written:])
            os.fsync(self._fd)
            sync_folder(self._folder)
        except OSError as error:
            self._fail("begin this segment", error)
        self._offset = HEADER_BYTES

    def _fail(self, do: str, error: OSError) -> NoReturn:
        """Undo what is half-written, close, and say what happened."""
        self._failure = cannot(self._path, do, error)
        try:
            if do == "write":
                os.ftruncate(self._fd, self._offset)
            elif do != "sync" and self._fd >= 0:
                self._path.unlink()
        except OSError:
            self._failure += "; the next start cuts what is half-written"
        if self._fd >= 0:
            os.close(self._fd)
        self._failure += f"; the journal is whole up to record {self._flushed.number - 1}"
        raise JournalError(self._failure) from error
