"""Dealing: each process its own keys and nobody else's."""

from pathlib import Path
from typing import Any

import pytest

from bus.config import Settings
from bus.credentials import make_credentials, private_files
from bus.errors import BoardroomError, ConfigError
from bus.keyfile import PRIVATE, read
from bus.keys import Signer, Verifier
from bus.redis_acl import ACL_FILE, load_secret
from bus.rundir import RunDir
from ops.supervision.dealing import deal_firm
from tests.conftest import ROOT

APART: dict[str, Any] = {"bus": {"transport": "tcp", "redis_url": "redis://redis:6379/0", "redis_auth": "acl"}}
AGENTS = ("recorder", "execution", "risk", "compliance", "qbmia", "quasar", "quantum_amos", "pads", "market")


def prepared(run_dir: Path, overrides: dict[str, Any] = APART) -> Settings:
    settings = Settings.load(ROOT / "configs", run_dir, overrides)
    RunDir(run_dir).create()
    settings.save()
    make_credentials(settings, 1)
    return settings


@pytest.fixture
def settings(short_dir: Path) -> Settings:
    return prepared(short_dir / "firm")


def names(folder: Path, pattern: str) -> set[str]:
    return {path.name for path in folder.glob(pattern)}


def content(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_each_gets_its_own_private_keys_and_all_public_ones(settings: Settings, short_dir: Path) -> None:
    dealt = deal_firm(settings, short_dir / "deal")
    assert dealt == (*AGENTS, "ops", "redis")
    public = names(settings.keys, "*.pub")
    for name in (*AGENTS, "ops"):
        keys = short_dir / "deal" / name / "keys"
        owners = ("operator", "ops") if name == "ops" else (name,)
        assert names(keys, "*.key") == {file for owner in owners for file in private_files(settings, owner)}
        assert {file.split(".")[0] for file in names(keys, "*.key")} == set(owners)
        assert names(keys, "*.pub") == public
        assert {path.stat().st_mode & 0o777 for path in keys.glob("*.key")} == {0o600}
        assert keys.stat().st_mode & 0o777 == 0o700


def test_what_is_dealt_is_a_run_directory_that_works(settings: Settings, short_dir: Path) -> None:
    deal_firm(settings, short_dir / "deal")
    risk = Settings.open(short_dir / "deal" / "risk")
    assert risk.firm == settings.firm
    assert risk.keys == short_dir / "deal" / "risk" / "keys"
    key, signature = Signer.load(risk.keys, "risk").sign(b"an order", 2)
    compliance = Settings.open(short_dir / "deal" / "compliance")
    assert Verifier.load(compliance.keys).objection("risk", key, b"an order", signature, 2) == ""
    assert load_secret(risk.keys, "risk") == load_secret(settings.keys, "risk")
    with pytest.raises(ConfigError, match=r"compliance\.key: no such key"):
        Signer.load(risk.keys, "compliance")


def test_redis_gets_the_list_of_its_users_alone(settings: Settings, short_dir: Path) -> None:
    deal_firm(settings, short_dir / "deal")
    assert names(short_dir / "deal" / "redis", "*") == {ACL_FILE}
    assert (short_dir / "deal" / "redis" / ACL_FILE).read_bytes() == (settings.keys / ACL_FILE).read_bytes()
    assert (short_dir / "deal" / "redis" / ACL_FILE).stat().st_mode & 0o777 == 0o600


def test_ops_has_room_to_see_every_journal(settings: Settings, short_dir: Path) -> None:
    deal_firm(settings, short_dir / "deal")
    ops = RunDir(short_dir / "deal" / "ops")
    assert all(ops.journal(name).is_dir() and ops.snapshots(name).is_dir() for name in AGENTS)
    risk = RunDir(short_dir / "deal" / "risk")
    assert names(risk.root / "journal", "*") == {"risk"}


def test_dealing_again_changes_nothing(settings: Settings, short_dir: Path) -> None:
    deal_firm(settings, short_dir / "deal")
    before = content(short_dir / "deal")
    deal_firm(settings, short_dir / "deal")
    assert content(short_dir / "deal") == before


def test_new_keys_are_dealt_and_a_wrong_one_is_put_right(settings: Settings, short_dir: Path) -> None:
    deal_firm(settings, short_dir / "deal")
    make_credentials(settings, 10, rotate=True)
    deal_firm(settings, short_dir / "deal")
    for name in ("risk.key", "risk.curve.key", "risk.redis.key"):
        dealt = short_dir / "deal" / "risk" / "keys" / name
        assert read(dealt, PRIVATE) == read(settings.keys / name, PRIVATE)
        assert len(read(dealt, PRIVATE)) == 2


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"bus": {"redis_url": "redis://redis:6379/0"}}, "bus.transport"),
        ({"bus": {"transport": "tcp"}}, "bus.redis_url"),
        ({"bus": {**APART["bus"], "keys": "elsewhere"}}, "bus.keys"),
    ],
)
def test_a_firm_of_one_run_directory_cannot_be_dealt(short_dir: Path, overrides: dict[str, Any], words: str) -> None:
    settings = Settings.load(ROOT / "configs", short_dir / "firm", overrides)
    with pytest.raises(ConfigError, match=words):
        deal_firm(settings, short_dir / "deal")
    assert not (short_dir / "deal").exists()


def test_a_private_key_that_is_not_here_cannot_be_dealt(settings: Settings, short_dir: Path) -> None:
    (settings.keys / "risk.key").unlink()
    with pytest.raises(ConfigError, match=r"risk\.key: no such key"):
        deal_firm(settings, short_dir / "deal")


def test_a_configuration_is_not_changed_under_a_process_that_runs(settings: Settings, short_dir: Path) -> None:
    deal_firm(settings, short_dir / "deal")
    (short_dir / "deal" / "risk" / "locks").mkdir()
    lock = RunDir(short_dir / "deal" / "risk").lock("risk")
    lock.acquire()
    deal_firm(settings, short_dir / "deal")
    before = content(short_dir / "deal")
    other = prepared(short_dir / "firm", {**APART, "market": {"bars": 7}})
    with pytest.raises(ConfigError, match="risk runs with another configuration"):
        deal_firm(other, short_dir / "deal")
    assert content(short_dir / "deal") == before
    lock.release()
    deal_firm(other, short_dir / "deal")
    assert Settings.open(short_dir / "deal" / "risk").firm == other.firm


def test_a_folder_that_cannot_be_written_is_told(settings: Settings, short_dir: Path) -> None:
    (short_dir / "deal").write_text("a file")
    with pytest.raises(BoardroomError, match=r"deal"):
        deal_firm(settings, short_dir / "deal")
