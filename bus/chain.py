"""All segments of one journal, read and checked as one chain; nothing here writes."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bus.errors import JournalError
from bus.segment import COMPRESSED, ORIGIN, BrokenJournal, Damage, Position, Record, RecordType, Segment, explained

_NAME: Final = re.compile(r"[0-9]{8}\.log(\.gz)?")
_UNFINISHED: Final = ".new"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a walk over a whole journal found, up to its end or to the first damage.

    A ``broken`` that ``is_torn`` in the last segment is what the next start would cut; anything else needs a person.
    """

    folder: Path
    agent: str
    segments: int
    counts: dict[RecordType, int]
    position: Position
    broken: Damage | None

    @property
    def is_whole(self) -> bool:
        """Tell whether every byte is as it was written."""
        return self.broken is None

    @property
    def records(self) -> int:
        """Number of good records."""
        return sum(self.counts.values())


def read(folder: Path, first: int = 1) -> Iterator[Record]:
    """Yield the records from number ``first`` on, checked, without reading the segments before it.

    Safe beside a writer: it ends before a torn last record, and where the journal ended when its last segment was
    reached.

    Raises
    ------
    JournalError
        While iterating: damage before the end, a missing segment, or no journal at all.
    """
    paths = segment_paths(folder)
    try:
        position = None
        segments = _segments_from(_some(paths, folder), first)
        for segment in segments:
            check_start(segment, segments[0].agent, position)
            for record in segment:
                if record.number >= first:
                    yield record
            position = segment.position
    except BrokenJournal as error:
        if not (error.damage.is_torn and error.damage.file == paths[-1]):
            raise


def verify(folder: Path) -> VerifyReport:
    """Walk a whole journal and report what it holds and the first damage.

    Raises
    ------
    JournalError
        No journal at all, a foreign file, or an error of the operating system.
    """
    paths = _some(segment_paths(folder, is_whole=False), folder)
    agent, position, walked, broken = "", ORIGIN, 0, None
    counts: Counter[RecordType] = Counter()
    try:
        for walked, path in enumerate(paths, start=1):
            if _index_of(path) != walked:
                raise _missing(folder, walked)
            segment = Segment(path)
            agent = agent or segment.agent
            check_start(segment, agent, position)
            for record in segment:
                counts[record.type] += 1
                position = segment.position
    except BrokenJournal as error:
        damage = error.damage
        broken = replace(damage, is_torn=damage.is_torn and damage.file == paths[-1])
    return VerifyReport(folder, agent, walked, dict(counts), position, broken)


def segment_path(folder: Path, index: int) -> Path:
    """Return the path of segment ``index``; they count from 1."""
    return folder / f"{index:08d}.log"


def segment_paths(folder: Path, *, is_whole: bool = True) -> list[Path]:
    """List the segments in order; where the journal ``is_whole``, none may be missing."""
    with explained(folder, "list this journal"):
        paths = _without_twins(sorted(path for path in folder.iterdir() if path.suffix != _UNFINISHED))
    for index, path in enumerate(paths, start=1):
        if not _NAME.fullmatch(path.name):
            raise JournalError(f"{path}: not part of a journal, whose files are 00000001.log and on: move it elsewhere")
        if is_whole and _index_of(path) != index:
            raise _missing(folder, index)
    return paths


def check_start(segment: Segment, agent: str, position: Position | None = None) -> None:
    """Refuse a segment of another agent, or one that does not begin at ``position`` (None where that is unknown)."""
    expected = ORIGIN if _index_of(segment.path) == 1 else position
    reason = ""
    if segment.agent != agent:
        reason = f"it is of the journal of {segment.agent!r}, expected {agent!r}"
    elif expected is not None and segment.start.number != expected.number:
        reason = f"it begins with record {segment.start.number}, expected {expected.number}"
    elif expected is not None and segment.start.chain != expected.chain:
        reason = "its chain hash does not follow from the segment before"
    if reason:
        raise BrokenJournal(Damage(segment.path, None, 0, reason))


def check_order(segment: Segment, paths: list[Path]) -> None:
    """Refuse a segment that does not begin after the one before it, of which only the header is read."""
    index = paths.index(segment.path)
    before = Segment(paths[index - 1]).start.number if index else 0
    if segment.start.number <= before:
        reason = f"it begins with record {segment.start.number}, but the segment before it with record {before}"
        raise BrokenJournal(Damage(segment.path, None, 0, reason))


def _segments_from(paths: list[Path], first: int) -> list[Segment]:
    """Open the segments that hold the records from ``first`` on, reading headers from the last one back."""
    segments: list[Segment] = []
    for path in reversed(paths):
        try:
            segments.insert(0, Segment(path))
        except BrokenJournal as error:
            if not (error.damage.is_torn and path == paths[-1]):
                raise
            continue
        check_order(segments[0], paths)
        if segments[0].start.number <= first:
            break
    return segments


def _index_of(path: Path) -> int:
    return int(path.name.partition(".")[0])


def _without_twins(paths: list[Path]) -> list[Path]:
    """Leave out a compressed segment whose original is still there: one of them was about to go."""
    names = {path.name for path in paths}
    return [path for path in paths if path.suffix != COMPRESSED or path.stem not in names]


def _some(paths: list[Path], folder: Path) -> list[Path]:
    if not paths:
        raise JournalError(f"{folder}: there is no journal here, expected 00000001.log: is this the run directory?")
    return paths


def _missing(folder: Path, index: int) -> BrokenJournal:
    return BrokenJournal(Damage(segment_path(folder, index), None, 0, "this segment is missing"))
