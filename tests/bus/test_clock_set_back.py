"""A clock that is set back: the agent's time neither goes back nor stands still until the clock has caught up."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.config import BusConfig
from bus.journal import Journal
from bus.memory import MemoryHub
from bus.messages import AgentStatus
from bus.process import Process
from bus.snapshot import SnapshotStore
from tests.bus.toys import Answerer

NAME = "answerer"
BEGIN_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000


class Times:
    """The clock on the wall and the one that nobody sets."""

    def __init__(self) -> None:
        self.wall_ns = BEGIN_NS
        self.steady_ns = 0

    def pass_ns(self, elapsed_ns: int) -> None:
        self.wall_ns += elapsed_ns
        self.steady_ns += elapsed_ns


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def process(times: Times, tmp_path: Path) -> Iterator[Process]:
    hub = MemoryHub()
    made = Process(
        Answerer(NAME), BusConfig(), hub.direct(NAME), hub.broadcast({AgentStatus.KIND}),
        Journal.open(tmp_path / "j", NAME), SnapshotStore(tmp_path / "s"), peers={NAME: "service"},
        clock_ns=lambda: times.wall_ns, steady_ns=lambda: times.steady_ns, poll=lambda *_: 0, version="test",
    )  # fmt: skip
    made.start()
    yield made
    made.stop()


def test_a_clock_that_is_right_is_followed(process: Process, times: Times) -> None:
    for _ in range(5):
        times.pass_ns(SECOND_NS)
        assert process.now() == times.wall_ns
    times.wall_ns += 3_600 * SECOND_NS
    assert process.now() == times.wall_ns


def test_time_goes_on_at_half_its_pace_until_the_clock_has_caught_up(process: Process, times: Times) -> None:
    ahead_ns = process.now() + 10 * SECOND_NS
    times.wall_ns = ahead_ns
    assert process.now() == ahead_ns
    times.wall_ns -= 10 * SECOND_NS
    assert process.now() == ahead_ns
    for passed in range(1, 20):
        times.pass_ns(SECOND_NS)
        assert process.now() == ahead_ns + passed * SECOND_NS // 2
    for _ in range(3):
        times.pass_ns(SECOND_NS)
        assert process.now() == times.wall_ns


def test_the_heart_beats_while_the_clock_is_behind(process: Process, times: Times) -> None:
    process.turn(0)
    due_ns = process.post._heartbeat_due_ns
    times.wall_ns -= 3_600 * SECOND_NS
    for _ in range(10):
        times.pass_ns(SECOND_NS)
        process.turn(0)
    assert process.post._heartbeat_due_ns >= due_ns + 4 * SECOND_NS
