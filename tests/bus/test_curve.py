"""CURVE keys are made once, kept from others, told apart, and missing ones are named in one clear line."""

import stat
from pathlib import Path

import pytest
import zmq
from zmq.utils import z85

from bus.client import Client
from bus.config import Settings
from bus.curve import CurveKeys, curve_keys, curve_names, make_curve_keys
from bus.errors import BoardroomError, ConfigError
from bus.keyfile import PUBLIC, Line, read, write
from tests.conftest import ROOT

AGENTS = ("pads", "risk")
NAMES = curve_names(AGENTS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Keys of two agents, the operator and ops, never rotated."""
    made = tmp_path / "keys"
    assert make_curve_keys(made, NAMES, 1) == NAMES
    return made


def line_of(error: pytest.ExceptionInfo[BoardroomError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 400
    return text


def test_every_agent_the_operator_and_ops_hold_a_pair(folder: Path) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*.curve.*")}
    assert modes == {
        f"{name}.curve.{ending}": mode
        for name in ("pads", "risk", "operator", "ops")
        for ending, mode in (("key", 0o600), ("pub", 0o644))
    }


def test_the_public_key_is_the_one_that_zeromq_derives(folder: Path) -> None:
    keys = CurveKeys.load(folder, "pads", NAMES)
    assert z85.encode(keys.public) == zmq.curve_public(z85.encode(keys.secret))


def test_everybody_knows_everybody_by_the_same_keys(folder: Path) -> None:
    pads, risk = (CurveKeys.load(folder, name, NAMES) for name in AGENTS)
    assert pads.holders == risk.holders
    assert pads.holders[risk.public] == "risk"
    assert pads.public_of("risk") == risk.public
    assert list(pads.holders.values()) == list(NAMES)


def test_keys_that_are_there_are_kept(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.glob("*.curve.*")}
    assert make_curve_keys(folder, (*NAMES, "newcomer"), 2) == ("newcomer",)
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_rotated_key_is_no_longer_anybodys(folder: Path) -> None:
    before = CurveKeys.load(folder, "pads", NAMES)
    assert make_curve_keys(folder, NAMES, 2, rotate=True) == NAMES
    after = CurveKeys.load(folder, "risk", NAMES)
    assert before.public not in after.holders
    assert len(after.holders) == len(NAMES)


def test_secrets_are_never_shown(folder: Path) -> None:
    keys = CurveKeys.load(folder, "pads", NAMES)
    assert repr(keys) == "CurveKeys('pads', 4 known)"


def test_an_agent_starts_with_only_its_own_private_key(folder: Path) -> None:
    for name in NAMES:
        if name != "pads":
            (folder / f"{name}.curve.key").unlink()
    assert CurveKeys.load(folder, "pads", NAMES).name == "pads"
    with pytest.raises(ConfigError, match=r"risk\.curve\.key: no such key; make the firm's keys"):
        CurveKeys.load(folder, "risk", NAMES)


def test_a_missing_public_key_is_named(folder: Path) -> None:
    (folder / "ops.curve.pub").unlink()
    with pytest.raises(ConfigError) as error:
        CurveKeys.load(folder, "pads", NAMES)
    assert line_of(error).startswith(f"{folder}/ops.curve.pub: no such key;")


def test_a_private_key_that_others_may_read_is_refused(folder: Path) -> None:
    (folder / "pads.curve.key").chmod(0o644)
    with pytest.raises(ConfigError, match=r"pads\.curve\.key: others may read it"):
        CurveKeys.load(folder, "pads", NAMES)


def test_a_public_key_of_somebody_else_is_refused(folder: Path) -> None:
    risk = read(folder / "risk.curve.pub", PUBLIC)
    write(folder / "pads.curve.pub", risk, PUBLIC)
    with pytest.raises(ConfigError) as error:
        CurveKeys.load(folder, "pads", NAMES)
    assert line_of(error).startswith("risk and pads have the same CURVE key")
    write(folder / "pads.curve.pub", [Line(0, b"p" * 32)], PUBLIC)
    with pytest.raises(ConfigError) as error:
        CurveKeys.load(folder, "pads", NAMES)
    assert line_of(error).startswith("the private CURVE key of pads is not that of its public one")


@pytest.mark.parametrize("name", ["ops", "operator", "guest-1"])
def test_no_agent_has_the_name_of_another(name: str) -> None:
    with pytest.raises(ConfigError) as error:
        curve_names(("pads", name))
    assert line_of(error) == f"agents.{name}: no agent can have this name, it is that of other keys; choose another"


def test_a_firm_on_unix_sockets_needs_no_keys_and_one_on_tcp_does_not_start_without(tmp_path: Path) -> None:
    assert curve_keys(Settings.load(ROOT / "configs", tmp_path), "pads") is None
    over_tcp = Settings.load(ROOT / "configs", tmp_path, {"bus": {"transport": "tcp"}})
    with pytest.raises(ConfigError) as error:
        curve_keys(over_tcp, "pads")
    assert line_of(error).startswith(f"{tmp_path}/keys/pads.curve.key: no such key; make the firm's keys")
    with pytest.raises(ConfigError, match=r"operator\.curve\.key: no such key"):
        Client(over_tcp)
    with pytest.raises(ConfigError, match=r"ops\.curve\.key: no such key"):
        Client(over_tcp, as_ops=True)
