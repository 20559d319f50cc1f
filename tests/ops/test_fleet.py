"""Processes are started, taken over and ended; what ended is started again as its policy says."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bus.child import Adopted
from bus.config import Settings
from bus.errors import Fatal
from bus.rundir import RunDir
from ops.config import OpsConfig
from ops.monitoring.monitor import Health
from ops.supervision.adoption import end, holder, left_behind, wait_until_free
from ops.supervision.fleet import Fleet
from ops.supervision.guard import Step
from ops.supervision.stops import Stop, Stops
from ops.supervision.upkeep import Upkeep
from tests.conftest import ROOT

PATIENCE_S = 20.0
CONFIG = OpsConfig(stop_s=2.0, backoff_s=0.05, jitter=0.0, restarts=2)
STOP = Stop("Ann", "enough", 1)


@pytest.fixture
def settings(short_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A process list of programs that only wait, or end."""
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *([before] if before else [])]))
    RunDir(short_dir).create()
    agents = {name: {"module": f"tests.ops.programs.{name}"} for name in ("nap", "stubborn", "brief")}
    return Settings(short_dir, short_dir, {"agents": agents, "ops": {"on_death": "stop"}}, {})


@pytest.fixture
def fleet(settings: Settings) -> Iterator[Fleet]:
    stopping = CONFIG.model_copy(update={"on_death": "stop"})
    running = Fleet(settings, settings.firm.agents, stopping, clock=time.monotonic)
    yield running
    for name in running.names():
        running.kill(name)


@pytest.fixture
def upkeep(fleet: Fleet, settings: Settings) -> Upkeep:
    return Upkeep(fleet, settings.firm.agents, CONFIG, Stops(settings.run_dir / "ops"))


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_up(fleet: Fleet, name: str) -> bool:
    return fleet.run_dir.lock(name).is_held() and fleet.last_words(name) == f"{name} is up"


def start(fleet: Fleet, name: str) -> int:
    fleet.start(name)
    eventually(lambda: is_up(fleet, name))
    pid = fleet.pid(name)
    assert pid is not None
    return pid


def test_a_fleet_ends_in_order_and_by_force_what_does_not_obey(fleet: Fleet) -> None:
    start(fleet, "nap")
    start(fleet, "stubborn")
    assert fleet.stop([["nap"], ["stubborn"]]) == {"nap": 0, "stubborn": -signal.SIGKILL}
    assert fleet.pid("nap") is None
    assert dict(fleet.ended()) == {"nap": 0, "stubborn": -signal.SIGKILL}
    assert fleet.ended() == []


def test_a_paused_agent_ends_in_order_too(fleet: Fleet) -> None:
    start(fleet, "nap")
    fleet.send("nap", signal.SIGSTOP)
    assert fleet.stop([["nap"]]) == {"nap": 0}


def test_the_last_words_are_the_last_plain_line_since_the_start(fleet: Fleet) -> None:
    for _ in range(2):
        fleet.start("brief")
        eventually(fleet.ended)
        assert fleet.last_words("brief") == "brief: nothing to do"
    log = fleet.run_dir.log("brief")
    log.replace(log.with_name("brief.log.1"))
    log.write_text("brief: after a rotation\n")
    assert fleet.last_words("brief") == "brief: after a rotation"
    log.unlink()
    assert fleet.last_words("brief") == f"see {log}"


def test_a_process_is_found_by_its_lock_and_taken_over(fleet: Fleet, settings: Settings) -> None:
    pid = start(fleet, "nap")
    found = holder(fleet.run_dir, "nap")
    assert found is not None
    assert (found.pid, found.is_running, found.code) == (pid, True, None)
    assert list(left_behind(fleet.run_dir)) == ["nap"]
    heir = Fleet(settings, settings.firm.agents, CONFIG, clock=time.monotonic)
    heir.adopt("nap", found)
    assert (heir.pid("nap"), heir.is_adopted("nap"), fleet.is_adopted("nap")) == (pid, True, False)
    assert heir.stop([["nap"]]) == {}
    assert heir.ended() == [("nap", None)]
    eventually(fleet.ended)
    assert fleet.code("nap") == 0
    assert holder(fleet.run_dir, "nap") is None


def test_a_lock_that_names_somebody_else_is_not_believed(fleet: Fleet) -> None:
    start(fleet, "nap")
    lock = fleet.run_dir.lock("nap")
    lock.path.write_text(f"{os.getpid()}\n")
    with pytest.raises(Fatal, match=rf"nap runs in .*, but not as pid {os.getpid()} that its lock names"):
        holder(fleet.run_dir, "nap")
    with pytest.raises(Fatal, match=r"nap still runs in .*, but no supervisor does; `boardroom stop"):
        wait_until_free(fleet.run_dir, ["nap"], 0.1)


def test_what_was_left_behind_is_ended(fleet: Fleet) -> None:
    start(fleet, "nap")
    start(fleet, "stubborn")
    end(left_behind(fleet.run_dir), [["nap"]], 2.0)
    eventually(lambda: len(fleet.ended()) == 0 and fleet.pid("nap") is None and fleet.pid("stubborn") is None)
    assert (fleet.code("nap"), fleet.code("stubborn")) == (0, -signal.SIGKILL)
    wait_until_free(fleet.run_dir, ["nap", "stubborn"], 1.0)


def test_a_descriptor_never_means_another_process() -> None:
    gone = subprocess.Popen(["/bin/sleep", "60"])
    held = Adopted.hold(gone.pid)
    assert held is not None
    gone.kill()
    gone.wait()
    assert held.wait(1.0)
    held.send(signal.SIGKILL)  # whoever may have that pid by now is not touched
    assert not held.is_running
    assert Adopted.hold(gone.pid) is None


def test_what_crashes_is_started_again_until_its_budget_is_spent(upkeep: Upkeep) -> None:
    upkeep.start("brief")
    steps = []
    deadline = time.monotonic() + PATIENCE_S
    while "brief" not in upkeep.lost:
        steps += upkeep.turn(time.monotonic())
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert [step.event for step in steps] == ["restart", "restart", "given_up"]
    assert steps[0].detail == "brief ended with status 3; starting it again in 0.05 s (1 of 2)"
    assert steps[1].detail == "brief ended with status 3; starting it again in 0.1 s (2 of 2)"
    spent = "not started again, 2 restarts within 300 s are spent: brief: nothing to do"
    assert steps[2].detail == upkeep.lost["brief"] == f"brief ended with status 3; {spent}"
    assert upkeep.restarted == {"brief": 2}
    assert upkeep.exit_codes == {"brief": 3}
    upkeep.release("brief", "Ann", "mended")
    assert upkeep.lost == {}
    eventually(lambda: [step.event for step in upkeep.turn(time.monotonic())] == ["restart"])


def test_whoever_else_has_the_lock_is_taken_over_instead_of_a_second_start(
    upkeep: Upkeep, fleet: Fleet, settings: Settings
) -> None:
    elsewhere = Fleet(settings, settings.firm.agents, CONFIG, clock=time.monotonic)
    pid = start(elsewhere, "nap")
    upkeep.start("nap")
    steps: list[Step] = []
    while not steps:
        steps = upkeep.turn(time.monotonic())
        time.sleep(0.01)
    detail = f"nap ended with status 1, as another runs already: that one (pid {pid}) is taken over"
    assert steps == [("taken_over", "nap", detail)]
    assert fleet.pid("nap") == pid
    assert upkeep.restarted == {}
    elsewhere.kill("nap")


def test_who_was_stopped_stays_so_until_it_is_released(upkeep: Upkeep, fleet: Fleet) -> None:
    first = start(fleet, "nap")
    step = upkeep.stop("nap", STOP, time.monotonic())
    assert step == ("stopped", "nap", "nap is stopped by Ann: enough")
    eventually(lambda: upkeep.turn(time.monotonic()) == [
        ("ended", "nap", "nap ended with status 0; it stays stopped until an operator starts it")
    ])  # fmt: skip
    assert upkeep.turn(time.monotonic() + 1000.0) == []
    assert fleet.pid("nap") is None
    assert "nap" in Stops(fleet.run_dir.root / "ops")
    upkeep.release("nap", "", "needed")
    assert fleet.pid("nap") not in (None, first)
    assert "nap" not in Stops(fleet.run_dir.root / "ops")


def test_who_does_not_stop_when_asked_is_ended_by_force(upkeep: Upkeep, fleet: Fleet) -> None:
    start(fleet, "stubborn")
    now_s = time.monotonic()
    upkeep.stop("stubborn", STOP, now_s)
    assert upkeep.turn(now_s + 1.9) == []
    upkeep.turn(now_s + 2.0)
    eventually(lambda: fleet.pid("stubborn") is None)
    [step] = upkeep.turn(now_s + 2.1)
    assert step.detail == "stubborn ended with signal 9; it stays stopped until an operator starts it"


def test_who_hangs_is_killed_and_started_again(upkeep: Upkeep, fleet: Fleet) -> None:
    first = start(fleet, "nap")
    fleet.send("nap", signal.SIGSTOP)
    assert upkeep.saw("nap", Health.HEALTHY, 1.0) == []
    [step] = upkeep.saw("nap", Health.HUNG, 2.0)
    assert step == ("killed", "nap", f"nap hangs (pid {first}): killed")
    eventually(lambda: upkeep.turn(time.monotonic()) != [])
    assert upkeep.exit_codes == {"nap": -signal.SIGKILL}
    eventually(lambda: upkeep.turn(time.monotonic()) == [] and fleet.pid("nap") not in (None, first))


def test_who_outgrows_its_memory_is_started_anew_in_order(fleet: Fleet, settings: Settings) -> None:
    entries = {"nap": settings.firm.agents["nap"].model_copy(update={"memory_mb": 1})}
    upkeep = Upkeep(fleet, entries, CONFIG, Stops(settings.run_dir / "ops"))
    first = start(fleet, "nap")
    told = [upkeep.measure("nap", time.monotonic())[1] for _ in range(3)]
    assert told[:2] == [[], []]
    [step] = told[2]
    assert step.event == "outgrown"
    assert step.detail.endswith("more than its 1 MB at 3 looks in a row; it is stopped in order and started again")
    eventually(lambda: upkeep.turn(time.monotonic()) == [] and "nap" in upkeep.restarted)
    assert upkeep.exit_codes == {"nap": 0}
    assert fleet.pid("nap") not in (None, first)


def test_a_leak_of_what_is_never_started_again_is_only_told(fleet: Fleet, settings: Settings) -> None:
    entries = {"nap": settings.firm.agents["nap"].model_copy(update={"memory_mb": 1, "restart": "never"})}
    upkeep = Upkeep(fleet, entries, CONFIG, Stops(settings.run_dir / "ops"))
    start(fleet, "nap")
    steps = [step for at in range(3) for step in upkeep.measure("nap", float(at))[1]]
    assert [step.detail.endswith("its policy is never to start it again, so it is left") for step in steps] == [True]
    assert fleet.pid("nap") is not None
