"""Configuration: merged once, checked whole, one line for each mistake."""

from pathlib import Path

import pytest
from pydantic import Field

from bus.config import Config, Settings
from bus.errors import ConfigError, Fatal

FIRM = """
[agents.risk]
[agents.market]
[agents.pads]
needs = ["market"]
[pads]
seats = 3
[pads.stakes]
qbmia = { weight = 0.5 }
"""


class Stake(Config):
    weight: float


class Table(Config):
    seats: int
    patience_s: float = Field(3.0, gt=0)
    stakes: dict[str, Stake] = Field(default_factory=dict)


class Limits(Config):
    weight: float
    notional: float


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "firm.toml").write_text(FIRM)
    (tmp_path / "limits.toml").write_text("[risk]\nweight = 0.1\nnotional = 5.0\n")
    return tmp_path


def load(folder: Path) -> Settings:
    return Settings.load(folder, folder / "run")


def test_a_table_is_read_with_its_defaults(folder: Path) -> None:
    assert load(folder).table("pads", Table) == Table(seats=3, patience_s=3.0, stakes={"qbmia": Stake(weight=0.5)})
    assert load(folder).limits("risk", Limits) == Limits(weight=0.1, notional=5.0)
    assert list(load(folder).firm.agents) == ["risk", "market", "pads"]


def test_the_environment_wins_key_by_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARDROOM_PADS__PATIENCE_S", "7.5")
    monkeypatch.setenv("BOARDROOM_BUS__REDIS_URL", "redis://127.0.0.1:6379/0")
    settings = load(folder)
    assert settings.table("pads", Table).patience_s == 7.5
    assert settings.table("pads", Table).seats == 3
    assert settings.firm.bus.redis_url == "redis://127.0.0.1:6379/0"


def test_the_environment_cannot_touch_a_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARDROOM_LIMITS__WEIGHT", "0.9")
    with pytest.raises(ConfigError, match="unknown table \\[limits\\]"):
        load(folder)


def test_overrides_win_last_and_merge(folder: Path) -> None:
    overrides = {"pads": {"seats": 4, "stakes": {"other": {"weight": 0.1}}}}
    table = Settings.load(folder, folder / "run", overrides).table("pads", Table)
    assert table.seats == 4
    assert set(table.stakes) == {"qbmia", "other"}


def test_a_saved_configuration_is_read_back_without_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOARDROOM_PADS__SEATS", "9")
    load(folder).save()
    monkeypatch.delenv("BOARDROOM_PADS__SEATS")
    assert Settings.open(folder / "run").table("pads", Table).seats == 9


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[pads]\nseats = 'many'\n", "pads.seats = 'many': Input should be a valid integer"),
        ("[pads]\nseats = 3\nseat = 4\n", "pads.seat is not a known key; remove or correct it"),
        ("[pads]\n", "pads.seats is missing; state it, there is no default"),
        ("[pads]\nseats = 3\npatience_s = nan\n", "pads.patience_s = nan"),
        ("[pads]\nseats = 3\npatience_s = 0\n", "pads.patience_s = 0: Input should be greater than 0"),
    ],
)
def test_a_wrong_table_is_one_line_that_names_file_and_key(folder: Path, text: str, complaint: str) -> None:
    (folder / "firm.toml").write_text(f"[agents.pads]\n[agents.risk]\n{text}")
    with pytest.raises(ConfigError) as caught:
        load(folder).table("pads", Table)
    assert str(folder / "firm.toml") in str(caught.value)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["weight", "notional"])
def test_a_missing_limit_is_named(folder: Path, missing: str) -> None:
    lines = {"weight": "weight = 0.1", "notional": "notional = 5.0"}
    del lines[missing]
    (folder / "limits.toml").write_text("[risk]\n" + "\n".join(lines.values()))
    with pytest.raises(ConfigError, match=f"risk.{missing} is missing; state it, there is no default"):
        load(folder).limits("risk", Limits)


def test_an_unknown_table_is_refused(folder: Path) -> None:
    (folder / "firm.toml").write_text(FIRM + "[padz]\n")
    with pytest.raises(ConfigError, match="unknown table \\[padz\\]"):
        load(folder)


@pytest.mark.parametrize("variable", ["BOARDROOM_PADZ__X", "BOARDROOM_PADS"])
def test_an_unknown_variable_is_refused(folder: Path, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(ConfigError, match=r"BOARDROOM_PADS|padz"):
        load(folder)


def test_broken_toml_and_a_missing_folder_are_named(folder: Path, tmp_path: Path) -> None:
    (folder / "firm.toml").write_text("[pads\n")
    with pytest.raises(ConfigError, match=r"firm.toml: not valid TOML"):
        load(folder)
    with pytest.raises(ConfigError, match="no such file; give the folder of configuration with --config"):
        load(tmp_path / "nowhere")


def test_a_run_directory_without_a_firm_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is .* the run directory of a firm"):
        Settings.open(tmp_path)


def test_elsewhere_replaces_tables_whole_and_keeps_the_ledger_local(folder: Path) -> None:
    settings = load(folder).elsewhere(folder / "other", {"pads": {"seats": 1}})
    assert settings.run_dir == folder / "other"
    assert settings.table("pads", Table) == Table(seats=1)


def test_a_mistake_from_the_environment_names_the_variable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARDROOM_PADS__SEATS", "many")
    with pytest.raises(ConfigError, match=r"^environment variable BOARDROOM_PADS__SEATS: pads\.seats = 'many'"):
        load(folder).table("pads", Table)
    monkeypatch.setenv("BOARDROOM_RISK__WEIGHT", "0.9")
    monkeypatch.delenv("BOARDROOM_PADS__SEATS")
    (folder / "limits.toml").write_text("[risk]\nweight = nan\nnotional = 5.0\n")
    with pytest.raises(ConfigError, match=r"^/.*limits\.toml: risk\.weight = nan"):
        load(folder).limits("risk", Limits)


def test_two_variables_that_contradict_each_other_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARDROOM_PADS__STAKES", "1")
    monkeypatch.setenv("BOARDROOM_PADS__STAKES__QBMIA__WEIGHT", "0.1")
    with pytest.raises(ConfigError, match="another one gives STAKES a value; unset one of them"):
        load(folder)


def test_a_table_of_limits_that_limits_nothing_is_refused(folder: Path) -> None:
    (folder / "limits.toml").write_text("[risc]\nweight = 0.1\n")
    with pytest.raises(ConfigError, match=r"limits\.toml: unknown table \[risc\]; it would limit nothing"):
        load(folder)


def test_true_and_false_are_no_numbers(folder: Path) -> None:
    (folder / "firm.toml").write_text("[agents.pads]\n[agents.risk]\n[pads]\nseats = true\n")
    with pytest.raises(ConfigError, match=r"pads\.seats = True: true and false mean nothing here"):
        load(folder).table("pads", Table)


def test_a_misspelt_key_is_named_before_the_one_it_should_have_been(folder: Path) -> None:
    (folder / "limits.toml").write_text("[risk]\nweigth = 0.1\nnotional = 5.0\n")
    with pytest.raises(ConfigError, match=r"risk\.weigth is not a known key; remove or correct it \(and 1 more\)"):
        load(folder).limits("risk", Limits)


def test_a_run_directory_that_cannot_be_written_is_named(folder: Path) -> None:
    (folder / "run").touch()
    with pytest.raises(Fatal, match=r"run/config\.json: .*; make it writable, or use another --run-dir"):
        load(folder).save()
