"""docker-compose.yml, Dockerfile and .dockerignore: the process list, and no right that is not needed."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bus.config import AgentEntry, Settings
from tests.conftest import ROOT

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")

FIRM = tomllib.loads((ROOT / "configs" / "firm.toml").read_text())
AGENTS = {name: AgentEntry.model_validate(entry) for name, entry in FIRM["agents"].items()}
FILE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
RUNNING = {*AGENTS, "ops", "redis"}
ALL_KEYS = "firm"


def mounts(service: str) -> dict[str, str]:
    """Return the volume, or the part of one, at each place in a container."""
    found = {}
    for each in SERVICES[service].get("volumes", ()):
        if isinstance(each, str):
            source, target = each.split(":")[:2]
            found[target] = source
        else:
            assert each["read_only"]
            found[each["target"]] = f"{each['source']}/{each['volume']['subpath']}"
    return found


def test_every_agent_is_a_service_of_its_own() -> None:
    assert set(SERVICES) == {*RUNNING, "prepare", "audit"}
    assert {name: SERVICES[name]["command"] for name in AGENTS} == {
        name: ["python", *entry.command(name)] for name, entry in AGENTS.items()
    }


def test_everything_waits_for_the_keys_and_the_market_for_everything() -> None:
    for name in RUNNING:
        assert SERVICES[name]["depends_on"]["prepare"] == {"condition": "service_completed_successfully"}
    for name in set(AGENTS) - {"market"}:
        assert SERVICES["market"]["depends_on"][name] == {"condition": "service_healthy"}


def test_no_service_has_a_right_that_it_does_not_need() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["user"] == "10001:10001", name
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}, name
        assert service.get("network_mode") == "none" or "firm" in service["networks"], name
    assert FILE["networks"]["firm"] == {"internal": True}


def test_what_runs_is_watched_and_started_again() -> None:
    for name in RUNNING:
        assert SERVICES[name]["restart"] == "unless-stopped"
        assert "healthcheck" in SERVICES[name]
    for name in {*AGENTS, "ops"}:
        check = ["CMD", "python", "-m", "bus.health", name, "--kill-after", "30"]
        assert SERVICES[name]["healthcheck"]["test"] == check


def test_nothing_but_metrics_is_published_and_that_on_the_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"ops"}
    assert all(port.startswith("127.0.0.1:") for port in published["ops"])


def test_an_agent_sees_its_own_volume_and_nobody_else_all_keys() -> None:
    for name in AGENTS:
        shared = {"/ledger": "ledger"} if name == "recorder" else {}
        assert mounts(name) == {"/firm": name, **shared}
    assert mounts("redis") == {"/acl": "redis"}
    assert {name for name in SERVICES if ALL_KEYS in mounts(name).values()} == {"prepare", "audit"}
    dealt = {f"/deal/{name}": name for name in RUNNING}
    assert mounts("prepare") == {"/opt/configs": "./configs", "/firm": ALL_KEYS, **dealt}


@pytest.mark.parametrize("service", ["ops", "audit"])
def test_whoever_looks_back_sees_every_journal_and_no_key(service: str) -> None:
    seen = mounts(service)
    parts = {f"/firm/{part}/{name}": f"{name}/{part}/{name}" for part in ("journal", "snapshots") for name in AGENTS}
    assert parts.items() <= seen.items()
    assert set(seen) - set(parts) == {"/firm", "/ledger"}


def test_the_variables_are_a_configuration_in_which_everybody_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable, text in SERVICES["prepare"]["environment"].items():
        monkeypatch.setenv(variable, re.sub(r"\$\{\w+:-(.*)\}", r"\1", str(text)))
    firm = Settings.load(ROOT / "configs", tmp_path).firm
    assert (firm.bus.transport, firm.bus.redis_auth, firm.bus.bind) == ("tcp", "acl", "0.0.0.0")
    assert {name: entry.host for name, entry in firm.agents.items()} == {name: name for name in AGENTS}


def test_images_come_by_name_from_wherever_the_engine_looks() -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", DOCKERFILE, re.MULTILINE)
    names = {stage for _, stage in stages if stage}
    assert {base for base, _ in stages} - names == {"python:3.11-slim"}
    assert {service["image"] for service in SERVICES.values()} == {"boardroom", "redis:7-alpine"}
    assert "# syntax=" not in DOCKERFILE


def test_the_build_is_given_the_packages_and_nothing_secret() -> None:
    given = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    files = {"LICENSE", "README.md", "constraints.txt", "pyproject.toml", "deploy/entry.sh", "configs/*.toml"}
    assert given == {*wheel["packages"], *files}


def test_the_image_runs_as_nobody_in_particular() -> None:
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
