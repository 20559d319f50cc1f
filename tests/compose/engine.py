"""A Docker engine and one Compose project on it, as the tests drive them."""

import json
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RIG = ROOT.parent / "shared" / "rig" / "compose_rig.sh"
PATIENCE_S = 180.0
AGENTS = ("recorder", "execution", "risk", "compliance", "qbmia", "quasar", "quantum_amos", "pads", "market")


def rig(command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the rig."""
    return subprocess.run(["bash", str(RIG), command], capture_output=True, text=True, check=False, timeout=600)


def rig_environment() -> dict[str, str]:
    """Return the environment in which docker reaches the rig's engine."""
    shown = subprocess.run(
        ["bash", "-c", f'eval "$(bash {RIG} env)" && env -0'], capture_output=True, text=True, check=True
    ).stdout
    return dict(line.split("=", 1) for line in shown.split("\0") if "=" in line)


def answers(environment: Mapping[str, str]) -> bool:
    """Tell whether a Docker engine with Compose answers in this environment."""
    if shutil.which("docker", path=environment.get("PATH")) is None:
        return False
    looked = [["docker", "info"], ["docker", "compose", "version"]]
    return not any(
        subprocess.run(words, env=dict(environment), capture_output=True, check=False, timeout=30).returncode
        for words in looked
    )


@dataclass(frozen=True)
class Project:
    """One firm in containers."""

    name: str
    environment: Mapping[str, str]

    def docker(self, *words: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a docker command, whatever comes of it."""
        return subprocess.run(
            ["docker", *words], env=dict(self.environment), cwd=ROOT, capture_output=True, text=True, check=False,
            timeout=timeout_s,
        )  # fmt: skip

    def compose(self, *words: str, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a Compose command on this project, whatever comes of it."""
        return self.docker("compose", "-p", self.name, *words, timeout_s=timeout_s)

    def done(self, *words: str, timeout_s: float = 300) -> str:
        """Run a Compose command that must succeed; return what it printed."""
        ran = self.compose(*words, timeout_s=timeout_s)
        assert ran.returncode == 0, f"{' '.join(words)}: {ran.stdout[-3000:]}{ran.stderr[-3000:]}"
        return ran.stdout

    def up(self, *words: str) -> None:
        """Bring the firm up and wait until all of it is healthy."""
        self.done("up", "-d", "--wait", "--wait-timeout", "400", *words, timeout_s=600)

    def states(self) -> dict[str, str]:
        """Return, for each service that runs, its health, or its state where it has none."""
        lines = self.done("ps", "--format", "json").splitlines()
        shown = [json.loads(line) for line in lines if line.strip()]
        return {each["Service"]: each["Health"] or each["State"] for each in shown}

    def container(self, service: str) -> dict[str, Any]:
        """Return what the engine knows of a service's container."""
        found = self.done("ps", "-a", "-q", service).split()
        assert len(found) == 1, f"{service}: {found}"
        known: dict[str, Any] = json.loads(self.docker("inspect", found[0]).stdout)[0]
        return known

    def kill(self, service: str) -> None:
        """`kill -9` the first process of a service from outside, as no Compose command would."""
        os.kill(int(self.container(service)["State"]["Pid"]), signal.SIGKILL)

    def signal(self, service: str, number: int) -> None:
        """Send a signal from outside to what the first process of a service, an init, has started."""
        init = int(self.container(service)["State"]["Pid"])
        [child] = Path(f"/proc/{init}/task/{init}/children").read_text(encoding="ascii").split()
        os.kill(int(child), number)

    def inside(self, service: str, *words: str) -> str:
        """Run a command in the container of a service that runs; it must succeed."""
        return self.done("exec", "-T", service, *words)

    def logged(self, service: str, since: str = "") -> list[str]:
        """Return what a service wrote, its own JSON lines left out."""
        words = ("--since", since) if since else ()
        lines = self.done("logs", "--no-color", "--no-log-prefix", *words, service).splitlines()
        return [line for line in lines if line.strip() and not line.startswith("{")]


def new_project(environment: Mapping[str, str]) -> Project:
    """Return a project of which nothing is there yet, with a port for metrics that nobody has."""
    return Project(f"boardroom-{uuid.uuid4().hex[:8]}", {**environment, "BOARDROOM_METRICS_PORT": "0"})


def remove(project: Project) -> None:
    """Leave nothing of a project."""
    project.compose("--profile", "*", "down", "-v", "-t", "1", "--remove-orphans")


def can_kill(project: Project) -> bool:
    """Tell whether processes of containers can be killed from here."""
    pid = project.container("redis")["State"]["Pid"]
    return os.geteuid() == 0 and Path(f"/proc/{pid}/cmdline").exists()


def decisions(firm: Project) -> list[str]:
    """Return the decisions that the ledger holds, in the order of their ids."""
    query = "select decision_id from decisions order by 1"
    shown = f"import sqlite3; print(*(i for i, in sqlite3.connect('/ledger/ledger.sqlite').execute({query!r})))"
    return firm.inside("ops", "python", "-c", shown).split()


def decided(firm: Project) -> int:
    """Return how many decisions the ledger holds."""
    return len(decisions(firm))


def wait_healthy(firm: Project) -> None:
    """Wait until every service that goes on running is healthy."""
    wanted = dict.fromkeys((*AGENTS, "redis", "ops"), "healthy")
    eventually(lambda: firm.states() == wanted, f"every service healthy, not {firm.states()}")


def eventually(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true in {patience_s:g} s"
        time.sleep(0.5)


def one_line(lines: Sequence[str], *parts: str) -> str:
    """Return the one line that holds all these parts."""
    found = {line for line in lines if all(part in line for part in parts)}
    assert len(found) == 1, f"{parts} in {lines[-20:]}"
    return found.pop()
