"""The Redis plane: what is published arrives, joining a busy channel is safe, and a lost server is noticed."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from bus.broadcast import RedisBroadcast
from bus.errors import Fatal, Transient
from bus.redis_server import EmbeddedRedis, url_of
from bus.rundir import RunDir

pytestmark = pytest.mark.integration


def eventually(condition: Callable[[], bool], patience_s: float = 5.0) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_frames_arrive_in_order_and_only_on_their_channel(redis_url: str) -> None:
    plane, other = RedisBroadcast(redis_url, ["A/1"]), RedisBroadcast(redis_url, ["B/1"])
    plane.connect()
    other.connect()
    for number in range(5000):
        assert plane.publish("A/1", b"%d" % number)
    found: list[bytes] = []

    def all_found() -> bool:
        found.extend(frame for frame, _ in plane.receive())
        return len(found) == 5000

    eventually(all_found)
    assert found == [b"%d" % number for number in range(5000)]
    assert other.receive() == []
    plane.close()
    other.close()


def test_joining_a_busy_channel_never_blocks(redis_url: str) -> None:
    stop = threading.Event()

    def chatter() -> None:
        client = redis.Redis.from_url(redis_url)
        while not stop.is_set():
            client.publish("boardroom.A/1", b"x" * 200)
        client.close()

    talkers = [threading.Thread(target=chatter) for _ in range(2)]
    for talker in talkers:
        talker.start()
    try:
        for _ in range(30):
            plane = RedisBroadcast(redis_url, ["A/1", "B/1", "C/1", "D/1"])
            plane.connect()
            started = time.monotonic()
            plane.receive()
            assert time.monotonic() - started < 0.9
            plane.close()
    finally:
        stop.set()
        for talker in talkers:
            talker.join()


def test_a_server_that_ends_is_noticed_and_found_again(short_dir: Path) -> None:
    run_dir = RunDir(short_dir)
    run_dir.create()
    server = EmbeddedRedis(run_dir)
    server.start()
    plane = RedisBroadcast(url_of("embedded", run_dir), ["A/1"])
    plane.connect()
    server.stop()

    def noticed() -> bool:
        plane.receive()
        return not plane.is_connected

    eventually(noticed)
    assert not plane.publish("A/1", b"lost")
    assert plane.counters["unpublished"] == 1
    assert not plane.reconnect()
    server.start()
    eventually(plane.reconnect)
    plane.publish("A/1", b"again")
    eventually(lambda: b"again" in [frame for frame, _ in plane.receive()])
    plane.close()
    server.stop()


def test_no_redis_says_what_to_do(tmp_path: Path) -> None:
    plane = RedisBroadcast(f"unix://{tmp_path}/nothing.sock", ["A/1"])
    with pytest.raises(Transient, match="no Redis at"):
        plane.connect()
    with pytest.raises(Fatal, match="start the firm with `boardroom up`"):
        plane.connect_or_fail(0.1)


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    plane = RedisBroadcast("redis://:secret@127.0.0.1:1/0", [])
    with pytest.raises(Transient) as caught:
        plane.connect()
    assert "secret" not in str(caught.value)
