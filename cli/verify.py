"""`boardroom verify`: check the hash chain of every journal."""

import typer
from rich.markup import escape

from bus.errors import Invalid
from bus.journal import verify as verify_journal
from bus.rundir import RunDir
from cli.options import JsonOption, RunDirOption, console, print_json, saved


def verify(run_dir: RunDirOption = None, json: JsonOption = False) -> None:
    """Check every record of every journal; exit status 1 when one is broken."""
    settings = saved(run_dir)
    reports = {}
    for name in settings.firm.agents:
        folder = RunDir(settings.run_dir).journal(name)
        if folder.is_dir():
            reports[name] = verify_journal(folder)
    if not reports:
        raise Invalid(f"{settings.run_dir}: no journal here; a simulated run keeps none")
    is_whole = all(report.is_whole for report in reports.values())
    if json:
        print_json(
            {
                "whole": is_whole,
                "journals": {
                    name: {"records": report.records, "damage": None if report.is_whole else str(report.broken)}
                    for name, report in reports.items()
                },
            }
        )
    else:
        for name, report in reports.items():
            if report.is_whole:
                console.print(f"[green]whole[/]   {name}: {report.records} records", highlight=False)
            else:
                console.print(f"[red]broken[/]  {name}: {escape(str(report.broken))}", highlight=False, soft_wrap=True)
    raise typer.Exit(0 if is_whole else 1)
