"""`boardroom prepare`: what it makes ready, and what it refuses."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.config import Settings
from bus.rundir import RunDir
from cli.main import run
from tests.conftest import ROOT

Call = Callable[..., tuple[int, str, str]]
APART = {
    "BOARDROOM_BUS__TRANSPORT": "tcp",
    "BOARDROOM_BUS__REDIS_URL": "redis://redis:6379/0",
    "BOARDROOM_BUS__REDIS_AUTH": "acl",
}


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], short_dir: Path) -> Call:
    """Run the command as a shell would; return status, output and errors. Kernels are not compiled for it."""
    monkeypatch.setenv("BOARDROOM_KERNELS__JIT", "false")

    def called(*words: str) -> tuple[int, str, str]:
        common = ["--config", str(ROOT / "configs"), "--run-dir", str(short_dir / "firm")]
        monkeypatch.setattr(sys, "argv", ["boardroom", "prepare", *common, *words])
        with pytest.raises(SystemExit) as ended:
            run()
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return called


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, text in APART.items():
        monkeypatch.setenv(variable, text)


def test_a_run_directory_is_ready_after_it_and_the_second_time_nothing_is_made(call: Call, short_dir: Path) -> None:
    status, said, _ = call("--json")
    assert status == 0
    made = json.loads(said)["made"]
    assert {"risk.key", "market.curve.key", "pads.redis.key"} <= set(made)
    assert Settings.open(short_dir / "firm").firm.agents.keys() >= {"risk", "market"}
    before = {path.name: path.read_bytes() for path in (short_dir / "firm" / "keys").iterdir()}
    status, said, _ = call()
    assert status == 0
    assert "keys made: none, all were there" in said
    assert {path.name: path.read_bytes() for path in (short_dir / "firm" / "keys").iterdir()} == before


@pytest.mark.usefixtures("apart")
def test_it_deals_to_each_process(call: Call, short_dir: Path) -> None:
    status, said, _ = call("--deal", str(short_dir / "deal"))
    assert status == 0
    assert said.splitlines()[-1].startswith(f"dealt below {short_dir / 'deal'}: recorder, ")
    assert (short_dir / "deal" / "risk" / "keys" / "risk.key").is_file()


def test_a_firm_of_one_run_directory_is_not_dealt(call: Call, short_dir: Path) -> None:
    status, _, said = call("--deal", str(short_dir / "deal"))
    assert status == 1
    assert "bus.transport" in said


@pytest.mark.parametrize("name", ["supervisor", "risk"])
def test_it_stays_away_from_a_firm_that_runs(call: Call, short_dir: Path, name: str) -> None:
    call()
    lock = RunDir(short_dir / "firm").lock(name)
    lock.acquire()
    status, _, said = call()
    assert status == 1
    assert len(said.splitlines()) == 1
    assert name in said


def test_a_simulated_firm_needs_no_preparing(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARDROOM_BUS__MODE", "simulated")
    status, _, said = call()
    assert status == 1
    assert "bus.mode is simulated" in said


def test_a_damaged_key_is_told_in_one_line(call: Call, short_dir: Path) -> None:
    call()
    (short_dir / "firm" / "keys" / "risk.key").write_text("nonsense\n")
    status, _, said = call()
    assert status == 1
    assert len(said.splitlines()) == 1
    assert "risk.key: line 1 is not a time and a key" in said


def test_a_place_that_cannot_be_written_is_told_in_one_line(call: Call, short_dir: Path) -> None:
    (short_dir / "firm").write_text("a file")
    status, _, said = call()
    assert status == 1
    assert said.splitlines()[-1].startswith(f"boardroom: run directory {short_dir / 'firm'}")
