"""kill -9 of containers, one after another and then all at once: the ledger is that of an undisturbed run."""

import json
from collections.abc import Iterator

import pytest

from tests.compose.engine import PATIENCE_S, Project, can_kill, decided, eventually, new_project, remove, wait_healthy

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1_200)]

BARS = 2 * (130 + 150)
VICTIMS = ("pads", "risk", "redis", "execution", "market")
_COMPARED = """
import json
from contextlib import closing
from pathlib import Path
from bus.config import Settings
from ops.compare import differences
from ops.ledger import Ledger
from ops.recorder.config import ledger_url
from research.backtest import backtest
settings = Settings.open(Path("/firm"))
calm = settings.elsewhere(Path("/tmp/undisturbed"))
backtest(calm)
with closing(Ledger.open(ledger_url(settings))) as disturbed, closing(Ledger.open(ledger_url(calm))) as undisturbed:
    print(json.dumps(differences(undisturbed, disturbed)))
"""


@pytest.fixture
def patient(engine: dict[str, str]) -> Iterator[Project]:
    files = {"COMPOSE_FILE": "docker-compose.yml:tests/compose/patient.yml"}
    project = new_project({**engine, **files})
    yield project
    remove(project)


def test_a_firm_whose_containers_are_killed_decides_what_an_undisturbed_one_does(patient: Project) -> None:
    patient.up("--build")
    if not can_kill(patient):
        pytest.skip("killing a process of a container from outside takes root on the machine of the engine")
    step = BARS // (len(VICTIMS) + 2)
    for number, service in enumerate(VICTIMS, start=1):
        wait_for(patient, number * step)
        patient.kill(service)
    wait_healthy(patient)
    wait_for(patient, (len(VICTIMS) + 1) * step)
    patient.done("kill")
    patient.up()
    wait_for(patient, BARS)
    patient.done("stop")
    ran = patient.done("run", "--rm", "-T", "audit", "python", "-c", _COMPARED)
    found = json.loads(ran.splitlines()[-1])
    assert not found, f"{len(found)} differences, the first: {found[:20]}"
    replayed = json.loads(patient.done("run", "--rm", "-T", "audit", "boardroom", "replay", "--json"))
    assert replayed["identical"], replayed


def wait_for(firm: Project, count: int) -> None:
    eventually(lambda: decided(firm) >= count, f"{count} decisions in the ledger", 2 * PATIENCE_S)
