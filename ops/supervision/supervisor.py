"""The supervisor of one firm: brings it up in order, keeps it up, takes over what an earlier one left, ends it flat."""

import time
from collections.abc import Iterable
from typing import Final

from bus.child import Adopted
from bus.client import Client
from bus.command import Authority
from bus.config import Settings
from bus.credentials import redis_names
from bus.keys import OPERATORS, Signer, Verifier
from bus.message import OPS
from bus.messages import AgentState, AgentStatus
from bus.redis_server import EMBEDDED, EmbeddedRedis
from bus.rundir import RunDir
from ops.config import ops_config
from ops.monitoring.lookout import Lookout
from ops.monitoring.monitor import Monitor
from ops.monitoring.state import FOLDER
from ops.supervision.adoption import SUPERVISOR, end, inherit
from ops.supervision.desk import Desk
from ops.supervision.fleet import Fleet
from ops.supervision.guard import Step
from ops.supervision.herald import Herald
from ops.supervision.hosting import here
from ops.supervision.line import Line
from ops.supervision.order import waves
from ops.supervision.outbox import Outbox
from ops.supervision.packages import require
from ops.supervision.preparation import Progress, prepare, quiet
from ops.supervision.readiness import wait_until_ready
from ops.supervision.redis_upkeep import RedisUpkeep
from ops.supervision.spread import keeper_of
from ops.supervision.stops import Stops
from ops.supervision.upkeep import Upkeep
from ops.supervision.watch import Answers, Watch

_PING_S: Final = 0.5
_DRAIN_S: Final = 1.0
_ANY: Final = 1_000_000


class Supervisor:
    """One firm's processes, from the point of view of the process that looks after them.

    Parameters
    ----------
    settings
        Configuration; it is saved in the run directory for the agents to read.
    restarts
        How often within the window an agent that died is started again before it is given up; [ops] says so unless
        given. 0 leaves everything that happens to an agent to the caller: nothing is ended, halted or shut down, and
        only the embedded Redis is started again.
    host
        Look after the agents of this host alone, as the process list names it; the default is all.
    """

    def __init__(self, settings: Settings, *, restarts: int | None = None, host: str = "") -> None:
        self.settings = settings
        self.run_dir = RunDir(settings.run_dir)
        everyone = settings.firm.enabled
        self.entries = here(settings.firm, host) if host else everyone
        self.absent: tuple[str, ...] = ()
        known = ops_config(settings)
        self.config = known if restarts is None else known.model_copy(update={"restarts": restarts})
        self._is_hands_off = restarts == 0
        self._redis_config = known.model_copy(update={"restarts": _ANY}) if self._is_hands_off else self.config
        order = waves(everyone)
        self._waves = [[name for name in wave if name in self.entries] for wave in order]
        self._elsewhere = [[name for name in wave if name not in self.entries] for wave in order]
        self._fleet = Fleet(settings, self.entries, self.config, clock=time.monotonic)
        self._upkeep = Upkeep(self._fleet, self.entries, self.config, Stops(settings.run_dir / FOLDER))
        self._redis: EmbeddedRedis | None = None
        self._redis_upkeep: RedisUpkeep | None = None
        self._watch: Watch | None = None
        self._answers: Answers = {}
        self._lock = self.run_dir.lock(SUPERVISOR)
        self._line_lock = self.run_dir.lock(OPS)
        self._is_over = False
        self._client: Client | None = None
        self._taken_over: dict[str, int] = {}

    @property
    def client(self) -> Client:
        """A guest connection to the agents."""
        if self._client is None:
            self._client = Client(self.settings)
        return self._client

    @property
    def exit_codes(self) -> dict[str, int]:
        """Exit status of each agent that ended, as far as anybody can know it."""
        return self._upkeep.exit_codes

    @property
    def restarted(self) -> dict[str, int]:
        """How often each agent was started again."""
        return self._upkeep.restarted

    @property
    def lost(self) -> dict[str, str]:
        """Who was given up, and why."""
        return self._upkeep.lost

    @property
    def is_over(self) -> bool:
        """Whether an emergency has run its course: the firm is halted, as flat as it will be, and to be stopped."""
        return self._is_over or (self._watch is not None and self._watch.guard.is_over)

    @property
    def score(self) -> float:
        """Share of the firm's weight that was healthy at the last look."""
        return 1.0 if self._watch is None else self._watch.score

    def start(self, progress: Progress = quiet) -> None:
        """Bring the whole firm up, or take over what runs of it; on failure everything is stopped again.

        Raises
        ------
        Fatal
            The firm already runs here, a package is missing, or an agent does not become ready; the message quotes
            its last words.
        """
        require(self.entries)
        self.run_dir.create()
        self._lock.acquire()
        try:
            left = self._inherit()
            prepare(self.settings, progress)
            if self.settings.firm.bus.redis_url == EMBEDDED:
                self._find_redis(may_adopt=bool(left))
            self._take_over(left, progress)
            for number, wave in enumerate(self._waves):
                if wave:
                    self._wait_for_others((name for each in self._elsewhere[:number] for name in each), progress)
                names = [name for name in wave if name not in self._upkeep.stops]
                for name in names:
                    if self.pid(name) is None:
                        self.start_agent(name)
                self.wait_ready(names, progress=progress)
            if not self._is_hands_off:
                self._open_watch()
        except BaseException:
            self.stop()
            raise

    def start_redis(self) -> None:
        """Start the embedded Redis."""
        self._redis = self._embedded()
        self._redis.start()
        self._redis_upkeep = RedisUpkeep(self._redis, self._redis_config, clock=time.monotonic)

    @property
    def redis_pid(self) -> int | None:
        """Process id of the embedded Redis, or None."""
        return None if self._redis is None else self._redis.pid

    def start_agent(self, name: str) -> None:
        """Start one agent, whatever became of it before."""
        self._upkeep.start(name)

    def wait_ready(self, names: Iterable[str], patience_s: float | None = None, progress: Progress = quiet) -> None:
        """Wait until each of these agents says READY.

        Raises
        ------
        Fatal
            One has ended, or is not ready in time, [ops] ready_s unless given.
        """
        wait_until_ready(
            self._fleet, names, self._ready, self.config.ready_s if patience_s is None else patience_s,
            is_there=lambda name: self._fleet.pid(name) is not None or self._upkeep.find(name), progress=progress,
        )  # fmt: skip

    def _wait_for_others(self, names: Iterable[str], progress: Progress) -> None:
        """Give agents on other hosts time to be ready; the firm begins without those that are not."""
        waiting = set(names).difference(self.absent)
        deadline = time.monotonic() + self.config.ready_s
        while waiting and time.monotonic() < deadline:
            for name, said in self.client.statuses(sorted(waiting), _PING_S).items():
                self._answers[name] = (said, time.monotonic())
                if said.state is AgentState.READY:
                    waiting.discard(name)
                    progress(name)
        self.absent += tuple(sorted(waiting))

    def statuses(self, names: Iterable[str] | None = None, timeout_s: float = _PING_S) -> dict[str, AgentStatus]:
        """Ask agents for their status."""
        return self.client.statuses(list(self.entries if names is None else names), timeout_s)

    def pid(self, name: str) -> int | None:
        """Return the process id of a running agent, or None."""
        return self._fleet.pid(name)

    def signal(self, name: str, number: int) -> None:
        """Send a signal to one agent."""
        self._fleet.send(name, number)

    def kill(self, name: str) -> None:
        """End one agent as a power cut would, and wait until it is gone."""
        self._fleet.kill(name)

    def watch(self) -> list[str]:
        """Do whatever is due to keep the firm up; return a line for each event."""
        if self._watch is not None:
            return self._watch.turn()
        steps = self._upkeep.turn(time.monotonic())
        if self._redis_upkeep is not None:
            steps += self._redis_upkeep.turn()
        return [step.detail for step in steps]

    def is_lost(self) -> bool:
        """Whether some agent died and its restarts are spent."""
        return bool(self._upkeep.lost)

    def stop(self) -> dict[str, int]:
        """Stop everything this supervisor looks after, in reverse order, and return the exit statuses."""
        watch = self._watch
        codes = self._fleet.stop(self._waves, lambda: None if watch is None else watch.herald.drain(_DRAIN_S))
        self.exit_codes.update(codes)
        if self._redis is not None:
            self._redis.stop()
        if watch is not None:
            self._is_over = self.is_over
            watch.close()
            self._watch = None
        self._line_lock.release()
        if self._client is not None:
            self._client.close()
            self._client = None
        self._lock.release()
        return self.exit_codes

    def last_words(self, name: str) -> str:
        """Return the last line an agent wrote since it was started, for a message to a person."""
        return self._fleet.last_words(name)

    def _inherit(self) -> dict[str, Adopted]:
        """Return what runs by the same configuration and may go on, after the end of all else."""
        going_on = inherit(self.settings, self.entries, self._waves, self.config)
        stopped = {name: child for name, child in going_on.items() if name in self._upkeep.stops}
        end(stopped, self._waves, self.config.stop_s)
        return {name: child for name, child in going_on.items() if name not in stopped}

    def _embedded(self) -> EmbeddedRedis:
        names = redis_names(self.settings)
        return EmbeddedRedis(self.run_dir, self.settings.keys, names, outlives=self.config.on_death == "keep")

    def _find_redis(self, *, may_adopt: bool) -> None:
        """Take over the Redis that an earlier supervisor left if its agents go on too, else start one."""
        found = self._embedded()
        if found.adopt():
            if may_adopt and found.is_answering():
                self._redis = found
                self._redis_upkeep = RedisUpkeep(found, self._redis_config, clock=time.monotonic)
                return
            found.stop()
        self.start_redis()

    def _take_over(self, left: dict[str, Adopted], progress: Progress) -> None:
        """Look after agents that run already; one that gives no answer for as long as makes it hung is ended."""
        for name, child in left.items():
            self._fleet.adopt(name, child)
        silent = set(left)
        deadline = time.monotonic() + self.config.hang_s
        while silent and time.monotonic() < deadline:
            silent -= set(self._ready(silent))
            silent -= {name for name in silent if self.pid(name) is None}
        for name in sorted(silent):
            self.kill(name)
            progress(f"{name}, taken over, gave no answer: killed")
        self._taken_over = {name: pid for name in left if (pid := self.pid(name)) is not None}
        self._fleet.ended()

    def _ready(self, names: Iterable[str]) -> list[str]:
        found = self.client.statuses(sorted(names), _PING_S)
        ours = {name: (said, time.monotonic()) for name, said in found.items() if said.pid == self.pid(name)}
        self._answers.update(ours)
        return [name for name, (said, _) in ours.items() if said.state is AgentState.READY]

    def _open_watch(self) -> None:
        self._line_lock.acquire()
        keys, now_ns = self.settings.keys, time.time_ns()
        authority = Authority(OPS, Verifier.load(keys, OPERATORS))
        monitor = Monitor(self.settings.firm.enabled, self.config)
        outbox = Outbox(self.settings.run_dir / FOLDER)
        keeper = keeper_of(monitor.entries, self._upkeep, self.config, time.monotonic())
        herald = Herald(Line.open(self.settings), outbox, Signer.load(keys, OPS), keeper)
        desk = Desk(authority, self._upkeep, since_ns=now_ns)
        lookout = Lookout(self.settings, monitor, "supervisor")
        self._watch = Watch(
            self.config, keeper, self._redis_upkeep, herald, desk, monitor, lookout, answers=self._answers
        )
        for name, pid in self._taken_over.items():
            herald.say(Step("taken_over", name, f"{name} (pid {pid}) was left by another supervisor: taken over"))
        for name in self._upkeep.stops.names():
            if name in self.entries:
                stop = self._upkeep.stops[name]
                who = stop.operator or "an operator"
                herald.say(Step("still_stopped", name, f"{name} stays stopped by {who}: {stop.reason}"))
