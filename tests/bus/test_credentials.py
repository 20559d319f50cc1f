"""A firm's secrets are made in one go, and dealt so that no process has another's."""

import stat
from pathlib import Path
from typing import Final

import pytest

from bus.config import Settings
from bus.credentials import DEALT, REDIS_SERVER, deal, make_credentials, private_files, redis_names
from bus.curve import CurveKeys, curve_names
from bus.errors import ConfigError, Fatal
from bus.keys import HOLDERS, Signer, Verifier
from bus.redis_acl import ACL_FILE, load_secret
from tests.conftest import ROOT

MADE_NS: Final = 1_000
ROTATED_NS: Final = 2_000


@pytest.fixture
def firm(tmp_path: Path) -> Settings:
    """A firm that has its credentials."""
    settings = Settings.load(ROOT / "configs", tmp_path / "run")
    make_credentials(settings, MADE_NS)
    return settings


def private(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix in (".key", ".password", ".acl")}


def test_everybody_gets_what_is_theirs(firm: Settings) -> None:
    agents = set(firm.firm.agents)
    assert private(firm.keys) == {
        *(f"{name}.key" for name in HOLDERS),
        *(f"{name}.curve.key" for name in (*agents, "operator", "ops")),
        *(f"{name}.redis.key" for name in (*agents, "ops")),
        ACL_FILE,
    }
    assert {stat.S_IMODE((firm.keys / name).stat().st_mode) for name in private(firm.keys)} == {0o600}
    assert make_credentials(firm, ROTATED_NS) == ()


def test_a_rotation_makes_all_anew_and_names_them(firm: Settings) -> None:
    before = {name: (firm.keys / name).read_text() for name in private(firm.keys)}
    made = make_credentials(firm, ROTATED_NS, rotate=True)
    assert set(made) == set(before) - {ACL_FILE}
    for name in made:
        assert (firm.keys / name).read_text().startswith(before[name])
    assert not any(line.split()[1] in "".join(made) for text in before.values() for line in text.splitlines()[:1])


def test_each_process_can_start_on_what_it_is_dealt_alone(firm: Settings, tmp_path: Path) -> None:
    names = curve_names(firm.firm.agents)
    dealt = deal(firm, tmp_path / "dealt")
    assert set(dealt) == {*names, REDIS_SERVER}
    for name in names:
        folder = tmp_path / "dealt" / name
        assert private(folder) == set(dealt[name]) == set(private_files(firm, name))
        assert all(file.startswith(f"{name}.") for file in dealt[name])
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE((folder / file).stat().st_mode) for file in dealt[name]} == {0o600}
        assert CurveKeys.load(folder, name, names).public == CurveKeys.load(firm.keys, name, names).public
        if name in redis_names(firm):
            assert load_secret(folder, name) == load_secret(firm.keys, name)
        if name in HOLDERS:
            key, signature = Signer.load(folder, name).sign(b"words", MADE_NS)
            there = tmp_path / "dealt" / "execution"
            assert Verifier.load(there, HOLDERS).objection(name, key, b"words", signature, MADE_NS) == ""
    assert private(tmp_path / "dealt" / REDIS_SERVER) == {ACL_FILE}


def test_a_dealt_folder_is_added_to_by_nobody(firm: Settings, tmp_path: Path) -> None:
    deal(firm, tmp_path / "dealt")
    folder = tmp_path / "dealt" / "risk"
    there = firm.overridden({"bus": {"keys": str(folder)}})
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert make_credentials(there, ROTATED_NS) == ()
    with pytest.raises(ConfigError, match="these keys were dealt; rotate where they were made, and deal them anew"):
        make_credentials(there, ROTATED_NS, rotate=True)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert (folder / DEALT).read_text() == "risk\n"


def test_dealing_again_brings_the_keys_of_now(firm: Settings, tmp_path: Path) -> None:
    deal(firm, tmp_path / "dealt")
    make_credentials(firm, ROTATED_NS, rotate=True)
    deal(firm, tmp_path / "dealt")
    for name in ("risk.key", "risk.pub", "market.curve.pub"):
        assert (tmp_path / "dealt" / "risk" / name).read_bytes() == (firm.keys / name).read_bytes()


def test_a_folder_with_anothers_key_is_refused(firm: Settings, tmp_path: Path) -> None:
    deal(firm, tmp_path / "dealt")
    stray = tmp_path / "dealt" / "qbmia" / "risk.key"
    stray.write_bytes((firm.keys / "risk.key").read_bytes())
    with pytest.raises(ConfigError) as error:
        deal(firm, tmp_path / "dealt")
    assert str(error.value) == f"{stray}: not for qbmia; take it away, or deal into another folder"


def test_what_is_not_here_cannot_be_dealt(firm: Settings, tmp_path: Path) -> None:
    with pytest.raises(Fatal, match="make it writable, or give another folder"):
        deal(firm, firm.keys / "market.curve.pub")
    (firm.keys / "risk.key").unlink()
    with pytest.raises(ConfigError, match=r"risk\.key: no such key"):
        deal(firm, tmp_path / "dealt")


def test_passwords_are_dealt_to_whom_their_table_belongs(firm: Settings, tmp_path: Path) -> None:
    for name in ("bus.redis_url.password", "recorder.url.password"):
        (firm.keys / name).touch(mode=0o600)
    dealt = deal(firm, tmp_path / "dealt")
    with_url = {name for name, files in dealt.items() if "bus.redis_url.password" in files}
    assert with_url == set(redis_names(firm))
    assert {name for name, files in dealt.items() if "recorder.url.password" in files} == {"recorder"}


def test_an_agent_must_not_have_the_place_of_the_redis_server(firm: Settings, tmp_path: Path) -> None:
    odd = firm.overridden({"agents": {REDIS_SERVER: {}}})
    make_credentials(odd, ROTATED_NS)
    with pytest.raises(ConfigError, match=r"agents\.redis: its folder would be that of the Redis server"):
        deal(odd, tmp_path / "dealt")
