"""`boardroom replay`: run recorded inputs through the same code and compare every output byte for byte."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cli.options import JsonOption, RunDirOption, console, print_json, saved
from research.replay import Replay, replay_firm


def replay(
    decision: Annotated[
        str | None, typer.Argument(help="A decision such as SPX-250; without it, every decision.")
    ] = None,
    run_dir: RunDirOption = None,
    json: JsonOption = False,
) -> None:
    """Replay the whole firm as far as one decision reaches, or to the end; exit status 1 on any difference."""
    replays = replay_firm(saved(run_dir), decision=decision)
    is_identical = not any(each.differences for each in replays)
    if json:
        print_json({"identical": is_identical, "agents": [_plain(each) for each in replays]})
    else:
        console.print(_table(replays))
        for each in replays:
            for difference in each.differences[:5]:
                console.print(f"[red]{escape(str(difference))}[/]", highlight=False, soft_wrap=True)
        word = "[green]byte-identical[/]" if is_identical else "[red]different[/]"
        total = sum(each.outputs for each in replays)
        settled = sum(each.decisions for each in replays)
        console.print(f"{settled} decisions, {total} outputs: {word}", highlight=False)
    raise typer.Exit(0 if is_identical else 1)


def _plain(each: Replay) -> dict[str, object]:
    return {
        "agent": each.agent,
        "inputs": each.inputs,
        "outputs": each.outputs,
        "bytes": each.bytes,
        "decisions": each.decisions,
        "differences": [str(difference) for difference in each.differences],
    }


def _table(replays: list[Replay]) -> Table:
    table = Table("agent", "inputs", "outputs", "bytes", "different")
    for column in table.columns[1:]:
        column.justify = "right"
    for each in replays:
        table.add_row(
            each.agent, f"{each.inputs:,}", f"{each.outputs:,}", f"{each.bytes:,}", str(len(each.differences))
        )
    return table
