"""Who is heard from: silent once three heartbeats did not come; nobody is blamed for what this one slept through."""

from pathlib import Path

from bus.agent import Agent, handles
from bus.config import BusConfig
from bus.messages import Heard, Left, Silent
from bus.pulse import Pulse
from tests.bus.toys import Answerer
from tests.bus.worlds import MemoryWorld

BEAT = 500


class Listener(Agent):
    """Writes down who is there and who is not."""

    def __init__(self) -> None:
        super().__init__("listener")
        self.told: list[str] = []

    @handles(Heard)
    def hear(self, heard: Heard) -> None:
        self.told.append(f"heard {heard.agent}")

    @handles(Silent)
    def miss(self, silent: Silent) -> None:
        self.told.append(f"silent {silent.agent}")


def test_the_first_heartbeat_and_the_first_after_a_silence_are_news() -> None:
    pulse = Pulse(BEAT)
    assert [pulse.beat("a", 0), pulse.beat("a", BEAT)] == [True, False]
    silences = [each for now in range(BEAT, 6 * BEAT, BEAT) for each in pulse.silences(now)]
    assert silences == [("a", BEAT)]
    assert [pulse.beat("a", 6 * BEAT), pulse.beat("a", 7 * BEAT)] == [True, False]


def test_a_heartbeat_may_be_late_by_three() -> None:
    pulse = Pulse(BEAT)
    pulse.beat("a", 0)
    for now in (BEAT, 2 * BEAT, 3 * BEAT):
        assert list(pulse.silences(now)) == []
    assert list(pulse.silences(3 * BEAT + 1)) == [("a", 0)]


def test_whoever_says_goodbye_is_not_missed() -> None:
    pulse = Pulse(BEAT)
    pulse.beat("a", 0)
    pulse.leave("a")
    assert list(pulse.silences(100 * BEAT)) == []
    assert pulse.beat("a", 101 * BEAT)


def test_the_time_in_which_it_did_not_look_is_nobodys_silence() -> None:
    pulse = Pulse(BEAT)
    pulse.beat("a", 0)
    assert list(pulse.silences(BEAT)) == []
    assert list(pulse.silences(1_000 * BEAT)) == []
    looks = [each for now in range(1_001, 1_004) for each in pulse.silences(now * BEAT)]
    assert looks == [("a", 999 * BEAT)]


def test_one_who_is_expected_and_never_comes_is_missed_once() -> None:
    pulse = Pulse(BEAT)
    pulse.expect(("a", "b"), 0)
    assert pulse.beat("b", BEAT)
    looks: list[tuple[str, int]] = []
    for now in range(BEAT, 9 * BEAT, BEAT):
        looks += pulse.silences(now)
        pulse.beat("b", now)
    assert looks == [("a", 0)]
    assert pulse.beat("a", 9 * BEAT)


def test_the_sleep_of_the_one_who_expects_is_nobodys_absence() -> None:
    pulse = Pulse(BEAT)
    pulse.expect(("a",), 0)
    assert list(pulse.silences(BEAT)) == []
    assert list(pulse.silences(1_000 * BEAT)) == []
    assert pulse.beat("a", 1_001 * BEAT)


class Doorman(Listener):
    """Writes down who leaves, too."""

    @handles(Left)
    def part(self, left: Left) -> None:
        self.told.append(f"left {left.agent}")


def test_a_goodbye_is_told_to_whoever_asks_for_it_and_so_is_one_who_does_not_come_back(tmp_path: Path) -> None:
    doorman = Doorman()
    world = MemoryWorld([doorman, Answerer()], tmp_path, config=BusConfig(heartbeat_s=0.05, retry_s=0.05))
    world.until(lambda: "heard answerer" in doorman.told)
    world.processes.pop("answerer").stop()
    world.until(lambda: "left answerer" in doorman.told)
    world.crash("listener")
    reborn = Doorman()
    world.start(reborn, ("listener", "answerer"))
    world.until(lambda: "silent answerer" in reborn.told)
    assert "left answerer" in reborn.told
    world.close()


def test_an_agent_is_told_of_a_death_a_return_and_not_of_a_goodbye(tmp_path: Path) -> None:
    listener = Listener()
    world = MemoryWorld([listener, Answerer()], tmp_path, config=BusConfig(heartbeat_s=0.05, retry_s=0.05))
    world.until(lambda: listener.told == ["heard answerer"])
    world.crash("answerer")
    world.until(lambda: listener.told == ["heard answerer", "silent answerer"])
    world.start(Answerer(), world.names)
    world.until(lambda: listener.told == ["heard answerer", "silent answerer", "heard answerer"])
    world.processes.pop("answerer").stop()
    world.idle(0.5)
    assert len(listener.told) == 3
    state, told = world.processes["listener"].journal.last_number, list(listener.told)
    world.crash("listener")
    reborn = Listener()
    world.start(reborn, world.names)
    assert (reborn.told, state > 0) == (told, True)
    world.close()
