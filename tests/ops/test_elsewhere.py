"""Agents that only answer: there while they do, lost when they have not for long, back when they do again."""

from pathlib import Path

from bus.command import Authority, sign_command
from bus.config import AgentEntry
from bus.keys import OPERATORS, Signer, Verifier, make_keys
from bus.lawful import OPERATOR
from bus.message import OPS
from bus.messages import Command, SystemCommand
from ops.config import OpsConfig
from ops.monitoring.elsewhere import Elsewhere, Refusal
from ops.monitoring.monitor import Health
from tests.ops.sights import status

NOW_NS = 1_700_000_000_000_000_000
CONFIG = OpsConfig(ready_s=60.0, hang_s=15.0, failed_after_s=30.0)


def elsewhere() -> Elsewhere:
    return Elsewhere({"a": AgentEntry(), "b": AgentEntry()}, CONFIG, 100.0)


def test_whoever_has_not_answered_yet_may_be_starting() -> None:
    one = elsewhere()
    assert [(one.turn(now), one.is_there("a")) for now in (100.0, 160.0, 160.5)] == [
        ([], True),
        ([], True),
        ([], False),
    ]


def test_whoever_answered_lately_is_there() -> None:
    one = elsewhere()
    assert one.hears(status("a"), 105.0)
    there = []
    for now in (105.0, 120.0, 120.5):
        one.turn(now)
        there.append(one.is_there("a"))
    assert there == [True, True, False]


def test_a_new_incarnation_is_a_restart_with_a_time_of_its_own() -> None:
    one = elsewhere()
    for now, incarnation in ((101.0, 4), (102.0, 4), (110.0, 5), (111.0, 5), (120.0, 6)):
        one.hears(status("a", incarnation=incarnation), now)
    assert one.restarted == {"a": 2}
    assert [(step.event, step.subject, step.detail) for step in one.turn(121.0)] == [
        ("restart", "a", f"a has begun anew (incarnation {number}); the container engine owns the processes")
        for number in (5, 6)
    ]
    assert one.turn(122.0) == []
    assert (one.born_s("a"), one.born_s("b")) == (120.0, 100.0)


def test_whoever_is_unwell_for_long_is_lost_until_it_answers() -> None:
    one = elsewhere()
    for now in (200.0, 215.0, 229.5):
        one.saw("a", Health.DOWN, now)
        assert one.lost == {}
    one.saw("a", Health.DOWN, 230.0)
    assert one.lost == {"a": "it has been down for 30 s, and the container engine owns the processes"}
    assert not one.has_given_up("a")
    one.hears(status("a"), 231.0)
    assert one.lost == {}
    one.saw("a", Health.HEALTHY, 231.0)
    one.saw("a", Health.HUNG, 232.0)
    assert one.lost == {}


def test_the_gone_are_asked_seldom_and_the_others_always() -> None:
    one = elsewhere()
    one.hears(status("a"), 100.0)
    asked = {"a": 0, "b": 0}
    for now in range(200, 240):
        one.turn(float(now))
        one.hears(status("a"), float(now))
        for name in asked:
            asked[name] += one.asks(name, float(now))
    assert asked == {"a": 40, "b": 4}


def test_an_operator_is_told_who_could_do_it_and_a_stranger_that_nothing_is_signed(tmp_path: Path) -> None:
    make_keys(tmp_path, 0)
    refusal = Refusal(Authority(OPS, Verifier.load(tmp_path, OPERATORS)))
    order = SystemCommand(command=Command.STOP, agent="risk", reason="to see", operator="Ann")
    result, step = refusal.obey(order, 0.0, NOW_NS)
    assert (result.is_done, result.detail) == (False, "stop refused: it is not signed")
    assert (step.event, step.subject) == ("refused", "risk")
    signed = sign_command(Signer.load(tmp_path, OPERATOR), order, OPS, NOW_NS, "once")
    result, step = refusal.obey(signed, 0.0, NOW_NS)
    assert not result.is_done
    assert "the container engine owns the processes; use `docker compose stop risk`" in result.detail
    assert step.detail == result.detail
