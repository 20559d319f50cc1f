"""Limits of risk: each must be stated, and be of its kind."""

import re
from pathlib import Path

import pytest

from bus.errors import ConfigError
from risk.agent import Risk, build
from risk.config import RiskConfig, RiskLimits
from tests.gates.driver import LIMITS, settings

TEXT = LIMITS.read_text(encoding="utf-8")
RISK = TEXT[TEXT.index("[risk]") : TEXT.index("[compliance]")]
BOOK = TEXT[: TEXT.index("[risk]")]


def without(key: str) -> str:
    """The limits of the book and of risk without one key of risk."""
    text = re.sub(rf"^{key} = .*?$", "", RISK, flags=re.MULTILINE)
    assert text != RISK
    return BOOK + text


def test_the_limits_of_the_firm_are_those_of_the_mandate(tmp_path: Path) -> None:
    limits = settings(tmp_path).limits("risk", RiskLimits)
    assert limits.model_dump_json() == (
        '{"expected_shortfall":"0.05","correlation":"0.8","daily_loss":"0.03","observations":100,"stale_bars":3}'
    )
    assert isinstance(build(settings(tmp_path)), Risk)


@pytest.mark.parametrize("key", sorted(RiskLimits.model_fields))
def test_a_missing_limit_is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError, match=rf"limits\.toml: risk\.{key} is missing; state it, there is no default"):
        build(settings(tmp_path, without(key)))


def test_no_limits_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"risk\.expected_shortfall is missing.*and 4 more"):
        build(settings(tmp_path, BOOK))


def test_an_unknown_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"risk\.leverage is not a known key"):
        build(settings(tmp_path, f"{BOOK}{RISK}leverage = 3\n"))


@pytest.mark.parametrize(("key", "value"), [
    ("expected_shortfall", '"little"'),
    ("expected_shortfall", "-0.05"),
    ("expected_shortfall", "nan"),
    ("correlation", "0"),
    ("daily_loss", "1.5"),
    ("observations", "99.5"),
    ("observations", "true"),
    ("stale_bars", "-1"),
])  # fmt: skip
def test_a_limit_of_the_wrong_kind_is_refused(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=rf"limits\.toml: risk\.{key}"):
        build(settings(tmp_path, f"{without(key)}\n{key} = {value}\n"))


def test_the_environment_cannot_override_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARDROOM_RISK__EXPECTED_SHORTFALL", "0.5")
    with pytest.raises(ConfigError, match=r"BOARDROOM_RISK__EXPECTED_SHORTFALL: risk\.\w+ is not a known key"):
        build(settings(tmp_path))


def test_a_window_too_short_for_the_observations_is_refused(tmp_path: Path) -> None:
    assert isinstance(build(settings(tmp_path, risk={"window": 121})), Risk)
    with pytest.raises(ConfigError, match=r"risk\.window = 120 bars can never give risk\.observations = 100"):
        build(settings(tmp_path, risk={"window": 120}))


def test_parameters_have_defaults_and_no_others() -> None:
    assert RiskConfig().window == 500
    with pytest.raises(ValueError, match="lease"):
        RiskConfig.model_validate({"lease": 2.0})
