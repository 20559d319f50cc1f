"""The runner of a host that ops is not on: brings that host's agents up, keeps them up, ends them.

It has no key but theirs and speaks to nobody: whether an agent is well it reads off the agent's beacon, and what it did
stands in its own log. The supervisor on the host of ops tells the ledger, halts and answers commands.
"""

import time
from collections.abc import Iterable
from typing import Final

from bus.beacon import READY, Light, read_light
from bus.config import Settings
from bus.rundir import RunDir
from ops.config import ops_config
from ops.monitoring.monitor import Health
from ops.monitoring.state import FOLDER
from ops.supervision.adoption import SUPERVISOR, inherit
from ops.supervision.fleet import Fleet
from ops.supervision.hosting import here
from ops.supervision.order import waves
from ops.supervision.packages import require
from ops.supervision.preparation import Progress, prepare, quiet
from ops.supervision.readiness import wait_until_ready
from ops.supervision.stops import Stops
from ops.supervision.upkeep import Upkeep

_LOOK_S: Final = 0.1
_NS: Final = 1_000_000_000


class Branch:
    """One host's part of a firm; has the face of a ``Supervisor`` as far as `boardroom up` looks at it.

    Parameters
    ----------
    settings
        Configuration, the same on every host.
    host
        This host, as the process list names it.
    """

    def __init__(self, settings: Settings, host: str) -> None:
        self.settings = settings
        self.run_dir = RunDir(settings.run_dir)
        self.entries = here(settings.firm, host)
        self.config = ops_config(settings)
        self.is_over = False
        self.absent: tuple[str, ...] = ()
        everyone = settings.firm.enabled
        self._waves = [[name for name in wave if name in self.entries] for wave in waves(everyone)]
        self._fleet = Fleet(settings, self.entries, self.config, clock=time.monotonic)
        self._upkeep = Upkeep(self._fleet, self.entries, self.config, Stops(settings.run_dir / FOLDER))
        self._lock = self.run_dir.lock(SUPERVISOR)
        self._progress: dict[str, tuple[int, float]] = {}
        self._look_due_s = 0.0

    def start(self, progress: Progress = quiet) -> None:
        """Bring this host's agents up, those before who are needed by others; on failure all are stopped again.

        Raises
        ------
        Fatal
            They already run here, a package is missing, or one does not become ready; the message quotes its last
            words.
        """
        require(self.entries)
        self.run_dir.create()
        self._lock.acquire()
        try:
            self._inherit()
            prepare(self.settings, progress)
            for wave in self._waves:
                for name in wave:
                    if self._fleet.pid(name) is None:
                        self._upkeep.start(name)
                self.wait_ready(wave, progress)
        except BaseException:
            self.stop()
            raise

    def wait_ready(self, names: Iterable[str], progress: Progress = quiet) -> None:
        """Wait until the beacon of each of these agents says READY.

        Raises
        ------
        Fatal
            One has ended, or is not ready in time.
        """
        wait_until_ready(
            self._fleet, names, self._ready, self.config.ready_s,
            is_there=lambda name: self._fleet.pid(name) is not None, progress=progress,
        )  # fmt: skip

    def watch(self) -> list[str]:
        """Do whatever is due to keep the agents up; return a line for each event."""
        now_s = time.monotonic()
        steps = self._upkeep.turn(now_s)
        if now_s >= self._look_due_s:
            self._look_due_s = now_s + self.config.ping_s
            for name in self.entries:
                steps += self._upkeep.measure(name, now_s)[1]
                steps += self._upkeep.saw(name, self._health(name, now_s), now_s)
        return [step.detail for step in steps]

    def is_lost(self) -> bool:
        """Whether some agent died and its restarts are spent."""
        return bool(self._upkeep.lost)

    def pid(self, name: str) -> int | None:
        """Return the process id of a running agent, or None."""
        return self._fleet.pid(name)

    def stop(self) -> dict[str, int]:
        """Stop the agents of this host in reverse order; return the exit statuses known."""
        codes = self._fleet.stop(self._waves)
        self._lock.release()
        return codes

    def _inherit(self) -> None:
        """Look after what an earlier runner left by the same configuration; end what runs by another."""
        for name, child in inherit(self.settings, self.entries, self._waves, self.config).items():
            self._fleet.adopt(name, child)

    def _light(self, name: str) -> Light | None:
        """Return what the beacon of the process of now shows."""
        try:
            light = read_light(self.run_dir.root, name)
        except (OSError, ValueError):
            return None
        return light if light is not None and light.pid == self._fleet.pid(name) else None

    def _ready(self, names: Iterable[str]) -> list[str]:
        time.sleep(_LOOK_S)
        lights = ((name, self._light(name)) for name in names)
        return [name for name, light in lights if light is not None and light.state == READY]

    def _health(self, name: str, now_s: float) -> Health:
        """Tell a process that hangs: no beacon, or inputs waiting and none handled, for ``hang_s``."""
        if self._fleet.pid(name) is None:
            return Health.DOWN
        light, patience_s = self._light(name), self.config.hang_s
        if light is None:
            is_late = now_s - self._fleet.born_s[name] > max(patience_s, self.config.ready_s)
            return Health.HUNG if is_late else Health.STARTING
        inputs, since_s = self._progress.get(name, (-1, now_s))
        if light.inputs != inputs or not light.inbox:
            self._progress[name] = (light.inputs, now_s)
            since_s = now_s
        age_s = (time.monotonic_ns() - light.at_ns) / _NS
        return Health.HUNG if max(age_s, now_s - since_s) > patience_s else Health.HEALTHY
