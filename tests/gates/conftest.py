"""A firm at work, holding some of AAA, and everything that reaches its broker."""

from typing import Any

import pytest

from execution.paper import PaperBroker
from tests.gates.firm import HELD, Firm, seasoned


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> tuple[Firm, bytes]:
    """A firm, and its state once it has a past."""
    firm = seasoned(tmp_path_factory.mktemp("firm"))
    return firm, firm.state()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reaches the broker, by client order id."""
    names: list[str] = []
    submit = PaperBroker.submit

    def noted(broker: PaperBroker, order: Any) -> None:
        names.append(order.client_order_id)
        submit(broker, order)

    monkeypatch.setattr(PaperBroker, "submit", noted)
    return names


@pytest.fixture
def firm(begun: tuple[Firm, bytes], sent: list[str]) -> Firm:
    """A firm at work, holding some of AAA."""
    firm, past = begun
    firm.take_over(past)
    firm.run(1.0)
    firm.day()
    assert firm.held("AAA") == HELD
    sent.clear()
    return firm
