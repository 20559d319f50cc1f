"""The process list with replicas of seats: what fits, what is refused in one line, and how each is started."""

from pathlib import Path
from typing import Any

import pytest

from bus.config import AgentEntry, Settings
from bus.errors import ConfigError

FIRM = """
[agents.pads]
[agents.risk]
role = "gate"
[agents.qbmia]
role = "seat"
[agents.quasar]
role = "seat"
enabled = false
"""
SEAT = {"role": "seat", "replica_of": "qbmia"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "firm.toml").write_text(FIRM)
    (tmp_path / "limits.toml").write_text("")
    return tmp_path


def load(folder: Path, **agents: dict[str, Any]) -> Settings:
    return Settings.load(folder, folder / "run", {"agents": {name.replace("_", "-"): e for name, e in agents.items()}})


def test_a_replica_runs_the_module_of_its_seat_under_a_name_of_its_own(folder: Path) -> None:
    agents = load(folder, qbmia_2=SEAT).firm.agents
    assert agents["qbmia-2"].command("qbmia-2") == ("-m", "qbmia", "--name", "qbmia-2")
    assert agents["qbmia"].command("qbmia") == ("-m", "qbmia")
    assert AgentEntry(module="ops.recorder").command("recorder") == ("-m", "ops.recorder")


@pytest.mark.parametrize(
    ("agents", "why"),
    [
        ({"qbmia_2": SEAT | {"replica_of": "qbmla"}}, "agents.qbmia-2.replica_of = 'qbmla' names no enabled seat"),
        ({"quasar_2": SEAT | {"replica_of": "quasar"}}, "agents.quasar-2.replica_of = 'quasar' names no enabled seat"),
        ({"risk_2": SEAT | {"replica_of": "risk"}}, "agents.risk-2.replica_of = 'risk' names no enabled seat"),
        ({"a": SEAT, "b": SEAT | {"replica_of": "a"}}, "agents.b.replica_of names a, itself a replica; name qbmia"),
        ({"a": {"replica_of": "qbmia"}}, "agents.a must have the role and the module of qbmia, its seat"),
        ({"a": SEAT | {"module": "quasar"}}, "agents.a must have the role and the module of qbmia, its seat"),
    ],
)
def test_a_replica_that_does_not_fit_is_refused(folder: Path, agents: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(folder, **agents)
    assert str(caught.value) == f"{folder / 'firm.toml'}: {why}; correct it"


def test_a_replica_that_is_switched_off_is_no_matter(folder: Path) -> None:
    assert not load(folder, a={"replica_of": "nobody", "enabled": False}).firm.agents["a"].enabled


def test_a_replica_has_no_table_of_its_own(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"table \[a\]: a replica reads the table of its seat, \[qbmia\]; remove it"):
        Settings.load(folder, folder / "run", {"agents": {"a": SEAT}, "a": {"window_bars": 3}})
