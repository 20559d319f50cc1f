"""Fixtures of the whole suite: a private Redis, a short directory for sockets, and where real data lies."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.redis_server import EmbeddedRedis, url_of
from bus.rundir import RunDir

ROOT = Path(__file__).parent.parent


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A directory whose path leaves room for a unix socket's name."""
    folder = Path(tempfile.mkdtemp(prefix="bd-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of an embedded Redis that lasts for the session."""
    folder = Path(tempfile.mkdtemp(prefix="bd-"))
    run_dir = RunDir(folder)
    run_dir.create()
    server = EmbeddedRedis(run_dir)
    server.start()
    yield url_of("embedded", run_dir)
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def market_data() -> Path:
    """The folder of real market data beside the checkout; the test is skipped where there is none."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real market data beside the checkout (../shared/data)")
    return folder
