"""Containers that are started before anything was prepared for them."""

import pytest

from tests.compose.engine import PATIENCE_S, Project, one_line

pytestmark = [pytest.mark.compose, pytest.mark.timeout(600)]


@pytest.mark.parametrize("service", ["risk", "market"])
def test_an_agent_without_its_keys_says_so_in_one_line_and_does_not_start(project: Project, service: str) -> None:
    ran = project.compose("run", "--rm", "-T", "--no-deps", service, timeout_s=PATIENCE_S)
    assert ran.returncode == 78, ran.stdout + ran.stderr
    said = [line for line in (ran.stdout + ran.stderr).splitlines() if line.startswith(f"{service}:")]
    one_line(said, f"{service}.", "no such key")


def test_redis_without_its_list_of_users_does_not_start(project: Project) -> None:
    ran = project.compose("run", "--rm", "-T", "--no-deps", "redis", timeout_s=PATIENCE_S)
    assert ran.returncode == 1
    one_line((ran.stdout + ran.stderr).splitlines(), "/acl/redis.acl")
