"""The seat of docs/add-an-agent.md joins the board by the lines the page shows, simulated and as a process."""

import os
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import func, select

from bus import message
from bus.config import Settings
from ops.compare import differences
from ops.harness import Firm
from ops.ledger import Ledger
from ops.schema import beliefs, scores, strategies
from research.backtest import backtest
from tests.conftest import ROOT
from tests.docs.blocks import EXAMPLES, blocks

PAGE: Final = "add-an-agent.md"
CONFIGS: Final = ROOT / "configs"
BARS: Final = 120
MARKET: Final[dict[str, Any]] = {"source": "synthetic", "symbols": ["AAA"], "bars": BARS, "first": None}
LEAST_ROUNDS: Final = BARS - 30
"""Rounds the seat has a belief in; the others are needed for the board's own volatility and the horizon."""


@pytest.fixture
def overrides(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The tables of the page over the shipped configuration, with the example where Python and its children look."""
    monkeypatch.syspath_prepend(EXAMPLES)
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(EXAMPLES), *([before] if before else [])]))
    [shown] = blocks(PAGE, "toml")
    patience = {"market": {**MARKET, "history_bars": 0}, "bus": {"message_ttl_s": 30.0}}
    tables: dict[str, Any] = {**tomllib.loads(shown.text), **patience}
    tables["pads"]["decision_timeout_s"] = 30.0
    return tables


def assert_it_sits_on_the_board(ledger: Ledger) -> None:
    has_belief = (beliefs.c.member == "contrarian") & beliefs.c.belief_up.is_not(None)
    [(said, staked)] = ledger.read(select(func.count(), func.max(beliefs.c.stake)).where(has_belief))
    assert said >= LEAST_ROUNDS
    assert staked > 0
    is_scored = (scores.c.member == "contrarian") & scores.c.log_score.is_not(None)
    assert ledger.read(select(func.count()).where(is_scored))[0][0] >= LEAST_ROUNDS - 5
    [(weight, scored)] = ledger.read(
        select(strategies.c.weight, strategies.c.scored).where(strategies.c.member == "contrarian")
    )
    assert 0 < weight < 1
    assert scored >= LEAST_ROUNDS - 5


def test_the_page_shows_the_files_as_they_are() -> None:
    shown = {block.about: block.text for block in blocks(PAGE, "python") if block.about.startswith("contrarian/")}
    assert set(shown) == {"contrarian/agent.py", "contrarian/__main__.py"}
    for name, text in shown.items():
        assert (EXAMPLES / name).read_text(encoding="utf-8") == text


def test_the_kind_on_the_page_is_one() -> None:
    [shown] = [block for block in blocks(PAGE, "python") if not block.about]
    names: dict[str, Any] = dict(vars(message))
    exec(compile(shown.text, f"docs/{PAGE}", "exec"), names)
    kind = message.lookup("APPLAUSE/1")
    assert kind is names["Applause"]
    assert kind.PLANE is message.Plane.BROADCAST


def test_it_joins_on_the_simulated_bus(overrides: dict[str, Any], tmp_path: Path) -> None:
    backtest(Settings.load(CONFIGS, tmp_path, overrides))
    with closing(Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}")) as ledger:
        assert_it_sits_on_the_board(ledger)


@pytest.mark.integration
@pytest.mark.timeout(240)
def test_it_joins_as_a_process_and_goes_on_after_a_kill(overrides: dict[str, Any], tmp_path: Path) -> None:
    backtest(Settings.load(CONFIGS, tmp_path, overrides))
    with Firm(CONFIGS, overrides) as firm:
        firm.wait(lambda: int(firm.report("market").get("concluded", 0)) >= BARS // 2)
        firm.kill("contrarian")
        firm.restart("contrarian")
        firm.wait_done()
        assert set(firm.stop().values()) == {0}
        with closing(firm.ledger()) as ledger, closing(Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}")) as same:
            assert_it_sits_on_the_board(ledger)
            assert differences(same, ledger) == []
