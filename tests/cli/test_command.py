"""How verbs command an agent: found by its lock on one host, by its answer over tcp, and refused in its own words."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

from bus.client import Client
from bus.codec import decode, encode
from bus.command import Authority
from bus.config import Settings
from bus.credentials import make_credentials
from bus.direct import open_direct
from bus.errors import ConfigError, Fatal, Invalid
from bus.keys import OPERATORS, Verifier
from bus.message import Header, Message
from bus.messages import AgentState, AgentStatus, Command, CommandResult, SystemCommand
from bus.rundir import RunDir
from cli.command import give, present, signed
from tests.bus.wires import free_ports
from tests.conftest import ROOT

ASK: Final = SystemCommand(command=Command.ASK, symbol="SPX")
ABSENCE: Final = "no board runs here"
STATUS: Final = AgentStatus(
    agent="pads", state=AgentState.READY, pid=1, incarnation=1, inputs=0, inbox=0, counters=(), streams=(), report=()
)


def load(folder: Path, transport: str) -> Settings:
    """Return a firm with credentials, on ports of its own."""
    names = list(Settings.load(ROOT / "configs", folder).firm.agents)
    ports = dict(zip((*names, "ops"), free_ports(len(names) + 1), strict=True))
    settings = Settings.load(ROOT / "configs", folder, {"bus": {"transport": transport, "ports": ports}})
    RunDir(folder).create()
    make_credentials(settings, 0)
    return settings


@contextmanager
def board(settings: Settings) -> Iterator[None]:
    """Answer on the direct plane as PADS would: pings with a status, commands by what the authority says of them."""
    authority = Authority("pads", Verifier.load(settings.keys, OPERATORS))
    ending = threading.Event()

    def answer(message: Message) -> Message:
        if not isinstance(message, SystemCommand):
            return STATUS
        why = authority.objection(message, time.time_ns())
        return CommandResult(is_done=not why, detail=why or "asked")

    def turn() -> None:
        with closing(open_direct(settings, "pads")) as plane:
            while not ending.is_set():
                plane.poller.poll(20)
                for frame, _ in plane.receive(16):
                    asked, message, _ = decode(frame)
                    said = answer(message)
                    ids = f"pads:{asked.id}", asked.correlation_id, asked.id
                    header = Header(*ids, said.KIND, "pads", asked.sender, 0, time.time_ns(), 5_000, 1)
                    plane.send(asked.sender, encode(header, said))
                plane.flush()

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def test_over_tcp_an_agent_is_there_when_it_answers_whatever_the_locks_say(short_dir: Path) -> None:
    settings = load(short_dir, "tcp")
    with Client(settings) as client, board(settings):
        assert present(settings, client, ["pads", "risk"]) == ["pads"]
        result = give(settings, client, "pads", ASK, ABSENCE)
        assert (result.is_done, result.detail) == (True, "asked")
        with pytest.raises(Fatal, match="risk is away"):
            give(settings, client, "risk", ASK, "risk is away")


def test_in_one_run_directory_the_lock_tells(short_dir: Path) -> None:
    settings = load(short_dir, "ipc")
    with Client(settings) as client, board(settings):
        with pytest.raises(Fatal, match=ABSENCE):
            give(settings, client, "pads", ASK, ABSENCE)
        lock = RunDir(short_dir).lock("pads")
        lock.acquire()
        try:
            assert give(settings, client, "pads", ASK, ABSENCE).is_done
        finally:
            lock.release()


def test_an_agents_refusal_is_an_error_in_its_own_words(short_dir: Path, tmp_path: Path) -> None:
    settings = load(short_dir, "tcp")
    stranger = settings.elsewhere(tmp_path)
    make_credentials(stranger, 0)
    with Client(settings) as client, board(settings):
        (settings.keys / "operator.key").write_bytes((stranger.keys / "operator.key").read_bytes())
        (settings.keys / "operator.pub").write_bytes((stranger.keys / "operator.pub").read_bytes())
        with pytest.raises(Invalid, match=r"^no key '[0-9a-f]{16}' of an operator is known$"):
            give(settings, client, "pads", ASK, ABSENCE)


def test_without_the_operators_key_nothing_is_commanded(short_dir: Path) -> None:
    settings = load(short_dir, "ipc")
    (settings.keys / "operator.key").unlink()
    with pytest.raises(ConfigError, match=r"operator\.key: no such key"):
        signed(settings, "pads", ASK)


def test_no_two_commands_share_a_nonce(short_dir: Path) -> None:
    settings = load(short_dir, "ipc")
    commands = [signed(settings, "pads", ASK) for _ in range(20)]
    assert len({command.nonce for command in commands}) == 20
    assert all(abs(command.issued_ns - time.time_ns()) < 60 * 10**9 for command in commands)
