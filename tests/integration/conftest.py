"""One undisturbed run of a firm of processes, shared by every test that compares with it."""

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from bus.config import Settings
from bus.rundir import RunDir
from ops.harness import Firm
from ops.ledger import Ledger
from ops.supervision.adoption import holder
from tests.conftest import ROOT

CONFIGS: Final = ROOT / "configs"
PATIENT: Final[dict[str, Any]] = {
    "market": {"bars": 60, "history_bars": 130},
    "pads": {"decision_timeout_s": 30.0},
    "bus": {"message_ttl_s": 30.0},
}
"""A short window of the demo's data, with deadlines that a restarting process can meet."""


@pytest.fixture(scope="session", autouse=True)
def _needs_demo_data() -> None:
    if importlib.util.find_spec("arch") is None:
        pytest.skip("the demo data is in the arch package: pip install 'boardroom[demo]'")


def pid_of(run_dir: RunDir, name: str) -> int | None:
    """Return the id of the process that holds a lock, never another's and never 0, which to kill ends the tests."""
    found = holder(run_dir, name)
    if found is None:
        return None
    found.let_go()
    return found.pid


@dataclass(frozen=True, slots=True)
class Finished:
    """A run directory after a clean stop."""

    run_dir: Path
    codes: dict[str, int]
    pids: dict[str, int]

    @property
    def settings(self) -> Settings:
        return Settings.open(self.run_dir)

    def ledger(self) -> Ledger:
        return Ledger.open(f"sqlite:///{self.run_dir / 'ledger.sqlite'}")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Run the firm of ``PATIENT`` once, undisturbed, and keep what it left."""
    kept = tmp_path_factory.mktemp("finished") / "run"
    with Firm(CONFIGS, PATIENT) as firm:
        pids = {name: pid for name in firm.supervisor.entries if (pid := firm.supervisor.pid(name)) is not None}
        firm.wait_done()
        codes = dict(firm.stop())
        shutil.copytree(firm.run_dir, kept, ignore=shutil.ignore_patterns("*.sock"))
    return Finished(kept, codes, pids)
