"""One fault on its way through a firm: it begins, is in force, ends, and proves that it was there."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final

from bus.errors import Fatal
from bus.rundir import RunDir
from research.chaos.kind import Injection
from research.chaos.scene import Scene, state_of

SOON_S: Final = 5.0
"""How long a fault may take to show."""


class NotInjected(Fatal):
    """A fault that did not happen: what followed says nothing of it."""


class Fault:
    """What every fault does; a kind of fault says how.

    Parameters
    ----------
    scene
        The firm.
    injection
        What to do to whom.

    Attributes
    ----------
    awaited
        Agents that ``end`` has started: the firm has recovered only once they are at work.
    takes_work
        Whether it comes about only while the firm goes on working: then it begins before its partner.
    """

    takes_work: ClassVar[bool] = False

    def __init__(self, scene: Scene, injection: Injection) -> None:
        self.scene = scene
        self.injection = injection
        self.victim = injection.victim
        self.size = injection.size
        self.awaited: tuple[str, ...] = ()

    def prepare(self) -> None:
        """Wait for what it takes, while the whole firm is at work."""

    def begin(self) -> None:
        """Bring the fault about.

        Raises
        ------
        NotInjected
            It did not happen.
        """

    def hold(self) -> None:
        """Let it be in force as long as it should."""
        if self.size:
            self.scene.firm.idle(self.size)

    def end(self) -> None:
        """Take it away, and start what it ended, without waiting for anything."""

    def is_over(self) -> bool:
        """Whether what ``end`` began has come to its end."""
        return True

    def tend(self) -> None:
        """Do what the firm needs again and again until it has recovered."""

    def check(self) -> None:
        """Prove, after the firm has recovered, that it was met.

        Raises
        ------
        NotInjected
            Nobody noticed.
        """

    def must(self, is_so: object, what: str) -> None:
        """Refuse to go on unless the fault shows."""
        if not is_so:
            raise NotInjected(f"{self.injection}: {what}; this fault was not injected")

    def must_soon(self, shows: Callable[[], bool], what: str, patience_s: float = SOON_S) -> None:
        """Wait a little for the fault to show."""
        try:
            self.scene.firm.wait(shows, patience_s, what)
        except TimeoutError as error:
            raise NotInjected(f"{self.injection}: {error}; this fault was not injected") from None

    def start(self, name: str) -> None:
        """Start an agent again and await it."""
        self.scene.firm.supervisor.start_agent(name)
        self.awaited += (name,)

    def pid(self) -> int:
        """Return the process id of the victim, which must be running."""
        pid = self.scene.firm.supervisor.pid(self.victim)
        self.must(pid is not None, f"{self.victim} does not run")
        assert pid is not None
        return pid

    def end_victim(self) -> None:
        """SIGKILL the victim and see that it is gone."""
        pid = self.pid()
        self.scene.ended.add(self.victim)
        self.scene.firm.kill(self.victim)
        self.must(self.scene.firm.supervisor.pid(self.victim) != pid and state_of(pid) == "", f"pid {pid} is alive")

    def said(self, words: str) -> int:
        """Return how often the victim's log holds these words."""
        log = RunDir(self.scene.firm.run_dir).log(self.victim)
        files = [log, *log.parent.glob(f"{log.name}.*")]
        return sum(path.read_bytes().count(words.encode()) for path in files)

    @property
    def journal(self) -> Path:
        """Folder of the victim's journal."""
        return RunDir(self.scene.firm.run_dir).journal(self.victim)


def stop_clock(pid: int) -> bool:
    """SIGSTOP a process; tell whether it stands still at once."""
    os.kill(pid, signal.SIGSTOP)
    return state_of(pid) == "T"
