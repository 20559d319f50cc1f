"""The beacon: a small file that shows a process's life, and what a health check makes of it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from bus.beacon import Beacon, Light, beacon_path, complaint, read_light
from bus.health import check, main
from tests.conftest import ROOT

SECOND = 1_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now_ns = 1_000 * SECOND

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def beacon(tmp_path: Path, clock: Clock) -> Beacon:
    return Beacon(tmp_path, "risk", 0.5, clock_ns=clock)


def test_a_beacon_shows_what_the_process_does(tmp_path: Path, beacon: Beacon) -> None:
    assert read_light(tmp_path, "risk") is None
    assert beacon.show("ready", 12, 3)
    assert read_light(tmp_path, "risk") == Light("ready", os.getpid(), 12, 3, 1_000 * SECOND)
    assert [path.name for path in (tmp_path / "beacons").iterdir()] == ["risk.json"]


def test_it_is_written_anew_once_an_interval(tmp_path: Path, beacon: Beacon, clock: Clock) -> None:
    beacon.keep("ready", 1, 0)
    clock.now_ns += SECOND // 2 - 1
    beacon.keep("ready", 2, 0)
    assert read_light(tmp_path, "risk") == Light("ready", os.getpid(), 1, 0, 1_000 * SECOND)
    clock.now_ns += 1
    beacon.keep("ready", 3, 0)
    assert read_light(tmp_path, "risk") == Light("ready", os.getpid(), 3, 0, 1_000 * SECOND + SECOND // 2)


def test_a_disk_that_takes_nothing_leaves_it_dark_and_ends_nothing(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "beacons").write_text("a file where the folder should be")
    beacon = Beacon(tmp_path, "risk", 0.5, clock_ns=clock)
    assert not beacon.show("ready")
    beacon.keep("ready", 1, 0)


def test_a_full_disk_leaves_what_was_shown_before(tmp_path: Path, beacon: Beacon) -> None:
    beacon.show("ready", 1)
    beacon_path(tmp_path, "risk").with_suffix(".new").symlink_to("/dev/full")
    assert not beacon.show("ready", 2)
    light = read_light(tmp_path, "risk")
    assert light is not None
    assert light.inputs == 1


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"state": "ready"}', "nonsense", '{"state":1,"pid":1,"inputs":1,"inbox":1,"at_ns":1}']
)
def test_a_file_that_is_no_beacon_is_told(tmp_path: Path, text: str) -> None:
    path = beacon_path(tmp_path, "risk")
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(ValueError):
        read_light(tmp_path, "risk")
    assert check(tmp_path, "risk").startswith("risk: ")


def lights() -> Iterator[tuple[Light | None, str]]:
    yield Light("ready", 7, 0, 0, 95 * SECOND), ""
    yield Light("ready", 7, 0, 0, 100 * SECOND), ""
    yield None, "risk shows no beacon: it has not started, or cannot write to its run directory"
    yield Light("starting", 7, 0, 0, 99 * SECOND), "risk (pid 7) is starting"
    yield Light("stopping", 7, 0, 0, 99 * SECOND), "risk (pid 7) is stopping"
    yield (
        Light("ready", 7, 0, 0, 95 * SECOND - SECOND // 10),
        "risk (pid 7) has shown no beacon for 5.1 s, expected every 5 s at most",
    )
    yield (
        Light("ready", 7, 0, 0, 100 * SECOND + 1),
        "risk shows a beacon from before this machine was started: it has not started since",
    )


@pytest.mark.parametrize(("light", "words"), list(lights()))
def test_ready_and_fresh_is_healthy_and_all_else_is_told(light: Light | None, words: str) -> None:
    assert complaint(light, "risk", 100 * SECOND, 5.0) == words


def test_an_age_that_is_no_number_heals_nobody() -> None:
    assert complaint(Light("ready", 7, 0, 0, 0), "risk", 100 * SECOND, float("nan"))


def test_the_check_ends_with_a_status_and_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["risk", "--run-dir", str(tmp_path)]) == 1
    Beacon(tmp_path, "risk", 0.5).show("ready")
    assert main(["risk", "--run-dir", str(tmp_path)]) == 0
    monkeypatch.setenv("BOARDROOM_RUN_DIR", str(tmp_path))
    assert main(["risk", "--seconds=60"]) == 0
    assert main(["pads"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "risk shows no beacon: it has not started, or cannot write to its run directory",
        "risk is ready",
        "risk is ready",
        "pads shows no beacon: it has not started, or cannot write to its run directory",
    ]


@pytest.mark.parametrize(
    "words", [[], ["one", "two"], ["risk", "--verbose"], ["risk", "--seconds", "soon"], ["risk", "--kill-after="]]
)
def test_a_command_that_is_not_understood_is_neither_well_nor_ill(words: list[str]) -> None:
    assert main(words) == 2


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing for long."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


def light_up(run_dir: Path, **shown: object) -> None:
    path = beacon_path(run_dir, "risk")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"inputs": 0, "inbox": 0, **shown}))


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@LINUX
def test_a_process_that_was_ready_and_hangs_is_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sleeper: subprocess.Popen[bytes]
) -> None:
    light_up(tmp_path, state="ready", pid=sleeper.pid, at_ns=time.monotonic_ns())
    time.sleep(0.3)
    words = ["risk", "--run-dir", str(tmp_path), "--seconds", "0.2", "--kill-after"]
    assert main([*words, "60"]) == 1
    assert sleeper.poll() is None
    assert main([*words, "0.2"]) == 1
    assert sleeper.wait(10.0) == -signal.SIGKILL
    patient, done = capsys.readouterr().out.splitlines()
    assert patient.endswith("expected every 0.2 s at most")
    assert done.endswith(f"expected every 0.2 s at most; pid {sleeper.pid} hangs: killed")
    assert main([*words, "0.2"]) == 1
    assert "killed" not in capsys.readouterr().out


@LINUX
@pytest.mark.parametrize(("state", "age_s"), [("starting", 0.3), ("stopping", 0.3), ("ready", 3_600.0)])
def test_who_starts_or_stops_or_is_another_than_the_one_that_shone_is_left_alone(
    tmp_path: Path, sleeper: subprocess.Popen[bytes], state: str, age_s: float
) -> None:
    time.sleep(0.3)
    light_up(tmp_path, state=state, pid=sleeper.pid, at_ns=time.monotonic_ns() - round(age_s * SECOND))
    assert main(["risk", "--run-dir", str(tmp_path), "--seconds", "0.1", "--kill-after", "0.1"]) == 1
    assert sleeper.poll() is None


@LINUX
def test_what_cannot_be_killed_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["risk", "--run-dir", str(tmp_path), "--kill-after", "20"]
    assert main(words) == 1
    for pid in (1, 2**22 + 1):
        light_up(tmp_path, state="ready", pid=pid, at_ns=time.monotonic_ns() - 30 * SECOND)
        assert main(words) == 1
    beacon_path(tmp_path, "risk").write_text("no beacon")
    assert main(words) == 1
    assert "killed" not in capsys.readouterr().out


def test_the_check_needs_the_standard_library_alone(tmp_path: Path) -> None:
    Beacon(tmp_path, "risk", 0.5).show("ready")
    looked = (
        "import sys, bus.health; code = bus.health.main(['risk', '--run-dir', sys.argv[1]]); "
        "found = {name.split('.')[0] for name in sys.modules}; "
        "print(sorted(found - set(sys.stdlib_module_names) - {'__main__', 'bus'})); sys.exit(code)"
    )
    ran = subprocess.run(
        [sys.executable, "-S", "-c", looked, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "risk is ready\n[]\n", "")


def test_a_beacon_costs_little(tmp_path: Path) -> None:
    ticks = count()
    beacon = Beacon(tmp_path, "risk", 1e-9, clock_ns=lambda: next(ticks))
    for number in range(100):
        beacon.keep("ready", number, 0)
    light = read_light(tmp_path, "risk")
    assert light is not None
    assert light.inputs == 99
