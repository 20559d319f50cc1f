"""A whole firm in a temporary run directory, for tests: start it, wait for conditions, break it, read its ledger."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from bus.config import Settings
from bus.errors import ConfigError
from bus.messages import AgentStatus
from ops.ledger import Ledger
from ops.recorder.config import ledger_url
from ops.supervision.supervisor import Supervisor

PATIENCE_S: Final = 120.0
T = TypeVar("T")


def _ending_together(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Have the agents end with whoever runs the test, unless the test says otherwise."""
    return {**overrides, "ops": {"on_death": "stop", **overrides.get("ops", {})}}


class Firm:
    """A firm of real processes, real ZeroMQ and an embedded Redis, in a directory that goes with it.

    Parameters
    ----------
    config
        Folder with firm.toml and limits.toml.
    overrides
        Tables laid over firm.toml, key by key.
    restarts
        How often an agent that died is started again by ``wait``; 0, the default, leaves that to the test.
    run_dir
        An empty directory to run in, such as one on a small disk; by default one is made in the temporary folder.

    Examples
    --------
    ::

        with Firm(Path("configs"), {"market": {"bars": 50}}) as firm:
            firm.wait(lambda: firm.report("market").get("done") == 1)
            firm.kill("qbmia")
            firm.restart("qbmia")
    """

    def __init__(
        self,
        config: Path,
        overrides: Mapping[str, Any] | None = None,
        *,
        restarts: int = 0,
        run_dir: Path | None = None,
    ) -> None:
        self.run_dir = Path(tempfile.mkdtemp(prefix="boardroom-")) if run_dir is None else run_dir
        try:
            self.settings = Settings.load(config, self.run_dir, _ending_together(overrides or {}))
        except ConfigError:
            self.run_dir.rmdir()
            raise
        self.supervisor = Supervisor(self.settings, restarts=restarts)
        self.is_up = False

    def __enter__(self) -> Self:
        try:
            self.supervisor.start()
        except BaseException:
            shutil.rmtree(self.run_dir, ignore_errors=True)
            raise
        self.is_up = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def wait(self, condition: Callable[[], T | None], patience_s: float = PATIENCE_S, what: str = "the condition") -> T:
        """Wait until ``condition`` holds, and return what it then gave.

        Raises
        ------
        TimeoutError
            It did not in time; the message lists what every agent was doing.
        """
        deadline = time.monotonic() + patience_s
        while not (found := condition()):
            self.supervisor.watch()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come true in {patience_s:g} s; {self.describe()}")
            time.sleep(0.02)
        return found

    def wait_done(self, patience_s: float = PATIENCE_S) -> None:
        """Wait until the market has shown all its bars and every round is concluded."""
        self.wait(lambda: self.report("market").get("done") == 1, patience_s, "the end of the market's data")

    def status(self, name: str) -> AgentStatus | None:
        """Return the status of one agent, or None when it does not answer."""
        return self.supervisor.statuses([name]).get(name)

    def answer(self, name: str, patience_s: float = PATIENCE_S) -> AgentStatus:
        """Return the status of an agent that is up, asked again until it answers, however busy the machine.

        Raises
        ------
        TimeoutError
            It did not answer in time.
        """
        return self.wait(lambda: self.status(name), patience_s, f"an answer of {name}")

    def report(self, name: str) -> dict[str, str | int | float]:
        """Return what one agent reports of itself; empty when it does not answer."""
        status = self.status(name)
        return {} if status is None else dict(status.report)

    def kill(self, name: str) -> None:
        """``kill -9`` one agent."""
        self.supervisor.kill(name)

    def kill_redis(self) -> None:
        """``kill -9`` the embedded Redis; ``wait`` starts it again."""
        pid = self.supervisor.redis_pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def idle(self, seconds: float) -> None:
        """Let the firm run for that long."""
        deadline = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() > deadline, seconds + PATIENCE_S)

    def restart(self, name: str) -> None:
        """Start a dead agent again and wait until it is ready."""
        self.supervisor.start_agent(name)
        self.supervisor.wait_ready([name])

    def pause(self, name: str) -> None:
        """Stop one agent's clock (SIGSTOP)."""
        self.supervisor.signal(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a paused agent go on."""
        self.supervisor.signal(name, signal.SIGCONT)

    def stop(self) -> dict[str, int]:
        """Stop the firm cleanly; return the exit statuses."""
        if self.is_up:
            self.is_up = False
            return self.supervisor.stop()
        return self.supervisor.exit_codes

    def ledger(self) -> Ledger:
        """Open the ledger for reading."""
        return Ledger.open(ledger_url(self.settings))

    def describe(self) -> str:
        """Say in one line what every agent is doing."""
        statuses = self.supervisor.statuses()
        words = []
        for name in self.supervisor.entries:
            status = statuses.get(name)
            if status is None:
                words.append(f"{name}: no answer, last words: {self.supervisor.last_words(name)}")
            else:
                words.append(f"{name}: {status.inputs} inputs, {dict(status.counters)}, {dict(status.report)}")
        return "; ".join(words)
