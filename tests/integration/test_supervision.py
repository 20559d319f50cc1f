"""A firm of real processes is kept up: what hangs, crashes or is stopped, a supervisor that dies, the 30 % rule."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from bus.client import Client
from bus.config import Settings
from bus.rundir import RunDir
from ops.compare import differences
from ops.harness import Firm
from ops.ledger import Ledger
from ops.supervision.adoption import left_behind
from tests.conftest import ROOT
from tests.integration.conftest import CONFIGS, PATIENT, Finished, pid_of
from tests.ledger import told

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
PATIENCE_S: Final = 90.0
BRISK: Final[dict[str, Any]] = {
    "ping_s": 0.2,
    "hang_s": 3.0,
    "ready_s": 90.0,
    "backoff_s": 0.2,
    "jitter": 0.1,
    "failed_after_s": 20.0,
    "stop_s": 5.0,
}
"""An [ops] table under which things happen soon."""
PATIENT_OPS: Final[dict[str, Any]] = {**BRISK, "hang_s": 30.0}
"""The same where nothing is to hang, on however busy a machine."""
TROUBLED: Final[dict[str, Any]] = {
    **PATIENT,
    "ops": BRISK,
    "agents": {name: {"module": f"tests.integration.agents.{name}"} for name in ("looping", "raising")},
    "looping": {"bar": 150},
    "raising": {"bar": 160},
}
FEW: Final = ("recorder", "risk", "compliance")
"""Agents that make a firm which is soon up."""
Up = Callable[..., subprocess.Popen[str]]


@dataclass(frozen=True, slots=True)
class Story:
    """What became of a firm in which one seat was paused and two more agents got into trouble by themselves."""

    run_dir: Path
    restarted: dict[str, int]
    lost: tuple[str, ...]
    was_over: bool
    codes: dict[str, int]

    def ledger(self) -> Ledger:
        return Ledger.open(f"sqlite:///{self.run_dir / 'ledger.sqlite'}")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Run that firm until everybody is well or given up."""
    kept = tmp_path_factory.mktemp("troubled") / "run"
    again = {"quasar": 1, "looping": 1, "raising": 3}
    before = os.environ.get("PYTHONPATH")
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *([before] if before else [])]))
        firm = stack.enter_context(Firm(CONFIGS, TROUBLED, restarts=3))
        firm.wait(lambda: int(firm.report("market").get("concluded", 0)) >= 30)
        firm.pause("quasar")
        firm.wait_done()
        firm.wait(lambda: firm.supervisor.restarted == again, what=f"restarts {again}")
        firm.wait(firm.supervisor.is_lost, what="an agent given up")
        firm.wait(lambda: firm.status("looping") is not None, what="an answer of what had hung")
        restarted, lost = dict(firm.supervisor.restarted), tuple(firm.supervisor.lost)
        was_over = firm.supervisor.is_over
        codes = dict(firm.stop())
        shutil.copytree(firm.run_dir, kept, ignore=shutil.ignore_patterns("*.sock"))
    return Story(kept, restarted, lost, was_over, codes)


def test_hung_agents_are_killed_and_started_again(story: Story) -> None:
    assert (story.restarted["quasar"], story.restarted["looping"]) == (1, 1)
    assert (story.codes["quasar"], story.codes["looping"]) == (0, 0)
    with closing(story.ledger()) as ledger:
        for name in ("quasar", "looping"):
            [why] = told(ledger, "hung", name)
            assert re.fullmatch(r"it has not answered for \d\.\d s", why)
            [restart] = told(ledger, "restart", name)
            assert re.fullmatch(rf"{name} ended with signal 9; starting it again in 0.\d+ s \(1 of 3\)", restart)


def test_a_crash_loop_is_given_up_after_growing_waits(story: Story) -> None:
    assert story.restarted["raising"] == 3
    assert story.lost == ("raising",)
    assert story.codes["raising"] == 70
    with closing(story.ledger()) as ledger:
        restarts = told(ledger, "restart", "raising")
        [given_up] = told(ledger, "given_up", "raising")
    waits = [float(each.split("again in ")[1].split(" s ")[0]) for each in restarts]
    assert waits == pytest.approx([0.2, 0.4, 0.8], rel=0.15)
    spent = "not started again, 3 restarts within 300 s are spent"
    words = "raising: RuntimeError: bar 160 is poison; the log has the details"
    assert given_up == f"raising ended with status 70; {spent}: {words}"


def test_the_firm_goes_on_and_nothing_is_lost(story: Story, finished: Finished) -> None:
    assert not story.was_over
    assert {code for name, code in story.codes.items() if name != "raising"} == {0}
    with closing(story.ledger()) as ledger, closing(finished.ledger()) as undisturbed:
        assert told(ledger, "halted", "risk") == []
        assert differences(undisturbed, ledger) == []


def test_an_agent_that_hangs_as_soon_as_it_is_ready_is_killed_long_before_a_start_would_be_late() -> None:
    off = {name: {"enabled": False} for name in Settings.load(CONFIGS, Path("unused")).firm.agents if name not in FEW}
    with Firm(CONFIGS, {"agents": off, "ops": BRISK}, restarts=3) as firm:
        firm.pause("compliance")
        firm.wait(lambda: firm.supervisor.restarted == {"compliance": 1}, what="a restart")
        firm.wait(lambda: firm.status("compliance") is not None, what="an answer of what had hung")
        firm.stop()
        with closing(firm.ledger()) as ledger:
            [why] = told(ledger, "hung", "compliance")
    assert re.fullmatch(r"it has not answered for \d\.\d s", why)


@pytest.fixture
def up(short_dir: Path) -> Iterator[Up]:
    """Run ``boardroom up`` over ``PATIENT`` in a short directory; leave nothing running."""
    started: list[subprocess.Popen[str]] = []

    def up(overrides: Mapping[str, Mapping[str, Any]] | None = None) -> subprocess.Popen[str]:
        tables = {**PATIENT, "ops": PATIENT_OPS, **(overrides or {})}
        variables = {
            f"BOARDROOM_{table}__{key}".upper(): f"{value}"
            for table, keys in tables.items()
            for key, value in keys.items()
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "up", "--config", str(CONFIGS), "--run-dir", str(short_dir)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, **variables},
        )  # fmt: skip
        started.append(process)
        return process

    yield up
    for process in started:
        process.kill()
        process.communicate()
    for child in left_behind(RunDir(short_dir)).values():
        child.send(signal.SIGKILL)
        child.wait()
    verb(short_dir, "stop")


def verb(run_dir: Path, *words: str) -> tuple[int, str]:
    """Run a verb as an operator would; return its exit status and what it said."""
    command = [sys.executable, "-m", "cli", *words, "--run-dir", str(run_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def eventually(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def is_up(process: subprocess.Popen[str]) -> bool:
    assert process.stdout is not None
    heard = []
    for line in process.stdout:
        heard.append(line)
        if line.startswith("the firm is up"):
            return True
    raise AssertionError("".join(heard))


def pids(run_dir: Path, firm: Mapping[str, object]) -> dict[str, int]:
    found = {name: pid_of(RunDir(run_dir), name) for name in firm}
    return {name: pid for name, pid in found.items() if pid is not None}


def report(client: Client, name: str) -> dict[str, str | int | float]:
    status = client.statuses([name], 0.5).get(name)
    return {} if status is None else dict(status.report)


def test_agents_outlive_their_supervisor_and_the_next_takes_them_over(
    up: Up, short_dir: Path, finished: Finished
) -> None:
    first = up()
    assert is_up(first)
    settings = Settings.open(short_dir)
    names = list(settings.firm.enabled)
    before = pids(short_dir, dict.fromkeys(names))
    assert sorted(before) == sorted(names)
    os.kill(before["quasar"], signal.SIGSTOP)  # in lockstep the market waits for it
    first.kill()
    first.wait()
    with Client(settings) as client:
        assert report(client, "market")["concluded"] < 2 * PATIENT["market"]["bars"]
        os.kill(before["quasar"], signal.SIGCONT)
        second = up()
        assert is_up(second)
        assert pids(short_dir, dict.fromkeys(names)) == before
        eventually(lambda: report(client, "market").get("done") == 1, "the end of the market's data")
    assert verb(short_dir, "stop") == (0, "stopped")
    assert second.wait() == 0
    assert pids(short_dir, dict.fromkeys(names)) == {}
    with closing(Ledger.open(f"sqlite:///{short_dir / 'ledger.sqlite'}")) as ledger:
        assert all(len(told(ledger, "taken_over", name)) == 1 for name in names)
        with closing(finished.ledger()) as undisturbed:
            assert differences(undisturbed, ledger) == []


def few() -> dict[str, dict[str, Any]]:
    agents = Settings.load(CONFIGS, Path("unused")).firm.agents
    return {"agents": {f"{name}__enabled": "false" for name in agents if name not in FEW}}


def test_another_configuration_stops_what_was_left_before_it_starts(up: Up, short_dir: Path) -> None:
    first = up(few())
    assert is_up(first)
    settings = Settings.open(short_dir)
    before = pids(short_dir, settings.firm.agents)
    first.kill()
    first.wait()
    second = up({**few(), "ops": {**BRISK, "hang_s": 31.0}})
    assert is_up(second)
    after = pids(short_dir, settings.firm.agents)
    assert sorted(after) == sorted(before)
    assert sorted(after) == sorted(FEW)
    assert not set(after.values()) & set(before.values())
    second.kill()
    second.wait()
    status, words = verb(short_dir, "stop")
    assert status == 0
    assert words == f"stopped what had no supervisor: {', '.join(sorted(before))}, redis"
    assert verb(short_dir, "stop") == (0, f"no firm runs in {short_dir}")


def test_an_agent_stopped_by_hand_stays_stopped_through_a_new_supervisor(up: Up, short_dir: Path) -> None:
    first = up(few())
    assert is_up(first)
    settings = Settings.open(short_dir)
    status, words = verb(short_dir, "stop", "compliance", "--reason", "it talks nonsense", "--operator", "Ann")
    assert (status, words) == (0, "compliance is stopped by Ann: it talks nonsense")
    assert "compliance" not in pids(short_dir, settings.firm.agents)
    status, words = verb(short_dir, "stop", "compliance")
    assert (status, words) == (1, "boardroom: stop refused: compliance is stopped already")
    status, words = verb(short_dir, "start", "nobody")
    assert status == 1
    assert words.startswith("boardroom: start refused: nobody is not an agent that runs here; there are recorder, ")
    first.kill()
    first.wait()
    second = up(few())
    assert is_up(second)
    time.sleep(1.0)  # long enough for a restart that must not come
    assert "compliance" not in pids(short_dir, settings.firm.agents)
    assert verb(short_dir, "start", "compliance", "--operator", "Bea") == (
        0,
        "compliance is started by Bea: started by hand",
    )
    with Client(settings) as client:
        eventually(lambda: report(client, "compliance"), "compliance again")
    assert verb(short_dir, "stop")[0] == 0
    with closing(Ledger.open(f"sqlite:///{short_dir / 'ledger.sqlite'}")) as ledger:
        assert told(ledger, "stopped", "compliance")[0] == "compliance is stopped by Ann: it talks nonsense"
        assert told(ledger, "still_stopped", "compliance") == ["compliance stays stopped by Ann: it talks nonsense"]
        assert told(ledger, "given_up", "compliance") == []


def test_a_firm_of_which_three_in_ten_have_failed_is_halted_flattened_and_stopped(up: Up, short_dir: Path) -> None:
    """Nine agents and the Redis of one weight each: two seats lost are borne, the third is 30 %."""
    weights = "{ critical = 1.0, high = 1.0, medium = 1.0 }"
    process = up(
        {
            "market": {"bars": 5000, "history_bars": 0, "first": "1999-01-04", "speed": 40.0},
            "pads": {"decision_timeout_s": 1.0},
            "ops": {**PATIENT_OPS, "restarts": 1, "backoff_s": 0.1, "weights": weights, "flatten_s": 40.0},
        }
    )
    assert is_up(process)
    settings = Settings.open(short_dir)

    def lose(name: str) -> None:
        for _ in range(2):
            eventually(lambda: pid_of(RunDir(short_dir), name) is not None, f"{name} up")
            victim = pid_of(RunDir(short_dir), name)
            assert victim is not None
            os.kill(victim, signal.SIGKILL)
            eventually(lambda: pid_of(RunDir(short_dir), name) != victim, f"{name} down")  # noqa: B023

    with Client(settings) as client:
        eventually(lambda: int(report(client, "execution").get("held", 0)) > 0, "a position")
        lose("qbmia")
        lose("quasar")
        time.sleep(1.0)  # several looks of a supervisor that must not be alarmed
        assert process.poll() is None
        assert report(client, "risk")["state"] == "active"
    lose("quantum_amos")
    text, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1, text
    assert pids(short_dir, settings.firm.agents) == {}
    with closing(Ledger.open(f"sqlite:///{short_dir / 'ledger.sqlite'}")) as ledger:
        [shutdown] = told(ledger, "shutdown", "firm")
        assert re.match(
            r"30 % of the firm's weight has failed \(\w+, \w+, \w+\): halt, flatten for at most 40 s", shutdown
        )
        assert len(told(ledger, "halted", "risk")) == 1
        [flat] = told(ledger, "flat", "firm")
        assert re.fullmatch(r"flat after \d+\.\d s; everything is stopped", flat)
        assert all(len(told(ledger, "left_out", name)) == 1 for name in ("qbmia", "quasar", "quantum_amos"))
    assert shutdown in text
    assert flat in text
