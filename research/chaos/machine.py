"""Faults of what the whole firm stands on: its clock jumps, its disk is full, its supervisor is killed."""

from typing import Final

from bus.main import EXIT_JOURNAL
from ops.supervision.adoption import SUPERVISOR
from research.chaos.fault import Fault
from research.chaos.kept import Kept
from research.chaos.scene import PATIENCE_S, state_of

_IN_FORCE_S: Final = 0.3
_FREE_BYTES: Final = 4_096


class ClockForward(Fault):
    """The clock of the machine is ahead for a moment, and then right again."""

    sign = 1.0

    def begin(self) -> None:
        """Let it jump, and see that every agent has read it."""
        self.scene.clock.shift(self.sign * self.size)
        self.must_soon(lambda: self.scene.clock.is_seen(self.scene.pids), "an agent reads another clock")

    def hold(self) -> None:
        """Leave it so for a moment."""
        self.scene.firm.idle(_IN_FORCE_S)

    def end(self) -> None:
        """Let it jump back."""
        self.scene.clock.shift(0.0)


class ClockBack(ClockForward):
    """The clock of the machine is behind for a moment, and then right again."""

    sign = -1.0


class DiskFull(Fault):
    """The disk of the run directory has no byte left: whoever must write a journal cannot go on."""

    def begin(self) -> None:
        """Fill it, and see the first agent end for lack of room."""
        supervisor = self.scene.firm.supervisor
        supervisor.exit_codes.clear()
        written = self.scene.fill_disk()
        self.must(written > _FREE_BYTES, "there was no room to take")
        self.must_soon(lambda: EXIT_JOURNAL in supervisor.exit_codes.values(), "all found room", PATIENCE_S)

    def end(self) -> None:
        """Free it, and start whoever has ended."""
        self.scene.free_disk()
        self.tend()

    def tend(self) -> None:
        """Start whoever has ended."""
        for name in self.scene.agents:
            if self.scene.firm.supervisor.pid(name) is None:
                self.start(name)


class SupervisorKill(Fault):
    """SIGKILL for the supervisor; the agents go on, and another one takes them over."""

    def begin(self) -> None:
        """Kill it, and see that nobody went with it."""
        kept = self.scene.firm.supervisor
        self.must(isinstance(kept, Kept), "this firm has no supervisor of its own")
        assert isinstance(kept, Kept)
        self._kept = kept
        self._pids = {name: kept.pid(name) for name in self.scene.agents}
        pid = kept.pid(SUPERVISOR)
        self.must(pid is not None and all(self._pids.values()), "not everybody runs")
        assert pid is not None
        kept.kill(SUPERVISOR)
        self.must(state_of(pid) == "", f"pid {pid} is alive")

    def end(self) -> None:
        """Start another one."""
        self._up = self._kept.begin_up()

    def is_over(self) -> bool:
        """Whether it says that the firm is up."""
        return self._up.poll() is not None

    def check(self) -> None:
        """It has the same agents, all but those that another fault has ended."""
        said = self._up.communicate()[0]
        self.must(self._up.returncode == 0, f"boardroom up: {' '.join(said.split())}")
        ended = self.scene.ended
        same = {name: pid for name, pid in self._pids.items() if name not in ended}
        self.must({name: self._kept.pid(name) for name in same} == same, "an agent is not the one it was")
