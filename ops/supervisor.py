"""The plain supervisor: starts the firm in dependency order, watches it, restarts what dies, stops what it started."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Final

from bus.client import Client
from bus.config import AgentEntry, Settings
from bus.errors import ConfigError, Fatal
from bus.keys import make_keys
from bus.lifeline import birth, die_with_parent
from bus.main import EXIT_CONFIG
from bus.messages import AgentState, AgentStatus
from bus.redis_server import EMBEDDED, EmbeddedRedis
from bus.rundir import RunDir
from market.sessions import calendars, missing
from ops.kernel_cache import is_warm, mark_warm

READY_PATIENCE_S: Final = 60.0
STOP_PATIENCE_S: Final = 10.0
RESTARTS: Final = 3
EVERY_OTHER: Final = "*"
LEFTOVER_PATIENCE_S: Final = 5.0
_PING_S: Final = 0.5
_ALIVE_S: Final = 30.0


class Supervisor:
    """One firm's processes, from the point of view of the process that started them.

    Parameters
    ----------
    settings
        Configuration; it is saved in the run directory for the agents to read.
    restarts
        How often an agent that died is started again before the firm gives up on it; 0 leaves it dead.
    """

    def __init__(self, settings: Settings, *, restarts: int = RESTARTS) -> None:
        self.settings = settings
        self.run_dir = RunDir(settings.run_dir)
        self.entries = {name: entry for name, entry in settings.firm.agents.items() if entry.enabled}
        self._waves = waves(self.entries)
        self.exit_codes: dict[str, int] = {}
        self.restarted: dict[str, int] = {}
        self._restarts = restarts
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._born: dict[str, float] = {}
        self._log_starts: dict[str, int] = {}
        self._due: dict[str, float] = {}
        self._redis: EmbeddedRedis | None = None
        self._lock = self.run_dir.lock("supervisor")
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """A guest connection to the agents."""
        if self._client is None:
            self._client = Client(self.settings)
        return self._client

    def start(self, progress: Callable[[str], object] = lambda _: None) -> None:
        """Bring the whole firm up; on failure whatever was started is stopped again.

        Raises
        ------
        Fatal
            The firm already runs here, or an agent does not become ready; the message quotes its last words.
        """
        self.run_dir.create()
        self._lock.acquire()
        try:
            wait_until_free(self.run_dir, self.entries)
            self.settings.save()
            make_keys(self.settings.keys, time.time_ns())
            self._know_hours(progress)
            if self.settings.firm.bus.redis_url == EMBEDDED:
                self.start_redis()
            self._warm(progress)
            for wave in self._waves:
                for name in wave:
                    self.start_agent(name)
                self.wait_ready(wave, progress=progress)
        except BaseException:
            self.stop()
            raise

    def start_redis(self) -> None:
        """Start the embedded Redis."""
        self._redis = EmbeddedRedis(self.run_dir)
        self._redis.start()

    @property
    def redis_pid(self) -> int | None:
        """Process id of the embedded Redis, or None."""
        return None if self._redis is None else self._redis.pid

    def start_agent(self, name: str) -> None:
        """Start one agent as ``python -m MODULE``, out of reach of the terminal's Ctrl-C: it is stopped in order."""
        entry = self.entries[name]
        environment = dict(os.environ)
        if not self.settings.firm.kernels.jit:
            environment["NUMBA_DISABLE_JIT"] = "1"
        with self.run_dir.open_log(name) as log, birth():
            self._log_starts[name] = log.tell()
            self._children[name] = subprocess.Popen(
                [sys.executable, "-m", entry.module or name, "--run-dir", str(self.run_dir.root)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                process_group=0, preexec_fn=die_with_parent(),
            )  # fmt: skip
        self._born[name] = time.monotonic()
        self._due.pop(name, None)

    def wait_ready(
        self,
        names: Iterable[str],
        patience_s: float = READY_PATIENCE_S,
        progress: Callable[[str], object] = lambda _: None,
    ) -> None:
        """Wait until each of these agents says READY."""
        waiting = set(names)
        deadline = time.monotonic() + patience_s
        while waiting:
            for name in sorted(waiting):
                code = self._children[name].poll()
                if code is not None:
                    raise Fatal(f"{name} ended with status {code} before it was ready: {self.last_words(name)}")
            if time.monotonic() > deadline:
                raise Fatal(
                    f"not ready after {patience_s:g} s: {', '.join(sorted(waiting))}; see {self.run_dir.root}/logs"
                )
            for name, status in self.client.statuses(sorted(waiting), _PING_S).items():
                if status.state is AgentState.READY and status.pid == self.pid(name):
                    waiting.discard(name)
                    progress(name)

    def statuses(self, names: Iterable[str] | None = None, timeout_s: float = _PING_S) -> dict[str, AgentStatus]:
        """Ask agents for their status."""
        return self.client.statuses(list(self.entries if names is None else names), timeout_s)

    def pid(self, name: str) -> int | None:
        """Return the process id of a running agent, or None."""
        child = self._children.get(name)
        return None if child is None or child.poll() is not None else child.pid

    def signal(self, name: str, number: int) -> None:
        """Send a signal to one agent that this supervisor started."""
        child = self._children[name]
        if child.poll() is None:
            child.send_signal(number)

    def kill(self, name: str) -> None:
        """End one agent as a power cut would, and wait until it is gone."""
        self.signal(name, signal.SIGKILL)
        self._children[name].wait()

    def watch(self) -> list[str]:
        """Reap what has died and start it again while its budget lasts; return a line for each event."""
        events = []
        now = time.monotonic()
        for name, child in self._children.items():
            code = child.poll()
            if code is None or name in self._due:
                continue
            self.exit_codes[name] = code
            if now - self._born[name] > _ALIVE_S:
                self.restarted[name] = 0
            count = self.restarted.get(name, 0)
            if count >= self._restarts:
                self._due[name] = float("inf")
                events.append(f"{name} ended with status {code}; not started again: {self.last_words(name)}")
            else:
                self.restarted[name] = count + 1
                self._due[name] = now + 0.1 * 2**count
                events.append(f"{name} ended with status {code}; starting it again ({count + 1} of {self._restarts})")
        for name, due in list(self._due.items()):
            if now >= due:
                self.start_agent(name)
        if self._redis is not None and self._redis.pid is None:
            events.append("the embedded Redis ended; starting it again")
            self._redis.start()
        return events

    def is_lost(self) -> bool:
        """Whether some agent died and its restarts are spent."""
        return any(due == float("inf") for due in self._due.values())

    def stop(self) -> dict[str, int]:
        """Stop everything this supervisor started, in reverse order, and return the exit statuses."""
        order = [name for wave in reversed(self._waves) for name in wave if name in self._children]
        last = [name for name in order if name == "recorder"]
        for group in ([name for name in order if name not in last], last):
            for name in group:
                self.signal(name, signal.SIGTERM)
                self.signal(name, signal.SIGCONT)
            self._reap(group)
        if self._redis is not None:
            self._redis.stop()
        if self._client is not None:
            self._client.close()
            self._client = None
        self._lock.release()
        return self.exit_codes

    def last_words(self, name: str) -> str:
        """Return the last line an agent wrote since it was started, for a message to a person."""
        path = self.run_dir.log(name)
        with contextlib.suppress(OSError):
            said = path.read_bytes()[self._log_starts.get(name, 0) :].decode(errors="replace")
            lines = [line for line in said.splitlines() if line.strip()]
            plain = [line for line in lines if not line.startswith("{")]
            if plain or lines:
                return (plain or lines)[-1]
        return f"see {path}"

    def _reap(self, names: Iterable[str]) -> None:
        deadline = time.monotonic() + STOP_PATIENCE_S
        for name in names:
            child = self._children[name]
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            self.exit_codes[name] = child.returncode

    def _know_hours(self, progress: Callable[[str], object]) -> None:
        """Compute once when exchanges are open; no agent imports the library that knows."""
        if not missing(calendars(self.settings), time.gmtime().tm_year):
            return
        progress("sessions")
        command = [sys.executable, "-m", "research.sessions", "--config", str(self.settings.folder)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise ConfigError(reason) if done.returncode == EXIT_CONFIG else Fatal(reason)

    def _warm(self, progress: Callable[[str], object]) -> None:
        """Compile the kernels once, before several processes would do it side by side.

        A mistake in the configuration is left for the agent that it concerns to tell.
        """
        if not self.settings.firm.kernels.jit or is_warm():
            return
        progress("kernels")
        command = [sys.executable, "-m", "research.warm", "--config", str(self.settings.folder)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode == EXIT_CONFIG:
            return
        if done.returncode:
            raise Fatal(f"the kernels do not compile: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
        mark_warm()


def waves(entries: dict[str, AgentEntry]) -> list[list[str]]:
    """Sort agents into groups; each needs only agents of earlier groups.

    ``needs = ["*"]`` is a need for every agent that has no such need itself.

    Raises
    ------
    ConfigError
        An agent needs one that is not in the list, or two need each other.
    """
    early = [name for name, entry in entries.items() if EVERY_OTHER not in entry.needs]
    left: dict[str, list[str]] = {}
    for name, entry in entries.items():
        named = [need for need in entry.needs if need != EVERY_OTHER]
        left[name] = named if name in early else [*early, *named]
    order: list[list[str]] = []
    for name, needs in left.items():
        for need in needs:
            if need not in entries:
                raise ConfigError(f"agents.{name}.needs names {need}, which is not an enabled agent")
    while left:
        wave = [name for name, needs in left.items() if not any(need in left for need in needs)]
        if not wave:
            raise ConfigError(f"agents.needs runs in a circle among {', '.join(left)}")
        order.append(wave)
        for name in wave:
            del left[name]
    return order


def wait_until_free(run_dir: RunDir, names: Iterable[str], patience_s: float = LEFTOVER_PATIENCE_S) -> None:
    """Wait until no agent of an earlier firm, whose supervisor was killed, is left in a run directory.

    Raises
    ------
    Fatal
        One is still there; the message names it.
    """
    deadline = time.monotonic() + patience_s
    for name in names:
        lock = run_dir.lock(name)
        while lock.is_held():
            if time.monotonic() > deadline:
                raise Fatal(
                    f"{name} still runs in {run_dir.root} (pid {lock.holder() or 'unknown'}), but no supervisor does; "
                    f"end it, or use another --run-dir"
                )
            time.sleep(0.05)
