"""Every example of docs/harness.md runs as it stands."""

import os
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.docs.blocks import EXAMPLES, Block, blocks

PAGE = "harness.md"
SHOWN = blocks(PAGE, "python")


@pytest.fixture(autouse=True)
def _as_the_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(EXAMPLES)
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(EXAMPLES), *([before] if before else [])]))


def run(block: Block) -> None:
    names: dict[str, Any] = {"__name__": f"docs_harness_{block.about}"}
    exec(compile("\n" * (block.line - 1) + block.text, f"docs/{PAGE}", "exec"), names)


@pytest.mark.parametrize(
    "block", [block for block in SHOWN if "Firm(" not in block.text], ids=lambda block: str(block.about)
)
def test_an_example_runs(block: Block) -> None:
    run(block)


@pytest.mark.integration
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "block", [block for block in SHOWN if "Firm(" in block.text], ids=lambda block: str(block.about)
)
def test_an_example_with_processes_runs(block: Block) -> None:
    run(block)


def test_the_page_shows_all_four_ways() -> None:
    assert [block.about for block in SHOWN] == ["stepper", "simulation", "backtest", "firm"]
