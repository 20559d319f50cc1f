"""How long a killed agent takes to be READY again, and what snapshots make of that.

`python -m research.bench.recovery` runs the firm until its agents hold many inputs in their journals, kills each with
SIGKILL, starts it again, and prints the seconds until it says READY; once with snapshots as configured, once without.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bus.main import default_config
from ops.harness import Firm

INPUTS: Final = 100_000
_NEVER: Final = 1_000_000_000
_BARS: Final = 40_000
_PATIENCE_S: Final = 900.0
_FEW: Final = 20_000
"""Agents with fewer inputs than this say nothing about a long journal."""


@dataclass(frozen=True, slots=True)
class Return:
    """One agent that came back: ``inputs`` in its whole journal, and seconds from its start until READY."""

    agent: str
    snapshots: bool
    inputs: int
    ready_s: float


def main() -> None:
    """Measure with and without snapshots."""
    parser = argparse.ArgumentParser(prog="python -m research.bench.recovery", description="Measure restarts.")
    parser.add_argument("--inputs", type=int, default=INPUTS, help="inputs that the busiest agent should hold")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    returns = [*measure(arguments.inputs, snapshots=True), *measure(arguments.inputs, snapshots=False)]
    if arguments.json:
        print(json.dumps([asdict(each) for each in returns], indent=1))
    else:
        _print(returns)


def measure(inputs: int, *, snapshots: bool) -> list[Return]:
    """Run the firm until PADS has handled ``inputs``, then kill and restart each agent that has handled many."""
    with Firm(default_config(), _tables(snapshots=snapshots)) as firm:
        firm.wait(lambda: _inputs(firm, "pads") >= inputs, _PATIENCE_S, f"{inputs:,} inputs of pads")
        returns = []
        for name in firm.supervisor.entries:
            handled = _inputs(firm, name)
            if handled >= min(inputs, _FEW):
                firm.kill(name)
                began = time.perf_counter()
                firm.restart(name)
                returns.append(Return(name, snapshots, handled, time.perf_counter() - began))
        return returns


def _tables(*, snapshots: bool) -> dict[str, Any]:
    market = {"source": "synthetic", "first": None, "symbols": ["SYN0", "SYN1"], "bars": _BARS}
    tables: dict[str, Any] = {"market": market, "pads": {"decision_timeout_s": 30.0}}
    return tables if snapshots else {**tables, "bus": {"snapshot_inputs": _NEVER}}


def _inputs(firm: Firm, name: str) -> int:
    status = firm.status(name)
    return 0 if status is None else status.inputs


def _print(returns: list[Return]) -> None:
    table = Table(
        "agent", "snapshots", "inputs", "READY after s", title="kill -9, then started again", title_justify="left"
    )
    for each in returns:
        word = "as configured" if each.snapshots else "none"
        table.add_row(each.agent, word, f"{each.inputs:,}", f"{each.ready_s:.2f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
