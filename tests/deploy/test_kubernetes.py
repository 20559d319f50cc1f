"""The manifests for Kubernetes: those of the process list, valid, and with no right that is not needed."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.config import AgentEntry, Settings
from tests.conftest import ROOT

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
generator = pytest.importorskip("deploy.kubernetes.__main__", reason="PyYAML is not installed")

FOLDER = ROOT / "deploy" / "kubernetes"
FIRM = tomllib.loads((ROOT / "configs" / "firm.toml").read_text())
DOCUMENTS: list[dict[str, Any]] = list(yaml.safe_load_all((FOLDER / "firm.yaml").read_text()))
PROCESSES = [each for each in DOCUMENTS if each["kind"] == "StatefulSet"]
PODS = [each["spec"]["template"]["spec"] for each in DOCUMENTS if "template" in each.get("spec", {})]


def named(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in DOCUMENTS if each["kind"] == kind}


def containers() -> Iterator[dict[str, Any]]:
    for pod in PODS:
        yield from (*pod["containers"], *pod.get("initContainers", ()))


def test_the_file_is_what_the_process_list_gives() -> None:
    assert (FOLDER / "firm.yaml").read_text() == generator.written(FIRM), "run `python -m deploy.kubernetes`"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: f"{each['kind']}-{each['metadata']['name']}")
def test_every_manifest_fits_the_schema_of_kubernetes(document: dict[str, Any]) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    kubernetes_validate.validate(document, "1.31", strict=True)


def test_every_process_has_its_pod_and_its_name() -> None:
    entries = {name: AgentEntry.model_validate(entry) for name, entry in FIRM["agents"].items()}
    expected = {generator.host(name): ["python", *entry.command(name)] for name, entry in entries.items()}
    expected["ops"] = ["python", "-m", "ops"]
    pods = {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in PROCESSES}
    assert {name: pod["containers"][0]["args"] for name, pod in pods.items()} == expected
    assert set(named("Service")) == {*expected, "redis"}
    ports = {name: each["spec"]["ports"][0]["port"] for name, each in named("Service").items()}
    assert all(ports[generator.host(name)] == FIRM["bus"]["ports"][name] for name in entries)


def test_the_variables_are_a_configuration_in_which_everybody_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable, text in named("ConfigMap")["environment"]["data"].items():
        monkeypatch.setenv(variable, text)
    firm = Settings.load(ROOT / "configs", tmp_path).firm
    assert (firm.bus.transport, firm.bus.redis_auth) == ("tcp", "acl")
    assert {entry.host for entry in firm.agents.values()} == {generator.host(name) for name in firm.agents}
    assert firm.bus.redis_url == "redis://redis:6379/0"


def test_no_container_has_a_right_that_it_does_not_need() -> None:
    for pod in PODS:
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["automountServiceAccountToken"] is False
    for each in containers():
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert each["resources"]["limits"].keys() == {"cpu", "memory"}


def test_a_pod_gets_the_keys_of_its_own_process_only() -> None:
    for each in PROCESSES:
        secrets = [
            volume["secret"]["secretName"]
            for volume in each["spec"]["template"]["spec"]["volumes"]
            if "secret" in volume
        ]
        assert secrets == [f"{each['metadata']['name']}-keys"]


def test_probes_ask_for_the_process_by_its_name_in_the_firm() -> None:
    for each in PROCESSES:
        container = each["spec"]["template"]["spec"]["containers"][0]
        name = {generator.host(name): name for name in (*FIRM["agents"], "ops")}[container["name"]]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container[probe]["exec"]["command"][:4] == ["python", "-m", "bus.health", name]


def test_the_market_waits_for_all_others() -> None:
    market = named("StatefulSet")["market"]["spec"]["template"]["spec"]
    awaited = set(market["initContainers"][-1]["args"][3:])
    assert awaited == {generator.host(name) for name in FIRM["agents"]} - {"market"}


def test_nobody_from_outside_is_let_in() -> None:
    policy = named("NetworkPolicy")["firm"]["spec"]
    assert policy["podSelector"] == {}
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["ingress"] == [
        {"from": [{"podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "boardroom"}}}]}
    ]
    assert all(service["spec"]["clusterIP"] == "None" for service in named("Service").values())
