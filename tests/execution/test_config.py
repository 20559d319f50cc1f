"""The [execution] table."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bus.config import Settings
from bus.errors import ConfigError
from bus.keys import make_keys
from execution.agent import Execution, build
from execution.config import ExecutionConfig


def settings(tmp_path: Path, table: str) -> Settings:
    (tmp_path / "firm.toml").write_text(f"[agents.execution]\n[execution]\n{table}\n", encoding="utf-8")
    (tmp_path / "limits.toml").write_text("", encoding="utf-8")
    make_keys(tmp_path / "keys", 1)
    return Settings.load(tmp_path, tmp_path)


def test_an_empty_table_has_a_million_and_the_paper_broker(tmp_path: Path) -> None:
    agent = build(settings(tmp_path, ""))
    assert isinstance(agent, Execution)
    assert agent.name == "execution"
    assert agent.desk.book.cash == Decimal(1_000_000)


def test_money_in_toml_is_read_as_written(tmp_path: Path) -> None:
    table = "initial_cash = 250000.10\n[execution.paper]\nhalf_spread_bps = 0.1\nminimum_fee = '0.35'"
    config = settings(tmp_path, table).table("execution", ExecutionConfig)
    assert (config.initial_cash, config.paper.half_spread_bps, config.paper.minimum_fee) == (
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
        ("paper.half_spread_bps", -1),
        ("paper.fee_bps", 1000),
        ("paper.minimum_fee", "0.0000001"),
        ("paper.impact_coefficient", -0.1),
        ("paper.max_volume_share", 0),
        ("paper.max_volume_share", "1.1"),
        ("lot", 0),
        ("lot", "0.000000001"),
        ("schedule", "soon"),
        ("horizon_bars", 0),
        ("expire_bars", 0),
        ("pov_rate", 0),
        ("pov_rate", 1.1),
        ("risk_aversion", -1),
        ("risk_aversion", 1000001),
        ("refusals", 0),
        ("lost_bars", 0),
        ("remembered_s", -1),
        ("pace.patience", 0),
        ("pace.calm", 2.5),
        ("pace.pause", 2.4),
        ("pace.resume", 4.0),
        ("impact.deviation", 0),
        ("impact.memory", 1.1),
        ("impact.most", 0.5),
        ("spread", 1),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(tmp_path: Path, key: str, value: Any) -> None:
    # What is wrong between keys is told of their table.
    named = key if key.count(".") == 0 or key.startswith("paper") else key.partition(".")[0]
    with pytest.raises(ConfigError, match=f"execution.{named}"):
        build(settings(tmp_path, f"{key} = {value!r}"))
