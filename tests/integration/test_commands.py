"""A firm of real processes obeys what its operator signed, once, and nobody else, and goes on whatever is tried."""

import secrets
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import pytest
import zmq
from sqlalchemy import select

from bus.client import Client
from bus.codec import encode
from bus.command import WINDOW_NS, sign_command
from bus.keys import Signer
from bus.lawful import OPERATOR
from bus.message import Header
from bus.messages import Command, CommandResult, SystemCommand
from bus.rundir import RunDir
from cli.command import signed
from ops.harness import Firm
from ops.schema import risk_events, system_events
from tests.integration.conftest import CONFIGS, PATIENT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
HALT: Final = SystemCommand(command=Command.HALT, reason="drill", operator="Ann")
RESUME: Final = SystemCommand(command=Command.RESUME, reason="over", operator="Ann")
ASK: Final = SystemCommand(command=Command.ASK, symbol="SPX")
REFUSED: Final = (
    "it is not signed",
    "the signature of operator does not fit the command as it came to risk",
    "no key ",
    "the signature of operator does not fit the command as it came to compliance",
    "more than 30 s; set the clocks, and give it anew",
    "it was given before, and a command is obeyed once",
    "ops may halt, not resume",
)


@pytest.fixture
def firm() -> Iterator[Firm]:
    """A firm that shows 20 bars a second."""
    market = {"bars": 5000, "history_bars": 0, "first": "1999-01-04", "speed": 20.0}
    with Firm(CONFIGS, {**PATIENT, "market": market, "ops": {"ready_s": 150.0}}) as running:
        running.wait(lambda: published(running) > 20)
        yield running


def published(firm: Firm) -> int:
    return int(dict(firm.answer("market").report)["published"])


def goes_on(firm: Firm) -> bool:
    before = published(firm)
    firm.wait(lambda: published(firm) > before + 20, what="20 more bars")
    return True


def standing(firm: Firm) -> tuple[str, int]:
    """Return what risk says of itself: its state, and how often it has halted."""
    report = dict(firm.answer("risk").report)
    return str(report["state"]), int(report["halts"])


def by(firm: Firm, who: str, command: SystemCommand, to: str, age_ns: int = 0) -> SystemCommand:
    signer = Signer.load(firm.settings.keys, who)
    return sign_command(signer, command, to, time.time_ns() - age_ns, secrets.token_hex(8))


def answer(firm: Firm, command: SystemCommand, to: str = "risk") -> CommandResult:
    with Client(firm.settings) as client:
        return client.request(to, command, CommandResult, 10.0)


def frame(command: SystemCommand, number: int) -> bytes:
    """Write a command as a guest's frame."""
    name = f"guest-9-9:{number}"
    return encode(Header(name, name, "", command.KIND, "guest-9-9", "risk", 0, time.time_ns(), 10_000, 1), command)


def throw(firm: Firm, *frames: bytes) -> None:
    """Send frames over a connection of its own, as anybody who may open the socket could."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 5_000)
        dealer.connect(f"ipc://{RunDir(firm.run_dir).sockets / 'risk'}.sock")
        for each in frames:
            dealer.send(each)


def test_only_what_the_operator_signed_is_obeyed_and_only_once(firm: Firm) -> None:
    stranger = Signer("operator", [(0, b"x" * 32)])
    bad = [
        (HALT, "risk"),
        (by(firm, OPERATOR, HALT, "risk").model_copy(update={"command": Command.RESUME}), "risk"),
        (sign_command(stranger, HALT, "risk", time.time_ns(), "n1"), "risk"),
        (by(firm, OPERATOR, HALT, "risk"), "compliance"),
        (by(firm, OPERATOR, HALT, "risk", WINDOW_NS + 10**9), "risk"),
    ]
    for (command, to), why in zip(bad, REFUSED, strict=False):
        refused = answer(firm, command, to)
        assert not refused.is_done
        assert refused.detail.startswith(f"{command.command} refused: ")
        assert why in refused.detail
    assert standing(firm) == ("active", 0)
    assert not answer(firm, ASK, "pads").is_done
    firm.wait(lambda: answer(firm, by(firm, OPERATOR, ASK, "pads"), "pads").decision is not None, what="a decision")

    halt = signed(firm.settings, "risk", HALT)
    sent = frame(halt, 1)
    throw(firm, sent)
    firm.wait(lambda: standing(firm) == ("halted", 1), what="the halt")
    assert answer(firm, by(firm, OPERATOR, RESUME, "risk")).is_done
    assert standing(firm) == ("active", 1)
    for is_killed in (False, True):
        if is_killed:
            firm.kill("risk")
            firm.restart("risk")
        throw(firm, sent, frame(halt, 2 + is_killed))
        again = answer(firm, halt)
        assert (again.is_done, REFUSED[5] in again.detail) == (False, True)
        assert standing(firm) == ("active", 1)
    assert not answer(firm, by(firm, "ops", RESUME, "risk")).is_done
    assert answer(firm, by(firm, "ops", HALT, "risk")).is_done
    assert standing(firm) == ("halted", 2)
    assert goes_on(firm)

    firm.stop()
    with closing(firm.ledger()) as ledger:
        commands = select(system_events.c.detail).where(system_events.c.kind == "command")
        details = [row[0] for row in ledger.read(commands)]
        alerts = " ".join(row[0] for row in ledger.read(select(risk_events.c.reason)))
    assert [detail.count(", done: ") for detail in details].count(1) == 4
    for why in REFUSED:
        assert any(", refused: " in detail and why in detail for detail in details), why
        assert why in alerts
    assert sum(REFUSED[5] in detail for detail in details) == 4
