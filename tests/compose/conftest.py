"""The engine of the tests in containers, and the firm that most of them share."""

import os
from collections.abc import Iterator

import pytest

from tests.compose.engine import RIG, Project, answers, new_project, remove, rig, rig_environment


@pytest.fixture(scope="session")
def engine() -> Iterator[dict[str, str]]:
    """Environment in which docker reaches an engine: that of the rig, brought up for the time, else one that is up."""
    if RIG.exists() and os.geteuid() == 0:
        environment = rig_environment()
        was_up = answers(environment)
        if not was_up:
            brought = rig("up")
            assert brought.returncode == 0, brought.stdout + brought.stderr
        yield rig_environment()
        if not was_up:
            rig("down")
        return
    if not answers(os.environ):
        pytest.skip(f"no Docker engine with Compose answers, and there is no rig at {RIG} that this user can start")
    yield dict(os.environ)


@pytest.fixture
def project(engine: dict[str, str]) -> Iterator[Project]:
    """A project of which nothing runs yet, and nothing is left."""
    project = new_project(engine)
    project.done("build", "-q", "prepare", timeout_s=900)
    yield project
    remove(project)


@pytest.fixture(scope="module")
def firm(engine: dict[str, str]) -> Iterator[Project]:
    """A firm that is up, each service of it healthy; tests leave it so."""
    project = new_project({**engine, "BOARDROOM_MARKET__SPEED": "2", "BOARDROOM_MARKET__BARS": "2500"})
    try:
        project.up("--build")
        yield project
    finally:
        remove(project)
