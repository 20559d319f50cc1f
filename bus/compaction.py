"""Makes the finished segments of a journal smaller: nothing is lost, and every reader reads on as before."""

import gzip
import os
from pathlib import Path
from typing import Final, NamedTuple

from bus.chain import segment_paths
from bus.errors import JournalError
from bus.segment import COMPRESSED, Segment, explained, sync_folder

_LEVEL: Final = 6


class Compacted(NamedTuple):
    """What compacting one journal did: segments, and their bytes before and after."""

    segments: int
    before: int
    after: int


def compact(folder: Path) -> Compacted:
    """Compress every segment of a journal but the last, which a running agent may be writing.

    Safe beside the writer, beside readers, and through a kill at any moment: the compressed file is on the disk,
    inflated and compared, before it takes its name, and the original goes last.

    Raises
    ------
    JournalError
        A segment is damaged, a file is foreign, or the system refuses.
    """
    done = Compacted(0, 0, 0)
    for path in segment_paths(folder)[:-1]:
        if path.suffix != COMPRESSED:
            before, after = _compress(path)
            done = Compacted(done.segments + 1, done.before + before, done.after + after)
    return done


def _compress(path: Path) -> tuple[int, int]:
    for _ in Segment(path):  # damage is told now, while the original can still be restored over
        pass
    with explained(path, "compress"):
        data = path.read_bytes()
        packed = gzip.compress(data, _LEVEL, mtime=0)
        if gzip.decompress(packed) != data:
            raise JournalError(f"{path}: the compressed segment does not inflate to the original; it was left as it is")
        new, final = path.with_suffix(".new"), path.with_name(path.name + COMPRESSED)
        _write(new, packed)
        new.replace(final)
        sync_folder(path.parent)
        path.unlink()
        sync_folder(path.parent)
    return len(data), len(packed)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
