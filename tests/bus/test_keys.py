"""Keys are made once, kept from others, believed in their own time, and refused in one clear line."""

import os
import re
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.config import Settings
from bus.errors import BoardroomError, ConfigError, Fatal
from bus.keyfile import Line, write
from bus.keyring import KnownKey, key_name
from bus.keys import GRACE_NS, HOLDERS, SIGNERS, Signer, Verifier, known_keys, make_keys
from tests.conftest import ROOT
from tests.keys import public_of

SECOND_NS = 1_000_000_000
MADE_NS = 1_000 * SECOND_NS
ROTATED_NS = 2_000 * SECOND_NS
WORDS = b"buy nothing"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Keys of both gates, never rotated."""
    make_keys(tmp_path / "keys", MADE_NS)
    return tmp_path / "keys"


def signed(folder: Path, now_ns: int, name: str = "risk") -> tuple[str, bytes]:
    return Signer.load(folder, name).sign(WORDS, now_ns)


def objection(folder: Path, key: str, signature: bytes, now_ns: int, name: str = "risk") -> str:
    return Verifier.load(folder, HOLDERS).objection(name, key, WORDS, signature, now_ns)


def line_of(error: pytest.ExceptionInfo[BoardroomError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 400
    return text


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in sorted(folder.iterdir())}


def test_keys_are_private_whatever_the_mask_of_the_process(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_keys(tmp_path / "keys", MADE_NS)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    kept = {name: mode for name, mode in modes(tmp_path / "keys").items() if name != ".gitignore"}
    endings = {".key": 0o600, ".pub": 0o644}
    assert kept == {name + ending: mode for name in HOLDERS for ending, mode in endings.items()}


def test_public_files_hold_nothing_secret(folder: Path) -> None:
    secret = re.findall(r"[0-9a-f]{64}", (folder / "risk.key").read_text())
    assert len(secret) == 1
    assert secret[0] not in (folder / "risk.pub").read_text()
    assert secret[0] not in repr(known_keys(folder))


def test_what_a_gate_signs_is_believed(folder: Path) -> None:
    for name in SIGNERS:
        key, signature = signed(folder, MADE_NS, name)
        assert objection(folder, key, signature, MADE_NS, name) == ""


def test_the_first_key_is_in_force_from_the_beginning_of_time(folder: Path) -> None:
    key, signature = signed(folder, 0)
    assert objection(folder, key, signature, 0) == ""


def test_keys_that_are_there_stay(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert make_keys(folder, ROTATED_NS) == {}
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_signature_is_the_same_bytes_whenever_it_is_made(folder: Path) -> None:
    assert signed(folder, MADE_NS) == signed(folder, ROTATED_NS)
    before = signed(folder, MADE_NS)
    make_keys(folder, ROTATED_NS, rotate=True)
    assert signed(folder, MADE_NS) == before
    assert signed(folder, ROTATED_NS - 1) == before
    assert signed(folder, ROTATED_NS) != before


def test_a_rotated_key_is_believed_through_its_grace_and_no_longer(folder: Path) -> None:
    key, signature = signed(folder, MADE_NS)
    made = make_keys(folder, ROTATED_NS, rotate=True)
    assert set(made) == set(HOLDERS)
    assert objection(folder, key, signature, MADE_NS) == ""
    assert objection(folder, key, signature, ROTATED_NS + GRACE_NS) == ""
    assert objection(folder, key, signature, ROTATED_NS + GRACE_NS + 1) == f"key {key} of risk was replaced"


def test_a_new_key_is_not_believed_long_before_it_is_in_force(folder: Path) -> None:
    make_keys(folder, ROTATED_NS, rotate=True)
    key, signature = signed(folder, ROTATED_NS)
    assert objection(folder, key, signature, ROTATED_NS) == ""
    assert objection(folder, key, signature, ROTATED_NS - GRACE_NS) == ""
    early = objection(folder, key, signature, ROTATED_NS - GRACE_NS - 1)
    assert early == f"key {key} of risk is not in force yet"


def test_rotating_three_times_leaves_each_key_its_time(folder: Path) -> None:
    times = [0, ROTATED_NS, 2 * ROTATED_NS, 3 * ROTATED_NS]
    for now_ns in times[1:]:
        make_keys(folder, now_ns, rotate=True)
    names = [signed(folder, now_ns)[0] for now_ns in times]
    assert names == [key.name for key in known_keys(folder)["risk"]]
    assert len(set(names)) == len(times)
    assert [key.since_ns for key in known_keys(folder)["risk"]] == times
    for number, now_ns in enumerate(times):
        key, signature = signed(folder, now_ns)
        until_ns = times[number + 1] + GRACE_NS if number + 1 < len(times) else 2**63 - 1
        assert objection(folder, key, signature, until_ns) == ""


def test_a_stranger_is_not_believed(folder: Path, tmp_path: Path) -> None:
    make_keys(tmp_path / "other", MADE_NS)
    key, signature = signed(tmp_path / "other", MADE_NS)
    assert objection(folder, key, signature, MADE_NS) == f"no key {key} of risk is known"
    own, _ = signed(folder, MADE_NS)
    assert objection(folder, own, signature, MADE_NS) == "the signature of risk does not fit the order"
    assert objection(folder, own, signature, MADE_NS, "pads") == f"no key {own} of pads is known"


def test_one_gate_does_not_pass_for_the_other(folder: Path) -> None:
    key, signature = signed(folder, MADE_NS, "risk")
    assert objection(folder, key, signature, MADE_NS, "compliance") == f"no key {key} of compliance is known"


@given(signature=st.binary(max_size=80))
@settings(deadline=None, max_examples=50)
def test_bytes_that_nobody_signed_are_no_signature(signature: bytes) -> None:
    public = Signer("risk", [(0, b"r" * 32)])
    verifier = Verifier({"risk": [(0, public_of(b"r" * 32))]})
    key, true = public.sign(WORDS, 0)
    why = verifier.objection("risk", key, WORDS, signature, 0)
    assert why == ("" if signature == true else "the signature of risk does not fit the order")


@given(at=st.integers(0, 63), bit=st.integers(0, 7))
@settings(deadline=None, max_examples=50)
def test_one_flipped_bit_is_no_signature(at: int, bit: int) -> None:
    key, signature = Signer("risk", [(0, b"r" * 32)]).sign(WORDS, 0)
    broken = bytearray(signature)
    broken[at] ^= 1 << bit
    verifier = Verifier({"risk": [(0, public_of(b"r" * 32))]})
    assert verifier.objection("risk", key, WORDS, bytes(broken), 0) == "the signature of risk does not fit the order"


def test_published_vectors_hold() -> None:
    """RFC 8032, 7.1, test 2: secret key, public key, message, signature."""
    secret = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert Signer("risk", [(0, secret)]).sign(b"\x72", 0) == (key_name(public), signature)
    assert Verifier({"risk": [(0, public)]}).objection("risk", key_name(public), b"\x72", signature, 0) == ""


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610])
def test_a_private_key_that_others_reach_is_refused(folder: Path, mode: int) -> None:
    path = folder / "risk.key"
    path.chmod(mode)
    for use in (lambda: Signer.load(folder, "risk"), lambda: make_keys(folder, MADE_NS)):
        with pytest.raises(ConfigError) as error:
            use()
        assert line_of(error).startswith(f"{path}: others may ")
        assert f"run `chmod 600 {path}`" in line_of(error)


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_public_key_that_others_may_write_is_refused(folder: Path, mode: int) -> None:
    (folder / "risk.pub").chmod(mode)
    with pytest.raises(ConfigError, match=r"risk\.pub: others may .*chmod 644"):
        Verifier.load(folder)


def test_a_folder_that_others_may_write_is_refused(folder: Path) -> None:
    folder.chmod(0o770)
    for use in (
        lambda: Signer.load(folder, "risk"),
        lambda: Verifier.load(folder),
        lambda: make_keys(folder, MADE_NS),
    ):
        with pytest.raises(ConfigError, match=r"keys: others may .*chmod 700"):
            use()


def test_keys_are_not_made_in_a_folder_that_others_may_read(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(ConfigError, match=r"open: others may read it; run `chmod 700"):
        make_keys(tmp_path / "open", MADE_NS)
    assert list((tmp_path / "open").iterdir()) == []


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    for use in (lambda: Signer.load(tmp_path, "risk"), lambda: Verifier.load(tmp_path)):
        with pytest.raises(ConfigError) as error:
            use()
        assert "no such key; make the firm's keys with `boardroom keys`" in line_of(error)


GOOD = "a" * 64


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "nonsense\n",
        f"0 {GOOD[:-1]}\n",
        f"0 {GOOD}a\n",
        f"0  {GOOD}\n",
        f"0 {GOOD.upper()}\n",
        f"-1 {GOOD}\n",
        f"1_0 {GOOD}\n",
        f"01 {GOOD}\n",
        f"{2**64} {GOOD}\n",
        f"0 {GOOD}\n\n",
        f"0 {GOOD}\n7",
        f"0 {GOOD}\r\n",
        f"\ufeff0 {GOOD}\n",
        "0 " + "\u0661" * 64 + "\n",
    ],
)
def test_a_malformed_file_is_refused_and_left_alone(folder: Path, text: str) -> None:
    for name in ("risk.key", "risk.pub"):
        path = folder / name
        whole = path.read_bytes()
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        for rotate in (False, True):
            with pytest.raises(ConfigError) as error:
                make_keys(folder, ROTATED_NS, rotate=rotate)
            assert re.match(rf"{path}: line \d+ is not a time and a key; put a whole copy back", line_of(error))
        assert path.read_text(encoding="utf-8").encode() == text.encode().replace(b"\r\n", b"\n")
        path.write_bytes(whole)


@pytest.mark.parametrize("times", [(5, 5), (5, 4)])
def test_keys_out_of_order_are_refused(folder: Path, times: tuple[int, int]) -> None:
    (folder / "risk.pub").write_text(
        "".join(f"{since} {letter * 64}\n" for since, letter in zip(times, "ab", strict=True))
    )
    with pytest.raises(ConfigError, match="do not follow each other in time"):
        Verifier.load(folder)


def test_a_lost_public_key_is_derived_again(folder: Path) -> None:
    before = (folder / "risk.pub").read_bytes()
    (folder / "risk.pub").unlink()
    assert make_keys(folder, ROTATED_NS) == {}
    assert (folder / "risk.pub").read_bytes() == before


def test_a_lost_private_key_is_not_replaced_unasked(folder: Path) -> None:
    old = signed(folder, MADE_NS)
    (folder / "risk.key").unlink()
    assert make_keys(folder, ROTATED_NS) == {}
    assert known_keys(folder)["risk"] == [KnownKey(old[0], 0, False)]
    with pytest.raises(ConfigError, match=r"risk\.key: no such key"):
        Signer.load(folder, "risk")
    assert set(make_keys(folder, ROTATED_NS, rotate=True)) == set(HOLDERS)
    assert objection(folder, *old, MADE_NS) == ""
    assert objection(folder, *signed(folder, ROTATED_NS), ROTATED_NS) == ""
    assert [key.is_private_here for key in known_keys(folder)["risk"]] == [False, True]


def test_a_cut_between_the_two_files_of_a_rotation_is_mended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(path: Path, lines: list[Line], mode: int) -> None:
        if path.suffix == ".pub":
            raise OSError(5, "the power fails")
        write(path, lines, mode)

    monkeypatch.setattr("bus.keyring.write", cut)
    with pytest.raises(Fatal, match="the power fails; make it writable"):
        make_keys(folder, ROTATED_NS, ("risk",), rotate=True)
    monkeypatch.undo()
    with pytest.raises(ConfigError, match="nobody would believe it; run `boardroom keys`"):
        Signer.load(folder, "risk")
    assert make_keys(folder, 2 * ROTATED_NS) == {}
    assert objection(folder, *signed(folder, ROTATED_NS), ROTATED_NS) == ""


def test_halves_of_two_firms_do_not_fit(folder: Path, tmp_path: Path) -> None:
    make_keys(tmp_path / "other", MADE_NS)
    (folder / "risk.pub").write_bytes((tmp_path / "other" / "risk.pub").read_bytes())
    with pytest.raises(ConfigError, match="nobody would believe it"):
        Signer.load(folder, "risk")
    with pytest.raises(ConfigError, match=r"risk\.pub: does not belong to .*risk\.key"):
        make_keys(folder, ROTATED_NS)


def test_a_clock_behind_the_newest_key_rotates_nothing(folder: Path) -> None:
    make_keys(folder, ROTATED_NS, rotate=True)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ConfigError, match="in force only later than now; set the clock"):
        make_keys(folder, ROTATED_NS, rotate=True)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")
    with pytest.raises(Fatal, match="make it writable, or give another folder"):
        make_keys(tmp_path / "keys", MADE_NS)


def test_makers_side_by_side_make_one_pair(tmp_path: Path) -> None:
    made: list[dict[str, str]] = []
    threads = [threading.Thread(target=lambda: made.append(make_keys(tmp_path / "keys", MADE_NS))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(each) for each in made) == [0] * 7 + [len(HOLDERS)]
    for name in HOLDERS:
        key, signature = signed(tmp_path / "keys", MADE_NS, name)
        assert objection(tmp_path / "keys", key, signature, MADE_NS, name) == ""


@pytest.mark.parametrize("place", ["keys", "configs/keys"])
def test_git_never_sees_a_key(tmp_path: Path, place: str) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    make_keys(tmp_path / place, MADE_NS)
    seen = subprocess.run(
        ["git", "-C", str(tmp_path), "status", "--porcelain", "--untracked-files=all"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert seen.stdout == ""


def test_keys_are_ignored_by_this_checkout_too() -> None:
    ignored = (Path(__file__).parents[2] / ".gitignore").read_text().split()
    assert {"*.key", "var/"} <= set(ignored)


def test_a_copy_of_the_configuration_has_keys_of_its_own_unless_told(tmp_path: Path) -> None:
    settings = Settings.load(ROOT / "configs", tmp_path / "run")
    assert settings.keys == tmp_path / "run" / "keys"
    assert settings.elsewhere(tmp_path / "other").keys == tmp_path / "other" / "keys"
    assert settings.elsewhere(tmp_path / "other", keys=settings.keys).keys == (tmp_path / "run" / "keys").resolve()
    named = settings.overridden({"bus": {"keys": str(tmp_path / "vault")}})
    assert named.keys == named.elsewhere(tmp_path / "other").keys == tmp_path / "vault"
