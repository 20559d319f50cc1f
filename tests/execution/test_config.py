"""The [execution] table."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bus.config import Settings
from bus.errors import ConfigError
from execution.agent import Execution, build
from execution.config import ExecutionConfig


def settings(tmp_path: Path, table: str) -> Settings:
    (tmp_path / "firm.toml").write_text(f"[agents.execution]\n[execution]\n{table}\n", encoding="utf-8")
    (tmp_path / "limits.toml").write_text("", encoding="utf-8")
    return Settings.load(tmp_path, tmp_path)


def test_an_empty_table_has_a_million_and_the_paper_broker(tmp_path: Path) -> None:
    agent = build(settings(tmp_path, ""))
    assert isinstance(agent, Execution)
    assert agent.name == "execution"
    assert agent.desk.book.cash == Decimal(1_000_000)


def test_money_in_toml_is_read_as_written(tmp_path: Path) -> None:
    table = "initial_cash = 250000.10\nhalf_spread_bps = 0.1\nminimum_fee = '0.35'"
    config = settings(tmp_path, table).table("execution", ExecutionConfig)
    assert (config.initial_cash, config.half_spread_bps, config.minimum_fee) == (
        Decimal("250000.10"),
        Decimal("0.1"),
        Decimal("0.35"),
    )


def test_a_live_broker_is_not_part_of_this_build(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"execution\.broker = 'ibkr': .*live brokers are not part of this build"):
        build(settings(tmp_path, "broker = 'ibkr'"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("initial_cash", 0),
        ("initial_cash", "NaN"),
        ("half_spread_bps", -1),
        ("fee_bps", 1000),
        ("minimum_fee", "0.0000001"),
        ("impact_coefficient", -0.1),
        ("max_volume_share", 0),
        ("max_volume_share", "1.1"),
        ("expire_bars", 0),
        ("spread", 1),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"execution.{key}"):
        build(settings(tmp_path, f"{key} = {value!r}"))
