"""The clock that can jump and the wire that can be cut, each by itself."""

import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.config import BusConfig, Config, Settings
from compliance.config import ComplianceConfig
from execution.config import ExecutionConfig
from market.config import MarketConfig
from ops.config import ops_config
from pads.config import PadsConfig
from research.chaos.clock import Clock, follow
from research.chaos.kept import KEPT, variables
from research.chaos.scene import PATIENT, merged
from research.chaos.wire import State, Wire
from risk.config import RiskConfig
from tests.conftest import ROOT


def test_a_process_under_the_clock_reads_what_the_file_says(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    clock.shift(3_600.0)
    true_ns = time.time_ns()
    read = subprocess.run(
        [sys.executable, "-c", "import os, time; print(os.getpid(), time.time_ns())"],
        env=clock.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    pid, read_ns = map(int, read.stdout.split())
    assert 3_599.0 < (read_ns - true_ns) / 1e9 < 3_660.0
    assert clock.is_seen([pid])
    assert not clock.is_seen([pid, 1])


def test_a_clock_that_runs_follows_each_jump_and_says_so(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    shifted_ns = follow(clock.file, lambda: 10_000_000_000)
    assert shifted_ns() == 10_000_000_000
    for seconds, read_ns in ((30.0, 40_000_000_000), (-2.5, 7_500_000_000), (0.0, 10_000_000_000)):
        clock.shift(seconds)
        assert clock.offset_s == seconds
        assert shifted_ns() == read_ns


class Echo(threading.Thread):
    """A server on a unix socket that says everything back."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()

    def run(self) -> None:
        while True:
            try:
                there, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._say_back, args=(there,), daemon=True).start()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _say_back(self, there: socket.socket) -> None:
        with there:
            while data := there.recv(1 << 16):
                there.sendall(data)


@pytest.fixture
def wire() -> Iterator[tuple[Wire, Path]]:
    with tempfile.TemporaryDirectory(prefix="bd-") as folder:
        front, back = Path(folder) / "front", Path(folder) / "back"
        echo = Echo(back)
        echo.start()
        with Wire(front, back) as made:
            yield made, front
        echo.stop()


def connected(front: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(5.0)
    made.connect(str(front))
    return made


def asked(there: socket.socket, question: bytes) -> bytes:
    threading.Thread(target=there.sendall, args=(question,)).start()
    answer = b""
    while len(answer) < len(question):
        some = there.recv(1 << 16)
        if not some:
            return answer
        answer += some
    return answer


def test_a_whole_wire_hands_on_every_byte(wire: tuple[Wire, Path]) -> None:
    made, front = wire
    with connected(front) as there, connected(front) as other:
        question = bytes(range(256)) * 30_000
        assert asked(there, question) == question
        assert asked(other, b"short") == b"short"
        assert made.connections == 2


def test_a_cut_wire_closes_what_stands_and_what_comes(wire: tuple[Wire, Path]) -> None:
    made, front = wire
    with connected(front) as there:
        assert asked(there, b"before") == b"before"
        made.turn(State.CUT)
        assert made.closed == 1
        assert there.recv(1) == b""
    with connected(front) as late:
        assert late.recv(1) == b""
    made.turn(State.WHOLE)
    with connected(front) as again:
        assert asked(again, b"after") == b"after"


def test_a_hole_swallows_and_what_it_swallowed_never_comes(wire: tuple[Wire, Path]) -> None:
    made, front = wire
    with connected(front) as there:
        assert asked(there, b"before") == b"before"
        made.turn(State.HOLE)
        there.sendall(b"lost")
        there.settimeout(0.2)
        with pytest.raises(TimeoutError):
            there.recv(1)
        made.turn(State.WHOLE)
        there.settimeout(5.0)
        with pytest.raises(ConnectionResetError):  # what was never read is told as lost
            there.recv(1)


def test_tables_are_laid_over_key_by_key() -> None:
    base = {"bus": {"retry_s": 1, "bind": ""}, "pads": {"horizon": 5}}
    over = {"bus": {"retry_s": 2}, "market": {"bars": 9}}
    assert merged(base, over) == {
        "bus": {"retry_s": 2, "bind": ""}, "pads": {"horizon": 5}, "market": {"bars": 9}
    }  # fmt: skip
    assert base["bus"] == {"retry_s": 1, "bind": ""}


def test_the_patient_configuration_fits_and_is_longer_than_the_shipped_one_everywhere(tmp_path: Path) -> None:
    shipped = Settings.load(ROOT / "configs", tmp_path)
    patient = Settings.load(ROOT / "configs", tmp_path, merged(PATIENT, KEPT))
    assert ops_config(patient).on_death == "keep"
    models: dict[str, type[Config]] = {
        "market": MarketConfig, "pads": PadsConfig, "risk": RiskConfig, "compliance": ComplianceConfig,
        "execution": ExecutionConfig, "bus": BusConfig,
    }  # fmt: skip
    for name, model in models.items():
        before, after = shipped.table(name, model), patient.table(name, model)
        for key in PATIENT[name]:
            if key.endswith("_s"):
                assert getattr(after, key) > getattr(before, key), f"{name}.{key}"
    assert patient.table("risk", RiskConfig).lease_s == shipped.table("risk", RiskConfig).lease_s


def test_tables_become_variables_that_are_read_back_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = merged(PATIENT, {"market": {"bars": 12, "synthetic": {"seed": 7}}, **KEPT})
    for name, value in variables(tables):
        monkeypatch.setenv(name, value)
    by_variables, by_tables = (
        Settings.load(ROOT / "configs", tmp_path),
        Settings.load(ROOT / "configs", tmp_path, tables),
    )
    assert by_variables.table("market", MarketConfig) == by_tables.table("market", MarketConfig)
    assert by_variables.table("bus", BusConfig) == by_tables.table("bus", BusConfig)
    assert ops_config(by_variables) == ops_config(by_tables)
