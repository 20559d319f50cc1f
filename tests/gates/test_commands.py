"""Every agent that obeys commands obeys an operator's, records each, and turns away whatever else comes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from bus.agent import Agent
from bus.command import WINDOW_NS, sign_command
from bus.keys import Signer
from bus.message import Envelope, Header
from bus.messages import Command, CommandRecord, CommandResult, RiskAlert, SystemCommand, ViolationStatus
from bus.plain import pack, unpack
from bus.stepper import Stepper
from compliance.agent import build as build_compliance
from execution.agent import Execution
from pads.agent import Pads
from pads.config import PadsConfig
from risk.agent import build as build_risk
from tests.execution.driver import plain_config
from tests.gates.driver import settings
from tests.keys import VERIFIER, ordered
from tests.pads.desk import LIMITS

NOW_NS: Final = 1_000 * 1_000_000_000
GUEST: Final = "guest-1-1"
AGENTS: Final[Mapping[str, Callable[[Path], Agent]]] = {
    "pads": lambda _: Pads("pads", PadsConfig(), LIMITS, VERIFIER),
    "risk": lambda folder: build_risk(settings(folder)),
    "compliance": lambda folder: build_compliance(settings(folder)),
    "execution": lambda _: Execution(plain_config(), VERIFIER),
}
THEIRS: Final[Mapping[str, SystemCommand]] = {
    "pads": SystemCommand(command=Command.ASK, symbol="SPX"),
    "risk": SystemCommand(command=Command.HALT, reason="fire", operator="ada"),
    "compliance": SystemCommand(
        command=Command.REVIEW, violation_id="V1", status=ViolationStatus.CLOSED, reason="seen", operator="ada"
    ),
    "execution": SystemCommand(command=Command.ASK),
}
ANSWERS: Final = {
    "pads": (False, "unknown symbol 'SPX'; known: none, no bar has arrived yet"),
    "risk": (True, "halted: fire (ada)"),
    "compliance": (False, "V1 is not a violation, or is closed; `boardroom violations` lists them"),
    "execution": (True, "never halted"),
}
Forge = Callable[[str, SystemCommand], SystemCommand]
BAD: Final[Mapping[str, tuple[Forge, str]]] = {
    "unsigned": (lambda _, command: command, "it is not signed"),
    "forged": (
        lambda name, command: ordered(command, name, NOW_NS, "n2").model_copy(update={"operator": "eve"}),
        "the signature of operator does not fit the command as it came to {name}",
    ),
    "wrong key": (
        lambda name, command: sign_command(Signer("operator", [(0, b"x" * 32)]), command, name, NOW_NS, "n2"),
        "no key 'ee31f83c88a71219' of an operator is known",
    ),
    "another's": (
        lambda _, command: ordered(command, "market", NOW_NS, "n2"),
        "the signature of operator does not fit the command as it came to {name}",
    ),
    "too old": (
        lambda name, command: ordered(command, name, NOW_NS - WINDOW_NS - 1, "n2"),
        "it was issued 30.0 s ago, more than 30 s; set the clocks, and give it anew",
    ),
    "replayed": (
        lambda name, command: ordered(command, name, NOW_NS, "n1"),
        "it was given before, and a command is obeyed once",
    ),
}


def hand(agent: Stepper, command: SystemCommand, number: int) -> list[Any]:
    header = Header(
        f"{GUEST}:{number}", f"{GUEST}:{number}", "", command.KIND, GUEST, agent.agent.name, 0, NOW_NS, 0, 1
    )
    return [output.message for output in agent.step(Envelope(header, command), NOW_NS)]


def only(messages: list[Any], kind: type[Any]) -> Any:
    [found] = [message for message in messages if isinstance(message, kind)]
    return found


@pytest.fixture(params=list(AGENTS))
def taken(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Stepper, list[Any]]:
    """An agent that has just taken a command of an operator, and what it said."""
    name = request.param
    stepper = Stepper(AGENTS[name](tmp_path))
    return name, stepper, hand(stepper, ordered(THEIRS[name], name, NOW_NS, "n1"), 1)


def test_a_signed_command_is_taken_and_recorded(taken: tuple[str, Stepper, list[Any]]) -> None:
    name, _, said = taken
    answer, record = only(said, CommandResult), only(said, CommandRecord)
    assert (answer.is_done, answer.detail) == (record.is_done, record.detail) == ANSWERS[name]
    command = THEIRS[name]
    told = (record.command, record.sender, record.operator, record.reason)
    assert told == (command.command, GUEST, command.operator, command.reason)


@pytest.mark.parametrize("fault", list(BAD))
def test_a_bad_one_is_refused_recorded_and_alerted_and_nothing_else_happens(
    taken: tuple[str, Stepper, list[Any]], tmp_path: Path, fault: str
) -> None:
    name, stepper, _ = taken
    copy = Stepper(AGENTS[name](tmp_path))
    copy.restore(unpack(pack(stepper.snapshot())))
    forge, words = BAD[fault]
    why = words.format(name=name)
    command = forge(name, THEIRS[name])
    before = {key: value for key, value in stepper.agent.snapshot().items() if key != "authority"}
    said = hand(stepper, command, 2)
    detail = f"{command.command} refused: {why}"
    assert [type(message) for message in said] == [CommandRecord, RiskAlert, CommandResult]
    assert (said[0].is_done, said[0].detail, said[0].sender) == (False, detail, GUEST)
    assert (said[1].source, said[1].reason) == (name, f"{command.command} from {GUEST} refused: {why}")
    assert said[2] == CommandResult(is_done=False, detail=detail)
    after = {key: value for key, value in stepper.agent.snapshot().items() if key != "authority"}
    assert pack(after) == pack(before)
    assert stepper.agent.report()["refused_commands"] == 1
    assert hand(copy, command, 2) == said
    assert pack(copy.snapshot()) == pack(stepper.snapshot())
