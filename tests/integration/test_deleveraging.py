"""Risk's own shrinking orders: the same in processes, simulated, and through kill -9 of whoever handles them."""

import re
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from bus.config import Settings
from ops.compare import differences
from ops.harness import Firm
from ops.ledger import Ledger
from ops.schema import orders
from research.backtest import backtest
from tests.integration.conftest import CONFIGS, PATIENT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
WINDOW = {**PATIENT, "market": {"bars": 160, "history_bars": 130, "first": "2008-01-02"}}
"""In it the firm holds a position through a small loss."""


@pytest.fixture
def narrow(tmp_path: Path) -> Path:
    """The shipped configuration with a first tier that is soon entered and leaves little of a position."""
    folder = Path(shutil.copytree(CONFIGS, tmp_path / "configs"))
    limits = folder / "limits.toml"
    tiers = "drawdown_tiers = [{ enter = 0.001, leave = 0.0005, cut = 0.5 }]\n"
    text = limits.read_text(encoding="utf-8")
    text, count = re.subn(r"^drawdown_tiers = \[.*?^\]\n", tiers, text, flags=re.MULTILINE | re.DOTALL)
    assert count == 1
    # The only tier would otherwise be the last one, in which PADS itself may not grow: a second one comes far below it.
    text = text.replace("cut = 0.5 }]", "cut = 0.5 }, { enter = 0.05, leave = 0.01, cut = 0.6 }]")
    limits.write_text(text, encoding="utf-8")
    return folder


def test_a_position_over_its_limit_is_shrunk_alike_whoever_dies_meanwhile(narrow: Path, tmp_path: Path) -> None:
    backtest(Settings.load(narrow, tmp_path / "simulated", WINDOW))
    with Firm(narrow, WINDOW) as firm:
        firm.wait(lambda: int(firm.report("market").get("concluded", 0)) >= 300, 120.0, "the first loss")
        for victim in ("risk", "compliance", "pads"):
            firm.kill(victim)
            firm.restart(victim)
        firm.wait_done(120.0)
        firm.stop()
        with (
            closing(Ledger.open(f"sqlite:///{tmp_path / 'simulated' / 'ledger.sqlite'}")) as ours,
            closing(firm.ledger()) as theirs,
        ):
            assert differences(theirs, ours) == []
            shrunk = [row.status for row in ours.read(select(orders)) if row.order_id.endswith("-r1")]
    assert shrunk
    assert set(shrunk) == {"filled"}
