"""Which agents run on which host, what a host is dealt, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from bus.config import Settings
from bus.credentials import deal_host, make_credentials
from bus.errors import ConfigError
from ops.supervision.branch import Branch
from ops.supervision.hosting import elsewhere, here, hosts
from ops.supervision.supervisor import Supervisor
from tests.conftest import ROOT

REDIS = "redis://10.0.0.1:6390/0"
SEATS = {seat: {"host": "10.0.0.2"} for seat in ("qbmia", "quasar")}


def firm(folder: Path, **bus: Any) -> Settings:
    """Return the shipped firm with two of its seats on another host."""
    spread = {"transport": "tcp", "host": "10.0.0.1", "redis_url": REDIS, "redis_auth": "acl"}
    return Settings.load(ROOT / "configs", folder, {"bus": {**spread, **bus}, "agents": SEATS})


def test_an_agent_is_on_its_own_host_or_on_that_of_the_bus(tmp_path: Path) -> None:
    spread = hosts(firm(tmp_path).firm)
    assert list(spread) == ["10.0.0.1", "10.0.0.2"]
    assert spread["10.0.0.2"] == ["qbmia", "quasar"]
    assert len(spread["10.0.0.1"]) == 7
    assert list(here(firm(tmp_path).firm, "10.0.0.2")) == ["qbmia", "quasar"]


def test_each_host_looks_after_its_own_and_knows_the_order_of_all(tmp_path: Path) -> None:
    settings = firm(tmp_path)
    main, branch = Supervisor(settings, host="10.0.0.1"), Branch(settings, "10.0.0.2")
    assert set(main.entries) | set(branch.entries) == set(settings.firm.agents)
    assert not set(main.entries) & set(branch.entries)
    assert [name for wave in main._elsewhere for name in wave] == list(branch.entries)
    assert [wave for wave in main._waves if "market" in wave] == [["market"]]


def test_those_of_other_hosts_are_elsewhere_where_there_are_hosts(tmp_path: Path) -> None:
    assert elsewhere(firm(tmp_path).firm) == {"qbmia", "quasar"}
    assert elsewhere(firm(tmp_path, transport="ipc").firm) == set()


def test_a_firm_of_one_host_needs_no_word_of_it(tmp_path: Path) -> None:
    alone = Settings.load(ROOT / "configs", tmp_path)
    assert len(here(alone.firm, "")) == 9


@pytest.mark.parametrize(
    ("host", "bus", "why"),
    [
        ("", {}, "agents.qbmia runs on 10.0.0.2; start each part of the firm on its host with `boardroom up --host"),
        ("10.0.0.3", {}, "no agent runs on 10.0.0.3; hosts of the process list are 10.0.0.1, 10.0.0.2"),
        ("10.0.0.2", {"transport": "ipc"}, "by tcp only; set bus.transport to tcp"),
        ("10.0.0.2", {"redis_url": "embedded"}, "the embedded Redis serves one machine; point bus.redis_url at"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, host: str, bus: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        here(firm(tmp_path, **bus).firm, host)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_host_is_dealt_the_keys_of_its_agents_and_no_other_private_one(tmp_path: Path) -> None:
    settings = firm(tmp_path / "a")
    settings.run_dir.mkdir(mode=0o700)
    make_credentials(settings, 1)
    target = tmp_path / "b" / "keys"
    dealt = deal_host(settings, here(settings.firm, "10.0.0.2"), target)
    assert dealt == {name: (f"{name}.curve.key", f"{name}.redis.key") for name in ("qbmia", "quasar")}
    private = {path.name for path in target.glob("*.key")}
    assert private == {file for files in dealt.values() for file in files}
    assert {path.name for path in target.glob("*.pub")} == {path.name for path in settings.keys.glob("*.pub")}
    away = firm(tmp_path / "b")
    assert make_credentials(away, 2) == ()
    (target / "risk.key").write_text("stray")
    with pytest.raises(ConfigError, match=r"risk\.key: not for keys"):
        deal_host(settings, here(settings.firm, "10.0.0.2"), target)
