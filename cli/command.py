"""How a verb commands an agent: is it there, sign, ask, and an agent's refusal becomes an error."""

import secrets
import time
from collections.abc import Iterable
from typing import Final

from bus.client import Client
from bus.command import sign_command
from bus.config import Settings
from bus.errors import Fatal, Invalid
from bus.keys import Signer
from bus.lawful import OPERATOR
from bus.messages import CommandResult, SystemCommand
from bus.rundir import RunDir

ANSWER_S: Final = 10.0
_PING_S: Final = 2.0
_NONCE_BYTES: Final = 16


def give(
    settings: Settings, client: Client, agent: str, command: SystemCommand, absence: str, timeout_s: float = ANSWER_S
) -> CommandResult:
    """Hand an agent an operator's command, signed now, and return its answer.

    Parameters
    ----------
    settings, client
        The firm, and a guest of it.
    agent, command
        Who is commanded what.
    absence
        What to say when the agent is not there.
    timeout_s
        Longest time to wait for the answer.

    Raises
    ------
    Fatal
        The agent is not there.
    ConfigError
        The operator's key is not here, or cannot be used.
    Invalid
        The agent refuses; the message is its own.
    """
    if not present(settings, client, [agent]):
        raise Fatal(absence)
    result = client.request(agent, signed(settings, agent, command), CommandResult, timeout_s)
    if not result.is_done:
        raise Invalid(result.detail)
    return result


def signed(settings: Settings, agent: str, command: SystemCommand) -> SystemCommand:
    """Return a command to one agent with the operator's signature of this moment.

    Raises
    ------
    ConfigError
        The operator's key is not here, or cannot be used.
    """
    signer = Signer.load(settings.keys, OPERATOR)
    return sign_command(signer, command, agent, time.time_ns(), secrets.token_hex(_NONCE_BYTES))


def present(settings: Settings, client: Client, names: Iterable[str]) -> list[str]:
    """Return which of these agents are there.

    In one run directory each holds a lock while it runs, one that is busy too; over tcp it may be on another host, and
    is there when it answers.
    """
    if settings.firm.bus.transport == "ipc":
        run_dir = RunDir(settings.run_dir)
        return [name for name in names if run_dir.lock(name).is_held()]
    names = list(names)
    found = client.statuses(names, _PING_S)
    return [name for name in names if name in found]
