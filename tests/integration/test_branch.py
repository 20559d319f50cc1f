"""The runner of a host that ops is not on: it keeps its agents up with no key but theirs, and starts none twice."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bus.config import Settings
from bus.credentials import deal_host, make_credentials
from bus.errors import Fatal
from bus.redis_server import find_server
from ops.supervision.branch import Branch
from ops.supervision.hosting import here
from tests.conftest import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
HOST = "127.0.0.2"
SEAT = "quantum_amos"
PATIENCE_S = 60.0


def free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def load(run_dir: Path, redis_port: int, port: int) -> Settings:
    url = f"redis://127.0.0.1:{redis_port}/0"
    bus = {"transport": "tcp", "redis_url": url, "redis_auth": "acl", "ports": {SEAT: port}}
    ops = {"hang_s": 3.0, "ping_s": 0.2, "on_death": "stop"}
    return Settings.load(ROOT / "configs", run_dir, {"bus": bus, "ops": ops, "agents": {SEAT: {"host": HOST}}})


@pytest.fixture
def settings(short_dir: Path) -> Iterator[Settings]:
    """A host with the keys of its one agent, and the firm's Redis beside it."""
    redis_port, port = free_port("127.0.0.1"), free_port(HOST)
    main = load(short_dir / "a", redis_port, port)
    main.run_dir.mkdir(mode=0o700)
    make_credentials(main, time.time_ns())
    away = load(short_dir / "b", redis_port, port)
    deal_host(main, here(main.firm, HOST), away.keys)
    words = ("--bind", "127.0.0.1", "--port", str(redis_port), "--save", "", "--dir", str(short_dir))
    command = [str(find_server()), *words, "--aclfile", str(main.keys / "redis.acl")]
    redis = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield away
    redis.terminate()
    redis.wait()


def until(branch: Branch, condition: Callable[[], bool]) -> list[str]:
    deadline = time.monotonic() + PATIENCE_S
    events: list[str] = []
    while not condition():
        assert time.monotonic() < deadline, events
        events += branch.watch()
        time.sleep(0.02)
    return events


def test_a_branch_starts_its_own_agents_alone_and_keeps_them_up(settings: Settings) -> None:
    branch = Branch(settings, HOST)
    branch.start()
    try:
        assert list(branch.entries) == [SEAT]
        assert {path.name for path in settings.keys.glob("*.key")} == {f"{SEAT}.curve.key", f"{SEAT}.redis.key"}
        first = branch.pid(SEAT)
        assert first is not None
        os.kill(first, signal.SIGKILL)
        events = until(branch, lambda: branch.pid(SEAT) not in (None, first))
        assert events[0].startswith(f"{SEAT} ended with signal 9; ")
        second = branch.pid(SEAT)
        assert second is not None
        branch.wait_ready([SEAT])
        os.kill(second, signal.SIGSTOP)
        events = until(branch, lambda: branch.pid(SEAT) not in (None, second))
        assert events[0] == f"{SEAT} hangs (pid {second}): killed"
        with pytest.raises(Fatal, match="already runs"):
            Branch(settings, HOST).start()
        branch.wait_ready([SEAT])
    finally:
        codes = branch.stop()
    assert codes == {SEAT: 0}
    assert not branch.is_lost()
