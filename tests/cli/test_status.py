"""`boardroom status` and `boardroom report` on a firm that is not running."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bus.config import Settings
from bus.rundir import RunDir
from cli.main import app
from ops.monitoring.report import Report
from tests.conftest import ROOT

RUNNER = CliRunner()


@pytest.fixture
def stopped(short_dir: Path) -> Path:
    """The run directory of a firm that ran."""
    RunDir(short_dir).create()
    Settings.load(ROOT / "configs", short_dir).save()
    return short_dir


def test_status_as_json_has_every_agent_by_name_and_exits_1(stopped: Path) -> None:
    result = RUNNER.invoke(app, ["status", "--json", "--run-dir", str(stopped)])
    assert result.exit_code == 1
    view = json.loads(result.stdout)
    assert (view["watcher"], view["score"]) == ("nobody", 0.0)
    assert view["mode"] == {
        "bus": "live", "transport": "ipc", "redis": "embedded", "data": "demo", "broker": "paper"
    }  # fmt: skip
    assert set(view["agents"]) == set(Settings.open(stopped).firm.agents)
    risk = view["agents"]["risk"]
    wanted = {"health", "state", "age_s", "inputs", "inputs_per_s", "gaps", "drops", "restarts", "inbox", "pid"}
    assert wanted <= set(risk)
    assert (risk["health"], risk["state"], risk["pid"]) == ("down", "", None)


def test_status_for_a_person_says_once_what_is_the_same_with_all(stopped: Path) -> None:
    result = RUNNER.invoke(app, ["status", "--run-dir", str(stopped)])
    assert result.exit_code == 1
    assert "watched by nobody: what ends stays down" in result.stdout
    assert result.stdout.count("it is not there") == 1


def test_a_report_of_a_firm_that_is_down_says_how_to_start_it(stopped: Path) -> None:
    result = RUNNER.invoke(app, ["report", "--run-dir", str(stopped)])
    assert result.exit_code == 0
    assert "watched by nobody" in result.stdout
    assert f"`boardroom up --run-dir {stopped}`" in result.stdout
    as_json = RUNNER.invoke(app, ["report", "--json", "--run-dir", str(stopped)])
    report = Report.model_validate_json(as_json.stdout)
    assert report.scores.now == 0.0
    assert report.advice[0].subject == "firm"


@pytest.mark.parametrize("verb", ["status", "report"])
def test_where_no_firm_has_run_is_one_line(tmp_path: Path, verb: str) -> None:
    result = RUNNER.invoke(app, [verb, "--run-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert "no firm has run here" in str(result.exception)
