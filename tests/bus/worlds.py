"""The three ways to run agents, behind one face, so that one contract suite can be run over all of them."""

import itertools
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from bus.address import addresses
from bus.agent import Agent
from bus.broadcast import subscriptions
from bus.codec import encode
from bus.config import BusConfig
from bus.curve import CurveKeys, curve_names, make_curve_keys
from bus.direct import ZmqDirect
from bus.journal import Journal
from bus.memory import Fate, MemoryHub, faithful
from bus.message import Header, Message
from bus.poll import BOTH, LivePoll, Poll
from bus.process import Process
from bus.rundir import RunDir
from bus.simulation import Simulation
from bus.snapshot import SnapshotStore
from tests.bus.wires import free_ports
from tests.conftest import PrivateRedis

PATIENCE_S = 10.0
ABSENT = ("operator", "answerer")
"""In the process list whether or not a test starts them."""


class World(Protocol):
    """A bus with agents on it."""

    def tell(self, to: str, message: Message) -> None:
        """Send a direct message from outside."""

    def until(self, condition: Callable[[], bool]) -> None:
        """Run until the condition holds, or fail."""

    def idle(self, seconds: float) -> None:
        """Run for that long."""

    def close(self) -> None:
        """Stop everything."""


class SimulatedWorld:
    """Virtual time."""

    def __init__(self, agents: Iterable[Agent]) -> None:
        self.simulation = Simulation(agents, start_ns=1)

    def tell(self, to: str, message: Message) -> None:
        self.simulation.inject(message, sender="operator", to=to)

    def until(self, condition: Callable[[], bool]) -> None:
        self.simulation.run(until=condition, most=100_000)
        assert condition()

    def idle(self, seconds: float) -> None:
        self.simulation.run(until_ns=self.simulation.now_ns + round(seconds * 1e9))

    def close(self) -> None:
        pass


class LiveWorld:
    """The live runtime, every process turned in one thread."""

    def __init__(self, folder: Path, config: BusConfig | None = None) -> None:
        self.folder = folder
        self.config = config or BusConfig(heartbeat_s=0.05, retry_s=0.05, gap_timeout_s=1.0)
        self.processes: dict[str, Process] = {}
        self.paused: set[str] = set()
        self.log: FilteringBoundLogger | None = None
        self._ids = itertools.count(1)

    def planes(self, agent: Agent, peers: Mapping[str, str]) -> tuple[object, object, Poll]:
        raise NotImplementedError

    def start(self, agent: Agent, names: Iterable[str]) -> Process:
        peers = dict.fromkeys((*names, *ABSENT), "service")
        direct, broadcast, poll = self.planes(agent, peers)
        process = Process(
            agent,
            self.config,
            direct,  # type: ignore[arg-type]
            broadcast,  # type: ignore[arg-type]
            Journal.open(self.folder / "journal" / agent.name, agent.name, segment_bytes=1 << 20),
            SnapshotStore(self.folder / "snapshots" / agent.name),
            peers=peers,
            clock_ns=time.time_ns,
            poll=poll,
            version="test",
            log=self.log,
        )
        process.start()
        self.processes[agent.name] = process
        return process

    def crash(self, name: str) -> None:
        """Drop a process as kill -9 would: nothing flushed, nothing said."""
        process = self.processes.pop(name)
        process.post.direct.close()
        process.post.broadcast.close()

    def tell(self, to: str, message: Message) -> None:
        name = f"operator:{next(self._ids)}"
        header = Header(name, name, "", message.KIND, "operator", to, 0, time.time_ns(), 60_000, int(message.PRIORITY))
        self.processes[to].post._arrive(encode(header, message), "", self.processes[to].now())

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, self.describe()
            self.turn()

    def idle(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.turn()

    def turn(self) -> None:
        for name, process in list(self.processes.items()):
            if name not in self.paused:
                process.turn(1)

    def describe(self) -> str:
        return "; ".join(f"{name}: {process.status()}" for name, process in self.processes.items())

    def close(self) -> None:
        for process in self.processes.values():
            process.stop()


class MemoryWorld(LiveWorld):
    """The live runtime over planes in memory, which may lose and repeat."""

    def __init__(
        self, agents: Iterable[Agent], folder: Path, fate: Fate = faithful, config: BusConfig | None = None
    ) -> None:
        super().__init__(folder, config)
        self.hub = MemoryHub(fate)
        agents = list(agents)
        self.names = [agent.name for agent in agents]
        for agent in agents:
            self.start(agent, self.names)

    def planes(self, agent: Agent, peers: Mapping[str, str]) -> tuple[object, object, Poll]:
        return self.hub.direct(agent.name), self.hub.broadcast(subscriptions(agent.handlers, peers)), _nap


class SocketWorld(LiveWorld):
    """The live runtime over ZeroMQ and a real Redis."""

    def __init__(
        self, agents: Iterable[Agent], folder: Path, redis: PrivateRedis, config: BusConfig | None = None
    ) -> None:
        super().__init__(folder, config)
        self.redis = redis
        run_dir = RunDir(folder)
        run_dir.create()
        agents = list(agents)
        self.names = [agent.name for agent in agents]
        self.book = addresses(self.config, self.names, run_dir.sockets)
        for agent in agents:
            self.start(agent, self.names)

    def planes(self, agent: Agent, peers: Mapping[str, str]) -> tuple[object, object, Poll]:
        direct = self.direct(agent.name)
        broadcast = self.redis.plane(agent.name, subscriptions(agent.handlers, peers))
        broadcast.connect_or_fail(5.0)
        return direct, broadcast, LivePoll(direct, broadcast)

    def direct(self, name: str) -> ZmqDirect:
        return ZmqDirect(name, self.book)


class TcpWorld(SocketWorld):
    """The same over tcp with CURVE on the loopback."""

    def __init__(self, agents: Iterable[Agent], folder: Path, redis: PrivateRedis) -> None:
        agents = list(agents)
        names = [agent.name for agent in agents]
        self.keys = folder / "curve"
        make_curve_keys(self.keys, curve_names(names), 0)
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        config = BusConfig(transport="tcp", ports=ports, heartbeat_s=0.05, retry_s=0.05, gap_timeout_s=1.0)
        super().__init__(agents, folder, redis, config)

    def direct(self, name: str) -> ZmqDirect:
        return ZmqDirect(name, self.book, keys=CurveKeys.load(self.keys, name, curve_names(self.names)))


def _nap(timeout_ms: int, rest_ms: int = 0) -> int:
    time.sleep(0.0002 if timeout_ms or rest_ms else 0)
    return BOTH
