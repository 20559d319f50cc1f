"""`python -m research.chaos`: break a running firm again and again, and print what it cost."""

import argparse
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bus.config import Settings
from bus.errors import BoardroomError, Invalid
from bus.main import default_config
from research.chaos.kind import Kind
from research.chaos.page import write
from research.chaos.report import HEAD, alert_line, as_data, cells, complaints, lines, summary
from research.chaos.run import Play, Run
from research.chaos.scene import can_mount
from research.chaos.schedule import schedule

SEED: Final = 5
FAULTS: Final = 500
BARS: Final = 600
"""Bars of each symbol in one run; a schedule that needs more goes on in the next run."""
_WIDTH: Final = 120


def main() -> None:
    """Draw the schedule, play it, print the table; exit status 1 when anything was lost, doubled or changed."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that firm and disk go as after Ctrl-C
    try:
        sys.exit(0 if _chaos(arguments) else 1)
    except BoardroomError as error:
        print(f"chaos: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)


def _chaos(arguments: argparse.Namespace) -> bool:
    errors = Console(stderr=True)
    config = arguments.config or default_config()
    kinds = _kinds(arguments.kinds)
    agents = list(Settings.load(config, Path("var")).firm.enabled)
    steps = schedule(arguments.seed, arguments.faults, agents, kinds)
    play = Play(
        config,
        {"market": {"bars": arguments.bars}},
        lambda line: errors.print(line, highlight=False, markup=False, soft_wrap=True),
    )
    until_s = time.monotonic() + 60.0 * arguments.minutes if arguments.minutes else float("inf")
    runs = play.run(steps, until_s)
    unplayed = arguments.faults - sum(len(each.step.injections) for run in runs for each in run.played)
    if arguments.json:
        print(json.dumps(as_data(runs, arguments.seed, unplayed), indent=1))
    else:
        _print(runs, unplayed)
    is_good = not complaints(runs) and not unplayed
    if arguments.write and is_good:
        write(arguments.write, runs, seed=arguments.seed, faults=arguments.faults, bars=arguments.bars)
    elif arguments.write:
        errors.print(f"{arguments.write} is left as it was: this run is not one to write down", highlight=False)
    return not complaints(runs)


def _kinds(names: str) -> tuple[Kind, ...]:
    known = {kind.value: kind for kind in Kind}
    wanted = [name for name in names.split(",") if name] or list(known)
    for name in wanted:
        if name not in known:
            raise Invalid(f"--kinds: there is no fault {name}; there are {', '.join(known)}")
    kinds = [known[name] for name in wanted]
    if Kind.DISK_FULL in kinds and not can_mount():
        print("chaos: disk-full is left out: a small disk of its own takes root; file-limit stays", file=sys.stderr)
        kinds.remove(Kind.DISK_FULL)
    return tuple(kinds)


def _print(runs: list[Run], unplayed: int) -> None:
    console = Console(width=max(_WIDTH, Console().width))
    table = Table(HEAD[0], *HEAD[2:])
    for column in table.columns[1:]:
        column.justify = "right"
    for line in lines(runs):
        name, _, *rest = cells(line)
        table.add_row(name, *rest)
    console.print(table)
    for text in (*complaints(runs), alert_line(runs), summary(runs, unplayed)):
        if text:
            console.print(text, highlight=False, markup=False, soft_wrap=True)


def _arguments() -> Any:
    parser = argparse.ArgumentParser(prog="python -m research.chaos", description="Break a running firm, and compare.")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the schedule (default {SEED})")
    parser.add_argument("--faults", type=int, default=FAULTS, help=f"how many to inject (default {FAULTS})")
    parser.add_argument("--minutes", type=float, default=0.0, help="inject nothing after so many minutes")
    parser.add_argument("--kinds", default="", help=f"kinds to draw from, by comma: {', '.join(Kind)}")
    parser.add_argument("--bars", type=int, default=BARS, help=f"bars of each symbol in one run (default {BARS})")
    parser.add_argument("--config", type=Path, help="folder with firm.toml and limits.toml")
    parser.add_argument("--write", type=Path, help="page to write the table into, such as docs/faults.md")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
