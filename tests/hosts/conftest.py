"""Two hosts for a test, or the reason why there are none here."""

from collections.abc import Iterator

import pytest

from tests.hosts.network import Network, why_not


@pytest.fixture
def network() -> Iterator[Network]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with Network() as made:
        yield made
