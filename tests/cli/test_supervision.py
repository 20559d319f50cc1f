"""`boardroom stop`, `start` and `doctor` where there is no firm to command, or a package is missing."""

import json
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from bus.config import Settings
from bus.rundir import RunDir
from cli import doctor
from cli.main import run
from ops.supervision.packages import Missing
from tests.conftest import ROOT

CONFIGS = ROOT / "configs"
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Run a verb as a shell would; return status, output and errors."""

    def called(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["boardroom", *words])
        with pytest.raises(SystemExit) as ended:
            run()
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out, " ".join(said.err.split())

    return called


@pytest.fixture
def run_dir(short_dir: Path) -> Path:
    RunDir(short_dir).create()
    Settings.load(CONFIGS, short_dir).save()
    return short_dir


@pytest.mark.parametrize("verb", ["stop", "start"])
def test_without_a_supervisor_no_agent_is_commanded(call: Call, run_dir: Path, verb: str) -> None:
    status, _, refused = call(verb, "qbmia", "--run-dir", str(run_dir))
    assert status == 1
    assert refused == (
        f"boardroom: no supervisor runs in {run_dir}; start the firm with `boardroom up`, or give --run-dir"
    )


def test_a_firm_that_does_not_run_is_stopped_already(call: Call, run_dir: Path) -> None:
    assert call("stop", "--run-dir", str(run_dir))[:2] == (0, f"no firm runs in {run_dir}\n")
    said = json.loads(call("stop", "--json", "--run-dir", str(run_dir))[1])
    assert said == {"was_running": False, "stopped": True, "orphans": []}


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARDROOM_AGENTS__QBMIA__PACKAGES", '["no-such-package>=1"]')


@pytest.mark.usefixtures("lacking")
def test_the_doctor_names_missing_packages_and_the_command_that_installs_them(tmp_path: Path) -> None:
    [found] = islice((each for each in doctor.examine(CONFIGS, tmp_path) if each.what == "packages of agents"), 1)
    assert not found.is_fine
    command = f"{sys.executable} -m pip install 'no-such-package>=1'"
    needs = f"qbmia needs no-such-package>=1 (not installed); install with: {command}"
    assert found.detail == f"{needs}, or run `boardroom doctor --fix`"


@pytest.mark.usefixtures("lacking")
def test_the_doctor_installs_them_when_asked(call: Call, run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[Missing] = []
    monkeypatch.setattr(doctor, "install", installed.extend)
    monkeypatch.setattr(doctor, "examine", lambda *_: [])
    status, said, _ = call("doctor", "--fix", "--config", str(CONFIGS), "--run-dir", str(run_dir))
    assert status == 0
    assert said == f"{sys.executable} -m pip install 'no-such-package>=1'\n"
    assert installed == [Missing("qbmia", "no-such-package>=1", None)]


@pytest.mark.usefixtures("lacking")
def test_nothing_starts_without_its_packages(call: Call, short_dir: Path) -> None:
    status, _, refused = call("up", "--config", str(CONFIGS), "--run-dir", str(short_dir / "run"))
    assert status == 1
    assert refused.startswith("boardroom: qbmia needs no-such-package>=1 (not installed); install with: ")
    assert not RunDir(short_dir / "run").lock("supervisor").path.exists()
