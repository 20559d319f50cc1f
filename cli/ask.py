"""`boardroom ask SYMBOL`: put a question to the running board."""

from typing import Annotated

import typer
from rich.table import Table

from bus.client import Client
from bus.errors import Invalid
from bus.messages import Command, DecisionMade, SystemCommand
from cli.command import ANSWER_S, give
from cli.options import JsonOption, RunDirOption, console, print_json, saved


def ask(
    symbol: Annotated[str, typer.Argument(help="A symbol the market shows.")],
    run_dir: RunDirOption = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the board.")] = ANSWER_S,
    json: JsonOption = False,
) -> None:
    """Ask the board about one symbol now; nothing is ordered."""
    settings = saved(run_dir)
    absence = f"no board runs in {settings.run_dir}; start one with `boardroom up`, or give --run-dir"
    with Client(settings) as client:
        result = give(settings, client, "pads", SystemCommand(command=Command.ASK, symbol=symbol), absence, timeout)
    if result.decision is None:
        raise Invalid(result.detail)
    if json:
        print_json(result.decision.model_dump(mode="json"))
    else:
        show(result.decision)


def show(decision: DecisionMade) -> None:
    """Print one decision with the belief and stake of every member."""
    table = Table(title=f"{decision.decision_id}: {decision.action}", title_justify="left")
    for column in ("member", "down", "flat", "up", "confidence", "weight", "stake", "cost"):
        table.add_column(column, justify="left" if column == "member" else "right")
    table.add_row("prior", *(f"{p:.3f}" for p in decision.prior))
    for member in decision.members:
        beliefs = ("-", "-", "-") if member.belief is None else tuple(f"{p:.3f}" for p in member.belief)
        table.add_row(
            member.member,
            *beliefs,
            f"{member.confidence:.2f}",
            f"{member.weight:.3f}",
            f"{member.stake:.3f}",
            f"{member.cost:.3f}",
        )
    table.add_row("price", *(f"{p:.3f}" for p in decision.price), style="bold")
    console.print(table)
    console.print(
        f"{decision.choice_reason}; phase {decision.phase}, conviction {decision.conviction:.3f}",
        highlight=False,
        markup=False,
    )
