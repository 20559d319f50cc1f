"""The drill: real gates and execution on paper, and nothing said that is not so."""

import json
import sys
from pathlib import Path

import pytest

from bus.config import Settings
from bus.messages import HaltStage
from cli.main import run
from research.drill.report import as_data, overview, page, write
from research.drill.run import drill
from research.drill.scenario import SCENARIOS, Claim, Outcome, Scenario
from tests.conftest import ROOT

NAMES = ("sound", "restarts", "no cancels", "silent for good", "fills after cancel", "unknown position")
CANCELLING, FLATTENING, FLAT = HaltStage.CANCELLING, HaltStage.FLATTENING, HaltStage.FLAT


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """How some scenarios go with the shipped configuration."""
    folder = tmp_path_factory.mktemp("drill")
    chosen = [scenario for scenario in SCENARIOS if scenario.name in NAMES]
    played = drill(Settings.load(ROOT / "configs", folder), folder, chosen)
    return {outcome.scenario.name: outcome for outcome in played}


def said(outcome: Outcome) -> list[HaltStage]:
    stages = [claim.stage for claim in outcome.claims]
    return [stage for place, stage in enumerate(stages) if place == 0 or stages[place - 1] is not stage]


def test_every_halt_finds_positions_and_orders_at_work(outcomes: dict[str, Outcome]) -> None:
    assert {(outcome.orders, outcome.positions) for outcome in outcomes.values()} == {(3, 3)}


def test_nothing_false_is_said(outcomes: dict[str, Outcome]) -> None:
    assert {name: outcome.complaint for name, outcome in outcomes.items() if outcome.complaint} == {}
    for outcome in outcomes.values():
        for claim in outcome.claims:
            if claim.stage is FLAT:
                assert (claim.true_working, claim.true_positions) == ((), ())


def test_a_sound_broker_is_flat_and_the_firm_trades_again(outcomes: dict[str, Outcome]) -> None:
    assert said(outcomes["sound"]) == [CANCELLING, FLATTENING, FLAT]
    assert outcomes["sound"].trades_again


def test_restarts_in_every_stage_change_nothing(outcomes: dict[str, Outcome]) -> None:
    def timeless(outcome: Outcome) -> list[Claim]:
        return [claim._replace(wall_s=0.0) for claim in outcome.claims]

    assert outcomes["restarts"].restarts == len(said(outcomes["sound"]))
    assert timeless(outcomes["restarts"]) == timeless(outcomes["sound"])


def test_nothing_is_sent_while_orders_rest_that_cannot_be_cancelled(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["no cancels"]
    waiting = [claim for claim in outcome.claims if claim.stage is CANCELLING]
    assert waiting[-1].bars > outcomes["sound"].claims[1].bars
    assert not any("-x" in name for claim in waiting for name in claim.true_working)
    assert any("asked to be cancelled for 10 bars, and is not" in alert for alert in outcome.alerts)


def test_a_silent_broker_is_never_flat(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["silent for good"]
    assert said(outcome) == [CANCELLING]
    assert any("gives no word of its account" in alert for alert in outcome.alerts)


def test_the_report_is_a_page_and_data(outcomes: dict[str, Outcome], tmp_path: Path) -> None:
    played = list(outcomes.values())
    text, data = write(played, tmp_path)
    assert text.read_text(encoding="utf-8") == page(played)
    assert json.loads(data.read_text(encoding="utf-8")) == json.loads(json.dumps(as_data(played)))
    assert "| sound | nothing | 3 orders, 3 positions | cancelling > flattening > flat |" in page(played)
    assert as_data(played)["passed"]


def test_the_documentation_has_the_table_of_the_drill(outcomes: dict[str, Outcome]) -> None:
    text = (ROOT / "docs" / "halt.md").read_text(encoding="utf-8")
    for line in overview(list(outcomes.values())):
        assert line in text, "run `boardroom drill` and put the table of its drill.md into docs/halt.md"
    for scenario in SCENARIOS:
        assert f"| {scenario.name} | {scenario.what} |" in text


def claim(stage: HaltStage, working: tuple[str, ...] = (), positions: tuple[tuple[str, str], ...] = ()) -> Claim:
    return Claim(stage, 1, 1.0, 0.1, 0, (), working, positions, "")


@pytest.mark.parametrize(
    ("claims", "ends_flat", "complaint"),
    [
        ([claim(FLAT)], True, ""),
        ([claim(FLAT, working=("bd-1",))], True, "flat was said 1 times while"),
        ([claim(FLAT, positions=(("AAA", "1"),)), claim(FLAT)], None, "flat was said 1 times while"),
        ([claim(FLATTENING)], True, "the firm did not bring it there"),
        ([claim(FLATTENING)], None, ""),
        ([claim(FLATTENING)], False, ""),
        ([claim(FLAT)], False, "of a broker that gives no word"),
    ],
)
def test_what_is_false_is_complained_of(claims: list[Claim], ends_flat: bool | None, complaint: str) -> None:
    outcome = Outcome(Scenario("x", "y", ends_flat=ends_flat), 1, 1, tuple(claims), (), 0, None)
    assert outcome.complaint.startswith(complaint) if complaint.startswith("flat") else complaint in outcome.complaint
    assert bool(outcome.complaint) == bool(complaint)
    assert as_data([outcome])["passed"] == (not complaint)


def test_a_firm_that_does_not_trade_again_is_complained_of() -> None:
    outcome = Outcome(Scenario("x", "y"), 1, 1, (claim(FLAT),), (), 0, trades_again=False)
    assert outcome.complaint == "after the resume it did not trade again"


def test_the_verb_prints_a_table_and_writes_the_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("cli.drill.SCENARIOS", SCENARIOS[:1])
    monkeypatch.setattr(
        sys, "argv", ["boardroom", "drill", "--config", str(ROOT / "configs"), "--run-dir", str(tmp_path)]
    )
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 0
    assert "cancelling > flattening > flat" in capsys.readouterr().out
    assert json.loads((tmp_path / "drill.json").read_text(encoding="utf-8"))["false_claims"] == 0
