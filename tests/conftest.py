"""Fixtures of the whole suite: a private Redis, a short directory for sockets, and where real data lies."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bus.broadcast import RedisBroadcast, Subscriptions
from bus.redis_acl import load_secrets, make_redis_secrets
from bus.redis_server import EmbeddedRedis, url_of
from bus.rundir import RunDir

ROOT = Path(__file__).parent.parent
REDIS_USERS = ("talker", "answerer", "operator", "first", "second", "plane", "other")


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A directory whose path leaves room for a unix socket's name."""
    folder = Path(tempfile.mkdtemp(prefix="bd-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class PrivateRedis:
    """An embedded Redis, and the folder of the secrets of its users."""

    url: str
    keys: Path
    server: EmbeddedRedis

    def plane(self, name: str, subscribed: Subscriptions) -> RedisBroadcast:
        """Return the plane of one user, not connected yet."""
        return RedisBroadcast(self.url, subscribed, name, lambda: load_secrets(self.keys, name))


@contextmanager
def private_redis(folder: Path, names: Iterable[str]) -> Iterator[PrivateRedis]:
    """Start an embedded Redis with these users in a short folder."""
    run_dir = RunDir(folder)
    run_dir.create()
    make_redis_secrets(folder / "keys", names, 0)
    server = EmbeddedRedis(run_dir, folder / "keys", names)
    server.start()
    try:
        yield PrivateRedis(url_of("embedded", run_dir), folder / "keys", server)
    finally:
        server.stop()


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[PrivateRedis]:
    """An embedded Redis that lasts for the session."""
    folder = Path(tempfile.mkdtemp(prefix="bd-"))
    with private_redis(folder, REDIS_USERS) as redis:
        yield redis
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def market_data() -> Path:
    """The folder of real market data beside the checkout; the test is skipped where there is none."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real market data beside the checkout (../shared/data)")
    return folder
