"""Snapshots: the newest valid one comes back; a bad one is passed over and named; a full disk harms none."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus import plain
from bus.errors import CodecError, JournalError
from bus.snapshot import SnapshotStore

ROOT = Path(__file__).parents[2]
STATE = {"cash": Decimal("10.50"), "orders": ("a", 1), "window": np.arange(5.0)}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_newest_state_comes_back_as_it_was(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path / "pads")
    assert store.newest() is None
    assert store.save(7, {"old": 1}) == tmp_path / "pads" / "000000000007.snap"
    store.save(123, STATE)
    newest = SnapshotStore(tmp_path / "pads").newest()
    assert newest is not None
    number, state = newest
    assert number == 123
    assert plain.pack(state) == plain.pack(STATE)
    assert store.skipped == []


@pytest.mark.parametrize(("keep", "kept"), [(1, [40]), (2, [30, 40]), (3, [20, 30, 40]), (9, [10, 20, 30, 40])])
def test_only_the_newest_stay(tmp_path: Path, keep: int, kept: list[int]) -> None:
    store = SnapshotStore(tmp_path, keep)
    for number in (10, 20, 30, 40):
        store.save(number, number)
    assert names(tmp_path) == [f"{number:012d}.snap" for number in kept]


def test_at_least_one_must_stay(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="snapshots to keep: 0, expected at least 1"):
        SnapshotStore(tmp_path, 0)


def test_any_one_flipped_or_missing_byte_falls_back_to_the_one_before(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)
    store.save(10, STATE)
    path = store.save(20, STATE)
    data = path.read_bytes()
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 0xFF
        for damaged in (bytes(flipped), data[:place], data + data[: place + 1]):
            path.write_bytes(damaged)
            newest = store.newest()
            assert newest is not None
            assert newest[0] == 10
            assert [skipped.name for skipped in store.skipped] == [path.name]
    path.write_bytes(data)
    newest = store.newest()
    assert newest is not None
    assert newest[0] == 20
    assert store.skipped == []


@settings(deadline=None)
@given(content=st.binary(max_size=100), has_magic=st.booleans())
def test_garbage_is_passed_over(tmp_path_factory: pytest.TempPathFactory, content: bytes, has_magic: bool) -> None:
    folder = tmp_path_factory.mktemp("snapshots")
    (folder / "000000000005.snap").write_bytes(b"BRSNAP\r\n" * has_magic + content)
    store = SnapshotStore(folder)
    assert store.newest() is None
    assert len(store.skipped) == 1


def test_a_renamed_or_unreadable_snapshot_is_named_with_the_reason(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)
    store.save(10, STATE).rename(tmp_path / "000000000011.snap")
    (tmp_path / "000000000012.snap").mkdir()
    (tmp_path / "README").touch()
    assert store.newest() is None
    assert [(skipped.name, skipped.reason.split(":")[0]) for skipped in store.skipped] == [
        ("000000000012.snap", "[Errno 21] Is a directory"),
        ("000000000011.snap", "it is of record 10, not of what its name says"),
    ]


def test_a_bad_snapshot_goes_before_a_good_one(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)
    store.save(10, STATE)
    (tmp_path / "000000000099.snap").write_bytes(b"bad")
    store.newest()
    store.save(20, STATE)
    assert names(tmp_path) == ["000000000010.snap", "000000000020.snap"]


def test_the_one_just_saved_stays_even_if_its_number_is_small(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path, keep=1)
    store.save(50, STATE)
    store.save(3, STATE)
    assert names(tmp_path) == ["000000000003.snap"]


def test_what_a_crash_left_is_not_read_and_is_removed(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)
    (tmp_path / "000000000044.tmp").write_bytes(b"half")
    assert store.newest() is None
    store.save(45, STATE)
    assert names(tmp_path) == ["000000000045.snap"]


def test_a_state_that_is_not_plain_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(CodecError, match="set is not plain data"):
        SnapshotStore(tmp_path).save(1, {"names": {"a"}})
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="cannot save this snapshot: File exists; look at the disk"):
        SnapshotStore(tmp_path / "file").save(1, 1)
    with pytest.raises(JournalError, match="cannot list these snapshots: Not a directory"):
        SnapshotStore(tmp_path / "file").newest()


SAVE = """
import resource, sys
from pathlib import Path
from bus.errors import JournalError
from bus.snapshot import SnapshotStore

store = SnapshotStore(Path(sys.argv[1]))
store.save(1, b"small")
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
try:
    store.save(2, bytes(5_000))
except JournalError as error:
    print(error)
store.save(3, b"small again")
"""


def test_a_full_disk_leaves_the_older_snapshot_as_it_was(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SAVE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
    path = tmp_path / "000000000002.snap"
    assert done.stdout == (
        f"{path}: cannot save this snapshot: File too large; free space or lift the limit, then start again\n"
    )
    assert names(tmp_path) == ["000000000001.snap", "000000000003.snap"]
    os.unlink(tmp_path / "000000000003.snap")
    assert SnapshotStore(tmp_path).newest() == (1, b"small")
