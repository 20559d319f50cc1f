"""A firm of several hosts as the first one's supervisor has it: its own agents are kept, those of others followed."""

from pathlib import Path

from bus.config import AgentEntry, Settings
from ops.config import OpsConfig
from ops.monitoring.monitor import Health
from ops.supervision.fleet import Fleet
from ops.supervision.spread import Spread, keeper_of
from ops.supervision.stops import Stop, Stops
from ops.supervision.upkeep import Upkeep
from tests.conftest import ROOT
from tests.ops.sights import status

CONFIG = OpsConfig(ready_s=60.0, hang_s=15.0, failed_after_s=30.0)
EVERYONE = {"here": AgentEntry(), "there": AgentEntry()}


def upkeep(tmp_path: Path, *names: str) -> Upkeep:
    """Return who keeps some agents up, none of which runs."""
    entries = {name: EVERYONE[name] for name in names}
    settings = Settings.load(ROOT / "configs", tmp_path)
    return Upkeep(Fleet(settings, entries, CONFIG, clock=lambda: 100.0), entries, CONFIG, Stops(tmp_path))


def spread(tmp_path: Path) -> tuple[Spread, Upkeep]:
    own = upkeep(tmp_path, "here")
    whole = keeper_of(EVERYONE, own, CONFIG, 100.0)
    assert isinstance(whole, Spread)
    return whole, own


def test_where_all_agents_are_here_there_is_nobody_to_follow(tmp_path: Path) -> None:
    own = upkeep(tmp_path, *EVERYONE)
    assert keeper_of(EVERYONE, own, CONFIG, 100.0) is own


def test_whoever_is_elsewhere_is_there_while_it_answers_and_own_agents_while_they_run(tmp_path: Path) -> None:
    whole, _ = spread(tmp_path)
    assert list(whole.entries) == ["here", "there"]
    assert [whole.is_there(name) for name in EVERYONE] == [False, True]
    assert not whole.hears(status("here"), 105.0)
    assert whole.hears(status("there"), 105.0)
    assert [whole.asks(name, 105.0) for name in EVERYONE] == [False, True]
    whole.turn(120.5)
    assert [whole.is_there(name) for name in EVERYONE] == [False, False]
    assert [whole.born_s(name) for name in EVERYONE] == [0.0, 100.0]
    assert [whole.measure(name, 120.5)[1] for name in EVERYONE] == [[], []]


def test_both_are_lost_to_the_firm_and_counted_each_in_its_way(tmp_path: Path) -> None:
    whole, own = spread(tmp_path)
    own.lost["here"] = "it is gone"
    own.restarted["here"] = 3
    for incarnation in (1, 2):
        whole.hears(status("there", incarnation=incarnation), 101.0)
    [step] = whole.turn(102.0)
    assert step.detail == "there has begun anew (incarnation 2); its own host looks after it"
    for now_s in (200.0, 230.0):
        assert whole.saw("there", Health.HUNG, now_s) == []
    assert whole.lost == {"here": "it is gone", "there": "it has been hung for 30 s, and its own host looks after it"}
    assert [whole.has_given_up(name) for name in EVERYONE] == [True, False]
    assert whole.restarted == {"here": 3, "there": 1}


def test_a_stop_by_hand_is_of_this_host(tmp_path: Path) -> None:
    whole, own = spread(tmp_path)
    own.stops.add("here", Stop("Ann", "to see", 1))
    assert ["here" in whole.stops, "there" in whole.stops] == [True, False]
