"""A short chaos run over real processes: every fault shows, and nothing is lost, doubled or changed."""

import pytest

from research.chaos.kind import Kind, Site
from research.chaos.report import complaints, lines
from research.chaos.run import Play
from research.chaos.schedule import schedule
from tests.integration.conftest import CONFIGS

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]
KINDS = (
    Kind.KILL, Kind.TORN, Kind.STOP, Kind.PAUSE, Kind.STRANGER, Kind.FLOOD, Kind.CLOCK_FORWARD, Kind.CLOCK_BACK,
    Kind.REDIS_KILL, Kind.REDIS_STALL,
)  # fmt: skip
AGENTS = ("risk", "pads", "quasar")


def test_ten_faults_cost_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    steps = schedule(11, len(KINDS), AGENTS, KINDS)
    assert {step.site for step in steps} == {Site.EMBEDDED}
    runs = Play(CONFIGS, {"market": {"bars": 60}}, print).run(steps)
    assert complaints(runs) == [], capsys.readouterr().out
    table = {line.name: line for line in lines(runs)}
    assert {name: line.times for name, line in table.items()} == {
        **dict.fromkeys((kind.value for kind in KINDS), 1), "pair": table["pair"].times, "all": len(KINDS)
    }  # fmt: skip
    assert all(run.rounds == runs[0].rounds > 100 for run in runs)
    assert all(run.records > 1_000 for run in runs)
