"""Faults done to one agent: killed, stopped, slowed, damaged, denied room, doubled, told another configuration."""

import os
import resource
import signal
import subprocess
import sys
import threading
from typing import Final

from bus.main import EXIT_FATAL, EXIT_JOURNAL
from bus.rundir import RunDir
from bus.segment import HEADER_BYTES
from research.chaos.fault import Fault, stop_clock
from research.chaos.scene import PATIENCE_S, state_of

_TORN_BYTES: Final = 40
_STANDS_S: Final = 0.08
_RUNS_S: Final = 0.02
_FILES: Final = ("firm.toml", "limits.toml")
_CUT: Final = "never finished off the journal"
_SKIPPED: Final = "passed over a snapshot"


class Kill(Fault):
    """SIGKILL, then a new process."""

    def begin(self) -> None:
        """End the victim as a power cut would."""
        self.end_victim()

    def end(self) -> None:
        """Start it again."""
        self.start(self.victim)


class Torn(Kill):
    """SIGKILL in the middle of a write: half a record is the last of the journal."""

    def begin(self) -> None:
        """Kill, then leave the beginning of a record behind."""
        self._cuts = self.said(_CUT)
        self.end_victim()
        segment = max(self.journal.glob("*.log"))
        whole = segment.read_bytes()
        record = whole[HEADER_BYTES : HEADER_BYTES + _TORN_BYTES]
        with segment.open("ab") as file:
            file.write(record)
        self.must(len(record) == _TORN_BYTES, f"{segment} has no record yet")

    def check(self) -> None:
        """The new process says that it has cut it off."""
        self.must(self.said(_CUT) > self._cuts, "the log tells of no cut")


class Snapshot(Kill):
    """SIGKILL, and the newest snapshot is not as it was written."""

    def prepare(self) -> None:
        """Wait for a snapshot."""
        folder = RunDir(self.scene.firm.run_dir).snapshots(self.victim)
        self.scene.firm.wait(lambda: any(folder.glob("*.snap")), PATIENCE_S, f"a snapshot of {self.victim}")

    def begin(self) -> None:
        """Kill, then flip a byte."""
        folder = RunDir(self.scene.firm.run_dir).snapshots(self.victim)
        self._passed = self.said(_SKIPPED)
        self.end_victim()
        newest = max(folder.glob("*.snap"))
        content = bytearray(newest.read_bytes())
        content[len(content) // 2] ^= 0x10
        newest.write_bytes(content)

    def check(self) -> None:
        """The new process says that it has passed it over."""
        self.must(self.said(_SKIPPED) > self._passed, "the log tells of no snapshot passed over")


class Stop(Fault):
    """An orderly stop, and a start a while later: the peers find nobody."""

    def begin(self) -> None:
        """SIGTERM; the process ends with status 0."""
        supervisor = self.scene.firm.supervisor
        pid = self.pid()
        supervisor.exit_codes.pop(self.victim, None)
        os.kill(pid, signal.SIGTERM)
        self.must_soon(lambda: supervisor.pid(self.victim) is None, f"{self.victim} goes on", PATIENCE_S)
        self.scene.firm.wait(lambda: self.victim in supervisor.exit_codes, PATIENCE_S, f"the end of {self.victim}")
        self.must(supervisor.exit_codes[self.victim] == 0, f"it ended with {supervisor.exit_codes[self.victim]}")

    def end(self) -> None:
        """Start it again."""
        self.start(self.victim)


class Pause(Fault):
    """SIGSTOP: the process is there and does nothing."""

    def begin(self) -> None:
        """Stop its clock."""
        self._pid = self.pid()
        stop_clock(self._pid)
        self.must_soon(lambda: state_of(self._pid) == "T", f"{self.victim} goes on")

    def end(self) -> None:
        """Let it go on."""
        os.kill(self._pid, signal.SIGCONT)


class Slow(Fault):
    """A consumer that runs a fifth of the time."""

    def begin(self) -> None:
        """Begin to stop it again and again."""
        self._pid = self.pid()
        self._stood = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._duty, name="slow", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Let it run freely."""
        self._is_over.set()
        self._thread.join()
        self.must(self._stood >= 2, "it stood still less than twice")

    def _duty(self) -> None:
        while not self._is_over.is_set():
            self._stood += stop_clock(self._pid) or state_of(self._pid) == "T"
            self._is_over.wait(_STANDS_S)
            self._stood += state_of(self._pid) == "T"
            os.kill(self._pid, signal.SIGCONT)
            self._is_over.wait(_RUNS_S)


class FileLimit(Fault):
    """No file of the victim may grow beyond what its journal is, and a few kilobytes."""

    takes_work = True

    def begin(self) -> None:
        """Set the limit, and see the process end for lack of room."""
        pid, supervisor = self.pid(), self.scene.firm.supervisor
        supervisor.exit_codes.pop(self.victim, None)
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        size = max(self.journal.glob("*.log")).stat().st_size + round(self.size)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
        self.must_soon(lambda: self.victim in supervisor.exit_codes, f"{self.victim} found room", PATIENCE_S)
        code = supervisor.exit_codes[self.victim]
        self.must(code in (EXIT_JOURNAL, EXIT_FATAL), f"it ended with {code}")

    def hold(self) -> None:
        """It is over when the process is."""

    def end(self) -> None:
        """Start it again, with no limit."""
        self.start(self.victim)


class Duplicate(Fault):
    """The same agent, started a second time beside the first."""

    def begin(self) -> None:
        """Start it."""
        self._pid = self.pid()
        supervisor = self.scene.firm.supervisor
        entry = supervisor.entries[self.victim]
        self._second = subprocess.Popen(
            [sys.executable, *entry.command(self.victim), "--run-dir", str(supervisor.run_dir.root)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def hold(self) -> None:
        """Wait until it has ended."""
        try:
            self.scene.firm.wait(lambda: self._second.poll() is not None, PATIENCE_S, "the second one's end")
        finally:
            self._second.kill()
            self._words = self._second.communicate()[1]

    def check(self) -> None:
        """It was refused, and the first one is as it was."""
        self.must(self._second.returncode == EXIT_FATAL, f"the second one ended with {self._second.returncode}")
        self.must("already runs" in self._words, f"the second one said: {self._words.strip()}")
        self.must(self.scene.firm.supervisor.pid(self.victim) == self._pid, "the first one has gone")


class Changed(Kill):
    """Both files of configuration are changed under the running firm, and then an agent has to start."""

    def begin(self) -> None:
        """Write nonsense and another limit, then kill."""
        self._before = {name: (self.scene.config / name).read_text() for name in _FILES}
        self._write("firm.toml", self._before["firm.toml"] + "\n[no_such_table]\nx = 1\n")
        limits = self._before["limits.toml"].replace("position_weight = 0.10", "position_weight = 0.01")
        self.must(limits != self._before["limits.toml"], "limits.toml has no position_weight of 0.10 to change")
        self._write("limits.toml", limits)
        self.end_victim()

    def check(self) -> None:
        """Put back what was there."""
        for name, text in self._before.items():
            self._write(name, text)

    def _write(self, name: str, text: str) -> None:
        (self.scene.config / name).write_text(text)
