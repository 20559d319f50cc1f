"""Operators stop and start single agents by signed command; everything else is refused with a reason."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bus.command import Authority, sign_command
from bus.config import Settings
from bus.keys import OPERATORS, Signer, Verifier, make_keys
from bus.lawful import OPERATOR
from bus.message import OPS
from bus.messages import Command, SystemCommand
from bus.rundir import RunDir
from ops.config import OpsConfig
from ops.supervision.desk import Desk
from ops.supervision.fleet import Fleet
from ops.supervision.stops import Stops
from ops.supervision.upkeep import Upkeep

NOW_NS = 1_000_000_000_000_000_000
STOP = SystemCommand(command=Command.STOP, agent="pads", reason="it talks nonsense", operator="Ann")
START = STOP.model_copy(update={"command": Command.START})


@dataclass
class Office:
    """A desk over a firm of which nothing runs, and the keys to command it."""

    desk: Desk
    upkeep: Upkeep
    keys: Path
    count: int = 0

    def give(self, command: SystemCommand, *, holder: str = OPERATOR, to: str = OPS, at_ns: int = NOW_NS) -> str:
        """Sign a command and hand it in; return the answer."""
        self.count += 1
        return self.obey(sign_command(Signer.load(self.keys, holder), command, to, at_ns, f"n{self.count}"))

    def obey(self, command: SystemCommand) -> str:
        result, step = self.desk.obey(command, 1.0, NOW_NS)
        assert step.detail == result.detail
        assert (step.event != "refused") == result.is_done
        return result.detail


@pytest.fixture
def office(short_dir: Path) -> Iterator[Office]:
    RunDir(short_dir).create()
    settings = Settings(short_dir, short_dir, {"agents": {"pads": {}, "risk": {}}}, {})
    config = OpsConfig(on_death="stop")
    make_keys(settings.keys, 0)
    fleet = Fleet(settings, settings.firm.agents, config, clock=time.monotonic)
    upkeep = Upkeep(fleet, settings.firm.agents, config, Stops(short_dir / "ops"))
    authority = Authority(OPS, Verifier.load(settings.keys, OPERATORS))
    yield Office(Desk(authority, upkeep, since_ns=NOW_NS - 5_000_000_000), upkeep, settings.keys)
    for name in fleet.names():
        fleet.kill(name)


def test_a_stop_is_noted_and_a_start_takes_it_back(office: Office) -> None:
    assert office.give(STOP) == "pads is stopped by Ann: it talks nonsense"
    assert office.upkeep.stops.names() == ("pads",)
    assert office.give(STOP) == "stop refused: pads is stopped already"
    assert office.give(START) == "pads is started by Ann: it talks nonsense"
    assert office.upkeep.stops.names() == ()
    assert office.upkeep.fleet.pid("pads") is not None
    assert office.give(START) == "start refused: pads runs already"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"agent": "nobody"}, "nobody is not an agent that runs here; there are pads, risk"),
        ({"agent": None}, "nobody is not an agent that runs here; there are pads, risk"),
        ({"reason": "  "}, "it gives no reason, and one is recorded"),
        ({"command": Command.HALT}, "ops obeys stop and start only"),
    ],
)
def test_what_makes_no_sense_is_refused(office: Office, change: dict[str, object], why: str) -> None:
    command = STOP.model_copy(update=change)
    assert office.give(command) == f"{command.command} refused: {why}"


def test_a_command_is_obeyed_once_and_none_from_before_the_desk_was_opened(office: Office) -> None:
    signed = sign_command(Signer.load(office.keys, OPERATOR), STOP, OPS, NOW_NS, "once")
    assert office.obey(signed) == "pads is stopped by Ann: it talks nonsense"
    assert "it was given before" in office.obey(signed)
    assert office.give(START, at_ns=NOW_NS - 6_000_000_000) == (
        "start refused: it was issued before this supervisor began; give it anew"
    )
    assert office.upkeep.stops.names() == ("pads",)


@pytest.mark.parametrize(
    "give",
    [
        lambda office: office.obey(STOP),
        lambda office: office.give(STOP, to="pads"),
        lambda office: office.give(STOP, holder=OPS),
        lambda office: office.give(STOP, at_ns=NOW_NS + 60_000_000_000),
    ],
)
def test_what_no_operator_signed_for_this_moment_is_refused(office: Office, give: Callable[[Office], str]) -> None:
    assert give(office).startswith("stop refused: ")
    assert office.upkeep.stops.names() == ()
