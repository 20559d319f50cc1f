from pathlib import Path

import pytest
from pydantic import ValidationError

from bus.config import AgentEntry, Settings
from bus.errors import ConfigError
from pads.agent import Pads, build
from pads.config import PadsConfig, Stake, seated
from pads.replication import ReplicatedPads
from tests.keys import write_keys

SEAT = AgentEntry(role="seat")
OFF = AgentEntry(role="seat", enabled=False)


def test_the_defaults_fit() -> None:
    config = PadsConfig()
    assert {seat: stake.member for seat, stake in config.stakes.items()} == {
        "qbmia": "qar",
        "quasar": "qstar",
        "quantum_amos": "antifragility",
    }
    assert config.sizing.max_position_fraction < 0.10


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"quorum": 4}, "quorum 4 exceeds the 3 seats"),
        ({"stakes": {}}, "at least 1"),
        ({"stakes": {"a": {"member": "consensus", "weight": 1.0}}, "quorum": 1}, "must differ"),
        ({"stakes": {"a": {"member": "m", "weight": 1.0}, "b": {"member": "m", "weight": 1.0}}}, "must differ"),
        ({"stakes": {"a": {"member": "m", "weight": 0.0}}, "quorum": 1}, "greater than 0"),
        ({"horizon": 0}, "greater than or equal to 1"),
        ({"alpha": 1.5}, "less than or equal to 1"),
        ({"liquidity": float("nan")}, "finite"),
        ({"sizing": {"lots": "1"}}, "not permitted"),
        ({"decision_timeout": 3.0}, "not permitted"),
    ],
)
def test_tables_that_do_not_fit_are_refused(table: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        PadsConfig.model_validate(table)


def test_the_stake_of_a_replica_is_that_of_its_seat() -> None:
    config = PadsConfig()
    agents = {name: AgentEntry(role="seat") for name in config.stakes}
    replica = AgentEntry(role="seat", replica_of="qbmia")
    assert seated(config, agents | {"qbmia-2": replica}) == config
    staked = {**config.stakes, "qbmia-2": Stake(member="twin", weight=0.1)}
    with pytest.raises(ConfigError, match=r"names qbmia-2, a replica of qbmia: name qbmia, whose stake is theirs"):
        seated(config.model_copy(update={"stakes": staked}), agents | {"qbmia-2": replica})


def test_the_shipped_configuration_builds_the_agent(tmp_path: Path) -> None:
    settings = Settings.load(Path(__file__).parents[2] / "configs", tmp_path)
    write_keys(settings.keys)
    agent = build(settings)
    assert agent.name == "pads"
    assert type(agent) is Pads
    twin = {"agents": {"qbmia-2": {"role": "seat", "replica_of": "qbmia"}}}
    assert type(build(settings.overridden(twin))) is ReplicatedPads


def test_a_seat_is_one_line() -> None:
    config = PadsConfig.model_validate({"stakes": {"a": {"member": "m", "weight": 0.3}}, "quorum": 1})
    assert config.stakes == {"a": Stake(member="m", weight=0.3)}


def test_the_shipped_stakes_are_the_defaults(tmp_path: Path) -> None:
    shipped = Settings.load(Path(__file__).parents[2] / "configs", tmp_path)
    assert shipped.table("pads", PadsConfig).stakes == PadsConfig().stakes


def test_a_seat_that_is_switched_off_is_not_asked() -> None:
    config = seated(PadsConfig(), {"qbmia": SEAT, "quasar": OFF, "quantum_amos": SEAT, "market": AgentEntry()})
    assert list(config.stakes) == ["qbmia", "quantum_amos"]


@pytest.mark.parametrize(
    ("agents", "complaint"),
    [
        ({"qbmia": SEAT, "quasar": SEAT}, "names quantum_amos, which has no"),
        ({"qbmia": SEAT, "quasar": SEAT, "quantum_amos": SEAT, "other": SEAT}, "other is a seat without a stake"),
        ({"qbmia": SEAT, "quasar": OFF, "quantum_amos": OFF}, "quorum = 2, but only 1 of the seats"),
    ],
)
def test_stakes_that_do_not_fit_the_process_list_are_refused(agents: dict[str, AgentEntry], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        seated(PadsConfig(), agents)
