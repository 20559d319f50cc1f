"""What processes use, and when that is too much."""

import os
import subprocess

from bus.config import AgentEntry
from ops.supervision.resources import Excess, Gauge, Limits, Usage


def test_a_process_is_measured() -> None:
    usage = Gauge().measure("me", os.getpid())
    assert usage.memory_mb > 10
    assert usage.fds >= 3
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(5)]
    assert Gauge().measure("me", os.getpid()).fds == usage.fds + 5
    for each in held:
        os.close(each)


def test_what_does_not_run_uses_nothing() -> None:
    gauge = Gauge()
    done = subprocess.Popen(["/bin/true"])
    done.wait()
    assert gauge.measure("it", None) == Usage()
    assert gauge.measure("it", done.pid) == Usage()


def test_memory_over_the_limit_three_times_in_a_row_calls_for_a_restart() -> None:
    limits = Limits(AgentEntry(memory_mb=100))
    over, under = Usage(memory_mb=100.5), Usage(memory_mb=100.0)
    looks = [limits.look(usage).must_restart for usage in (over, over, under, over, over, over, over)]
    assert looks == [False, False, False, False, False, True, False]
    assert limits.outgrown(over) == "it uses 100 MB, more than its 100 MB at 3 looks in a row"


def test_a_busy_agent_is_told_of_once_until_it_has_calmed_down() -> None:
    limits = Limits(AgentEntry(cpu_percent=50.0))
    said = [limits.look(Usage(cpu_percent=share)).warning for share in (50.0, 61.0, 70.0, 10.0, 80.0)]
    first, second = "it uses 61 % of a processor, more than its 50 %", "it uses 80 % of a processor, more than its 50 %"
    assert said == ["", first, "", "", second]


def test_no_limit_is_none() -> None:
    limits = Limits(AgentEntry())
    assert {limits.look(Usage(1e6, 1e3, 10)) for _ in range(4)} == {Excess(False, "")}
