"""A firm set up to be broken: a disk that can fill, a clock that can jump, a wire to Redis that can be cut."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from bus.config import Settings
from bus.credentials import make_credentials, redis_names
from bus.messages import AgentState, AgentStatus
from bus.redis_server import EmbeddedRedis
from bus.rundir import RunDir
from ops.harness import Firm
from research.chaos.clock import Clock, obey
from research.chaos.kept import KEPT, Kept
from research.chaos.kind import Site
from research.chaos.wire import Wire

DAY_S: Final = 86_400.0
PATIENT: Final[Mapping[str, Any]] = {
    "market": {"history_bars": 130, "stall_s": DAY_S},
    "pads": {"decision_timeout_s": 300.0, "answer_timeout_s": 300.0},
    "risk": {"order_validity_s": 600.0},
    "compliance": {
        "order_validity_s": 600.0, "order_life_s": DAY_S, "inspection_s": DAY_S, "availability_s": DAY_S,
    },
    "execution": {"remembered_s": DAY_S},
    "ops": {"ready_s": 180.0, "stop_s": 60.0, "hang_s": 60.0},
    "bus": {"message_ttl_s": 300.0, "gap_timeout_s": 120.0, "snapshot_inputs": 200},
}  # fmt: skip
"""Deadlines that a part which is down for a minute can meet: what the wall clock alone decides, it must not decide."""
PATIENCE_S: Final = 120.0
_ASK_S: Final = 0.2
_FILLER: Final = "filler"
_CHUNK: Final = bytes(1 << 20)


def can_mount() -> bool:
    """Tell whether a small disk can be had here, which takes root."""
    return os.geteuid() == 0 and shutil.which("mount") is not None


class Scene:
    """One firm, up, and everything around it that can be broken.

    Parameters
    ----------
    config
        Folder with firm.toml and limits.toml; a copy of it is used, so that it can be changed.
    site
        How the firm reaches Redis.
    overrides
        Tables laid over those of ``PATIENT``.
    disk_mb
        Size of a disk of its own for the run directory; 0 is none.
    """

    def __init__(self, config: Path, site: Site, overrides: Mapping[str, Any], *, disk_mb: int = 0) -> None:
        self._source = config
        self._overrides = overrides
        self._disk_mb = disk_mb
        self._stack = ExitStack()
        self.site = site
        self.firm: Firm
        self.clock: Clock
        self.wire: Wire | None = None
        self.told: list[str] = []
        """Ids of the alerts that faults have raised: the ledger must have each, once."""
        self.ended: set[str] = set()
        """Agents that the faults now in force have killed."""
        self.last_concluded = 0
        self._server: EmbeddedRedis | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.root = Path(stack.enter_context(_folder()))
            self.config = Path(shutil.copytree(self._source, self.root / "config"))
            self.clock = Clock(self.root / "clock")
            stack.enter_context(_environment(self.clock.environment))
            self.disk = self.root / "disk"
            self.disk.mkdir(mode=0o700)
            if self._disk_mb:
                stack.enter_context(_mounted(self.disk, self._disk_mb))
            run_dir = self.disk / "run"
            run_dir.mkdir(mode=0o700)
            tables = merged(PATIENT, self._overrides)
            if self.site is Site.REMOTE:
                tables = self._lay_wire(stack, run_dir, tables)
            if self.site is Site.KEPT:
                tables = merged(tables, KEPT)
            self.firm = Firm(self.config, tables, run_dir=run_dir)
            if self.site is Site.KEPT:
                self.firm.supervisor = Kept(self.firm.settings, self.config, tables)
            stack.enter_context(self.firm)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.free_disk()
        self._stack.close()

    @property
    def agents(self) -> list[str]:
        """Names of the agents, in the order of the process list."""
        return list(self.firm.supervisor.entries)

    @property
    def pids(self) -> list[int]:
        """Process ids of the agents that run and do not stand still."""
        pids = (self.firm.supervisor.pid(name) for name in self.agents)
        return [pid for pid in pids if pid is not None and state_of(pid) not in ("", "T")]

    @property
    def redis_url(self) -> str:
        """Where Redis itself is reached, past the wire."""
        server = self._server
        folder = RunDir(self.firm.run_dir) if server is None else RunDir(self.root / "redis")
        return f"unix://{folder.redis_socket}"

    def status(self, name: str) -> AgentStatus | None:
        """Return the status of an agent, or None when it does not answer at once."""
        return self.firm.supervisor.statuses([name], _ASK_S).get(name)

    def counters(self, name: str) -> dict[str, int]:
        """Return the counters of trouble of an agent; it must answer within the patience of the firm."""
        found: list[AgentStatus] = []
        self.firm.wait(lambda: _filled(found, self.status(name)), PATIENCE_S, f"an answer of {name}")
        return dict(found[0].counters)

    def concluded(self) -> int:
        """Return how many rounds are concluded, as last known."""
        status = self.status("market")
        if status is not None:
            self.last_concluded = int(dict(status.report).get("concluded", 0))
        return self.last_concluded

    def is_done(self) -> bool:
        """Tell whether the market has no more bars and every round is concluded."""
        status = self.status("market")
        return status is not None and dict(status.report).get("done") == 1

    def is_ready(self, name: str) -> bool:
        """Tell whether the agent that was started last under that name is at work."""
        status = self.status(name)
        pid = self.firm.supervisor.pid(name)
        return status is not None and status.state is AgentState.READY and status.pid == pid

    def fill_disk(self) -> int:
        """Leave no byte free on the disk of the run directory; return how many were."""
        written = 0
        with (self.disk / _FILLER).open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            chunk = _CHUNK
            while chunk:
                try:
                    written += filler.write(chunk)
                except OSError:
                    chunk = chunk[: len(chunk) // 2]
        return written

    def free_disk(self) -> None:
        """Give back what ``fill_disk`` took."""
        (self.disk / _FILLER).unlink(missing_ok=True)

    def _lay_wire(self, stack: ExitStack, run_dir: Path, tables: dict[str, Any]) -> dict[str, Any]:
        """Start a Redis that is nobody's child here, and a wire to it; return the tables of a firm at the other end."""
        front = self.root / "wire.sock"
        tables = merged(tables, {"bus": {"redis_url": f"unix://{front}", "redis_auth": "acl"}})
        settings = Settings.load(self.config, run_dir, tables)
        make_credentials(settings, time.time_ns())
        theirs = RunDir(self.root / "redis")
        theirs.create()
        self._server = EmbeddedRedis(theirs, settings.keys, redis_names(settings))
        self._server.start()
        stack.callback(self._server.stop)
        self.wire = stack.enter_context(Wire(front, theirs.redis_socket))
        return tables


def state_of(pid: int) -> str:
    """Return the state of a process as Linux tells it, such as "S" or "T"; empty when there is none."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
    return "" if state in "ZX" else state


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return tables with those of ``over`` winning, key by key."""
    tables = {name: dict(table) if isinstance(table, Mapping) else table for name, table in base.items()}
    for name, table in over.items():
        mine = tables.get(name)
        tables[name] = merged(mine, table) if isinstance(mine, dict) and isinstance(table, Mapping) else table
    return tables


def _filled(found: list[AgentStatus], status: AgentStatus | None) -> bool:
    if status is not None:
        found[:] = [status]
    return bool(found)


@contextmanager
def _folder() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="bd-")  # a unix socket's path must be short
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Let these variables hold for this process and its children, and its clock with them."""
    before = {name: os.environ.get(name) for name in variables}
    real_ns = time.time_ns
    os.environ.update(variables)
    obey(real_ns)
    try:
        yield
    finally:
        time.time_ns = real_ns
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _mounted(folder: Path, size_mb: int) -> Iterator[None]:
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=700", "boardroom", str(folder)], check=True
    )  # fmt: skip
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
