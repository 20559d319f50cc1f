"""The two planes and the decision round, through the whole live runtime with its journal, beside the raw floors."""

import multiprocessing
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from bus.address import addresses
from bus.agent import Agent
from bus.broadcast import RedisBroadcast, subscriptions
from bus.codec import decode, encode
from bus.config import BusConfig
from bus.direct import ZmqDirect
from bus.footprint import calm_collector
from bus.journal import Journal
from bus.message import Header
from bus.messages import Action, DecisionRequest, DecisionResponse, Phase
from bus.poll import LivePoll
from bus.process import Process
from bus.redis_acl import load_secret, load_secrets, make_redis_secrets
from bus.redis_server import EmbeddedRedis, url_of
from bus.rundir import RunDir
from bus.snapshot import SnapshotStore
from research.bench import floor
from research.bench.kinds import Asker, Begin, News, Sink, Source, TrivialSeat, Unit

WINDOW: Final = 250
_PATIENCE_S: Final = 60.0
SEATS: Final = ("seat_a", "seat_b", "seat_c")
SPAWN: Final = multiprocessing.get_context("spawn")


def request(number: int) -> DecisionRequest:
    """Return a request such as PADS sends."""
    return DecisionRequest(
        round_id=f"SPX-{number}", symbol="SPX", bar=number, horizon=5, band=0.0123, prior=(0.3, 0.4, 0.3),
        position=Decimal("12.5"), entry_price=Decimal("1402.25"), exposure=0.06, drawdown=0.01, phase=Phase.GROWTH,
        appetite=0.7, settled=number, deadline_ns=2 * 10**18,
    )  # fmt: skip


def codec_us(repeats: int = 20_000) -> float:
    """Return microseconds to encode and decode one DECISION_REQUEST, the median of seven runs."""
    message = request(250)
    header = Header("pads:41", "market:7", "market:7", message.KIND, "pads", "qbmia", 0, time.time_ns(), 3000, 2)
    runs = []
    for _ in range(7):
        started = time.perf_counter()
        for _ in range(repeats):
            decode(encode(header, message))
        runs.append((time.perf_counter() - started) / repeats * 1e6)
    return statistics.median(runs)


@contextmanager
def folder_with_redis(names: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """Give a short folder and an embedded Redis in it, with these users."""
    with tempfile.TemporaryDirectory(prefix="bd-bench-") as name:
        run_dir = RunDir(Path(name))
        run_dir.create()
        make_redis_secrets(_keys(Path(name)), names, 0)
        server = EmbeddedRedis(run_dir, _keys(Path(name)), names)
        server.start()
        try:
            yield Path(name), url_of("embedded", run_dir)
        finally:
            server.stop()


def as_user(url: str, folder: Path, name: str) -> str:
    """Return the URL with which redis-py alone logs in as one of the users."""
    return f"{url.replace('unix://', f'unix://{name}@')}?password={load_secret(_keys(folder), name)}"


def make_process(
    agent: Agent, names: tuple[str, ...], folder: Path, url: str, direct: ZmqDirect | None = None
) -> Process:
    """Put an agent on the live runtime with default settings, journal on; over unix sockets unless told otherwise."""
    config = BusConfig()
    run_dir = RunDir(folder)
    direct = direct or ZmqDirect(agent.name, addresses(config, names, run_dir.sockets))
    peers = dict.fromkeys(names, "seat")
    secrets = _keys(folder)
    broadcast = RedisBroadcast(
        url, subscriptions(agent.handlers, peers), agent.name, lambda: load_secrets(secrets, agent.name)
    )
    broadcast.connect_or_fail(5.0)
    process = Process(
        agent, config, direct, broadcast, Journal.open(run_dir.journal(agent.name), agent.name),
        SnapshotStore(run_dir.snapshots(agent.name)), peers=peers, clock_ns=time.time_ns,
        poll=LivePoll(direct, broadcast), version="bench",
    )  # fmt: skip
    process.start()
    calm_collector()
    return process


def serve(kind: str, name: str, names: tuple[str, ...], folder: Path, url: str, ready: Connection) -> None:
    """Run one bench agent in this process until SIGTERM."""
    agent: Agent = Sink(name, WINDOW) if kind == "sink" else TrivialSeat(name)
    process = make_process(agent, names, folder, url)
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    ready.send(True)
    while not stopping:
        process.turn()
    process.stop()


@contextmanager
def children(*targets: tuple[Callable[..., Any], tuple[Any, ...]]) -> Iterator[None]:
    """Start processes, wait until each says it is ready, and end them."""
    started = []
    for target, arguments in targets:
        ours, theirs = SPAWN.Pipe()
        child = SPAWN.Process(target=target, args=(*arguments, theirs), daemon=True)
        child.start()
        ours.recv()
        started.append(child)
    try:
        yield
    finally:
        for child in started:
            child.terminate()
            child.join(5)


def drive(process: Process, count: int, is_done: Callable[[], bool], patience_s: float = _PATIENCE_S) -> None:
    """Tell the agent in this process to begin and turn its loop until it is done."""
    begin = Begin(count=count)
    header = Header(f"bench:{time.time_ns()}", "b", "", begin.KIND, "bench", process.name, 0, process.now(), 0, 2)
    process.post.inbox.put(decode(encode(header, begin)))
    deadline = time.monotonic() + patience_s
    while not is_done():
        process.turn()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{process.name} did not finish in {patience_s:g} s: {process.status()}")


def throughput(count: int, *, is_broadcast: bool) -> tuple[float, float]:
    """Return messages per second through our API and over the raw floor, one after the other."""
    names = ("source", "sink")
    with folder_with_redis(names) as (folder, url):
        source = Source(WINDOW, is_broadcast=is_broadcast)
        with children((serve, ("sink", "sink", names, folder, url))):
            process = make_process(source, names, folder, url)
            drive(process, count, lambda: source.elapsed_s > 0)
            ours = count / source.elapsed_s
            process.stop()
        message = News(number=count) if is_broadcast else Unit(number=count)
        recipient, sequence = (None, count) if is_broadcast else ("sink", 0)
        header = Header(
            f"source:{count}", f"bench:{count}", f"sink:{count}", message.KIND, "source", recipient, sequence,
            time.time_ns(), 10_000, 2,
        )  # fmt: skip
        frame = encode(header, message)
        if is_broadcast:
            with children((floor.redis_sink, (as_user(url, folder, "sink"), WINDOW))):
                raw = floor.redis_source(as_user(url, folder, "source"), WINDOW, count, frame)
        else:
            with children((floor.zmq_sink, (folder, WINDOW))):
                raw = floor.zmq_source(folder, WINDOW, count, frame)
    return ours, raw


def round_times(count: int) -> tuple[float, float]:
    """Return the median seconds of a round through our runtime and over the raw floor."""
    names = ("pads", *SEATS)
    with folder_with_redis(names) as (folder, url):
        asker = Asker(SEATS, request)
        with children(*((serve, ("seat", name, names, folder, url)) for name in SEATS)):
            process = make_process(asker, names, folder, url)
            drive(process, count, lambda: len(asker.rounds_s) == count)
            process.stop()
        question = request(count)
        answer = DecisionResponse(
            round_id=question.round_id, symbol="SPX", bar=count, belief=(0.3, 0.4, 0.3), confidence=0.5,
            choice=Action.HOLD, expected_return=0.0, reasons=(("prior", 1.0),),
        )  # fmt: skip
        header = Header("pads:99", "pads:99", "seat_a:99", question.KIND, "pads", "seat_a", 0, time.time_ns(), 3000, 2)
        frames = encode(header, question), encode(header._replace(kind=answer.KIND), answer)
        with children(*((floor.zmq_seat, (folder, name, frames[1])) for name in SEATS)):
            raw = floor.zmq_rounds(folder, SEATS, frames[0], count)
    return statistics.median(asker.rounds_s[count // 10 :]), statistics.median(raw[count // 10 :])


def _keys(folder: Path) -> Path:
    return folder / "keys"
