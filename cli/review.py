"""`boardroom review VIOLATION`: bring a violation to another stage of its life."""

from typing import Annotated

import typer

from bus.client import Client
from bus.errors import Fatal, Invalid
from bus.messages import Command, CommandResult, SystemCommand, ViolationStatus
from bus.rundir import RunDir
from cli.options import JsonOption, RunDirOption, console, print_json, saved


def review(
    violation: Annotated[str, typer.Argument(help="A violation, such as V17; `boardroom violations` lists them.")],
    status: Annotated[ViolationStatus, typer.Option(help="Where it is to stand: investigating, remediated, closed.")],
    operator: Annotated[str, typer.Option(help="Your name; it is recorded.")],
    reason: Annotated[str, typer.Option(help="What you found or did; it is recorded.")],
    run_dir: RunDirOption = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for compliance.")] = 10.0,
    json: JsonOption = False,
) -> None:
    """Review a violation of the running firm: open, investigating, remediated, closed, in this direction only."""
    settings = saved(run_dir)
    if not RunDir(settings.run_dir).lock("compliance").is_held():
        raise Fatal(f"no compliance runs in {settings.run_dir}; start a firm with `boardroom up`, or give --run-dir")
    command = SystemCommand(
        command=Command.REVIEW, violation_id=violation, status=status, operator=operator, reason=reason
    )  # fmt: skip
    with Client(settings) as client:
        result = client.request("compliance", command, CommandResult, timeout)
    if not result.is_done:
        raise Invalid(result.detail)
    if json:
        print_json(result.model_dump(mode="json", exclude={"decision"}))
    else:
        console.print(result.detail, highlight=False, markup=False)
