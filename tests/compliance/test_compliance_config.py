"""Limits of compliance: each must be stated."""

import re
from pathlib import Path

import pytest

from bus.errors import ConfigError
from compliance.agent import Compliance, build
from compliance.config import ComplianceConfig, ComplianceLimits
from tests.gates.driver import LIMITS, settings

TEXT = LIMITS.read_text(encoding="utf-8")
COMPLIANCE = TEXT[TEXT.index("[compliance]") :]
BOOK = TEXT[: TEXT.index("[risk]")]


def without(key: str) -> str:
    """The limits of compliance without one key."""
    text = re.sub(rf"^{key} = .*$", "", COMPLIANCE, flags=re.MULTILINE)
    assert text != COMPLIANCE
    return BOOK + text


def test_the_limits_of_the_firm(tmp_path: Path) -> None:
    stated = settings(tmp_path).limits("compliance", ComplianceLimits)
    assert stated.model_dump(mode="json", exclude={"calendars"}) == {
        "restricted": [],
        "allow_short": True,
        "no_short": [],
        "price_collar": "0.05",
        "order_notional": "250000",
        "order_quantity": "1000000",
        "orders_per_bar": 3,
        "order_age_bars": 1,
        "contiguous_bars": 20,
        "expected_shortfall": "0.1",
        "observations": 100,
        "concentration": "0.3",
        "implementation_shortfall": "0.005",
        "availability": "0.995",
        "data_quality": "0.99",
    }
    assert set(stated.calendars.values()) == {"XNYS"}
    assert {"SPX", "NDQ"} <= set(stated.calendars)
    assert isinstance(build(settings(tmp_path)), Compliance)


def test_the_book_is_held_to_the_shared_limits(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"limits\.toml: book\.position_weight is missing; state it"):
        build(settings(tmp_path, TEXT.replace("position_weight = 0.10", "")))


def test_a_window_too_short_for_the_observations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"give compliance\.window at least 121 in firm\.toml"):
        build(settings(tmp_path, compliance={"window": 120}))
    build(settings(tmp_path, compliance={"window": 121}))


def test_without_sessions_it_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = settings(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    with pytest.raises(ConfigError, match=r"^no sessions of calendar XNYS are in .*: run `python -m research"):
        build(made)


@pytest.mark.parametrize("key", sorted(ComplianceLimits.model_fields))
def test_a_missing_limit_is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError, match=rf"limits\.toml: compliance\.{key} is missing; state it, there is no"):
        build(settings(tmp_path, without(key)))


def test_an_unknown_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"compliance\.hours is not a known key"):
        build(settings(tmp_path, f"{COMPLIANCE}hours = 8\n"))


@pytest.mark.parametrize(("key", "value"), [
    ("restricted", '"AAA"'),
    ("restricted", "[1]"),
    ("allow_short", "1"),
    ("allow_short", '"yes"'),
    ("price_collar", '"narrow"'),
    ("price_collar", "0"),
    ("order_notional", "-1"),
    ("order_quantity", "inf"),
    ("orders_per_bar", "0"),
    ("orders_per_bar", "2.5"),
    ("order_age_bars", "true"),
    ("contiguous_bars", "0"),
    ("no_short", '"AAA"'),
    ("calendars", '["XNYS"]'),
    ("calendars", "{ AAA = 1 }"),
    ("expected_shortfall", "1.01"),
    ("observations", "1"),
    ("concentration", "0"),
    ("implementation_shortfall", "-0.005"),
    ("availability", "1.5"),
    ("data_quality", "true"),
])  # fmt: skip
def test_a_limit_of_the_wrong_kind_is_refused(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=rf"limits\.toml: compliance\.{key}"):
        build(settings(tmp_path, f"{without(key)}\n{key} = {value}\n"))


def test_parameters_have_defaults_and_no_others(tmp_path: Path) -> None:
    assert ComplianceConfig().order_life_s == 60.0
    with pytest.raises(ConfigError, match=r"firm\.toml: compliance\.allow_short is not a known key"):
        build(settings(tmp_path, compliance={"allow_short": False}))
