"""Passwords in URLs: taken from file or environment, told to nobody, written nowhere."""

import json
import re
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url

from bus.config import SAVED_FILE, Settings
from bus.errors import ConfigError
from bus.secret import has_password, hide, own_environment, stripped, with_password, without_password
from ops.recorder.config import ledger_url
from tests.conftest import ROOT

HOST: Final = "rediss://redis.example:6380/0"
SECRET: Final = "s3/cr@t"
WHOLE: Final = "rediss://firm:s3%2Fcr%40t@redis.example:6380/0"


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("redis://:pw@h:1/0", "redis://h:1/0"),
        ("redis://u:p%40w@h/0", "redis://u@h/0"),
        ("unix:///p/s.sock?db=1&password=pw", "unix:///p/s.sock?db=1"),
        ("unix://:pw@/p/s.sock", "unix:///p/s.sock"),
        ("postgresql+psycopg://u:pw@h/d?sslmode=require", "postgresql+psycopg://u@h/d?sslmode=require"),
        ("redis://u:p/w@h:1/0", "redis://u:***@h:1/0"),
        ("redis://u:[pw@h", "redis://u:***@h"),
    ],
)
def test_a_url_loses_its_password(url: str, bare: str) -> None:
    assert without_password(url) == bare
    assert has_password(url)
    assert "pw" not in hide(f"cannot reach '{url}'")
    assert "p%40w" not in hide(url)


@pytest.mark.parametrize(
    "url", ["embedded", "redis://h:6379/0", "rediss://u@h", "sqlite:////x/y@z", "redis://[::1]:6379/0", "a: b@c"]
)
def test_what_has_no_password_stays_as_it_is(url: str) -> None:
    assert without_password(url) == hide(url) == url
    assert not has_password(url)


@settings(deadline=None, max_examples=50)
@given(st.text(min_size=1, max_size=20), st.sampled_from(["redis://h:1/0", "redis://u@h", "unix:///p/s?db=1"]))
def test_a_password_goes_in_and_comes_out_again(password: str, url: str) -> None:
    whole = with_password(url, password.encode(errors="replace").decode())
    assert has_password(whole)
    assert without_password(whole) == url


def load(folder: Path, url: str = HOST) -> Settings:
    return Settings.load(ROOT / "configs", folder, {"bus": {"redis_url": url}})


def give(folder: Path, where: str, password: str, mode: int = 0o600) -> Path:
    path = folder / "keys" / f"{where}.password"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(f"{password}\n")
    path.chmod(mode)
    return path


def test_the_password_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    give(tmp_path, "bus.redis_url", SECRET)
    loaded = load(tmp_path, "rediss://firm@redis.example:6380/0")
    assert loaded.firm.bus.redis_url == WHOLE
    loaded.save()
    assert Settings.open(tmp_path).firm.bus.redis_url == WHOLE


def test_it_may_be_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARDROOM_SECRET_BUS_REDIS_URL_PASSWORD", SECRET)
    assert load(tmp_path).firm.bus.redis_url == "rediss://:s3%2Fcr%40t@redis.example:6380/0"


def test_it_may_stand_in_the_variable_of_the_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARDROOM_BUS__REDIS_URL", WHOLE)
    loaded = Settings.load(ROOT / "configs", tmp_path)
    assert loaded.firm.bus.redis_url == WHOLE
    loaded.save()
    assert "s3" not in (tmp_path / SAVED_FILE).read_text()
    assert Settings.open(tmp_path).firm.bus.redis_url == WHOLE
    monkeypatch.delenv("BOARDROOM_BUS__REDIS_URL")
    assert Settings.open(tmp_path).firm.bus.redis_url == "rediss://firm@redis.example:6380/0"
    monkeypatch.setenv("BOARDROOM_BUS__REDIS_URL", "redis://:other@elsewhere/0")
    assert Settings.open(tmp_path).firm.bus.redis_url == "rediss://firm@redis.example:6380/0"


def test_nothing_that_is_saved_holds_a_password(tmp_path: Path) -> None:
    tables = {
        "bus": {"redis_url": WHOLE},
        "recorder": {"url": "postgresql+psycopg://u:hunter2@h/d"},
    }
    loaded = Settings.load(ROOT / "configs", tmp_path, tables)
    assert ledger_url(loaded) == "postgresql+psycopg://u:hunter2@h/d"
    loaded.save()
    saved = (tmp_path / SAVED_FILE).read_text()
    assert not any(secret in saved for secret in ("hunter2", SECRET, "s3%2Fcr%40t"))
    assert json.loads(saved)["tables"]["recorder"]["url"] == "postgresql+psycopg://u@h/d"
    assert loaded.overridden({"pads": {}}).firm.bus.redis_url == WHOLE


def test_the_ledgers_password_is_given_in_the_same_ways(tmp_path: Path) -> None:
    give(tmp_path, "recorder.url", "hunter2")
    tables = {"recorder": {"url": "postgresql+psycopg://u@h/d"}}
    url = ledger_url(Settings.load(ROOT / "configs", tmp_path, tables))
    assert make_url(url).password == "hunter2"


def test_a_password_in_firm_toml_is_refused_and_not_shown(tmp_path: Path) -> None:
    for name in ("firm.toml", "limits.toml"):
        text = (ROOT / "configs" / name).read_text(encoding="utf-8")
        text = re.sub(r"^redis_url = .*$", f'redis_url = "{WHOLE}"', text, flags=re.MULTILINE)
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        Settings.load(tmp_path, tmp_path / "run")
    assert str(error.value) == (
        f"{tmp_path / 'firm.toml'}: bus.redis_url holds a password; take it out, and put it into the file "
        f"bus.redis_url.password among the keys, mode 600, or into BOARDROOM_SECRET_BUS_REDIS_URL_PASSWORD"
    )


@pytest.mark.parametrize("url", ["http://u:hunter2@h", "redis:/u:hunter2@h", "hunter2://u:hunter2@h"])
def test_a_url_that_does_not_fit_is_refused_without_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, url)
    assert "u:hunter2" not in str(error.value)


@pytest.mark.parametrize(("password", "mode", "words"), [
    ("two words", 0o600, "not one word; put the password of bus.redis_url there, and nothing else"),
    ("", 0o600, "not one word"),
    ("hunter2", 0o644, "others may read it; run `chmod 600"),
])  # fmt: skip
def test_a_file_that_holds_no_password_or_is_open_is_refused(
    tmp_path: Path, password: str, mode: int, words: str
) -> None:
    path = give(tmp_path, "bus.redis_url", password, mode)
    with pytest.raises(ConfigError) as error:
        load(tmp_path)
    assert str(error.value).startswith(f"{path}: {words}")


def test_variables_that_hold_secrets_are_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARDROOM_SECRET_RISK_KEY", "hunter2")
    monkeypatch.setenv("BOARDROOM_SECRET_X__Y", "hunter2")
    loaded = Settings.load(ROOT / "configs", tmp_path)
    loaded.save()
    assert "hunter2" not in (tmp_path / SAVED_FILE).read_text()


def test_a_process_inherits_its_own_secrets_only() -> None:
    given = {
        "PATH": "/bin",
        "BOARDROOM_RUN_DIR": "/run",
        "BOARDROOM_PADS__HORIZON": "5",
        "BOARDROOM_BUS__REDIS_URL": WHOLE,
        "BOARDROOM_RECORDER__URL": "postgresql://u:pw@h/d",
        "BOARDROOM_SECRET_BUS_REDIS_URL_PASSWORD": "pw",
        "BOARDROOM_SECRET_RECORDER_URL_PASSWORD": "pw",
        "BOARDROOM_SECRET_RISK_KEY": "k",
        "BOARDROOM_SECRET_RISK_CURVE_KEY": "k",
        "BOARDROOM_SECRET_RISK_2_REDIS_KEY": "k",
        "BOARDROOM_SECRET_OPERATOR_KEY": "k",
        "BOARDROOM_SECRET_OPERATOR_PUB": "p",
    }
    everybodys = {"PATH", "BOARDROOM_RUN_DIR", "BOARDROOM_PADS__HORIZON", "BOARDROOM_SECRET_OPERATOR_PUB"}
    of_bus = {"BOARDROOM_BUS__REDIS_URL", "BOARDROOM_SECRET_BUS_REDIS_URL_PASSWORD"}
    expected = {
        "": everybodys,
        "qbmia": everybodys | of_bus,
        "risk": everybodys | of_bus | {"BOARDROOM_SECRET_RISK_KEY", "BOARDROOM_SECRET_RISK_CURVE_KEY"},
        "risk-2": everybodys | of_bus | {"BOARDROOM_SECRET_RISK_2_REDIS_KEY"},
        "recorder": everybodys | of_bus | {"BOARDROOM_RECORDER__URL", "BOARDROOM_SECRET_RECORDER_URL_PASSWORD"},
    }
    for name, names in expected.items():
        own = own_environment(given, name)
        assert set(own) == names
        assert all(own[key] == given[key] for key in own)


def test_tables_are_stripped_at_every_depth_and_left_alone_themselves() -> None:
    tables = {"market": {"feeds": {"one": {"url": "https://u:pw@h/x", "rate": 3}}}, "plain": "a://b:c@d"}
    assert stripped(tables) == {"market": {"feeds": {"one": {"url": "https://u@h/x", "rate": 3}}}, "plain": "a://b@d"}
    assert tables["plain"] == "a://b:c@d"
