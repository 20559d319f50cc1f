"""Where agents listen and are found, and guests who ask them."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bus.address import addresses, listening_address
from bus.client import Client
from bus.codec import decode, encode
from bus.config import BusConfig, Settings
from bus.curve import curve_names, make_curve_keys
from bus.direct import ZmqDirect, open_direct
from bus.errors import ConfigError, Transient
from bus.lawful import Arrival
from bus.message import Header
from bus.messages import AgentState, AgentStatus, Ping
from bus.rundir import RunDir
from tests.bus.wires import free_ports

SOCKETS = Path("/run/firm/sockets")


def tcp(**other: object) -> BusConfig:
    return BusConfig.model_validate({"transport": "tcp", **other})


def test_unix_sockets_are_files_of_the_run_directory_whatever_hosts_say() -> None:
    book = addresses(BusConfig(), ["pads", "new"], SOCKETS, {"pads": "elsewhere"})
    assert book == {"pads": "ipc:///run/firm/sockets/pads.sock", "new": "ipc:///run/firm/sockets/new.sock"}
    assert listening_address(BusConfig(bind="0.0.0.0"), "pads", book["pads"]) == book["pads"]


def test_an_agent_is_on_its_own_host_or_that_of_the_firm() -> None:
    book = addresses(tcp(host="10.0.0.1"), ["pads", "risk", "ops"], SOCKETS, {"pads": "", "risk": "risk.firm"})
    assert book == {"pads": "tcp://10.0.0.1:9090", "risk": "tcp://risk.firm:9094", "ops": "tcp://10.0.0.1:9098"}


def test_an_agent_without_a_port_is_named() -> None:
    with pytest.raises(ConfigError) as error:
        addresses(tcp(), ["pads", "new", "newer"], SOCKETS)
    assert str(error.value) == "bus.ports has no port for new, newer; add one for each, or use transport ipc"


def test_two_agents_cannot_be_at_one_address() -> None:
    config = tcp(ports={"pads": 9000, "risk": 9000})
    assert len(set(addresses(config, ["pads", "risk"], SOCKETS, {"risk": "10.0.0.2"}).values())) == 2
    with pytest.raises(ConfigError) as error:
        addresses(config, ["pads", "risk"], SOCKETS)
    assert str(error.value) == (
        "bus.ports: pads and risk are both at 127.0.0.1:9000; give one of them another port, or another host in "
        "[agents.risk]"
    )


@pytest.mark.parametrize(
    ("bind", "host", "expected"),
    [("", "127.0.0.1", "tcp://127.0.0.1:9090"), ("", "localhost", "tcp://127.0.0.1:9090"),
     ("0.0.0.0", "pads", "tcp://0.0.0.0:9090"), ("eth0", "pads", "tcp://eth0:9090")],
)  # fmt: skip
def test_an_agent_listens_on_its_host_or_on_what_bind_says(bind: str, host: str, expected: str) -> None:
    assert listening_address(tcp(bind=bind), "pads", f"tcp://{host}:9090") == expected


def test_a_host_that_nobody_knows_cannot_be_listened_on() -> None:
    with pytest.raises(ConfigError) as error:
        listening_address(tcp(), "pads", "tcp://no-such-host.invalid:9090")
    assert str(error.value).startswith("pads cannot listen on no-such-host.invalid: ")
    assert str(error.value).endswith("say in bus.bind on which address of this machine it shall listen")


@pytest.fixture(params=["ipc", "tcp"])
def settings(request: pytest.FixtureRequest, short_dir: Path) -> Settings:
    """A firm of one agent."""
    RunDir(short_dir).create()
    pads, ops = free_ports(2)
    (short_dir / "firm.toml").write_text(
        f'[bus]\ntransport = "{request.param}"\nhost = "localhost"\nports = {{ pads = {pads}, ops = {ops} }}\n'
        f"[agents.pads]\n",
        encoding="utf-8",
    )
    (short_dir / "limits.toml").touch()
    made = Settings.load(short_dir, short_dir)
    make_curve_keys(made.keys, curve_names(made.firm.agents), 1)
    return made


@contextmanager
def answering(settings: Settings, as_: str = "pads") -> Iterator[ZmqDirect]:
    """Run an agent that answers pings, and says in its status by whom."""
    plane = open_direct(settings, "pads")
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            plane.poller.poll(10)
            for frame, _ in plane.receive(10):
                header, _, _ = decode(frame)
                status = AgentStatus(
                    agent=header.sender, state=AgentState.READY, pid=1, incarnation=1, inputs=0, inbox=0, counters=(),
                    streams=(), report=(),
                )  # fmt: skip
                answer = header._replace(
                    id="pads!1", kind=status.KIND, sender=as_, recipient=header.sender, sent_ns=time.time_ns()
                )
                plane.send(header.sender, encode(answer, status))
            plane.flush()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield plane
    finally:
        is_over.set()
        thread.join()
        plane.close()


def test_a_guest_asks_in_its_own_name_and_ops_in_that_of_ops(settings: Settings) -> None:
    with answering(settings), Client(settings) as guest, Client(settings, as_ops=True) as ops:
        assert guest.request("pads", Ping(), AgentStatus, 10.0).agent == guest.name
        assert guest.name.startswith("guest-")
        assert ops.statuses(["pads"], 10.0)["pads"].agent == "ops"


def test_two_lives_of_ops_have_no_id_in_common(settings: Settings) -> None:
    with Client(settings, as_ops=True) as first, Client(settings, as_ops=True) as second:
        assert first._send("pads", Ping(), 1.0) != second._send("pads", Ping(), 1.0)


def test_an_answer_in_the_name_of_another_agent_is_no_answer_over_tcp(settings: Settings) -> None:
    with answering(settings, as_="risk"), Client(settings) as guest:
        if settings.firm.bus.transport == "tcp":
            with pytest.raises(Transient):
                guest.request("pads", Ping(), AgentStatus, 0.5)
        else:
            assert guest.request("pads", Ping(), AgentStatus, 10.0)


def test_ops_is_asked_by_guests(settings: Settings) -> None:
    with Client(settings) as guest:
        ops = open_direct(settings, "ops")
        message_id = guest._send("ops", Ping(), 5.0)
        deadline = time.monotonic() + 5.0
        arrived: list[Arrival] = []
        while not arrived and time.monotonic() < deadline:
            ops.poller.poll(10)
            arrived = ops.receive(10)
        ops.close()
    header: Header = decode(arrived[0].frame).header
    assert header.id == message_id
    assert arrived[0].origin == ("operator" if settings.firm.bus.transport == "tcp" else "")
