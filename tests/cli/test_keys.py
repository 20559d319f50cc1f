"""`boardroom keys`: what it makes, what it shows, what it refuses, and that it never shows a secret."""

import json
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.keys import Signer, Verifier
from bus.rundir import RunDir
from cli.main import run
from tests.conftest import ROOT

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """Run the command as a shell would; return status, output and errors."""

    def called(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["boardroom", "keys", "--config", str(ROOT / "configs"), *words])
        with pytest.raises(SystemExit) as ended:
            run()
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return called


def secrets(folder: Path) -> list[str]:
    return re.findall(r"[0-9a-f]{64}", "".join(path.read_text() for path in sorted(folder.glob("*.key"))))


def test_it_makes_them_once_and_says_where_and_which(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "run" / "keys"
    for words in (("made now",), ()):
        status, said, _ = call("--run-dir", str(tmp_path / "run"))
        assert status == 0
        lines = said.splitlines()
        assert lines[0] == f"{folder}, mode 700; private keys are mode 600"
        names = [f"{Signer.load(folder, name).sign(b'', 0)[0]}" for name in ("compliance", "risk")]
        notes = ", ".join(("signs", "from the beginning", *words))
        assert lines[1:] == [f"compliance  {names[0]}  {notes}", f"risk        {names[1]}  {notes}"]
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "risk.key").stat().st_mode) == 0o600


def test_a_rotation_keeps_the_old_and_shows_no_secret(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    call("--run-dir", str(tmp_path))
    key, signature = Signer.load(folder, "risk").sign(b"words", 1)
    status, said, _ = call("--run-dir", str(tmp_path), "--rotate")
    assert status == 0
    assert re.search(rf"risk        {key}  replaced, from the beginning\n", said)
    assert len(re.findall(r"signs, from \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, made now", said)) == 2
    assert Verifier.load(folder).objection("risk", key, b"words", signature, 1) == ""
    assert len(secrets(folder)) == 4
    _, printed, _ = call("--run-dir", str(tmp_path), "--json")
    assert not any(secret in said + printed for secret in secrets(folder))
    told = json.loads(printed)
    assert told["folder"] == str(folder)
    assert told["made"] == {}
    assert told["keys"]["risk"][0]["name"] == key
    assert all(each["is_private_here"] for each in told["keys"]["risk"])


@pytest.mark.parametrize("holder", ["supervisor", "compliance", "risk", "execution"])
def test_it_does_not_rotate_under_a_firm_that_runs(call: Call, tmp_path: Path, holder: str) -> None:
    call("--run-dir", str(tmp_path))
    before = secrets(tmp_path / "keys")
    lock = RunDir(tmp_path).lock(holder)
    lock.acquire()
    try:
        status, _, refused = call("--run-dir", str(tmp_path), "--rotate")
        assert status == 1
        assert f"{holder} runs in {tmp_path} with the old keys; `boardroom stop` it, then rotate" in refused
        assert call("--run-dir", str(tmp_path))[0] == 0
    finally:
        lock.release()
    assert secrets(tmp_path / "keys") == before


def test_a_key_that_others_may_read_is_one_clear_line(call: Call, tmp_path: Path) -> None:
    call("--run-dir", str(tmp_path))
    path = tmp_path / "keys" / "risk.key"
    path.chmod(0o644)
    status, _, refused = call("--run-dir", str(tmp_path))
    assert status == 1
    assert refused == (
        f"boardroom: {path}: others may read it; run `chmod 600 {path}`, and `boardroom keys --rotate` if they did\n"
    )


def test_the_folder_may_be_named_in_the_configuration(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOARDROOM_BUS__KEYS", str(tmp_path / "vault"))
    status, said, _ = call("--run-dir", str(tmp_path / "run"))
    assert status == 0
    assert said.startswith(f"{tmp_path / 'vault'}, mode 700")
    assert len(secrets(tmp_path / "vault")) == 2
    assert not (tmp_path / "run").exists()
