"""The journal when the disk is full or the process is killed: nothing half-written, nothing flushed is lost."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bus.journal import Journal, RecordType, read, verify
from bus.segment import HEADER_BYTES, RECORD_OVERHEAD_BYTES

ROOT = Path(__file__).parents[2]
PAYLOAD = b"payload %06d " * 20
RECORD_BYTES = RECORD_OVERHEAD_BYTES + len(PAYLOAD % tuple(range(20)))

FILL = """
import resource, sys
from pathlib import Path
from bus.errors import JournalError
from bus.journal import Journal, RecordType

folder, segment_bytes, limit, batch = Path(sys.argv[1]), *map(int, sys.argv[2:])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
flushed, said = 0, []
try:
    journal = Journal.open(folder, "pads", segment_bytes)
    while flushed < 10_000:
        for _ in range(batch):
            number = journal.append(RecordType.INPUT, 5, b"payload %06d " * 20 % ((flushed + 1,) * 20))
        journal.flush()
        flushed = number
except JournalError as error:
    said.append(str(error))
    if flushed:
        for call in (journal.flush, journal.sync, journal.read, lambda: journal.append(RecordType.INPUT, 1, b"")):
            try:
                call()
            except JournalError as again:
                said.append(str(again))
        journal.close()
print(flushed, *said, sep="\\n")
"""

WRITE = """
import sys
from pathlib import Path
from bus.journal import Journal, RecordType

journal = Journal.open(Path(sys.argv[1]), "pads", int(sys.argv[2]))
for _ in range(int(sys.argv[3])):
    for _ in range(7):
        number = journal.append(RecordType.INPUT, journal.last_number + 1, b"x" * (journal.last_number % 500))
    journal.flush()
    print(number, flush=True)
"""


def fill(folder: Path, segment_bytes: int, limit: int, batch: int, *under: str) -> tuple[int, list[str]]:
    """Write until the disk is full; return the last number flushed and what the journal said, call by call."""
    command = [*under, sys.executable, "-c", FILL, *map(str, (folder, segment_bytes, limit, batch))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
    assert done.stderr == ""
    flushed, *said = done.stdout.splitlines()
    return int(flushed), said


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("part", [0, 1, RECORD_BYTES - 1])
def test_a_full_disk_leaves_only_what_was_flushed(tmp_path: Path, batch: int, part: int) -> None:
    folder = tmp_path / "pads"
    path = folder / "00000001.log"
    flushed, said = fill(folder, 1 << 20, HEADER_BYTES + 12 * RECORD_BYTES + part, batch)
    assert flushed == 12 // batch * batch
    advice = f"free space or lift the limit, then start again; the journal is whole up to record {flushed}"
    assert said == 5 * [f"{path}: cannot write: File too large; {advice}"]
    assert path.stat().st_size == HEADER_BYTES + flushed * RECORD_BYTES
    with Journal.open(folder, "pads") as journal:
        assert journal.cuts == ()
        assert journal.append(RecordType.INPUT, 6, b"space again") == flushed + 1
    assert verify(folder).is_whole
    assert [record.number for record in read(folder)] == list(range(1, flushed + 2))


def test_a_disk_too_full_to_begin_leaves_nothing(tmp_path: Path) -> None:
    flushed, said = fill(tmp_path / "pads", 1 << 20, HEADER_BYTES - 1, 1)
    assert (flushed, len(said)) == (0, 1)
    assert "00000001.log: cannot begin this segment: File too large; free space" in said[0]
    assert list((tmp_path / "pads").iterdir()) == []


SMALL = 'mount -t tmpfs -o {options} none "$0" && "$@" && cp -r "$0/pads" "$0.copy"'


@pytest.mark.parametrize(
    ("options", "segment_bytes", "do"),
    [("size=64k", 1 << 20, "write"), ("nr_inodes=5", 5_000, "begin this segment")],
    ids=["no space", "no inode"],
)
def test_a_full_file_system_leaves_only_what_was_flushed(
    tmp_path: Path, options: str, segment_bytes: int, do: str
) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    under = ("unshare", "--map-root-user", "--mount", "sh", "-c", SMALL.format(options=options), str(mount))
    probe = subprocess.run([*under[:-2], f"mount -t tmpfs none {mount}"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("a small file system cannot be mounted here: no user namespaces")
    flushed, said = fill(mount / "pads", segment_bytes, 0, 4, *under)
    assert flushed > 0
    assert f": cannot {do}: No space left on device; free space" in said[0]
    assert said[0].endswith(f"the journal is whole up to record {flushed}")
    folder = tmp_path / "small.copy"
    assert verify(folder).is_whole
    with Journal.open(folder, "pads") as journal:
        assert journal.cuts == ()
        assert journal.last_number == flushed


@pytest.mark.parametrize("attempt", range(6))
def test_a_killed_writer_loses_nothing_it_had_flushed(tmp_path: Path, attempt: int) -> None:
    folder = tmp_path / "pads"
    command = [sys.executable, "-c", WRITE, str(folder), "20000", "1000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(random.randint(1, 400))]
        os.kill(child.pid, signal.SIGKILL)
        said += child.stdout.readlines()
    flushed = max(int(line) for line in said if line.endswith("\n"))
    with Journal.open(folder, "pads", 20_000) as journal:
        assert journal.last_number >= flushed
        for number, record in enumerate(journal.read(), start=1):
            assert record == (number, RecordType.INPUT, number, b"x" * ((number - 1) % 500))
        assert number == journal.last_number
        journal.append(RecordType.INPUT, 1, b"after")
    assert verify(folder).is_whole


def test_a_reader_beside_the_writer_misses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "pads"
    Journal.open(folder, "pads").close()
    command = [sys.executable, "-c", WRITE, str(folder), "500000", "10000"]
    seen = turns = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT) as child:
        is_over = False
        while not is_over:
            is_over = child.poll() is not None
            for record in read(folder, seen + 1):
                assert record.number == seen + 1
                seen += 1
            turns += 1
    assert seen == 70_000
    assert turns > 1
    assert verify(folder).is_whole
