"""`python -m deploy.kubernetes`: write ``firm.yaml``, the manifests of the firm that configs/firm.toml lists.

They are plain manifests, one document a resource: what repeats from agent to agent is said once, here.
"""

import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).parent
FIRM: Final = HERE.parents[1] / "configs" / "firm.toml"
MANIFESTS: Final = HERE / "firm.yaml"
NAMESPACE: Final = "boardroom"
IMAGE: Final = "boardroom:latest"
REDIS_PORT: Final = 6379
METRICS_PORT: Final = 9464
USER: Final = 10_001
_HEADER: Final = (
    "# Written by `python -m deploy.kubernetes` from configs/firm.toml; docs/containers.md tells how to use it.\n"
)
_PART_OF: Final = {"app.kubernetes.io/part-of": "boardroom"}
_LAST: Final = "*"
_KEYS: Final = "/keys"
_CONFIGS: Final = "/opt/configs"
_RUN_DIR: Final = "/firm/run"
"""Below the volume, which a group may enter: a run directory is its user's alone."""
_FORGET: Final = ["rm", "-f", f"{_RUN_DIR}/config.json"]
"""The configuration is read anew at each start: it comes from the cluster, and what an earlier start saved is old."""
_AWAIT: Final = """import socket, sys, time
for name in sys.argv[1:]:
    while True:
        try:
            socket.getaddrinfo(name, None)
            break
        except OSError:
            time.sleep(1)
"""
"""A service without an address of its own has a name in DNS once its process is ready, and not before."""

Manifest = dict[str, Any]


class _Plain(yaml.SafeDumper):
    """Says again what is said twice, where YAML would refer back to it."""

    def ignore_aliases(self, data: Any) -> bool:
        """Refer back to nothing."""
        return True


def manifests(firm: Mapping[str, Any]) -> Iterator[Manifest]:
    """Yield every resource of the firm of a firm.toml, in the order in which they may be applied."""
    agents = {name: entry for name, entry in firm["agents"].items() if entry.get("enabled", True)}
    yield _namespace()
    yield _environment(agents)
    yield from _policies()
    yield _service("redis", REDIS_PORT)
    yield _redis()
    for name, entry in agents.items():
        others = [host(other) for other in agents if other != name]
        yield _service(host(name), firm["bus"]["ports"][name])
        yield _process(name, _command(name, entry), others if _LAST in entry.get("needs", ()) else [])
    yield _service("ops", METRICS_PORT)
    yield _process("ops", ["python", "-m", "ops"], [])


def host(name: str) -> str:
    """Return the name in DNS of an agent, which may hold no underscore."""
    return name.replace("_", "-")


def _command(name: str, entry: Mapping[str, Any]) -> list[str]:
    seat = entry.get("replica_of", "")
    return ["python", "-m", entry.get("module") or seat or name, *(["--name", name] if seat else [])]


def _meta(name: str) -> Manifest:
    return {"name": name, "namespace": NAMESPACE, "labels": {"app.kubernetes.io/name": name, **_PART_OF}}


def _namespace() -> Manifest:
    labels = {"pod-security.kubernetes.io/enforce": "restricted", **_PART_OF}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def _environment(agents: Mapping[str, Any]) -> Manifest:
    """Return what differs from the files in configs/: who is where."""
    variables = {
        "BOARDROOM_RUN_DIR": _RUN_DIR,
        "BOARDROOM_BUS__TRANSPORT": "tcp",
        "BOARDROOM_BUS__BIND": "0.0.0.0",  # noqa: S104
        "BOARDROOM_BUS__REDIS_URL": f"redis://redis:{REDIS_PORT}/0",
        "BOARDROOM_BUS__REDIS_AUTH": "acl",
        "BOARDROOM_BUS__KEYS": _KEYS,
        "BOARDROOM_MARKET__BARS": "2500",
        "BOARDROOM_MARKET__SPEED": "2",
        "BOARDROOM_OPS__METRICS_HOST": "0.0.0.0",  # noqa: S104
        "BOARDROOM_OPS__METRICS_PORT": str(METRICS_PORT),
        **{f"BOARDROOM_AGENTS__{name.upper()}__HOST": host(name) for name in agents},
    }
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta("environment"), "data": variables}


def _policies() -> Iterator[Manifest]:
    """Yield who may talk to whom: the firm's pods to each other and to DNS, and whoever reads metrics to ops."""
    firm = {"podSelector": {"matchLabels": _PART_OF}}
    dns = {
        "to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}],
        "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
    }
    yield _policy("firm", {}, ["Ingress", "Egress"], ingress=[{"from": [firm]}], egress=[{"to": [firm]}, dns])
    readers = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    yield _policy(
        "metrics", {"matchLabels": {"app.kubernetes.io/name": "ops"}}, ["Ingress"],
        ingress=[{"from": [readers], "ports": [{"port": METRICS_PORT, "protocol": "TCP"}]}],
    )  # fmt: skip


def _policy(name: str, pods: Manifest, kinds: list[str], **rules: Any) -> Manifest:
    spec = {"podSelector": pods, "policyTypes": kinds, **rules}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": _meta(name), "spec": spec}


def _service(name: str, port: int) -> Manifest:
    spec = {
        "clusterIP": "None",
        "selector": {"app.kubernetes.io/name": name},
        "ports": [{"name": "bus", "port": port, "targetPort": port}],
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": _meta(name), "spec": spec}


def _process(name: str, command: list[str], awaited: list[str]) -> Manifest:
    """Return the one pod of a process, its volume and its keys."""
    mounts = [{"name": "firm", "mountPath": "/firm"}, {"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108
    given = (("keys", _KEYS), ("configs", _CONFIGS))
    read = [{"name": volume, "mountPath": place, "readOnly": True} for volume, place in given]
    first = [_container("forget", _FORGET, mounts)]
    if awaited:
        first.append(_container("await", ["python", "-c", _AWAIT, *awaited], mounts))
    container = {
        **_container(host(name), command, [*mounts, *read]),
        "envFrom": [{"configMapRef": {"name": "environment"}}],
        **_probes(name),
    }
    volumes = [
        {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
        {"name": "keys", "secret": {"secretName": f"{host(name)}-keys", "defaultMode": 0o440}},
        {"name": "configs", "configMap": {"name": "configs"}},
    ]
    claim = {
        "metadata": {"name": "firm"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "4Gi"}}},
    }
    spec = {
        "serviceName": host(name),
        "replicas": 1,
        "selector": {"matchLabels": {"app.kubernetes.io/name": host(name)}},
        "template": _pod(host(name), [container], volumes, first),
        "volumeClaimTemplates": [claim],
    }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": _meta(host(name)), "spec": spec}


def _redis() -> Manifest:
    command = [
        *("redis-server", "--aclfile", "/acl/redis.acl", "--save", "", "--appendonly", "no", "--maxmemory", "128mb"),
        *("--client-output-buffer-limit", "pubsub 64mb 32mb 30"),
    ]
    check = {"exec": {"command": ["sh", "-c", "redis-cli ping | grep -q NOAUTH"]}, "periodSeconds": 5}
    container = {
        **_container("redis", command, [{"name": "acl", "mountPath": "/acl", "readOnly": True}]),
        "image": "redis:7-alpine",
        "resources": _resources("256Mi"),
        "readinessProbe": check,
        "livenessProbe": {**check, "failureThreshold": 6},
    }
    spec = {
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": {"app.kubernetes.io/name": "redis"}},
        "template": _pod(
            "redis", [container], [{"name": "acl", "secret": {"secretName": "redis-acl", "defaultMode": 0o440}}]
        ),
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _meta("redis"), "spec": spec}


def _pod(
    name: str, containers: list[Manifest], volumes: list[Manifest], first: list[Manifest] | None = None
) -> Manifest:
    spec = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 10,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **({"initContainers": first} if first else {}),
        "containers": containers,
        "volumes": volumes,
    }
    return {"metadata": {"labels": {"app.kubernetes.io/name": name, **_PART_OF}}, "spec": spec}


def _container(name: str, command: list[str], mounts: list[Manifest]) -> Manifest:
    return {
        "name": name,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "args": command,
        "resources": _resources("768Mi"),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    }


def _resources(memory: str) -> Manifest:
    return {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": memory}}


def _probes(name: str) -> Manifest:
    """Return the probes of a process: an agent that hangs for 30 s is started again."""
    ready = {"exec": {"command": ["python", "-m", "bus.health", name]}, "periodSeconds": 5, "timeoutSeconds": 3}
    alive = {"exec": {"command": ["python", "-m", "bus.health", name, "--seconds", "30"]}}
    return {
        "startupProbe": {**ready, "periodSeconds": 2, "failureThreshold": 60},
        "readinessProbe": ready,
        "livenessProbe": {**alive, "periodSeconds": 10, "timeoutSeconds": 3, "failureThreshold": 3},
    }


def written(firm: Mapping[str, Any]) -> str:
    """Return the whole file."""
    return _HEADER + yaml.dump_all(manifests(firm), Dumper=_Plain, sort_keys=False, explicit_start=True, width=120)


def main() -> None:
    """Write the file, or with ``--print`` show it."""
    text = written(tomllib.loads(FIRM.read_text(encoding="utf-8")))
    if sys.argv[1:] == ["--print"]:
        print(text, end="")
    else:
        MANIFESTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
