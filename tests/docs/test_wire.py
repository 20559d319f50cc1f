"""docs/wire.md says what the code does: its tables, its golden frame, its guest, and its agent in another language."""

import os
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

import pytest
from sqlalchemy import select

from bus.codec import decode, encode
from bus.messages import AgentStatus
from docs.tables import kinds, wire_page
from ops.harness import Firm
from ops.schema import beliefs, decisions, scores
from tests.conftest import ROOT
from tests.docs.blocks import DOCS, EXAMPLES, blocks

PAGE: Final = "wire.md"
BARS: Final = 60


def text() -> str:
    return (DOCS / PAGE).read_text(encoding="utf-8")


def guest() -> Callable[[str, str], dict[str, Any]]:
    """Return the function that the page shows."""
    names: dict[str, Any] = {}
    [block] = [block for block in blocks(PAGE, "python") if block.about == "guest"]
    exec(compile(block.text, f"docs/{PAGE}", "exec"), names)
    ping: Callable[[str, str], dict[str, Any]] = names["ping"]
    return ping


def test_the_tables_are_those_of_the_registry() -> None:
    page = text()
    assert wire_page(page) == page, "run `python -m docs.tables`"
    for kind in kinds():
        assert f"| `{kind.KIND}` |" in page
        assert f"#### `{kind.KIND}`" in page


def test_the_page_says_how_long_the_messages_of_the_bus_live() -> None:
    assert "| `HELLO/1` | direct | deadline | 1 | never ends |" in text()


def test_the_golden_frame_is_explained_byte_by_byte() -> None:
    [block] = [block for block in blocks(PAGE, "text") if block.about == "golden"]
    frame = bytes.fromhex("".join(line.split("  ")[0] for line in block.text.splitlines()))
    envelope = decode(frame)
    assert encode(envelope.header, envelope.message) == frame
    assert len(frame) == 309
    for value in envelope.header:
        assert str(value) in block.text
    for name in type(envelope.message).model_fields:
        assert name in block.text


@pytest.mark.integration
@pytest.mark.timeout(240)
def test_an_agent_that_imports_nothing_of_the_firm_sits_on_the_board(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(EXAMPLES), *([before] if before else [])]))
    overrides = {
        "agents": {"foreign": {"role": "seat"}},
        "pads": {"stakes": {"foreign": {"member": "foreign", "weight": 0.2}}, "quorum": 1, "decision_timeout_s": 30.0},
        "market": {"source": "synthetic", "symbols": ["AAA"], "first": None, "bars": BARS, "history_bars": 0},
    }
    with Firm(ROOT / "configs", overrides) as firm:
        firm.wait_done()
        foreign = guest()(str(firm.run_dir), "foreign")
        pads = guest()(str(firm.run_dir), "pads")
        assert set(firm.stop().values()) == {0}
        with closing(firm.ledger()) as ledger:
            sits = beliefs.join(decisions, beliefs.c.decision_id == decisions.c.decision_id)
            said = ledger.read(
                select(beliefs, decisions.c.prior_up).select_from(sits).where(beliefs.c.member == "foreign")
            )
            scored = ledger.read(select(scores).where(scores.c.member == "foreign", scores.c.log_score.is_not(None)))
    assert AgentStatus.model_fields.keys() == foreign.keys() == pads.keys()
    assert foreign["state"] == pads["state"] == "ready"
    assert int(str(foreign["inputs"])) >= BARS - 25
    heard = [row for row in said if row.belief_up is not None]
    assert len(heard) >= BARS - 25
    assert all(row.belief_up == pytest.approx(row.prior_up) for row in heard)
    assert len(scored) >= BARS - 30
