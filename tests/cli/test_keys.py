"""`boardroom keys`: what it makes, what it shows, what it refuses, and that it never shows a secret."""

import json
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.config import Settings
from bus.keys import HOLDERS, Signer, Verifier
from bus.rundir import RunDir
from cli.main import run
from tests.conftest import ROOT

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
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


def test_it_makes_them_once_and_says_where_and_which(call: Call, short_dir: Path) -> None:
    folder = short_dir / "run" / "keys"
    for words in (("made now",), ()):
        status, said, _ = call("--run-dir", str(short_dir / "run"))
        assert status == 0
        lines = said.splitlines()
        assert lines[0] == f"{folder}, mode 700; private keys are mode 600"
        names = {name: Signer.load(folder, name).sign(b"", 0)[0] for name in HOLDERS}
        notes = ", ".join(("signs", "from the beginning", *words))
        assert lines[1:5] == [f"{name:<12}  {key}  {notes}" for name, key in names.items()]
        firm = Settings.load(ROOT / "configs", short_dir).firm.agents
        notes = ", ".join(("encrypts", "from the beginning", *words))
        publics = {name: (folder / f"{name}.curve.pub").read_text()[2:18] for name in (*firm, "operator", "ops")}
        assert lines[5 : 5 + len(publics)] == [f"{name:<12}  {key}  {notes}" for name, key in publics.items()]
        notes = ", ".join(("Redis secret", *words))
        assert lines[5 + len(publics) :] == [f"{name:<12}  {'-':<16}  {notes}" for name in (*firm, "ops")]
    assert stat.S_IMODE((short_dir / "run").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "risk.key").stat().st_mode) == 0o600


def test_a_rotation_keeps_the_old_and_shows_no_secret(call: Call, short_dir: Path) -> None:
    folder = short_dir / "keys"
    call("--run-dir", str(short_dir))
    key, signature = Signer.load(folder, "risk").sign(b"words", 1)
    status, said, _ = call("--run-dir", str(short_dir), "--rotate")
    assert status == 0
    assert re.search(rf"risk          {key}  signs no more, from the beginning\n", said)
    made = r" from \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, made now"
    assert len(re.findall(rf"signs,{made}", said)) == 4
    assert len(re.findall(rf"encrypts,{made}", said)) == len(list(folder.glob("*.curve.pub")))
    assert Verifier.load(folder).objection("risk", key, b"words", signature, 1) == ""
    assert len(secrets(folder)) == 2 * len(list(folder.glob("*.key")))
    _, printed, _ = call("--run-dir", str(short_dir), "--json")
    assert not any(secret in said + printed for secret in secrets(folder))
    told = json.loads(printed)
    assert told["folder"] == str(folder)
    assert told["made"] == []
    assert told["keys"]["risk"][0]["name"] == key
    assert all(each["is_private_here"] for each in (*told["keys"]["risk"], *told["curve"]["market"]))
    assert all(told["redis"].values())


@pytest.mark.parametrize("holder", ["supervisor", "compliance", "risk", "execution", "qbmia"])
def test_it_does_not_rotate_under_a_firm_that_runs(call: Call, short_dir: Path, holder: str) -> None:
    call("--run-dir", str(short_dir))
    before = secrets(short_dir / "keys")
    lock = RunDir(short_dir).lock(holder)
    lock.acquire()
    try:
        status, _, refused = call("--run-dir", str(short_dir), "--rotate")
        assert status == 1
        assert f"{holder} runs in {short_dir} with the old keys; `boardroom stop` it, then rotate" in refused
        assert call("--run-dir", str(short_dir))[0] == 0
    finally:
        lock.release()
    assert secrets(short_dir / "keys") == before


def test_a_key_that_others_may_read_is_one_clear_line(call: Call, short_dir: Path) -> None:
    call("--run-dir", str(short_dir))
    path = short_dir / "keys" / "risk.key"
    path.chmod(0o644)
    status, _, refused = call("--run-dir", str(short_dir))
    assert status == 1
    assert refused == (
        f"boardroom: {path}: others may read it; run `chmod 600 {path}`, and `boardroom keys --rotate` if they did\n"
    )


def test_the_folder_may_be_named_in_the_configuration(
    call: Call, short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOARDROOM_BUS__KEYS", str(short_dir / "vault"))
    status, said, _ = call("--run-dir", str(short_dir / "run"))
    assert status == 0
    assert said.startswith(f"{short_dir / 'vault'}, mode 700")
    assert len(secrets(short_dir / "vault")) == len(list((short_dir / "vault").glob("*.key")))
    assert not (short_dir / "run").exists()


def test_it_deals_each_process_its_own_and_no_more(call: Call, short_dir: Path) -> None:
    status, said, _ = call("--run-dir", str(short_dir / "run"), "--deal", str(short_dir / "dealt"))
    assert status == 0
    assert f"{short_dir / 'dealt' / 'risk'}: risk.key, risk.curve.key, risk.redis.key\n" in said
    private = sorted(path.name for path in (short_dir / "dealt" / "qbmia").glob("*.key"))
    assert private == ["qbmia.curve.key", "qbmia.redis.key"]
    assert not any(secret in said for secret in secrets(short_dir / "run" / "keys"))
    status, _, refused = call(
        "--run-dir", str(short_dir / "other"), "--deal", str(short_dir / "run" / "keys" / "risk.key")
    )
    assert status == 1
    assert refused.startswith(f"boardroom: {short_dir / 'run' / 'keys' / 'risk.key'}")


def test_dealt_keys_are_shown_and_rotated_only_where_they_were_made(
    call: Call, short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("--run-dir", str(short_dir / "run"), "--deal", str(short_dir / "dealt"))
    monkeypatch.setenv("BOARDROOM_BUS__KEYS", str(short_dir / "dealt" / "risk"))
    before = {path: path.read_bytes() for path in (short_dir / "dealt" / "risk").iterdir()}
    status, said, _ = call("--run-dir", str(short_dir / "run"))
    assert status == 0
    assert re.search(
        r"compliance    \w{16}  signs, from the beginning, its private half is not in compliance.key\n", said
    )
    assert re.search(r"risk          \w{16}  signs, from the beginning\n", said)
    assert f"pads          {'-':<16}  its Redis secret is not here\n" in said
    status, _, refused = call("--run-dir", str(short_dir / "run"), "--rotate")
    assert (status, "rotate where they were made" in refused) == (1, True)
    assert {path: path.read_bytes() for path in (short_dir / "dealt" / "risk").iterdir()} == before


def test_a_run_directory_that_others_may_enter_is_one_clear_line(call: Call, short_dir: Path) -> None:
    (short_dir / "run").mkdir(mode=0o755)
    status, _, refused = call("--run-dir", str(short_dir / "run"))
    assert status == 1
    assert refused == (
        f"boardroom: run directory {short_dir / 'run'}: open to others; run `chmod 700 {short_dir / 'run'}`, or give "
        f"another\n"
    )
    assert list((short_dir / "run").iterdir()) == []
