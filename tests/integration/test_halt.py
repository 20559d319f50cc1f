"""A firm of real processes is halted while bars go on coming: it becomes flat, stays so, and trades again on demand."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bus.client import Client
from bus.config import Settings
from bus.messages import Command, SystemCommand
from cli.command import give
from ops.compare import differences
from ops.harness import Firm
from ops.ledger import Ledger
from ops.schema import orders, risk_events, system_events
from research.backtest import backtest
from tests.integration.conftest import CONFIGS, PATIENT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


@pytest.fixture
def firm() -> Iterator[Firm]:
    """A firm that shows 40 bars a second and holds something."""
    market = {"bars": 5000, "history_bars": 0, "first": "1999-01-04", "speed": 40.0}
    with Firm(CONFIGS, {**PATIENT, "market": market}) as running:
        running.wait(lambda: holds(running), 120.0, "a position")
        yield running


def holds(firm: Firm) -> bool:
    return int(dict(firm.answer("execution").report)["held"]) > 0


def boardroom(firm: Firm, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run a verb as an operator would; return its exit status and what it printed."""
    command = [sys.executable, "-m", "cli", *arguments, "--json", "--run-dir", str(firm.run_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, json.loads(done.stdout) if done.stdout else {"error": done.stderr}


def stage(firm: Firm) -> str:
    return str(dict(firm.answer("execution").report)["halt"])


def test_a_running_firm_is_halted_until_flat_survives_kills_and_trades_again(firm: Firm) -> None:
    code, said = boardroom(firm, "halt", "--reason", "fire in the server room", "--operator", "Ann", "--timeout", "60")
    assert (code, said.get("flat"), said.get("why_not")) == (0, True, ""), said
    assert said["stages"][-1]["stage"] == "flat"
    for victim in ("execution", "risk"):
        firm.kill(victim)
        firm.restart(victim)
    before = int(dict(firm.answer("market").report)["published"])
    firm.wait(lambda: int(firm.report("market").get("published", 0)) > before + 40)
    assert stage(firm) == "flat"
    assert not holds(firm)
    assert dict(firm.answer("risk").report)["state"] == "halted"

    code, refused = boardroom(firm, "resume", "--reason", "fire is out", "--operator", " ")
    assert code == 1
    assert "resume needs a reason and the name of an operator" in refused["error"]
    code, resumed = boardroom(firm, "resume", "--reason", "fire is out", "--operator", "Bea")
    assert (code, resumed.get("stage_before")) == (0, "flat"), resumed
    firm.wait(lambda: holds(firm), 120.0, "a position after the resume")
    assert stage(firm) == "none"
    code, again = boardroom(firm, "resume", "--reason", "once more", "--operator", "Bea")
    assert code == 1
    assert "not halted" in again["error"]

    firm.stop()
    with closing(firm.ledger()) as ledger:
        events = ledger.read(select(system_events.c.detail).where(system_events.c.kind == "halt"))
        alerts = " ".join(row[0] for row in ledger.read(select(risk_events.c.reason)))
    assert [row[0].split(":")[0] for row in events][-2:] == ["flat", "none"]
    assert "fire in the server room (Ann)" in alerts
    assert "Bea resumes: fire is out" in alerts


def test_a_halt_just_begun_is_carried_through_by_processes_that_were_killed(firm: Firm) -> None:
    with Client(firm.settings) as client:
        command = SystemCommand(command=Command.HALT, reason="drill", operator="Ann")
        assert give(firm.settings, client, "risk", command, "risk is not there").is_done
    for victim in ("execution", "risk"):
        firm.kill(victim)
        firm.restart(victim)
    firm.wait(lambda: stage(firm) == "flat", 60.0, "flat")
    assert not holds(firm)
    assert dict(firm.answer("risk").report)["state"] == "halted"


@pytest.fixture
def narrow(tmp_path: Path) -> Path:
    """The shipped configuration with a drawdown budget that is soon spent."""
    folder = tmp_path / "configs"
    shutil.copytree(CONFIGS, folder)
    limits = folder / "limits.toml"
    text = re.sub(r"^drawdown = .*$", "drawdown = 0.004", limits.read_text(encoding="utf-8"), flags=re.MULTILINE)
    tiers = "drawdown_tiers = [{ enter = 0.002, leave = 0.001, cut = 0.10 }]\n"
    text = re.sub(r"^drawdown_tiers = \[.*?^\]\n", tiers, text, flags=re.MULTILINE | re.DOTALL)
    limits.write_text(text, encoding="utf-8")
    return folder


def test_a_halt_by_risk_itself_is_the_same_in_processes_and_simulated_and_through_kills(
    narrow: Path, tmp_path: Path
) -> None:
    overrides = {**PATIENT, "market": {"bars": 160, "history_bars": 130, "first": "2008-01-02"}}
    simulated = Settings.load(narrow, tmp_path / "simulated", overrides)
    backtest(simulated)
    with Firm(narrow, overrides) as firm:
        firm.wait(lambda: stage(firm) != "none" or firm.report("market").get("done") == 1, 120.0, "a halt")
        for victim in ("execution", "risk"):
            firm.kill(victim)
            firm.restart(victim)
        firm.wait_done(120.0)
        assert stage(firm) == "flat"
        firm.stop()
        with (
            closing(Ledger.open(f"sqlite:///{tmp_path / 'simulated' / 'ledger.sqlite'}")) as ours,
            closing(firm.ledger()) as theirs,
        ):
            assert differences(theirs, ours) == []
            flattened = [row[0] for row in ours.read(select(orders.c.order_id)) if "-x" in row[0]]
    assert flattened
