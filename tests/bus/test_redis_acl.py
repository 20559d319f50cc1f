"""The users of Redis: a secret each, a channel each, and nothing for anybody else."""

import hashlib
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError
from redis.retry import Retry

from bus.errors import ConfigError, Fatal
from bus.redis_acl import ACL_FILE, acl_lines, load_secret, load_secrets, make_redis_secrets
from tests.bus.test_broadcast import BOTH, collect, eventually
from tests.bus.toys import Alarm, Fact
from tests.conftest import PrivateRedis


def test_each_name_gets_one_secret_and_keeps_it(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    assert make_redis_secrets(keys, ["pads", "risk"], 5) == ("pads", "risk")
    first = load_secret(keys, "pads")
    assert len(first) == 64
    assert first != load_secret(keys, "risk")
    assert make_redis_secrets(keys, ["pads", "risk", "ops"], 6) == ("ops",)
    assert load_secret(keys, "pads") == first
    for path in (*keys.glob("*.redis.key"), keys / ACL_FILE):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_rotated_secret_comes_first_and_the_list_knows_it_alone(tmp_path: Path) -> None:
    make_redis_secrets(tmp_path / "keys", ["pads"], 0)
    old = load_secret(tmp_path / "keys", "pads")
    assert make_redis_secrets(tmp_path / "keys", ["pads"], 7, rotate=True) == ("pads",)
    new = load_secret(tmp_path / "keys", "pads")
    assert load_secrets(tmp_path / "keys", "pads") == (new, old)
    listed = (tmp_path / "keys" / ACL_FILE).read_text()
    assert hashlib.sha256(new.encode()).hexdigest() in listed
    assert hashlib.sha256(old.encode()).hexdigest() not in listed
    assert new not in listed
    with pytest.raises(ConfigError, match="set the clock"):
        make_redis_secrets(tmp_path / "keys", ["pads"], 7, rotate=True)


def test_the_lines_of_the_list() -> None:
    digest = hashlib.sha256(b"secret").hexdigest()
    assert acl_lines(["pads"], {"pads": "secret"}) == [
        "user default off resetchannels resetkeys -@all",
        (
            f"user pads on sanitize-payload #{digest} resetchannels resetkeys -@all +ping "
            f"(+publish resetchannels &boardroom.*.pads) (+subscribe resetchannels &boardroom.*)"
        ),
    ]


@pytest.mark.parametrize("name", ["", "a.pads", "*", "pa?s", "[ab]", "pa ds", "pads\nuser x on", "a/b", "x" * 65])
def test_a_name_that_would_widen_a_pattern_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="a name on the bus"):
        acl_lines([name], {name: "secret"})
    with pytest.raises(ConfigError, match="a name on the bus"):
        make_redis_secrets(tmp_path / "keys", [name], 0)


def test_a_missing_or_open_secret_is_refused(tmp_path: Path) -> None:
    make_redis_secrets(tmp_path / "keys", ["pads"], 0)
    with pytest.raises(ConfigError, match=r"risk\.redis\.key: no such key"):
        load_secret(tmp_path / "keys", "risk")
    (tmp_path / "keys" / "pads.redis.key").chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_secret(tmp_path / "keys", "pads")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Fatal, match="file"):
        make_redis_secrets(tmp_path / "file" / "keys", ["pads"], 0)


def _as(redis_server: PrivateRedis, name: str) -> Any:
    return _client(redis_server, {"username": name, "password": load_secret(redis_server.keys, name)})


def _client(redis_server: PrivateRedis, login: dict[str, Any]) -> Any:
    options: dict[str, Any] = {"protocol": 2, "retry": Retry(NoBackoff(), 0)}
    return redis.Redis(unix_socket_path=redis_server.url.removeprefix("unix://"), **options, **login)


@pytest.mark.integration
@pytest.mark.parametrize(
    "command",
    [
        "PUBLISH boardroom.RISK_ALERT/1.other x", "PUBLISH other x", "PUBLISH boardroom.plane x",
        "SPUBLISH boardroom.A/1.plane x", "SUBSCRIBE elsewhere", "PSUBSCRIBE *", "PSUBSCRIBE boardroom.*", "GET a",
        "SET a b", "FLUSHALL", "CONFIG GET *", "ACL LIST", "ACL SETUSER plane +@all", "CLIENT LIST", "CLIENT KILL ID 1",
        "PUBSUB CHANNELS", "MONITOR", "SHUTDOWN", "EVAL return 0", "INFO",
    ],
)  # fmt: skip
def test_redis_lets_an_agent_do_nothing_but_speak_in_its_own_name(shared_redis: PrivateRedis, command: str) -> None:
    client = _as(shared_redis, "plane")
    assert client.ping()
    with pytest.raises(NoPermissionError):
        client.execute_command(*command.split())
    client.close()


@pytest.mark.integration
@pytest.mark.parametrize("login", [{}, {"username": "plane", "password": "x"}, {"username": "who", "password": "x"}])
def test_redis_lets_nobody_in_without_a_secret(shared_redis: PrivateRedis, login: dict[str, str]) -> None:
    client = _client(shared_redis, login)
    for ask in (client.ping, lambda: client.publish("boardroom.A/1.plane", b"x")):
        with pytest.raises(redis.AuthenticationError):
            ask()
    client.close()


@pytest.mark.integration
def test_a_forged_sender_is_refused_by_redis_and_costs_the_forger_no_connection(shared_redis: PrivateRedis) -> None:
    forger, plane = shared_redis.plane("other", {}), shared_redis.plane("plane", {Fact.KIND: BOTH, Alarm.KIND: BOTH})
    forger.connect()
    plane.connect()
    forger.name = "plane"
    for _ in range(3):
        assert forger.publish(Fact.KIND, b"forged")
    eventually(_heard_of(forger, 3))
    forger.name, forger._own = "other", {}
    assert forger.publish(Fact.KIND, b"true")
    assert [tuple(arrival) for arrival in collect(plane, 1)] == [(b"true", "other")]
    assert forger.is_connected
    assert forger.counters == {"forbidden": 3}
    assert "refuses what plane publishes: NOPERM" in forger.refusal
    forger.close()
    plane.close()


def _heard_of(forger: Any, count: int) -> Callable[[], bool]:
    def is_heard() -> bool:
        forger.receive()
        return bool(forger.counters["forbidden"] >= count)

    return is_heard
