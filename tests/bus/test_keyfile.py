"""Files of secrets: their own user's or mounted by an engine, never open to others, or given by the environment."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from bus import keyfile
from bus.errors import ConfigError
from bus.keyfile import PRIVATE, PUBLIC, Line, contents, is_there, read, variable, write
from bus.keys import Signer, Verifier, known_keys, make_keys

SECRET: Final = b"s" * 32
LINES: Final = [Line(0, SECRET)]
TEXT: Final = f"0 {SECRET.hex()}"
FIRM: Final = 10_001
GROUP: Final = 20_001
Mounted = Callable[..., Path]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A private file of one key."""
    (tmp_path / "keys").mkdir(mode=0o700)
    write(tmp_path / "keys" / "risk.key", LINES, PRIVATE)
    return tmp_path / "keys" / "risk.key"


@pytest.fixture
def mounted(path: Path, monkeypatch: pytest.MonkeyPatch) -> Mounted:
    """Make the file one of another user, as a process of the firm's user would see it."""

    def mount(mode: int, user: int = 0, group: int = GROUP, *, is_read_only: bool = False) -> Path:
        path.chmod(mode)
        os.chown(path, user, group)
        monkeypatch.setattr(os, "geteuid", lambda: FIRM)
        monkeypatch.setattr(os, "getegid", lambda: FIRM)
        monkeypatch.setattr(os, "getgroups", lambda: [GROUP])
        monkeypatch.setattr(keyfile, "_is_read_only", lambda _: is_read_only)
        return path

    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    return mount


def test_a_secret_mounted_for_the_group_of_the_firm_is_read(mounted: Mounted) -> None:
    assert read(mounted(0o440), PRIVATE) == LINES


def test_a_link_to_a_mounted_secret_is_read(mounted: Mounted, tmp_path: Path) -> None:
    """As Kubernetes lays them out, so that all change at once."""
    path = mounted(0o440)
    place = tmp_path / "mount"
    place.mkdir(mode=0o755)
    path.parent.chmod(0o755)
    (place / "..data").symlink_to(path.parent)
    (place / "risk.key").symlink_to("..data/risk.key")
    assert read(place / "risk.key", PRIVATE) == LINES
    path.parent.chmod(0o777)
    with pytest.raises(ConfigError, match=r"keys: others may write it; run `chmod 700"):
        read(place / "risk.key", PRIVATE)


@pytest.mark.parametrize(
    ("mode", "user", "group", "words"),
    [
        (0o444, 0, GROUP, "others may read it; mount it with mode 440 and a group of the firm's user"),
        (0o460, 0, GROUP, "others may write it; mount it with mode 440"),
        (0o440, 0, FIRM + 1, "others may read it; mount it with mode 440"),
        (0o440, FIRM, GROUP, "others may read it; run `chmod 600"),
        (0o600, 12_345, GROUP, "belongs to user 12345, who can change it; make it the firm's or root's"),
    ],
)
def test_what_others_can_read_or_change_is_refused(
    mounted: Mounted, mode: int, user: int, group: int, words: str
) -> None:
    with pytest.raises(ConfigError) as error:
        read(mounted(mode, user, group), PRIVATE)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_that_all_may_write_will_do_where_nobody_can(mounted: Mounted) -> None:
    path = mounted(0o440, is_read_only=True)
    path.parent.chmod(0o1777)
    assert read(path, PRIVATE) == LINES
    mounted(0o440)
    with pytest.raises(ConfigError, match=r"keys: others may write it"):
        read(path, PRIVATE)


def test_a_public_key_may_be_roots(mounted: Mounted) -> None:
    assert read(mounted(0o644), PUBLIC) == LINES
    with pytest.raises(ConfigError, match="belongs to user 12345"):
        read(mounted(0o644, 12_345), PUBLIC)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("risk.key", "BOARDROOM_SECRET_RISK_KEY"),
        ("quantum_amos.curve.key", "BOARDROOM_SECRET_QUANTUM_AMOS_CURVE_KEY"),
        ("quasar-2.redis.key", "BOARDROOM_SECRET_QUASAR_2_REDIS_KEY"),
        ("bus.redis_url.password", "BOARDROOM_SECRET_BUS_REDIS_URL_PASSWORD"),
    ],
)
def test_each_file_has_a_variable(name: str, expected: str) -> None:
    assert variable(Path("/keys") / name) == expected


def test_a_missing_file_may_be_a_variable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.unlink()
    assert not is_there(path)
    with pytest.raises(ConfigError, match=r"risk\.key: no such key; .* or give it as BOARDROOM_SECRET_RISK_KEY"):
        read(path, PRIVATE)
    monkeypatch.setenv("BOARDROOM_SECRET_RISK_KEY", TEXT)
    assert is_there(path)
    assert read(path, PRIVATE) == LINES


def test_file_and_variable_must_not_differ(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARDROOM_SECRET_RISK_KEY", f"{TEXT}\n")
    assert read(path, PRIVATE) == LINES
    other = "0 " + "ab" * 32
    monkeypatch.setenv("BOARDROOM_SECRET_RISK_KEY", other)
    with pytest.raises(ConfigError) as error:
        read(path, PRIVATE)
    assert "the environment holds another in BOARDROOM_SECRET_RISK_KEY; take one of them away" in str(error.value)
    assert other[2:] not in str(error.value)
    assert SECRET.hex() not in str(error.value)


def test_a_malformed_variable_is_refused_without_being_shown(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.unlink()
    monkeypatch.setenv("BOARDROOM_SECRET_RISK_KEY", "hunter2")
    with pytest.raises(ConfigError, match="line 1 is not a time and a key") as error:
        read(path, PRIVATE)
    assert "hunter2" not in str(error.value)


def test_keys_given_by_the_environment_sign_and_are_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, bare = tmp_path / "made", tmp_path / "bare"
    make_keys(made, 1, ("risk",))
    bare.mkdir(mode=0o700)
    for name in ("risk.key", "risk.pub"):
        monkeypatch.setenv(variable(Path(name)), (made / name).read_text())
    key, signature = Signer.load(bare, "risk").sign(b"words", 1)
    assert Verifier.load(bare, ("risk",)).objection("risk", key, b"words", signature, 1) == ""
    assert make_keys(bare, 2, ("risk",)) == {}
    assert [path.name for path in bare.iterdir()] == [".gitignore"]
    assert known_keys(bare, ("risk",)) == known_keys(made, ("risk",))


def test_a_file_is_read_no_further_than_it_may_be_long(path: Path) -> None:
    path.write_bytes(b"x" * (2 << 20))
    assert len(contents(path, PRIVATE)) == 1 << 20
