"""Keeps the agents of one firm up: starts again what ended as its policy says, and leaves alone what was stopped."""

import contextlib
import signal
from collections.abc import Mapping

from bus.config import AgentEntry
from bus.errors import Fatal
from bus.messages import AgentStatus
from ops.config import OpsConfig
from ops.monitoring.monitor import Health
from ops.supervision.adoption import holder
from ops.supervision.fleet import Fleet
from ops.supervision.guard import Step
from ops.supervision.resources import Gauge, Limits, Usage
from ops.supervision.restarts import Budget, judge
from ops.supervision.stops import Stop, Stops


class Upkeep:
    """The life of every agent after its first start.

    Parameters
    ----------
    fleet
        Their processes.
    entries
        The lines of the process list that run here.
    config
        The [ops] table.
    stops
        Who was stopped by an operator.
    """

    def __init__(self, fleet: Fleet, entries: Mapping[str, AgentEntry], config: OpsConfig, stops: Stops) -> None:
        self.fleet = fleet
        self.stops = stops
        self.exit_codes: dict[str, int] = {}
        self.restarted: dict[str, int] = {}
        self.lost: dict[str, str] = {}
        self.entries = entries
        self._config = config
        self._budgets = {name: Budget(config, name) for name in entries}
        self._limits = {name: Limits(entry) for name, entry in entries.items()}
        self._gauge = Gauge()
        self._due_s: dict[str, float] = {}
        self._ending_s: dict[str, float] = {}
        self._renewing: dict[str, str] = {}

    def start(self, name: str) -> None:
        """Start an agent, whatever became of it before."""
        self._due_s.pop(name, None)
        self._ending_s.pop(name, None)
        self.lost.pop(name, None)
        self.fleet.start(name)

    def find(self, name: str) -> bool:
        """Look after whoever else runs as an agent that has ended here; tell whether there is one that can be held."""
        other = None
        with contextlib.suppress(Fatal):
            other = holder(self.fleet.run_dir, name)
        if other is not None:
            self.fleet.adopt(name, other)
        return other is not None

    def turn(self, now_s: float) -> list[Step]:
        """Note who has ended, end who does not obey, and start who is due."""
        steps = [self._end(name, code, now_s) for name, code in self.fleet.ended()]
        for name, deadline_s in list(self._ending_s.items()):
            if now_s >= deadline_s:
                del self._ending_s[name]
                self.fleet.send(name, signal.SIGKILL)
        for name, due_s in list(self._due_s.items()):
            if now_s >= due_s:
                self.restarted[name] = self.restarted.get(name, 0) + 1
                self.start(name)
        return steps

    def measure(self, name: str, now_s: float) -> tuple[Usage, list[Step]]:
        """Return what an agent uses, and what follows where that is too much."""
        usage = self._gauge.measure(name, self.fleet.pid(name))
        if name not in self._limits:
            return usage, []
        excess = self._limits[name].look(usage)
        steps = [Step("busy", name, f"{name}: {excess.warning}")] if excess.warning else []
        if excess.must_restart and name not in self._ending_s:
            steps.append(self._renew(name, self._limits[name].outgrown(usage), now_s))
        return usage, steps

    def saw(self, name: str, health: Health, now_s: float) -> list[Step]:
        """Take note of how an agent looked; one that hangs is ended, as if it had ended by itself."""
        if name not in self._budgets:
            return []
        self._budgets[name].saw(now_s, is_healthy=health is Health.HEALTHY)
        pid = self.fleet.pid(name)
        if health is not Health.HUNG or pid is None:
            return []
        self.fleet.send(name, signal.SIGKILL)
        return [Step("killed", name, f"{name} hangs (pid {pid}): killed")]

    def is_there(self, name: str) -> bool:
        """Tell whether an agent runs."""
        return self.fleet.pid(name) is not None

    def asks(self, name: str, now_s: float) -> bool:
        """Tell whether an agent is to be asked how it is: whoever runs."""
        return self.is_there(name)

    def hears(self, status: AgentStatus, now_s: float) -> bool:
        """Tell whether an answer is of the process that runs now."""
        return status.pid == self.fleet.pid(status.agent)

    def born_s(self, name: str) -> float:
        """Return when the process at hand was started, by the monotonic clock."""
        return self.fleet.born_s.get(name, 0.0)

    def has_given_up(self, name: str) -> bool:
        """Tell whether an agent is not started again."""
        return name in self.lost

    def stop(self, name: str, stop: Stop, now_s: float) -> Step:
        """Stop an agent for an operator, and keep it stopped.

        Raises
        ------
        Fatal
            The stop cannot be written down.
        """
        self.stops.add(name, stop)
        self._due_s.pop(name, None)
        self.lost.pop(name, None)
        self._ask_to_stop(name, now_s)
        return Step("stopped", name, f"{name} is stopped by {stop.operator or 'an operator'}: {stop.reason}")

    def release(self, name: str, operator: str, reason: str) -> Step:
        """Start an agent for an operator: one that was stopped or given up.

        Raises
        ------
        Fatal
            The stop cannot be forgotten.
        """
        if name in self.stops:
            self.stops.remove(name)
        self._budgets[name].renew()
        if self.fleet.pid(name) is None:
            self.start(name)
        else:  # it is still stopping
            self._renewing[name] = "an operator starts it again"
        return Step("started", name, f"{name} is started by {operator or 'an operator'}: {reason}")

    def _end(self, name: str, code: int | None, now_s: float) -> Step:
        self._ending_s.pop(name, None)
        if code is not None:
            self.exit_codes[name] = code
        how = f"{name} ended" if code is None else f"{name} ended with {_status(code)}"
        if name in self.stops:
            return Step("ended", name, f"{how}; it stays stopped until an operator starts it")
        if self.find(name):
            pid = self.fleet.pid(name)
            return Step("taken_over", name, f"{how}, as another runs already: that one (pid {pid}) is taken over")
        if name in self._renewing:
            self._due_s[name] = now_s
            return Step("restart", name, f"{how}; starting it again: {self._renewing.pop(name)}")
        words = self.fleet.last_words(name)
        verdict = judge(self.entries[name], self._budgets[name], self._config, code, words, now_s)
        if verdict.at_s is None:
            self.lost[name] = f"{how}; {verdict.why}"
            return Step("given_up", name, self.lost[name])
        self._due_s[name] = verdict.at_s
        return Step("restart", name, f"{how}; {verdict.why}")

    def _renew(self, name: str, why: str, now_s: float) -> Step:
        """Let an agent that has outgrown its memory end in order and begin anew, while its budget lasts."""
        if self.entries[name].restart == "never":
            return Step("outgrown", name, f"{name}: {why}; its policy is never to start it again, so it is left")
        if self._budgets[name].take(now_s) is None:
            return Step("outgrown", name, f"{name}: {why}; its restarts are spent, so it is left")
        self._renewing[name] = why
        self._ask_to_stop(name, now_s)
        return Step("outgrown", name, f"{name}: {why}; it is stopped in order and started again")

    def _ask_to_stop(self, name: str, now_s: float) -> None:
        if self.fleet.pid(name) is not None:
            self.fleet.ask_to_stop(name)
            self._ending_s[name] = now_s + self._config.stop_s


def _status(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"status {code}"
