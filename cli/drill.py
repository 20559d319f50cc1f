"""`boardroom drill`: halt a firm on paper, with brokers that err, and report what was said and what was true."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cli.options import ConfigOption, JsonOption, console, errors, load, print_json
from research.drill.report import as_data, flat_after, stages, write
from research.drill.run import drill as play
from research.drill.scenario import SCENARIOS, Outcome


def drill(
    config: ConfigOption = None,
    run_dir: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("var/drill"),
    json: JsonOption = False,
) -> None:
    """Halt on paper with every fault of a broker; exit status 1 if flat was said falsely, or not where it could be."""
    settings = load(config, run_dir)
    with errors.status("halting on paper") as spinner:
        outcomes = play(settings, run_dir, SCENARIOS, lambda name: spinner.update(f"halting on paper: {name}"))
    paths = write(outcomes, run_dir)
    if json:
        print_json(as_data(outcomes))
    else:
        console.print(_table(outcomes))
        for outcome in outcomes:
            if outcome.complaint:
                console.print(
                    f"{outcome.scenario.name}: {outcome.complaint}", style="red", highlight=False, markup=False
                )
        console.print(f"report in {paths[0]} and {paths[1]}", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(1 if any(outcome.complaint for outcome in outcomes) else 0)


def _table(outcomes: list[Outcome]) -> Table:
    table = Table("broker", "stages said", "flat after", "falsely", "alerts")
    for outcome in outcomes:
        falsely, alerts = str(outcome.false_claims), str(len(outcome.alerts))
        table.add_row(outcome.scenario.name, stages(outcome), flat_after(outcome), falsely, alerts)
    return table
