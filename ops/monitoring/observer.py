"""The observer: watches a firm whose processes a container engine keeps, and halts it when it must not go on.

It judges, shows, reports and tells the ledger as a supervisor does, with the same parts; it starts and stops nothing.
"""

import time
from collections.abc import Callable
from typing import Final

from bus.beacon import READY, Beacon
from bus.command import Authority
from bus.config import Settings
from bus.errors import Fatal
from bus.keys import OPERATORS, Signer, Verifier
from bus.message import OPS
from bus.messages import AgentState
from bus.rundir import RunDir
from ops.config import OpsConfig, ops_config
from ops.monitoring.elsewhere import OWNER, Elsewhere, Refusal
from ops.monitoring.lookout import Lookout
from ops.monitoring.mode import mode_of
from ops.monitoring.monitor import Monitor
from ops.monitoring.schedule import Schedule
from ops.monitoring.state import FOLDER
from ops.supervision.adoption import SUPERVISOR
from ops.supervision.herald import Herald
from ops.supervision.line import Line
from ops.supervision.outbox import Outbox
from ops.supervision.watch import Watch

CANNOT: Final = (
    f"{OWNER}: they are started, stopped and restarted there; limits of memory, and Redis itself, are watched there too"
)
_TURN_S: Final = 0.05


class Observer:
    """Watches one firm from a place of its own.

    Parameters
    ----------
    settings
        Configuration of the firm.
    clock
        Monotonic time in seconds.

    Raises
    ------
    ConfigError
        A table does not fit, or a key is missing.
    Fatal
        A supervisor or another observer watches from this run directory, or the address of ops cannot be bound.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._run_dir = RunDir(settings.run_dir)
        self._run_dir.create()
        if self._run_dir.lock(SUPERVISOR).is_held():
            raise Fatal(f"a supervisor watches {self._run_dir.root} already; an observer is for firms without one")
        self._lock = self._run_dir.lock(OPS)
        self._lock.acquire()
        try:
            self._watch = _watch(settings, ops_config(settings), clock)
        except BaseException:
            self._lock.release()
            raise
        self._beacon = Beacon(self._run_dir.root, OPS, settings.firm.bus.heartbeat_s)
        self._turns = 0

    def run(self, is_over: Callable[[], object], tell: Callable[[str], object]) -> None:
        """Watch until ``is_over``; ``tell`` takes each line that an operator should read."""
        tell(f"observing the firm; {CANNOT}")
        has_ended = False
        while not is_over():
            for line in self._watch.turn():
                tell(line)
            if self._watch.guard.is_over and not has_ended:
                has_ended = True
                tell(f"the emergency has run its course; {OWNER}, so stop the firm there: `docker compose down`")
            self._turns += 1
            self._beacon.keep(READY, self._turns, 0)
            time.sleep(_TURN_S)
        self._beacon.show(AgentState.STOPPING, self._turns)

    def close(self) -> None:
        """Give up all sockets; what was not told yet waits on disk for the next start."""
        self._watch.close()
        self._lock.release()


def check(settings: Settings) -> None:
    """See that the configuration fits an observer.

    Raises
    ------
    ConfigError
        It does not.
    """
    Schedule(ops_config(settings).report_cron)
    mode_of(settings)


def _watch(settings: Settings, config: OpsConfig, clock: Callable[[], float]) -> Watch:
    check(settings)
    keys = settings.keys
    signer, authority = Signer.load(keys, OPS), Authority(OPS, Verifier.load(keys, OPERATORS))
    entries = settings.firm.enabled
    agents = Elsewhere(entries, config, clock())
    monitor = Monitor(entries, config)
    outbox = Outbox(settings.run_dir / FOLDER)
    lookout = Lookout(settings, monitor, "observer")
    herald = Herald(Line.open(settings), outbox, signer, agents)
    return Watch(config, agents, None, herald, Refusal(authority), monitor, lookout, clock=clock)
