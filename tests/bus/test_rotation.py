"""A log is rotated by the process that writes it, and no line is lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bus.rotation import Rotation
from tests.conftest import ROOT

WRITER = """
import sys
from pathlib import Path
from bus.log import say
from bus.rotation import rotate_log
rotate_log(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
for number in range(int(sys.argv[4])):
    say(f"line {number:05d}")
    print(f"out {number:05d}", flush=True)
"""
MB = 1 << 20


def write(log: Path, kb: float, files: int, lines: int) -> None:
    command = [sys.executable, "-c", WRITER, str(log), str(kb / 1024), str(files), str(lines)]
    with log.open("ab") as out:
        subprocess.run(command, stdout=out, stderr=out, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_every_line_is_in_one_of_the_files_and_in_order(tmp_path: Path) -> None:
    log = tmp_path / "pads.log"
    write(log, 4.0, 100, 1000)
    files = sorted(tmp_path.iterdir(), key=lambda path: -int(path.suffix[1:] if path.suffix != ".log" else 0))
    assert len(files) == 1 + 21_000 // 4096
    lines = "".join(path.read_text() for path in files).splitlines()
    assert lines == [f"{word} {number:05d}" for number in range(1000) for word in ("line", "out")]
    assert all(4096 <= path.stat().st_size < 4096 + 21 for path in files[:-1])


def test_only_so_many_files_are_kept_and_the_newest_lines_are_in_them(tmp_path: Path) -> None:
    log = tmp_path / "pads.log"
    write(log, 1.0, 3, 1000)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pads.log", "pads.log.1", "pads.log.2"]
    assert "out 00999\n" in log.read_text() + (tmp_path / "pads.log.1").read_text()
    one = tmp_path / "one.log"
    write(one, 1.0, 1, 100)
    assert not (tmp_path / "one.log.1").exists()
    assert one.stat().st_size < 1024 + 21


def test_what_is_no_file_of_ours_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "pads.log"
    log.write_text("of another process\n" * 1000)
    command = [sys.executable, "-c", WRITER, str(log), "0.001", "3", "10"]
    done = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.stderr.splitlines() == [b"line %05d" % number for number in range(10)]
    assert [path.name for path in tmp_path.iterdir()] == ["pads.log"]


def test_a_folder_that_is_gone_keeps_nobody_from_writing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert not Rotation(tmp_path / "gone" / "pads.log", 0, 3).turn()
    os.write(2, b"still here\n")
    assert "still here" in capfd.readouterr().err
