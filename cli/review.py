"""`boardroom review VIOLATION`: bring a violation to another stage of its life."""

from typing import Annotated

import typer

from bus.client import Client
from bus.messages import Command, SystemCommand, ViolationStatus
from cli.command import ANSWER_S, give
from cli.options import JsonOption, RunDirOption, console, print_json, saved


def review(
    violation: Annotated[str, typer.Argument(help="A violation, such as V17; `boardroom violations` lists them.")],
    status: Annotated[ViolationStatus, typer.Option(help="Where it is to stand: investigating, remediated, closed.")],
    operator: Annotated[str, typer.Option(help="Your name; it is recorded.")],
    reason: Annotated[str, typer.Option(help="What you found or did; it is recorded.")],
    run_dir: RunDirOption = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for compliance.")] = ANSWER_S,
    json: JsonOption = False,
) -> None:
    """Review a violation of the running firm: open, investigating, remediated, closed, in this direction only."""
    settings = saved(run_dir)
    absence = f"no compliance runs in {settings.run_dir}; start a firm with `boardroom up`, or give --run-dir"
    command = SystemCommand(
        command=Command.REVIEW, violation_id=violation, status=status, operator=operator, reason=reason
    )  # fmt: skip
    with Client(settings) as client:
        result = give(settings, client, "compliance", command, absence, timeout)
    if json:
        print_json(result.model_dump(mode="json", exclude={"decision"}))
    else:
        console.print(result.detail, highlight=False, markup=False)
