"""The first process of a container: it hands signals on, and ends as what it has started."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT

PATIENCE_S = 20.0
SLOW = """
import signal, sys, time
from pathlib import Path
def end(number, _):
    time.sleep(0.3)
    sys.exit(5)
signal.signal(signal.SIGTERM, end)
Path(sys.argv[1]).write_text("ready")
while True:
    time.sleep(0.05)
"""


def entry(tmp_path: Path, *command: str) -> "subprocess.Popen[bytes]":
    """Start a command as a container does."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    return subprocess.Popen(["/bin/sh", str(ROOT / "deploy" / "entry.sh"), *command], env=environment)


@pytest.mark.parametrize(("does", "status"), [("exit 0", 0), ("exit 78", 78), ("kill -9 $$", 137)])
def test_it_ends_as_its_child_does(tmp_path: Path, does: str, status: int) -> None:
    assert entry(tmp_path, "sh", "-c", does).wait(PATIENCE_S) == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_handed_on_and_the_child_has_its_time(tmp_path: Path, number: int) -> None:
    mark = tmp_path / "mark"
    with entry(tmp_path, sys.executable, "-c", SLOW, str(mark)) as first:
        deadline = time.monotonic() + PATIENCE_S
        while not mark.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        first.send_signal(number)
        assert first.wait(PATIENCE_S) == 5
