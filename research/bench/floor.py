"""The raw floors: the same bytes between the same number of processes, with pyzmq and redis-py and nothing else.

The bench is the one place outside the bus that opens sockets itself, because it measures what the bus adds to them.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import redis
import zmq

from research.bench.kinds import AHEAD

_FRAMES: Final = "boardroom.FLOOR.source"
_TOKENS: Final = "boardroom.TOKEN.sink"


def zmq_sink(folder: Path, window: int, ready: Connection) -> None:
    """Receive on a ROUTER; give a byte back for each full window."""
    context: Any = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.set_hwm(0)
    router.bind(f"ipc://{folder}/sink")
    ready.send(True)
    count = 0
    while True:
        identity, frame = router.recv_multipart()
        if not frame:
            break
        count += 1
        if count % window == 0:
            router.send_multipart((identity, b"t"))
    context.destroy()


def zmq_source(folder: Path, window: int, count: int, frame: bytes) -> float:
    """Send windows of ``frame`` from a DEALER, each awaited; return messages per second."""
    context: Any = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.set_hwm(0)
    dealer.connect(f"ipc://{folder}/sink")
    started = time.perf_counter()
    for _ in range(AHEAD * window):
        dealer.send(frame)
    for _ in range(count // window - AHEAD):
        dealer.recv()
        for _ in range(window):
            dealer.send(frame)
    for _ in range(AHEAD):
        dealer.recv()
    elapsed = time.perf_counter() - started
    dealer.send(b"")
    context.destroy(linger=500)
    return count / elapsed


def redis_sink(url: str, window: int, ready: Connection) -> None:
    """Receive on a redis-py subscription; publish a byte back for each full window."""
    client: Any = redis.Redis.from_url(url)
    subscription = client.pubsub(ignore_subscribe_messages=False)
    subscription.subscribe(_FRAMES)
    subscription.parse_response()
    ready.send(True)
    count = 0
    while True:
        data = subscription.parse_response()[2]
        if not data:
            return
        count += 1
        if count % window == 0:
            client.publish(_TOKENS, b"t")


def redis_source(url: str, window: int, count: int, frame: bytes) -> float:
    """Publish windows of ``frame`` in one pipeline each, awaited by a token; return messages per second."""
    client: Any = redis.Redis.from_url(url)
    tokens = client.pubsub()
    tokens.subscribe(_TOKENS)
    tokens.parse_response()
    started = time.perf_counter()
    for number in range(count // window):
        pipeline = client.pipeline(transaction=False)
        for _ in range(window):
            pipeline.publish(_FRAMES, frame)
        pipeline.execute()
        if number >= AHEAD:
            tokens.parse_response()
    for _ in range(AHEAD):
        tokens.parse_response()
    elapsed = time.perf_counter() - started
    client.publish(_FRAMES, b"")
    return count / elapsed


def zmq_seat(folder: Path, name: str, response: bytes, ready: Connection) -> None:
    """Answer every request on a ROUTER with the same bytes."""
    context: Any = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.bind(f"ipc://{folder}/{name}")
    ready.send(True)
    while True:
        identity, frame = router.recv_multipart()
        if not frame:
            break
        router.send_multipart((identity, response))
    context.destroy()


def zmq_rounds(folder: Path, seats: tuple[str, ...], request: bytes, count: int) -> list[float]:
    """Scatter a request to every seat and gather the answers, ``count`` times; return the seconds of each round."""
    context: Any = zmq.Context()
    dealers = []
    poller = zmq.Poller()
    for name in seats:
        dealer = context.socket(zmq.DEALER)
        dealer.connect(f"ipc://{folder}/{name}")
        poller.register(dealer, zmq.POLLIN)
        dealers.append(dealer)
    rounds = []
    for _ in range(count):
        started = time.perf_counter()
        for dealer in dealers:
            dealer.send(request)
        waiting = len(dealers)
        while waiting:
            for dealer, _ in poller.poll():
                dealer.recv()
                waiting -= 1
        rounds.append(time.perf_counter() - started)
    for dealer in dealers:
        dealer.send(b"")
    context.destroy(linger=500)
    return rounds


def zmq_relay(folder: Path, name: str, to: str, frame: bytes, ready: Connection) -> None:
    """Send the same bytes on for everything that comes."""
    context: Any = zmq.Context()
    push = context.socket(zmq.DEALER)
    push.connect(f"ipc://{folder}/{to}")
    router = context.socket(zmq.ROUTER)
    router.bind(f"ipc://{folder}/{name}")
    ready.send(True)
    while True:
        router.recv_multipart()
        push.send(frame)


def zmq_passages(router: Any, folder: Path, first: str, frame: bytes, count: int) -> list[float]:
    """Send ``frame`` to the first of a chain and await what comes out at its end; return the seconds of each."""
    context: Any = zmq.Context()
    push = context.socket(zmq.DEALER)
    push.connect(f"ipc://{folder}/{first}")
    passages = []
    for _ in range(count):
        started = time.perf_counter()
        push.send(frame)
        router.recv_multipart()
        passages.append(time.perf_counter() - started)
    context.destroy(linger=500)
    return passages


@contextmanager
def zmq_end(folder: Path, name: str) -> Iterator[Any]:
    """Give the ROUTER at the end of a chain."""
    context: Any = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.bind(f"ipc://{folder}/{name}")
    yield router
    context.destroy(linger=0)
