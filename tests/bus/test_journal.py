"""The journal: what was flushed is there again, in order and unchanged, or the damage is named."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import JournalError
from bus.journal import BrokenJournal, Journal, Record, RecordType, read, verify
from bus.segment import HEADER_BYTES, MAGIC, RECORD_OVERHEAD_BYTES

SEGMENT = 400
Entry = tuple[RecordType, int, bytes]

entries = st.tuples(st.sampled_from(RecordType), st.integers(0, 2**64 - 1), st.binary(max_size=120))
SAMPLE: list[Entry] = [
    (RecordType.START, 10, b"start"),
    (RecordType.INPUT, 20, bytes(range(100))),
    (RecordType.OUTPUT, 20, b"\x02" + bytes(7) + b"frame"),
    (RecordType.TIMER, 30, (7).to_bytes(8, "little")),
    (RecordType.NOTICE, 40, b""),
    (RecordType.INPUT, 50, b"x" * 200),
    (RecordType.ACK, 60, bytes(40)),
]


@contextmanager
def scratch() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        yield Path(name) / "pads"


def write(folder: Path, records: list[Entry], segment_bytes: int = SEGMENT) -> None:
    with Journal.open(folder, "pads", segment_bytes) as journal:
        for record in records:
            journal.append(*record)
            journal.flush()


def held(folder: Path, first: int = 1) -> list[Entry]:
    return [record[1:] for record in read(folder, first)]


def ends(folder: Path) -> list[tuple[Path, int, int]]:
    """Return (file, first byte, byte after) of every record."""
    places = []
    for path in sorted(folder.iterdir()):
        data, offset = path.read_bytes(), HEADER_BYTES
        while offset < len(data):
            size = RECORD_OVERHEAD_BYTES + int.from_bytes(data[offset : offset + 4], "little")
            places.append((path, offset, offset + size))
            offset += size
    return places


def test_numbers_count_from_one_and_records_come_back(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "pads", "pads") as journal:
        assert journal.last_number == 0
        assert [journal.append(*record) for record in SAMPLE] == [1, 2, 3, 4, 5, 6, 7]
        assert journal.last_number == 7
        assert list(journal.read()) == []
        journal.flush()
        assert list(journal.read(6)) == [Record(6, *SAMPLE[5]), Record(7, *SAMPLE[6])]
        assert list(journal.read(8)) == []
    assert held(tmp_path / "pads") == SAMPLE
    assert [record.type for record in read(tmp_path / "pads")] == [kind for kind, _, _ in SAMPLE]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(entries, max_size=6), max_size=6), st.integers(HEADER_BYTES, 2_000))
def test_any_records_in_any_batches_over_any_segments_come_back(batches: list[list[Entry]], size: int) -> None:
    written: list[Entry] = []
    with scratch() as folder:
        for batch in batches:
            with Journal.open(folder, "pads", size) as journal:
                assert journal.position.number == len(written) + 1
                for record in batch:
                    journal.append(*record)
                written += batch
        if batches:
            assert held(folder) == written
            middle = len(written) // 2 + 1
            assert held(folder, middle) == written[middle - 1 :]
            report = verify(folder)
            assert report.is_whole
            assert (report.agent, report.records) == ("pads", len(written))


def test_the_chain_depends_on_every_record_before(tmp_path: Path) -> None:
    chains = []
    for name, payload in (("one", b"a"), ("two", b"b"), ("three", b"a")):
        with Journal.open(tmp_path / name, "pads") as journal:
            journal.append(RecordType.INPUT, 1, payload)
            journal.append(RecordType.INPUT, 2, b"same")
            chains.append(journal.position.chain)
    assert chains[0] == chains[2] != chains[1]


def test_the_same_records_give_the_same_bytes_whatever_the_batches(tmp_path: Path) -> None:
    write(tmp_path / "one", SAMPLE, 1 << 20)
    with Journal.open(tmp_path / "two", "pads") as journal:
        for record in SAMPLE:
            journal.append(*record)
    assert (tmp_path / "one" / "00000001.log").read_bytes() == (tmp_path / "two" / "00000001.log").read_bytes()


def test_segments_rotate_and_late_records_are_found_without_the_early_ones(tmp_path: Path) -> None:
    records = [(RecordType.INPUT, n, bytes(50)) for n in range(40)]
    write(tmp_path / "pads", records)
    paths = sorted((tmp_path / "pads").iterdir())
    assert [path.name for path in paths] == [f"{n:08d}.log" for n in range(1, 15)]
    assert all(path.stat().st_size <= SEGMENT for path in paths)
    for path in paths[:-3]:
        path.write_bytes(b"unreadable")
    assert held(tmp_path / "pads", 38) == records[37:]
    with pytest.raises(JournalError, match=r"00000011\.log: segment header at byte 0: this is not a segment"):
        held(tmp_path / "pads", 34)


def test_a_batch_larger_than_a_segment_is_written_whole(tmp_path: Path) -> None:
    write(tmp_path / "pads", [(RecordType.INPUT, 1, bytes(5_000)), (RecordType.INPUT, 2, b"next")])
    assert held(tmp_path / "pads") == [(RecordType.INPUT, 1, bytes(5_000)), (RecordType.INPUT, 2, b"next")]
    assert len(list((tmp_path / "pads").iterdir())) == 2


@pytest.mark.parametrize("tail", [b"", bytes(1), bytes(30), bytes(5_000)], ids=lambda tail: f"{len(tail)} zeros after")
def test_a_last_record_torn_at_any_byte_is_cut(tmp_path: Path, tail: bytes) -> None:
    write(tmp_path / "whole", SAMPLE, 1 << 20)
    path, begin, end = ends(tmp_path / "whole")[-1]
    data = path.read_bytes()
    for place in range(begin, end):
        folder = tmp_path / "torn"
        folder.mkdir()
        (folder / path.name).write_bytes(data[:place] + tail)
        assert held(folder) == SAMPLE[:-1]
        with Journal.open(folder, "pads") as journal:
            assert journal.last_number == 6
            if place > begin or tail:
                assert [(cut.number, cut.offset) for cut in journal.cuts] == [(7, begin)]
            else:
                assert journal.cuts == ()
            journal.append(RecordType.INPUT, 99, b"after")
        assert held(folder) == [*SAMPLE[:-1], (RecordType.INPUT, 99, b"after")]
        assert verify(folder).is_whole
        shutil.rmtree(folder)


def test_a_whole_last_record_with_bad_content_is_cut(tmp_path: Path) -> None:
    write(tmp_path / "pads", SAMPLE, 1 << 20)
    path, begin, end = ends(tmp_path / "pads")[-1]
    data = bytearray(path.read_bytes())
    data[end - 30] ^= 1
    path.write_bytes(data)
    report = verify(tmp_path / "pads")
    assert report.broken is not None
    assert report.broken.is_torn
    with Journal.open(tmp_path / "pads", "pads") as journal:
        assert [str(cut) for cut in journal.cuts] == [
            f"{path}: record 7 at byte {begin}: the payload does not match its checksum"
        ]
    assert held(tmp_path / "pads") == SAMPLE[:-1]


@pytest.mark.parametrize("size", [0, 1, 8, 50, HEADER_BYTES - 1])
@pytest.mark.parametrize("tail", [0, 4_096])
def test_a_segment_whose_header_was_never_finished_is_removed(tmp_path: Path, size: int, tail: int) -> None:
    write(tmp_path / "pads", SAMPLE)
    paths = sorted((tmp_path / "pads").iterdir())
    newest = tmp_path / "pads" / f"{len(paths) + 1:08d}.log"
    newest.write_bytes(paths[-1].read_bytes()[:size] + bytes(tail))
    assert held(tmp_path / "pads") == SAMPLE
    report = verify(tmp_path / "pads")
    assert report.broken is not None
    assert (report.broken.file, report.broken.number, report.broken.is_torn) == (newest, None, True)
    with Journal.open(tmp_path / "pads", "pads", SEGMENT) as journal:
        assert [cut.file for cut in journal.cuts] == [newest]
        assert journal.append(RecordType.INPUT, 1, bytes(300)) == 8
    assert verify(tmp_path / "pads").records == 8


def test_any_one_flipped_byte_is_found_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "pads"
    write(folder, SAMPLE)
    places = ends(folder)
    assert len({path for path, _, _ in places}) == 3
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        for place in range(len(data)):
            for bits in (0x01, 0xFF):
                flipped = bytearray(data)
                flipped[place] ^= bits
                path.write_bytes(flipped)
                expected = next(
                    (n for n, (file, begin, end) in enumerate(places, 1) if file == path and begin <= place < end), None
                )
                report = verify(folder)
                assert report.broken is not None
                assert (report.broken.file, report.broken.number) == (path, expected)
                assert report.broken.is_torn == (expected == 7 and place >= places[-1][1] + 17)
                check_it_can_be_used_or_is_refused(folder)
        path.write_bytes(data)
    assert verify(folder).is_whole


def check_it_can_be_used_or_is_refused(folder: Path) -> None:
    try:
        got = held(folder)
    except JournalError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert got == SAMPLE[: len(got)]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_damage_before_the_end_refuses_to_open(data: st.DataObject) -> None:
    with scratch() as folder:
        write(folder, SAMPLE, 1 << 20)
        places = ends(folder)
        path, begin, end = data.draw(st.sampled_from(places[:-1]))
        number = places.index((path, begin, end)) + 1
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(begin, end - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        with pytest.raises(BrokenJournal, match=f"record {number} at byte {begin}: .*restore this file from a copy"):
            Journal.open(folder, "pads")
        assert path.read_bytes() == content
        with pytest.raises(BrokenJournal, match=f"record {number} "):
            held(folder)


def test_zeros_in_the_middle_refuse_to_open(tmp_path: Path) -> None:
    write(tmp_path / "pads", SAMPLE, 1 << 20)
    path, begin, end = ends(tmp_path / "pads")[3]
    data = bytearray(path.read_bytes())
    data[begin:end] = bytes(end - begin)
    path.write_bytes(data)
    with pytest.raises(BrokenJournal, match="record 4 at byte"):
        Journal.open(tmp_path / "pads", "pads")


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.integers(1, 3), st.binary(max_size=300) | st.binary(max_size=200).map(lambda b: MAGIC + b)))
def test_garbage_files_are_a_journal_error(files: dict[int, bytes]) -> None:
    with scratch() as folder:
        folder.mkdir()
        for index, content in files.items():
            (folder / f"{index:08d}.log").write_bytes(content)
        for use in (verify, held, lambda where: Journal.open(where, "pads").close()):
            try:
                use(folder)
            except JournalError as error:
                assert str(folder) in str(error)  # noqa: PT017
                assert "\n" not in str(error)  # noqa: PT017


def test_a_file_that_is_no_segment_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "pads" / "00000001.log"
    path.parent.mkdir()
    path.write_bytes(b"my notes")
    with pytest.raises(JournalError, match="this is not a segment of a journal"):
        Journal.open(tmp_path / "pads", "pads")
    assert path.read_bytes() == b"my notes"


def swap(paths: list[Path]) -> None:
    paths[1].rename(paths[1].with_suffix(".x"))
    paths[2].rename(paths[1])
    paths[1].with_suffix(".x").rename(paths[2])


def splice(paths: list[Path]) -> None:
    """Put a segment of another history, with the same numbers, in the place of the second."""
    other = paths[0].parent.parent / "other"
    write(other, [(kind, time_ns + 1, payload) for kind, time_ns, payload in SAMPLE])
    shutil.copy(other / paths[1].name, paths[1])


@pytest.mark.parametrize(
    ("harm", "file", "says"),
    [
        (lambda paths: paths[1].unlink(), 2, "this segment is missing"),
        (lambda paths: paths[0].unlink(), 1, "this segment is missing"),
        (lambda paths: shutil.copy(paths[0], paths[1]), 2, "it begins with record 1, expected 5"),
        (lambda paths: shutil.copy(paths[1], paths[0]), 1, "it begins with record 5, expected 1"),
        (lambda paths: shutil.copy(paths[0], paths[2]), 3, "it begins with record 1, expected 7"),
        (swap, 2, "it begins with record 7, expected 5"),
        (splice, 2, "its chain hash does not follow from the segment before"),
        (lambda paths: os.truncate(paths[0], paths[0].stat().st_size - 1), 1, "record 4 at byte"),
    ],
)
def test_a_break_between_segments_is_found(
    tmp_path: Path, harm: Callable[[list[Path]], object], file: int, says: str
) -> None:
    write(tmp_path / "pads", SAMPLE)
    paths = sorted((tmp_path / "pads").iterdir())
    assert len(paths) == 3
    harm(paths)
    report = verify(tmp_path / "pads")
    assert report.broken is not None
    assert says in str(report.broken)
    assert report.broken.file == paths[file - 1]
    assert not report.broken.is_torn
    with pytest.raises(BrokenJournal):
        held(tmp_path / "pads")
    if file == 3 or "missing" in says:
        with pytest.raises(BrokenJournal):
            Journal.open(tmp_path / "pads", "pads")


def test_another_agents_journal_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "pads", SAMPLE)
    with pytest.raises(JournalError, match="it is of the journal of 'pads', expected 'risk'"):
        Journal.open(tmp_path / "pads", "risk")


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 65])
def test_an_agent_name_that_does_not_fit_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(JournalError, match="agent name"):
        Journal.open(tmp_path / "pads", name)


def test_no_journal_a_foreign_file_and_things_in_the_way_are_said_plainly(tmp_path: Path) -> None:
    for use in (verify, held):
        with pytest.raises(JournalError, match="cannot list this journal: No such file"):
            use(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    for use in (verify, held):
        with pytest.raises(JournalError, match="there is no journal here"):
            use(tmp_path / "empty")
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="cannot open this journal: File exists"):
        Journal.open(tmp_path / "file", "pads")
    write(tmp_path / "pads", SAMPLE)
    (tmp_path / "pads" / "notes.txt").touch()
    for refuse in (verify, held, lambda folder: Journal.open(folder, "pads")):
        with pytest.raises(JournalError, match=r"notes\.txt: not part of a journal.*move it elsewhere"):
            refuse(tmp_path / "pads")
    (tmp_path / "folder" / "00000001.log").mkdir(parents=True)
    with pytest.raises(JournalError, match="cannot read: Is a directory"):
        Journal.open(tmp_path / "folder", "pads")


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be a user whom file modes bind, which the superuser is not."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_what_may_not_be_read_or_written_is_said_plainly() -> None:
    with scratch() as folder:
        write(folder, SAMPLE, 1 << 20)
        path = folder / "00000001.log"
        for place, mode in ((folder.parent, 0o755), (folder, 0o555), (path, 0o444)):
            place.chmod(mode)
        with unprivileged():
            assert held(folder) == SAMPLE
            with pytest.raises(
                JournalError, match=r"1\.log: cannot append: Permission denied; make it accessible to user"
            ):
                Journal.open(folder, "pads")
            with pytest.raises(JournalError, match="new: cannot open this journal: Permission denied"):
                Journal.open(folder / "new", "pads")
        path.chmod(0)
        with unprivileged(), pytest.raises(JournalError, match=r"00000001\.log: cannot read: Permission denied"):
            held(folder)
        folder.chmod(0o755)


def test_a_time_that_does_not_fit_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "pads", "pads") as journal:
        before = journal.position
        for time_ns in (-1, 2**64):
            with pytest.raises(JournalError, match=f"record 1 at {time_ns} ns cannot be"):
                journal.append(RecordType.INPUT, time_ns, b"")
        assert journal.position == before
        journal.append(RecordType.INPUT, 1, b"good")
    assert held(tmp_path / "pads") == [(RecordType.INPUT, 1, b"good")]


def test_a_closed_journal_refuses_further_work(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "pads", "pads")
    journal.append(RecordType.INPUT, 1, b"kept")
    journal.close()
    journal.close()
    for call in (journal.flush, journal.sync, journal.read, lambda: journal.append(RecordType.INPUT, 1, b"")):
        with pytest.raises(JournalError, match="this journal is closed"):
            call()
    assert held(tmp_path / "pads") == [(RecordType.INPUT, 1, b"kept")]
