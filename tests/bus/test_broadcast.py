"""The Redis plane: each publishes on channels of its own, urgent kinds come first, a dead server is noticed in time."""

import os
import select
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bus.broadcast import RedisBroadcast, channel, subscriptions
from bus.direct import ZmqDirect
from bus.errors import ConfigError, Fatal, Transient
from bus.lawful import Arrival
from bus.messages import AgentStatus, MarketUpdate, RiskAlert
from bus.poll import LivePoll
from bus.redis_acl import load_secrets, make_redis_secrets
from tests.bus.relay import relay, write_certificate
from tests.bus.toys import Alarm, Answerer, Fact, Order, Quote, Talker
from tests.bus.worlds import SocketWorld
from tests.conftest import REDIS_USERS, PrivateRedis, private_redis

pytestmark = pytest.mark.integration
BOTH = ("plane", "other")
NOTICED_S = 3.0
"""How soon a server that says nothing must be noticed."""


def eventually(condition: Callable[[], bool], patience_s: float = 10.0) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def collect(plane: RedisBroadcast, count: int, *others: RedisBroadcast) -> list[Arrival]:
    found: list[Arrival] = []

    def is_all() -> bool:
        for other in others:
            other.receive()
        found.extend(plane.receive())
        return len(found) >= count

    eventually(is_all)
    return found


def frames(plane: RedisBroadcast, count: int, *others: RedisBroadcast) -> list[bytes]:
    return [frame for frame, _ in collect(plane, count, *others)]


@pytest.fixture
def own_redis(short_dir: Path) -> Iterator[PrivateRedis]:
    with private_redis(short_dir, REDIS_USERS) as redis:
        yield redis


@pytest.fixture
def polled(short_dir: Path) -> Iterator[Callable[[RedisBroadcast], LivePoll]]:
    direct = ZmqDirect("plane", {"plane": f"ipc://{short_dir}/plane.sock"})
    yield lambda plane: LivePoll(direct, plane)
    direct.close()


def test_an_agent_subscribes_to_the_lawful_senders_among_its_peers() -> None:
    peers = {"market": "service", "pads": "service", "qbmia": "seat"}
    assert subscriptions([MarketUpdate, RiskAlert], peers) == {
        AgentStatus.KIND: ["market", "pads", "qbmia"],
        MarketUpdate.KIND: ["market"],
        RiskAlert.KIND: ["market", "pads", "qbmia"],
    }
    assert channel(MarketUpdate.KIND, "market") == b"boardroom.MARKET_UPDATE/1.market"


def test_frames_arrive_in_order_and_only_on_their_channel(shared_redis: PrivateRedis) -> None:
    plane = shared_redis.plane("plane", {Fact.KIND: BOTH})
    other = shared_redis.plane("other", {Quote.KIND: BOTH})
    plane.connect()
    other.connect()
    for number in range(5000):
        assert plane.publish(Fact.KIND, b"%d" % number)
    assert collect(plane, 5000) == [Arrival(b"%d" % number, "plane") for number in range(5000)]
    assert other.receive() == []
    plane.close()
    other.close()


def test_the_channel_vouches_for_the_sender_whatever_the_frame_says(shared_redis: PrivateRedis) -> None:
    plane, other = shared_redis.plane("plane", {Fact.KIND: BOTH}), shared_redis.plane("other", {})
    plane.connect()
    other.connect()
    assert other.publish(Fact.KIND, b"signed: plane")
    assert collect(plane, 1) == [Arrival(b"signed: plane", "other")]
    plane.close()
    other.close()


def test_what_is_urgent_overtakes_and_the_rest_comes_in_portions(shared_redis: PrivateRedis) -> None:
    plane, other = shared_redis.plane("plane", {Quote.KIND: BOTH, Alarm.KIND: BOTH}), shared_redis.plane("other", {})
    plane.connect()
    other.connect()
    for _ in range(2000):
        assert other.publish(Quote.KIND, b"q" * 500)
    assert other.publish(Alarm.KIND, b"alarm")
    eventually(lambda: not other.receive() and _is_readable(plane))
    assert plane.receive() == [Arrival(b"alarm", "other")]
    portions: list[int] = []
    while sum(portions) < 2000:
        portions.append(len(plane.receive()))
    assert max(portions) <= 64
    plane.close()
    other.close()


def _is_readable(plane: RedisBroadcast) -> bool:
    """Tell whether both lanes have something to read."""
    return set(select.select(plane.filenos, [], [], 0)[0]) >= set(plane.filenos[1:])


def test_heartbeats_never_overtake_the_broadcasts_that_they_count(shared_redis: PrivateRedis) -> None:
    plane, other = (
        shared_redis.plane("plane", {Fact.KIND: BOTH, AgentStatus.KIND: BOTH}),
        shared_redis.plane("other", {}),
    )
    plane.connect()
    other.connect()
    for number in range(1000):
        other.publish(Fact.KIND, b"%d" % number)
    other.publish(AgentStatus.KIND, b"beat")
    assert frames(plane, 1001, other)[-1] == b"beat"
    plane.close()
    other.close()


def test_joining_a_busy_channel_never_blocks(shared_redis: PrivateRedis) -> None:
    stop = threading.Event()

    def chatter(name: str) -> None:
        talker = shared_redis.plane(name, {})
        talker.connect()
        while not stop.is_set():
            talker.publish(Fact.KIND, b"x" * 200)
            talker.receive()
        talker.close()

    talkers = [threading.Thread(target=chatter, args=(name,)) for name in BOTH]
    for talker in talkers:
        talker.start()
    try:
        for _ in range(10):
            plane = shared_redis.plane("first", {Fact.KIND: BOTH, Alarm.KIND: BOTH, Quote.KIND: BOTH})
            plane.connect()
            started = time.monotonic()
            plane.receive()
            assert time.monotonic() - started < 0.9
            plane.close()
    finally:
        stop.set()
        for talker in talkers:
            talker.join()


def test_a_server_that_ends_is_noticed_and_found_again(own_redis: PrivateRedis) -> None:
    plane = own_redis.plane("plane", {Fact.KIND: BOTH})
    plane.connect()
    own_redis.server.stop()

    def noticed() -> bool:
        plane.receive()
        return not plane.is_connected

    eventually(noticed)
    assert not plane.publish(Fact.KIND, b"lost")
    assert plane.counters["unpublished"] == 1
    assert not plane.reconnect()
    own_redis.server.start()
    eventually(plane.reconnect)
    plane.publish(Fact.KIND, b"again")
    assert b"again" in frames(plane, 1)
    assert plane.counters["redis_lost"] == plane.counters["redis_reconnects"] == 1
    plane.close()


def test_a_stopped_server_is_noticed_within_seconds_and_never_holds_the_loop_up(
    own_redis: PrivateRedis, polled: Callable[[RedisBroadcast], LivePoll]
) -> None:
    plane = own_redis.plane("plane", {Fact.KIND: BOTH, Alarm.KIND: BOTH})
    plane.connect()
    poll = polled(plane)
    turn(poll, plane, 20)
    pid = own_redis.server.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        stopped, longest = time.monotonic(), 0.0
        while plane.is_connected:
            assert time.monotonic() - stopped < NOTICED_S
            longest = max(longest, turn(poll, plane))
        for _ in range(100):
            longest = max(longest, turn(poll, plane))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert longest < 0.5
    eventually(lambda: bool(turn(poll, plane)) and plane.is_connected)
    plane.publish(Fact.KIND, b"again")
    assert frames(plane, 1) == [b"again"]
    plane.close()


def turn(poll: LivePoll, plane: RedisBroadcast, times: int = 1) -> float:
    """Go around the loop as a process does; return the seconds that took."""
    started = time.monotonic()
    for _ in range(times):
        if poll(10):
            plane.receive()
    return time.monotonic() - started


def test_a_black_hole_is_noticed_within_seconds_and_a_quiet_line_is_none(
    own_redis: PrivateRedis, polled: Callable[[RedisBroadcast], LivePoll]
) -> None:
    with relay(own_redis.url.removeprefix("unix://")) as hole:
        plane = RedisBroadcast(
            f"redis://127.0.0.1:{hole.port}", {Fact.KIND: BOTH}, "plane", lambda: load_secrets(own_redis.keys, "plane")
        )
        plane.connect()
        poll = polled(plane)
        started = time.monotonic()
        while time.monotonic() - started < NOTICED_S:
            turn(poll, plane)
            assert plane.is_connected
        hole.is_black_hole = True
        started = time.monotonic()
        while plane.is_connected:
            turn(poll, plane)
            assert time.monotonic() - started < NOTICED_S
        hole.is_black_hole = False
        eventually(lambda: bool(turn(poll, plane)) and plane.is_connected)
        plane.close()


def test_a_process_that_was_held_up_itself_does_not_blame_redis(
    own_redis: PrivateRedis, polled: Callable[[RedisBroadcast], LivePoll]
) -> None:
    now = [100.0]
    plane = RedisBroadcast(
        own_redis.url, {Fact.KIND: BOTH}, "plane", lambda: load_secrets(own_redis.keys, "plane"),
        monotonic=lambda: now[0],
    )  # fmt: skip
    plane.connect()
    poll = polled(plane)
    for _ in range(20):
        now[0] += 0.3
        turn(poll, plane, 3)
    for _ in range(3):
        now[0] += 60.0
        turn(poll, plane, 5)
    assert plane.is_connected
    plane.close()


def test_what_redis_does_not_take_is_bounded_and_left_for_repair(own_redis: PrivateRedis) -> None:
    plane = own_redis.plane("plane", {Fact.KIND: BOTH})
    plane.connect()
    pid = own_redis.server.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        taken = sum(plane.publish(Fact.KIND, b"x" * 10_000) for _ in range(2_000))
        assert time.monotonic() - started < 2.0
    finally:
        os.kill(pid, signal.SIGCONT)
    assert 8 << 20 < taken * 10_000 < 10 << 20
    assert plane.counters["unpublished"] == 2_000 - taken
    assert plane.is_connected
    assert len(frames(plane, taken)) == taken
    plane.close()


def test_a_slow_reader_that_redis_cuts_off_comes_back(own_redis: PrivateRedis) -> None:
    plane, other = own_redis.plane("plane", {Fact.KIND: BOTH}), own_redis.plane("other", {})
    plane.connect()
    other.connect()
    published = 0
    while published < 90 << 20:
        if other.publish(Fact.KIND, b"x" * 10_000):
            published += 10_000
        other.receive()

    def is_cut() -> bool:
        other.receive()
        plane.receive()
        return not plane.is_connected

    eventually(is_cut)
    eventually(plane.reconnect)
    other.publish(Fact.KIND, b"again")
    eventually(lambda: [frame for frame, _ in plane.receive()] == [b"again"])
    plane.close()
    other.close()


def test_what_is_broadcast_while_redis_is_away_is_repaired(own_redis: PrivateRedis, short_dir: Path) -> None:
    talker, answerer = Talker(), Answerer()
    world = SocketWorld([talker, answerer], short_dir, own_redis)
    world.tell("talker", Order(facts=3))
    world.until(lambda: answerer.facts == 3)
    own_redis.server.stop()
    world.tell("talker", Order(facts=5))
    world.until(lambda: talker.published == 8)
    assert answerer.facts == 3
    own_redis.server.start()
    world.until(lambda: answerer.facts == 8)
    world.tell("talker", Order(facts=1))
    world.until(lambda: answerer.facts == 9)
    assert answerer.heard == [f"fact {number}" for number in range(1, 10)]
    assert answerer.gaps == []
    world.close()


def test_no_redis_says_what_to_do(tmp_path: Path) -> None:
    plane = RedisBroadcast(f"unix://{tmp_path}/nothing.sock", {}, "plane")
    with pytest.raises(Transient, match="no Redis at"):
        plane.connect()
    with pytest.raises(Fatal, match="start the firm with `boardroom up`"):
        plane.connect_or_fail(0.1)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"*1\r\n$-7\r\n", b"\xff" * 100])
def test_what_speaks_another_language_is_no_redis(short_dir: Path, answer: bytes) -> None:
    def serve() -> None:
        with listener.accept()[0] as near:
            near.sendall(answer)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{short_dir}/s")
        listener.listen()
        server = threading.Thread(target=serve)
        server.start()
        with pytest.raises(Transient, match="no Redis at"):
            RedisBroadcast(f"unix://{short_dir}/s", {Fact.KIND: BOTH}, "plane", lambda: ["secret"]).connect()
        server.join()


@pytest.mark.parametrize("url", ["redis://:secret@127.0.0.1:1/0", "redis://127.0.0.1:1/0?password=secret"])
def test_a_password_is_never_shown(url: str) -> None:
    plane = RedisBroadcast(url, {}, "plane")
    with pytest.raises(Transient) as caught:
        plane.connect()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "rediss://127.0.0.1:1/0?ssl_nonsense=x",
        "redis://127.0.0.1:nonsense/0",
        "rediss://127.0.0.1:1/0?ssl_ca_certs=/none",
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"bus\.redis_url"):
        RedisBroadcast(url, {}, "plane").connect()


def test_a_wrong_password_says_what_to_do_and_is_tried_again_later(own_redis: PrivateRedis, tmp_path: Path) -> None:
    make_redis_secrets(tmp_path / "keys", ["plane"], 0)
    plane = RedisBroadcast(own_redis.url, {}, "plane", lambda: load_secrets(tmp_path / "keys", "plane"))
    with pytest.raises(ConfigError, match=r"refuses plane: .*; have it load redis.acl") as caught:
        plane.connect_or_fail(5.0)
    assert "\n" not in str(caught.value)

    def is_told() -> bool:
        plane.reconnect()
        return plane.counters["redis_refused"] >= 2

    eventually(is_told)
    assert plane.refusal == str(caught.value)
    plane.close()


def test_without_a_password_nobody_gets_in(own_redis: PrivateRedis) -> None:
    with pytest.raises(ConfigError, match="correct the user and password"):
        RedisBroadcast(own_redis.url, {Fact.KIND: BOTH}, "plane").connect()


def test_a_rotated_secret_is_good_before_and_after_redis_starts_anew(own_redis: PrivateRedis) -> None:
    plane = own_redis.plane("plane", {Fact.KIND: BOTH})
    before = load_secrets(own_redis.keys, "plane")
    make_redis_secrets(own_redis.keys, REDIS_USERS, 1, rotate=True)
    plane.connect()
    own_redis.server.stop()
    own_redis.server.start()
    plane.connect()
    plane.close()
    stale = RedisBroadcast(own_redis.url, {}, "plane", lambda: before)
    with pytest.raises(ConfigError, match="refuses plane"):
        stale.connect()


@pytest.mark.parametrize("is_mutual", [False, True])
def test_a_rediss_url_encrypts_and_believes_only_the_authority_it_names(
    own_redis: PrivateRedis, tmp_path: Path, *, is_mutual: bool
) -> None:
    (served, key), (mine, my_key) = write_certificate(tmp_path, "server"), write_certificate(tmp_path, "client")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(served, key)
    if is_mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(mine)
    with relay(own_redis.url.removeprefix("unix://"), context) as front:

        def plane(query: str) -> RedisBroadcast:
            secrets = load_secrets(own_redis.keys, "plane")
            url = f"rediss://127.0.0.1:{front.port}/0?{query}"
            return RedisBroadcast(url, {Fact.KIND: BOTH, Alarm.KIND: BOTH}, "plane", lambda: secrets)

        own = f"&ssl_certfile={mine}&ssl_keyfile={my_key}" if is_mutual else ""
        trusting = plane(f"ssl_ca_certs={served}{own}")
        trusting.connect()
        for number in range(3000):
            assert trusting.publish(Fact.KIND, b"%d" % number * 100)
        assert frames(trusting, 3000) == [b"%d" % number * 100 for number in range(3000)]
        trusting.close()
        with pytest.raises(Transient, match="certificate"):
            plane(f"ssl_ca_certs={mine}{own}").connect()
        if is_mutual:
            with pytest.raises(Transient):
                plane(f"ssl_ca_certs={served}").connect()
