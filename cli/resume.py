"""`boardroom resume`: let a halted firm trade again."""

from typing import Annotated

import typer

from bus.client import Client
from bus.messages import Command, HaltStage, SystemCommand
from cli.halt import OperatorOption, ReasonOption, command
from cli.options import JsonOption, RunDirOption, console, print_json, saved


def resume(
    reason: ReasonOption,
    operator: OperatorOption,
    new_budget: Annotated[
        bool, typer.Option("--new-budget", help="Measure drawdown from the equity of now, not from the old peak.")
    ] = False,
    run_dir: RunDirOption = None,
    json: JsonOption = False,
) -> None:
    """Release a halt; risk wants a reason and a name, and a new budget where the drawdown is beyond the old one."""
    settings = saved(run_dir)
    with Client(settings) as client:
        status = client.statuses(["execution"], 1.0).get("execution")
        stage = "unknown" if status is None else str(dict(status.report).get("halt", ""))
        order = SystemCommand(command=Command.RESUME, reason=reason, operator=operator, is_new_budget=new_budget)
        result = command(settings, client, order)
    if json:
        print_json({"detail": result.detail, "stage_before": stage})
        return
    console.print(result.detail, highlight=False, markup=False, soft_wrap=True)
    if stage != HaltStage.FLAT.value:
        console.print(f"the halt had not become flat: it was {stage}; what was held is kept", highlight=False)
