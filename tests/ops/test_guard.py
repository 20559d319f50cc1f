"""What a loss means for the firm: a gate halts it, a seat is left out, three in ten end it."""

from collections.abc import Mapping

import pytest

from bus.config import AgentEntry
from ops.config import OpsConfig
from ops.supervision.guard import Guard, Sight

ENTRIES = {
    "risk": AgentEntry(role="gate"),
    "compliance": AgentEntry(role="gate"),
    "execution": AgentEntry(),
    "pads": AgentEntry(priority="critical"),
    "qbmia": AgentEntry(role="seat"),
    "quasar": AgentEntry(role="seat", priority="critical"),
    "scribe": AgentEntry(priority="medium"),
}
CONFIG = OpsConfig(flatten_s=10.0)


def sight(lost: Mapping[str, str] | None = None, *, is_emergency: bool = False, stage: str = "none") -> Sight:
    return Sight(lost or {}, is_emergency, ("qbmia", "quasar") if is_emergency else (), 0.4, stage, "two orders")


@pytest.fixture
def guard() -> Guard:
    return Guard(ENTRIES, CONFIG)


def test_nothing_follows_from_a_firm_that_is_well(guard: Guard) -> None:
    assert guard.look(sight(), 1.0) == []
    assert (guard.halt_reason, guard.is_emergency, guard.is_over) == ("", False, False)


@pytest.mark.parametrize("name", ["compliance", "execution", "pads", "quasar", "redis"])
def test_the_loss_of_what_trading_needs_halts_it_once(guard: Guard, name: str) -> None:
    [step] = guard.look(sight({name: "it broke"}), 1.0)
    assert step == ("halting", name, f"{name} cannot be kept up: trading is to be halted; it broke")
    assert guard.halt_reason == f"{name} cannot be kept up"
    assert guard.look(sight({name: "it broke"}), 2.0) == []
    assert not guard.is_over


def test_without_risk_there_is_nobody_to_halt_and_its_lease_lapses(guard: Guard) -> None:
    [step] = guard.look(sight({"risk": "it broke"}), 1.0)
    assert step.event == "gate_lost"
    assert "its lease lapses, no order leaves execution" in step.detail
    assert guard.halt_reason == ""


def test_a_seat_is_left_out_and_trading_goes_on(guard: Guard) -> None:
    [step] = guard.look(sight({"qbmia": "it broke"}), 1.0)
    assert step == ("left_out", "qbmia", "the board decides without qbmia while its quorum holds; it broke")
    assert guard.halt_reason == ""
    [step] = guard.look(sight({"qbmia": "it broke", "scribe": "it broke"}), 2.0)
    assert step == ("left_out", "scribe", "the firm goes on without scribe; it broke")


def test_what_came_back_and_is_lost_again_is_told_again(guard: Guard) -> None:
    assert len(guard.look(sight({"qbmia": "once"}), 1.0)) == 1
    assert guard.look(sight(), 2.0) == []
    assert len(guard.look(sight({"qbmia": "twice"}), 3.0)) == 1


def test_an_emergency_halts_waits_for_flat_and_ends(guard: Guard) -> None:
    [step] = guard.look(sight(is_emergency=True), 100.0)
    assert step.event == "shutdown"
    assert step.detail == "40 % of the firm's weight has failed (qbmia, quasar): halt, flatten for at most 10 s, stop"
    assert guard.halt_reason == "40 % of the firm's weight has failed (qbmia, quasar)"
    assert guard.look(sight(is_emergency=True, stage="flattening"), 104.0) == []
    assert not guard.is_over
    [step] = guard.look(sight(stage="flat"), 105.5)  # once begun, it is seen through
    assert step == ("flat", "firm", "flat after 5.5 s; everything is stopped")
    assert guard.is_over
    assert guard.look(sight(is_emergency=True), 106.0) == []


def test_an_emergency_that_does_not_become_flat_ends_too_and_says_so(guard: Guard) -> None:
    guard.look(sight(is_emergency=True), 100.0)
    assert guard.look(sight(is_emergency=True, stage="flattening"), 109.9) == []
    [step] = guard.look(sight(is_emergency=True, stage="flattening"), 110.0)
    assert step.event == "not_flat"
    assert step.detail == (
        "not known to be flat, 10 s have passed (flattening: two orders); close by hand at the broker"
    )
    assert guard.is_over


@pytest.mark.parametrize("gone", ["risk", "execution"])
def test_who_cannot_flatten_is_not_waited_for(guard: Guard, gone: str) -> None:
    steps = guard.look(sight({gone: "it broke"}, is_emergency=True, stage=""), 100.0)
    assert [step.event for step in steps][1:] == ["shutdown", "not_flat"]
    assert f"{gone} cannot be kept up (execution gave no answer)" in steps[-1].detail
    assert guard.is_over
