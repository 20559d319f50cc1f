"""The observer of a firm that is not there: what it writes, what it says, and when it refuses to begin."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.client import Client
from bus.config import Settings
from bus.credentials import make_credentials
from bus.errors import ConfigError, Fatal
from bus.health import check as unhealthy
from bus.message import OPS
from bus.messages import AgentStatus, Ping
from bus.rundir import RunDir
from ops.monitoring import state
from ops.monitoring.monitor import Health
from ops.monitoring.observer import Observer, check
from tests.conftest import ROOT

PATIENCE_TURNS = 400


@pytest.fixture
def settings(short_dir: Path) -> Settings:
    """A firm with keys and no agents."""
    RunDir(short_dir).create()
    made = Settings.load(ROOT / "configs", short_dir, {"ops": {"ping_s": 0.01, "ready_s": 0.2, "failed_after_s": 0.2}})
    make_credentials(made, 0)
    return made


@pytest.fixture
def observer(settings: Settings) -> Iterator[Observer]:
    one = Observer(settings)
    yield one
    one.close()


def test_it_sees_that_nobody_is_there_and_goes_on(settings: Settings, observer: Observer) -> None:
    said: list[str] = []
    turns = iter(range(PATIENCE_TURNS))

    def has_failed() -> bool:
        view = state.load(settings.run_dir)
        return next(turns, None) is None or (view is not None and len(view.failed) == len(view.agents))

    observer.run(has_failed, said.append)
    view = state.load(settings.run_dir)
    assert view is not None
    assert (view.watcher, view.score, view.is_emergency) == ("observer", 0.0, True)
    assert {agent.health for agent in view.agents} == {Health.DOWN}
    assert "the container engine owns the processes" in said[0]
    assert any("emergency" in line for line in said)
    assert (settings.run_dir / "ops" / "events.json").exists()
    assert "stopping" in unhealthy(settings.run_dir, OPS)


def test_it_answers_who_asks_for_ops(settings: Settings, observer: Observer) -> None:
    with Client(settings) as client:
        client._send(OPS, Ping(), 5.0)
        found: list[AgentStatus] = []
        turns = iter(range(PATIENCE_TURNS))

        def has_answered() -> bool:
            found.extend(reply for _, reply in client._receive() if isinstance(reply, AgentStatus))
            return bool(found) or next(turns, None) is None

        observer.run(has_answered, lambda _: None)
    assert [(status.agent, "score" in dict(status.report)) for status in found] == [(OPS, True)]


def test_two_of_one_firm_are_refused(settings: Settings, observer: Observer) -> None:
    with pytest.raises(Fatal, match="ops already runs"):
        Observer(settings)


def test_beside_a_supervisor_it_is_refused(settings: Settings) -> None:
    lock = RunDir(settings.run_dir).lock("supervisor")
    lock.acquire()
    with pytest.raises(Fatal, match=r"a supervisor watches .* already"):
        Observer(settings)
    lock.release()


def test_without_its_key_it_does_not_begin_and_gives_its_place_back(settings: Settings) -> None:
    (settings.keys / "ops.key").unlink()
    with pytest.raises(ConfigError, match=r"ops\.key"):
        Observer(settings)
    assert not RunDir(settings.run_dir).lock(OPS).is_held()


def test_a_configuration_is_checked_without_beginning(settings: Settings) -> None:
    check(settings)
    with pytest.raises(ConfigError, match="report_cron"):
        check(settings.overridden({"ops": {"report_cron": "at dawn"}}))
