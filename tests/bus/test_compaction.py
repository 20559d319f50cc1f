"""Compressing finished segments loses nothing, whenever it is broken off."""

from pathlib import Path

import pytest

from bus.chain import read, segment_paths, verify
from bus.compaction import Compacted, compact
from bus.errors import JournalError
from bus.journal import Journal
from bus.segment import Record, RecordType

SEGMENT = 2_000


def written(folder: Path, records: int = 200) -> list[Record]:
    with Journal.open(folder, "pads", segment_bytes=SEGMENT) as journal:
        for number in range(records):
            journal.append(RecordType.INPUT, number, b"payload " * 8 + b"%d" % number)
            journal.flush()
    return list(read(folder))


def test_every_record_and_the_chain_stay_the_same(tmp_path: Path) -> None:
    before = written(tmp_path)
    whole = verify(tmp_path)
    done = compact(tmp_path)
    assert done.segments == whole.segments - 1
    assert 0 < done.after < done.before
    assert list(read(tmp_path)) == before
    assert list(read(tmp_path, 77)) == before[76:]
    after = verify(tmp_path)
    assert (after.position, after.counts, after.segments) == (whole.position, whole.counts, whole.segments)
    assert after.is_whole


def test_a_journal_goes_on_after_it(tmp_path: Path) -> None:
    before = written(tmp_path)
    compact(tmp_path)
    with Journal.open(tmp_path, "pads", segment_bytes=SEGMENT) as journal:
        assert journal.last_number == len(before)
        journal.append(RecordType.INPUT, 1, b"more")
    assert [record.payload for record in read(tmp_path, len(before))] == [before[-1].payload, b"more"]


def test_a_second_time_finds_nothing_to_do(tmp_path: Path) -> None:
    written(tmp_path)
    compact(tmp_path)
    assert compact(tmp_path) == Compacted(0, 0, 0)


def test_broken_off_before_the_name_was_taken(tmp_path: Path) -> None:
    before = written(tmp_path)
    (tmp_path / "00000001.new").write_bytes(b"half of it")
    assert list(read(tmp_path)) == before
    compact(tmp_path)
    assert list(read(tmp_path)) == before
    assert not list(tmp_path.glob("*.new"))


def test_broken_off_before_the_original_went(tmp_path: Path) -> None:
    before = written(tmp_path)
    original = (tmp_path / "00000001.log").read_bytes()
    compact(tmp_path)
    (tmp_path / "00000001.log").write_bytes(original)
    assert list(read(tmp_path)) == before
    assert verify(tmp_path).is_whole
    assert compact(tmp_path).segments == 1


def test_a_damaged_segment_is_left_as_it_is(tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / "00000002.log"
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(bytes(damaged))
    with pytest.raises(JournalError, match=r"00000002\.log: record"):
        compact(tmp_path)
    assert path.read_bytes() == bytes(damaged)


@pytest.mark.parametrize("place", [12, 200, -6])
def test_a_flipped_byte_in_a_compressed_segment_is_named(tmp_path: Path, place: int) -> None:
    written(tmp_path)
    compact(tmp_path)
    path = segment_paths(tmp_path)[1]
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 1
    path.write_bytes(bytes(damaged))
    report = verify(tmp_path)
    assert report.broken is not None
    assert report.broken.file == path
    with pytest.raises(JournalError, match=r"00000002\.log\.gz"):
        list(read(tmp_path))
