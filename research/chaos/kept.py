"""A firm that a supervisor of its own keeps up, in another process, which can be killed and started again."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bus.child import listener
from bus.config import Settings
from bus.errors import Fatal
from bus.secret import ENV_PREFIX
from ops.supervision.adoption import SUPERVISOR
from ops.supervision.preparation import Progress, quiet
from ops.supervision.supervisor import Supervisor

KEPT: Final[Mapping[str, Any]] = {
    "ops": {"on_death": "keep", "restarts": 1_000, "backoff_s": 0.05, "backoff_max_s": 0.2}
}
"""An [ops] table that gives nobody up for being killed often."""
_PATIENCE_S: Final = 180.0
_PAUSE_S: Final = 0.005


class Kept(Supervisor):
    """Looks like a supervisor in this process, but only watches what the one of ``boardroom up`` does.

    Parameters
    ----------
    settings
        Configuration of the firm; ``tables`` are what it has over the files in ``config``.
    """

    def __init__(self, settings: Settings, config: Path, tables: Mapping[str, Any]) -> None:
        super().__init__(settings, restarts=0)
        self._command = [sys.executable, "-m", "cli"]
        self._where = ["--run-dir", str(settings.run_dir)]
        self._files = ["--config", str(config)]
        self._variables = dict(variables(tables))

    def start(self, progress: Progress = quiet) -> None:
        """Start the supervisor, and the firm with it.

        Raises
        ------
        Fatal
            It does not come up; the message says why.
        """
        up = self.begin_up()
        try:
            said = up.communicate(timeout=_PATIENCE_S)[0]
        except subprocess.TimeoutExpired:
            up.kill()
            said = f"not up after {_PATIENCE_S:g} s"
        if up.returncode:
            raise Fatal(f"boardroom up: {' '.join(said.split())}")

    def begin_up(self) -> "subprocess.Popen[str]":
        """Start the supervisor, or another one after it was killed, and wait for nothing."""
        return subprocess.Popen(
            [*self._command, "up", "--detach", *self._files, *self._where],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, **self._variables}, cwd=self.settings.run_dir.parent,
        )  # fmt: skip

    def stop(self) -> dict[str, int]:
        """Stop supervisor and firm as an operator does."""
        stopped = subprocess.run(
            [*self._command, "stop", *self._where], cwd=self.settings.run_dir.parent,
            capture_output=True, text=True, timeout=_PATIENCE_S, check=False,
        )  # fmt: skip
        if self._client is not None:
            self._client.close()
            self._client = None
        left = [name for name in (SUPERVISOR, *self.entries) if self.pid(name) is not None]
        return dict.fromkeys(left, stopped.returncode or 1)

    def pid(self, name: str) -> int | None:
        """Return the process id of who holds the lock of that name, or None."""
        lock = self.run_dir.lock(name)
        return lock.holder() if lock.path.exists() and lock.is_held() else None

    @property
    def redis_pid(self) -> int | None:
        """Process id of the embedded Redis, or None."""
        return listener(self.run_dir.redis_socket)

    def signal(self, name: str, number: int) -> None:
        """Send a signal to one agent, or to the supervisor."""
        pid = self.pid(name)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self, name: str) -> None:
        """End one agent, or the supervisor, as a power cut would, and wait until it is gone."""
        pid = self.pid(name)
        self.signal(name, signal.SIGKILL)
        while pid is not None and self.pid(name) == pid:
            time.sleep(_PAUSE_S)

    def start_agent(self, name: str) -> None:
        """Leave it to the supervisor."""

    def watch(self) -> list[str]:
        """Leave it to the supervisor."""
        return []


def variables(tables: Mapping[str, Any], prefix: str = ENV_PREFIX) -> list[tuple[str, str]]:
    """Return tables as variables of the environment."""
    found = []
    for name, value in tables.items():
        if isinstance(value, Mapping):
            found += variables(value, f"{prefix}{name.upper()}__")
        else:
            found.append((f"{prefix}{name.upper()}", str(value)))
    return found
