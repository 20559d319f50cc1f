"""What follows a look: state, history, reports and metrics, none of which can hold up or end whoever looks."""

import socket
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from bus.config import Settings
from bus.errors import ConfigError
from ops.config import ops_config
from ops.monitoring import state
from ops.monitoring.lookout import Lookout
from ops.monitoring.monitor import Health, Monitor, Seen
from tests.conftest import ROOT
from tests.ops.sights import AT_NS, down, status, well

HOUR_S = 3_600


class Firm:
    """A lookout with a clock in the test's hand."""

    def __init__(self, run_dir: Path, **ops: Any) -> None:
        overrides = {"ops": ops, "agents": {"market": {"memory_mb": 500}}}
        self.settings = Settings.load(ROOT / "configs", run_dir, overrides)
        self.monitor = Monitor(self.settings.firm.agents, ops_config(self.settings))
        self.lookout = Lookout(self.settings, self.monitor, "supervisor")

    def look(self, now_s: float, *seen: Seen) -> tuple[str, ...]:
        at_ns = AT_NS + round(now_s * 1e9)
        given = {each.name: each for each in seen}
        whole = [given.get(name, well(name, now_s)) for name in self.monitor.entries]
        return self.lookout.take(whole, self.monitor.look(whole, now_s, at_ns), now_s, at_ns)


def test_the_state_is_there_for_others_and_gone_after_the_end(tmp_path: Path) -> None:
    firm = Firm(tmp_path)
    assert firm.look(1.0, down("qbmia")) == ()
    read = state.load(tmp_path)
    assert read == firm.lookout.view
    assert read is not None
    assert (read.watcher, read.mode.data, read.mode.broker) == ("supervisor", "demo", "paper")
    assert {agent.name: agent.health for agent in read.agents}["qbmia"] is Health.RECOVERING
    assert (tmp_path / "ops" / "state.json").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "ops").stat().st_mode & 0o777 == 0o700
    firm.lookout.close()
    assert state.load(tmp_path) is None


def test_a_state_that_is_old_is_nobodys_present(tmp_path: Path) -> None:
    Firm(tmp_path).look(1.0)
    at_ns = AT_NS + 1_000_000_000
    assert state.load_fresh(tmp_path, at_ns + 10_000_000_000) is not None
    assert state.load_fresh(tmp_path, at_ns + 10_000_000_001) is None
    assert state.load_fresh(tmp_path, at_ns - 10_000_000_001) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"at_ns": 1}', "\x00" * 100])
def test_a_state_that_is_not_whole_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops" / "state.json").write_text(text)
    (tmp_path / "ops" / "scores.json").write_text(text)
    assert state.load(tmp_path) is None
    assert state.load_history(tmp_path) == ()


def test_the_history_outlives_the_watcher(tmp_path: Path) -> None:
    first = Firm(tmp_path)
    first.look(0.0)
    first.look(40.0, down("qbmia"))
    first.lookout.close()
    second = Firm(tmp_path)
    second.look(60.0)
    scores = [score for _, score in second.monitor.history]
    assert scores == [1.0, pytest.approx(22 / 24), 1.0]
    assert state.load_history(tmp_path) == tuple(second.monitor.history)


def test_rates_and_slopes_come_of_what_was_answered(tmp_path: Path) -> None:
    firm = Firm(tmp_path)
    for now in range(0, 1_200, 5):
        answer = status("market", inputs=10 * now, inbox=2 * now, report=(("process_memory_mb", 100.0 + now / 60.0),))
        firm.look(float(now), Seen("market", answer, float(now), 0.0, is_running=True))
    view = firm.lookout.view
    assert view is not None
    market = next(agent for agent in view.agents if agent.name == "market")
    assert market.inputs_per_s == pytest.approx(10.0)
    assert market.inbox_slope == pytest.approx(2.0)
    assert market.memory_slope == pytest.approx(60.0)
    assert market.memory_mb == pytest.approx(100.0 + 1_195.0 / 60.0)
    assert market.memory_limit_mb == 500
    assert market.report == {}


def test_a_new_process_begins_new_trends(tmp_path: Path) -> None:
    firm = Firm(tmp_path)
    for now in range(10):
        firm.look(float(now), Seen("market", status("market", inputs=10 * now), float(now), 0.0, is_running=True))
    newborn = status("market", inputs=90, incarnation=2)
    firm.look(11.0, Seen("market", newborn, 11.0, 10.5, is_running=True))
    assert firm.lookout.view is not None
    market = next(agent for agent in firm.lookout.view.agents if agent.name == "market")
    assert (market.inputs_per_s, market.age_s, market.incarnation) == (None, 0.5, 2)


def test_clock_and_age_are_as_the_process_tells(tmp_path: Path) -> None:
    firm = Firm(tmp_path)
    told = (("process_time_ns", AT_NS + 98_000_000_000), ("process_started_ns", AT_NS + 40_000_000_000))
    firm.look(100.0, Seen("market", status("market", report=told), 99.5, 0.0, is_running=True))
    assert firm.lookout.view is not None
    market = next(agent for agent in firm.lookout.view.agents if agent.name == "market")
    assert market.clock_ahead_s == pytest.approx(-1.5)
    assert market.age_s == pytest.approx(60.0)


@pytest.mark.parametrize("nonsense", ["much", ""])
def test_nonsense_that_an_agent_tells_of_itself_ends_nobody(tmp_path: Path, nonsense: str) -> None:
    firm = Firm(tmp_path)
    told = tuple((f"process_{key}", nonsense) for key in ("time_ns", "started_ns", "memory_mb", "fds"))
    assert firm.look(1.0, Seen("market", status("market", report=told), 1.0, 0.0, is_running=True)) == ()


def test_a_report_is_written_when_it_is_due(tmp_path: Path) -> None:
    firm = Firm(tmp_path, report_cron="0 * * * *", report_files=2)
    for hour in range(5):
        firm.look(float(hour * HOUR_S))
    names = sorted(path.name for path in (tmp_path / "reports").iterdir())
    assert len(names) == 4
    assert [name.endswith((".json", ".txt")) for name in names] == [True] * 4
    assert "Nothing to recommend" in max((tmp_path / "reports").glob("*.txt")).read_text()


def test_a_disk_that_takes_nothing_is_complained_of_once(tmp_path: Path) -> None:
    firm = Firm(tmp_path)
    blocked = tmp_path / "ops"
    blocked.write_text("a file where a folder should be")
    said = [line for now in range(5) for line in firm.look(float(now))]
    assert len(said) == 1
    assert f"{blocked}" in said[0]
    assert "the state of the firm is not written until it can be" in said[0]
    blocked.unlink()
    assert firm.look(6.0) == ()
    assert state.load(tmp_path) is not None


def test_a_busy_port_is_said_once_and_everything_else_goes_on(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        firm = Firm(tmp_path, metrics_port=other.getsockname()[1])
        first, second = firm.look(1.0), firm.look(2.0)
    assert len(first) == 1
    assert "Address already in use" in first[0]
    assert second == ()
    assert state.load(tmp_path) is not None
    firm.lookout.close()


def test_metrics_show_what_was_seen(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    firm = Firm(tmp_path, metrics_port=port)
    assert firm.look(1.0, down("qbmia")) == ()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    firm.lookout.close()
    assert 'boardroom_agent_up{agent="qbmia"} 0.0' in text
    assert 'boardroom_agent_up{agent="risk"} 1.0' in text


def test_a_schedule_that_is_none_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="report_cron"):
        Firm(tmp_path, report_cron="at dawn")
