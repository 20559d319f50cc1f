"""A look from outside: what the agents say now, what only their watcher knows, and what is judged where none is."""

from collections.abc import Iterable
from pathlib import Path

from bus.config import Settings
from bus.messages import AgentStatus
from bus.rundir import RunDir
from ops.config import ops_config
from ops.monitoring import state
from ops.monitoring.lookout import Lookout
from ops.monitoring.monitor import Health, Monitor
from ops.monitoring.survey import Survey
from ops.monitoring.view import AgentView, FirmView
from tests.conftest import ROOT
from tests.ops.sights import AT_NS, down, status, well


class Answers:
    """Agents that answer with the status given; others are silent."""

    def __init__(self, *statuses: AgentStatus) -> None:
        self.statuses = {each.agent: each for each in statuses}
        self.asked: list[str] = []

    def __call__(self, names: Iterable[str], timeout_s: float) -> dict[str, AgentStatus]:
        self.asked = list(names)
        return {name: self.statuses[name] for name in self.asked if name in self.statuses}


def settings_in(run_dir: Path) -> Settings:
    RunDir(run_dir).create()
    return Settings.load(ROOT / "configs", run_dir)


def kept_by(settings: Settings, watcher: str, at_ns: int) -> None:
    """Write the state that a watcher would: qbmia is down for the second time, the others are well."""
    monitor = Monitor(settings.firm.agents, ops_config(settings))
    seen = [well(name, 1.0) for name in monitor.entries if name != "qbmia"]
    seen.append(down("qbmia")._replace(restarts=2))
    Lookout(settings, monitor, "observer").take(seen, monitor.look(seen, 1.0, at_ns), 1.0, at_ns)
    view = state.load(settings.run_dir)
    assert view is not None
    state.save(view.model_copy(update={"watcher": watcher}), settings.run_dir)


def of(view: FirmView, name: str) -> AgentView:
    return next(agent for agent in view.agents if agent.name == name)


def test_without_a_watcher_whoever_does_not_run_is_down_and_not_asked(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    lock = RunDir(tmp_path).lock("risk")
    lock.acquire()
    answers = Answers(status("risk", inputs=5, counters=(("gaps", 2),)))
    view = Survey(settings, answers).view(100.0, AT_NS)
    assert answers.asked == ["risk"]
    assert (view.watcher, view.watcher_pid, view.score) == ("nobody", None, 3 / 24)
    assert (of(view, "risk").health, of(view, "risk").inputs, of(view, "risk").gaps) == (Health.HEALTHY, 5, 2)
    assert (of(view, "pads").health, of(view, "pads").state) == (Health.DOWN, "")
    lock.release()


def test_agents_of_other_hosts_are_asked_though_nothing_of_them_is_here(tmp_path: Path) -> None:
    RunDir(tmp_path).create()
    spread = {"transport": "tcp", "host": "10.0.0.1", "redis_url": "redis://10.0.0.1:6390/0", "redis_auth": "acl"}
    settings = Settings.load(ROOT / "configs", tmp_path, {"bus": spread, "agents": {"qbmia": {"host": "10.0.0.2"}}})
    answers = Answers(status("qbmia", inputs=5))
    view = Survey(settings, answers).view(100.0, AT_NS)
    assert answers.asked == ["qbmia"]
    assert (of(view, "qbmia").health, of(view, "qbmia").inputs) == (Health.HEALTHY, 5)


def test_what_the_watcher_knows_is_shown_with_what_agents_say_now(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    kept_by(settings, "observer", AT_NS)
    answers = Answers(status("risk", inputs=77, inbox=4, report=(("x", 1), ("process_fds", 9))))
    view = Survey(settings, answers).view(100.0, AT_NS + 1_000_000_000)
    assert answers.asked == list(settings.firm.agents)
    assert view.watcher == "observer"
    risk = of(view, "risk")
    assert (risk.state, risk.inputs, risk.inbox, risk.health) == ("ready", 77, 4, Health.HEALTHY)
    assert risk.report == {"x": 1}
    assert (of(view, "qbmia").health, of(view, "qbmia").restarts) == (Health.RECOVERING, 2)
    assert of(view, "pads").state == ""


def test_a_supervisor_that_is_gone_or_silent_is_no_watcher(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    kept_by(settings, "supervisor", AT_NS)
    assert Survey(settings, Answers()).view(100.0, AT_NS).watcher == "nobody"
    lock = RunDir(tmp_path).lock("supervisor")
    lock.acquire()
    assert Survey(settings, Answers()).view(100.0, AT_NS).watcher == "supervisor"
    assert Survey(settings, Answers()).view(100.0, AT_NS + 11_000_000_000).watcher == "nobody"
    lock.release()


def test_the_history_is_shown_whoever_watches(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    kept_by(settings, "supervisor", AT_NS)
    history = Survey(settings, Answers()).view(100.0, AT_NS + 60_000_000_000).history
    assert history[0] == (AT_NS, 22 / 24)
