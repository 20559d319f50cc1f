"""The processes of one firm: started, taken over, signalled, ended in order, and what they said last."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from bus.child import Adopted, Born, Child
from bus.config import AgentEntry, Settings
from bus.lifeline import birth, die_with_parent
from bus.rundir import RunDir
from bus.secret import own_environment
from ops.config import OpsConfig

LAST_TO_STOP: Final = "recorder"
"""It writes what the others say while they stop."""
_SHORTEST_S: Final = 0.1
Clock = Callable[[], float]


class Fleet:
    """Every agent process of one run directory that this process looks after.

    Parameters
    ----------
    settings, entries
        Configuration of the firm, and the lines of its process list that run here.
    config
        The [ops] table.
    clock
        Monotonic time in seconds.
    """

    def __init__(
        self, settings: Settings, entries: Mapping[str, AgentEntry], config: OpsConfig, *, clock: Clock
    ) -> None:
        self.run_dir = RunDir(settings.run_dir)
        self.born_s: dict[str, float] = {}
        self._settings = settings
        self._entries = entries
        self._config = config
        self._clock = clock
        self._children: dict[str, Child] = {}
        self._noted: set[str] = set()
        self._log_starts: dict[str, tuple[int, int]] = {}

    def start(self, name: str) -> None:
        """Start one agent in a session of its own, out of reach of the terminal's Ctrl-C and of its end.

        In this one's session the kernel would hang up on an agent that is paused when this process dies.
        """
        environment = own_environment(os.environ, name)
        if not self._settings.firm.kernels.jit:
            environment["NUMBA_DISABLE_JIT"] = "1"
        command = [
            *(sys.executable, *self._entries[name].command(name), "--run-dir", str(self.run_dir.root)),
            *("--log-mb", f"{self._config.log_mb:g}", "--log-files", str(self._config.log_files)),
        ]
        ends_with_us = die_with_parent() if self._config.on_death == "stop" else None
        with self.run_dir.open_log(name) as log, birth():
            self._log_starts[name] = (os.fstat(log.fileno()).st_ino, log.tell())
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                start_new_session=True, preexec_fn=ends_with_us,
            )  # fmt: skip
            self._add(name, Born(process))

    def adopt(self, name: str, child: Adopted) -> None:
        """Look after a process that another supervisor started."""
        with contextlib.suppress(OSError):
            at_end = self.run_dir.log(name).stat()
            self._log_starts[name] = (at_end.st_ino, at_end.st_size)
        self._add(name, child)

    def ended(self) -> list[tuple[str, int | None]]:
        """Return who has ended since the last call, with the exit status; None where nobody can know it."""
        found = [name for name, child in self._children.items() if name not in self._noted and not child.is_running]
        self._noted.update(found)
        return [(name, self._children[name].code) for name in found]

    def names(self) -> tuple[str, ...]:
        """Return who was ever started or taken over."""
        return tuple(self._children)

    def pid(self, name: str) -> int | None:
        """Return the process id of a running agent, or None."""
        child = self._children.get(name)
        return child.pid if child is not None and child.is_running else None

    def code(self, name: str) -> int | None:
        """Return the exit status of an agent that ended; None while it runs, and where nobody can know it."""
        return self._children[name].code

    def is_adopted(self, name: str) -> bool:
        """Tell whether an agent was started by another supervisor."""
        return isinstance(self._children.get(name), Adopted)

    def send(self, name: str, number: int) -> None:
        """Send a signal to one agent."""
        if self._children[name].is_running:
            self._children[name].send(number)

    def kill(self, name: str) -> None:
        """End one agent as a power cut would, and wait until it is gone."""
        self.send(name, signal.SIGKILL)
        self._children[name].wait()

    def ask_to_stop(self, name: str) -> None:
        """Let an agent end in order, even if its clock is stopped."""
        self.send(name, signal.SIGTERM)
        self.send(name, signal.SIGCONT)

    def stop(self, waves: Sequence[Sequence[str]], before_last: Callable[[], object] = lambda: None) -> dict[str, int]:
        """End all, those first that were started last and the recorder after them; return the exit statuses known.

        ``before_last`` is called while the recorder alone still runs.
        """
        order = [name for wave in reversed(waves) for name in wave if name in self._children]
        codes = self._end([name for name in order if name != LAST_TO_STOP])
        before_last()
        codes |= self._end([name for name in order if name == LAST_TO_STOP])
        return codes

    def last_words(self, name: str) -> str:
        """Return the last line an agent wrote since it was started, for a message to a person."""
        path = self.run_dir.log(name)
        said = b""
        with contextlib.suppress(OSError):
            inode, begin = self._log_starts.get(name, (0, 0))
            said = path.read_bytes()[begin if path.stat().st_ino == inode else 0 :]
        lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
        plain = [line for line in lines if not line.startswith("{")]
        return (plain or lines)[-1] if lines else f"see {path}"

    def _add(self, name: str, child: Child) -> None:
        self._children[name] = child
        self._noted.discard(name)
        self.born_s[name] = self._clock()

    def _end(self, names: Iterable[str]) -> dict[str, int]:
        group = list(names)
        for name in group:
            self.ask_to_stop(name)
        deadline = self._clock() + self._config.stop_s
        codes = {}
        for name in group:
            child = self._children[name]
            if not child.wait(max(_SHORTEST_S, deadline - self._clock())):
                child.send(signal.SIGKILL)
                child.wait()
            if child.code is not None:
                codes[name] = child.code
        return codes
