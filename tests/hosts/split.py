"""A firm split over two hosts: everything on A but the seats, which are on B; each host by `boardroom up --host`."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import select

from bus.codec import decode
from bus.config import Settings
from bus.journal import read
from bus.messages import MarketUpdate, PerformanceFeedback
from bus.redis_server import find_server
from bus.rundir import RunDir
from bus.segment import RecordType
from ops.ledger import Ledger
from ops.monitoring import state
from ops.schema import decisions
from tests.conftest import ROOT
from tests.hosts.network import A, B, Network

SEATS: Final = ("qbmia", "quasar", "quantum_amos")
REDIS_PORT: Final = 6390
PATIENCE_S: Final = 120.0
CUT_S: Final = 30.0
"""How long the wire is cut."""
_FIRST_PORT: Final = 9101
Seen = dict[str, dict[str, Any]]


def tables(changes: Mapping[str, Any], replicas: Mapping[str, str]) -> dict[str, Any]:
    """Return what the firm of two hosts lays over the shipped configuration; ``replicas`` are names and hosts."""
    agents: dict[str, Any] = {seat: {"host": B} for seat in SEATS}
    for name, host in replicas.items():
        agents[name] = {"role": "seat", "replica_of": name.rpartition("-")[0], "host": host}
    bus = {
        "transport": "tcp", "host": A, "redis_url": f"redis://{A}:{REDIS_PORT}/0", "redis_auth": "acl",
        "ports": {name: _FIRST_PORT + number for number, name in enumerate(replicas)},
    }  # fmt: skip
    return {**changes, "agents": agents, "bus": {**bus, **changes.get("bus", {})}, "ops": {"ready_s": 2 * PATIENCE_S}}


class Split:
    """The firm of two hosts, from the first key to the clean stop."""

    def __init__(
        self, network: Network, folder: Path, changes: Mapping[str, Any], replicas: Mapping[str, str] | None = None
    ) -> None:
        self.network = network
        self.folder = folder
        self.run_dirs = {A: folder / "a", B: folder / "b"}
        self.names = list(replicas or {})
        self._env = {**os.environ, "PYTHONPATH": str(ROOT), **_variables(tables(changes, replicas or {}))}
        self._children: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            self.boardroom(A, "prepare")  # warm kernels once, not on two hosts side by side
            self.boardroom(A, "keys", "--deal", str(self.run_dirs[B] / "keys"), "--host", B)
            acl = self.run_dirs[A] / "keys" / "redis.acl"
            redis = ("--bind", A, "--port", str(REDIS_PORT), "--aclfile", str(acl), "--save", "", "--dir", self.folder)
            self._start(A, "redis", [str(find_server()), *map(str, redis)])
            self._start(B, "up-b", self._command(B, "up", "--host", B))
            self._start(A, "up-a", self._command(A, "up", "--host", A))
            for log in ("up-b", "up-a"):
                self.wait(lambda log=log: "the firm is up" in self.said(log), f"`boardroom up` ({log})")  # type: ignore[misc]
            self._start(A, "eye", [sys.executable, "-m", "tests.hosts.eye", str(self.run_dirs[A])])
            self.wait(lambda: set(SEATS) <= set(self.seen()), "the seats")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def boardroom(self, host: str, *words: str) -> str:
        """Run a verb on a host to its end."""
        return self.network.run(host, self._command(host, *words), self._env)

    def seen(self) -> Seen:
        """Return the last whole look at the firm's agents, from host A."""
        lines = self.said("eye").splitlines(keepends=True)
        whole = [line for line in lines[-2:] if line.startswith("{") and line.endswith("\n")]
        return dict(json.loads(whole[-1])["agents"]) if whole else {}

    def status(self) -> dict[str, Any]:
        """Return what `boardroom status` says on host A while everybody is well; else it fails."""
        words = ("status", "--json", "--run-dir", str(self.run_dirs[A]))
        found: dict[str, Any] = json.loads(self.network.run(A, [sys.executable, "-m", "cli", *words], self._env))
        return found

    def health(self, name: str) -> str:
        """Return how the supervisor on host A has last judged an agent of either host; empty where it has not."""
        view = state.load(self.run_dirs[A])
        return "" if view is None else next(agent.health.value for agent in view.agents if agent.name == name)

    def concluded(self) -> int:
        """Return how many bars are decided."""
        return int(self.seen().get("market", {}).get("concluded", 0))

    def said(self, log: str) -> str:
        """Return what a process of this test has said so far."""
        path = self.folder / f"{log}.log"
        return path.read_text() if path.exists() else ""

    def wait(self, condition: Callable[[], bool], what: str, patience_s: float = 2 * PATIENCE_S) -> float:
        """Wait until a condition holds; return the seconds it took."""
        began = time.monotonic()
        while not condition():
            for child, log in zip(self._children, ("redis", "up-b", "up-a", "eye"), strict=False):
                assert child.poll() is None, f"{log} ended: {self.said(log)[-2000:]}"
            assert time.monotonic() - began < patience_s, f"{what} did not come: {self.seen()}"
            time.sleep(0.02)
        return time.monotonic() - began

    def wait_done(self, patience_s: float = PATIENCE_S) -> None:
        """Wait until the market has nothing more to show and every round is concluded."""
        self.wait(lambda: self.seen().get("market", {}).get("done") == 1, "the end of the data", patience_s)

    def settle(self, seconds: float = 2.0) -> None:
        """Wait until no seat has handled anything for so long."""
        handled, since = self._handled(), time.monotonic()
        while time.monotonic() - since < seconds:
            time.sleep(0.1)
            if self._handled() != handled:
                handled, since = self._handled(), time.monotonic()

    def _handled(self) -> dict[str, int]:
        return {name: int(agent["inputs"]) for name, agent in self.seen().items() if name in (*SEATS, *self.names)}

    def cut_s(self) -> float:
        """Return the seconds for which the wire has been cut, at most those of a cut."""
        return min(time.monotonic() - self.network.cut_at_s, CUT_S)

    def partition(self, seconds: float) -> int:
        """Cut the wire for that long; return the wall-clock time at which it was whole again, nanoseconds."""
        self.network.cut()
        time.sleep(seconds)
        self.network.heal()
        return time.time_ns()

    def stop(self) -> dict[str, int]:
        """Stop both parts in order; return the exit status of each `boardroom up`."""
        *_, eye = self._children
        self._ask_to_end(eye)
        for child in self._children[1:3][::-1]:
            self._ask_to_end(child)
        return {log: self._children[place].returncode for place, log in ((1, "up-b"), (2, "up-a"))}

    @property
    def ledger(self) -> Ledger:
        """The ledger, on host A."""
        return Ledger.open(f"sqlite:///{self.run_dirs[A] / 'ledger.sqlite'}")

    def decided(self) -> list[tuple[int, str, int, bool]]:
        """Return (time, symbol, bar, whether quorate) of every decision, in order of time."""
        columns = (decisions.c.sent_ns, decisions.c.symbol, decisions.c.bar, decisions.c.is_quorate)
        with closing(self.ledger) as ledger:
            return sorted(
                (int(at), str(symbol), int(bar), bool(q)) for at, symbol, bar, q in ledger.read(select(*columns))
            )

    def heard(self, name: str, host: str) -> dict[str, list[tuple[str, int]]]:
        """Return the (symbol, number) of every bar and feedback in an agent's journal, in order."""
        found: dict[str, list[tuple[str, int]]] = {"bars": [], "feedbacks": []}
        for record in read(RunDir(self.run_dirs[host]).journal(name)):
            if record.type is RecordType.INPUT:
                message = decode(record.payload).message
                if isinstance(message, MarketUpdate):
                    found["bars"].append((message.symbol, message.bar))
                elif isinstance(message, PerformanceFeedback):
                    found["feedbacks"].append((message.symbol, message.settled))
        return found

    def settings(self) -> Settings:
        """Return the configuration that host A saved."""
        return Settings.open(self.run_dirs[A])

    def _command(self, host: str, *words: str) -> list[str]:
        verb, *options = words
        where = ("--config", str(ROOT / "configs"), "--run-dir", str(self.run_dirs[host]))
        return [sys.executable, "-m", "cli", verb, *where, *options]

    def _start(self, host: str, log: str, command: list[str]) -> None:
        with (self.folder / f"{log}.log").open("wb") as output:
            self._children.append(self.network.start(host, command, output, self._env))

    def _ask_to_end(self, child: "subprocess.Popen[bytes]") -> None:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(PATIENCE_S / 4)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _end(self) -> None:
        for child in reversed(self._children):
            if child.poll() is None:
                self._ask_to_end(child)


def _variables(table: Mapping[str, Any], path: str = "BOARDROOM") -> dict[str, str]:
    """Return nested tables as the variables of the environment that say the same."""
    found: dict[str, str] = {}
    for key, value in table.items():
        name = f"{path}_{key.upper()}" if path == "BOARDROOM" else f"{path}__{key.upper()}"
        if isinstance(value, Mapping):
            found |= _variables(value, name)
        else:
            found[name] = json.dumps(value)
    return found
