"""`boardroom start`: start an agent again that an operator stopped, or that was given up."""

from typing import Annotated

import typer

from bus.messages import Command, SystemCommand
from cli.options import JsonOption, RunDirOption, console, print_json, saved
from cli.stop import order_ops


def start(
    agent: Annotated[str, typer.Argument(help="The agent.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.")] = "",
    operator: Annotated[str, typer.Option("--operator", help="Your name; it is recorded.")] = "",
    run_dir: RunDirOption = None,
    json: JsonOption = False,
) -> None:
    """Start one agent of a firm that is up, with its restarts counted anew; a halt stays until `boardroom resume`."""
    why = reason or "started by hand"
    order = SystemCommand(command=Command.START, agent=agent, reason=why, operator=operator)
    detail = order_ops(saved(run_dir), order)
    if json:
        print_json({"agent": agent, "detail": detail})
    else:
        console.print(detail, highlight=False, markup=False, soft_wrap=True)
