"""A firm whose seats have replicas says in the simulation what a firm without them says, row by row."""

from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

import pytest

from bus.config import Settings
from bus.message import Envelope
from bus.messages import DecisionRequest
from ops.compare import differences
from ops.ledger import Ledger
from research.backtest import backtest
from tests.conftest import ROOT

SEATS: Final = ("qbmia", "quasar", "quantum_amos")
BARS: Final[dict[str, Any]] = {"source": "synthetic", "symbols": ["AA", "BB", "CC", "DD"], "bars": 60}


def run(folder: Path, agents: dict[str, Any]) -> tuple[Path, dict[str, int]]:
    """Run the shipped firm with ``agents`` beside its own; return its ledger and who was asked how often."""
    asked: dict[str, int] = {}

    def count(envelope: Envelope) -> None:
        if isinstance(envelope.message, DecisionRequest):
            name = str(envelope.header.recipient)
            asked[name] = asked.get(name, 0) + 1

    settings = Settings.load(ROOT / "configs", folder, {"agents": agents})
    backtest(settings.elsewhere(folder, {"market": BARS}), observe=count)
    return folder / "ledger.sqlite", asked


@pytest.mark.parametrize("seats", [("qbmia",), SEATS])
def test_the_ledger_is_that_of_one_process_a_seat(tmp_path: Path, seats: tuple[str, ...]) -> None:
    replicas = {f"{seat}-{k}": {"role": "seat", "replica_of": seat} for seat in seats for k in (2, 3)}
    alone, asked_alone = run(tmp_path / "alone", {})
    together, asked = run(tmp_path / "together", replicas)
    with ExitStack() as stack:
        ledgers = [stack.enter_context(closing(Ledger.open(f"sqlite:///{path}"))) for path in (alone, together)]
        assert differences(*ledgers) == []
    for seat in SEATS:
        names = [seat, *(name for name in replicas if replicas[name]["replica_of"] == seat)]
        assert sum(asked.get(name, 0) for name in names) == asked_alone[seat]
    assert {name for name in asked if name in replicas}
