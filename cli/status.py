"""`boardroom status`: what every agent of a running firm is doing."""

import typer
from rich.markup import escape
from rich.table import Table

from bus.client import Client
from bus.messages import AgentStatus
from bus.rundir import RunDir
from cli.options import JsonOption, RunDirOption, console, print_json, saved

_TROUBLE = (
    "gaps",
    "gaps_lost",
    "dropped",
    "refused",
    "expired",
    "codec_errors",
    "misplaced",
    "strangers",
    "invalid",
    "undelivered",
    "redis_lost",
)


def status(run_dir: RunDirOption = None, json: JsonOption = False) -> None:
    """Ask every agent for its state; exit status 1 when one does not answer."""
    settings = saved(run_dir)
    names = [name for name, entry in settings.firm.agents.items() if entry.enabled]
    running = [name for name in names if RunDir(settings.run_dir).lock(name).is_held()]
    with Client(settings) as client:
        found = client.statuses(running, 1.0) if running else {}
    if json:
        print_json({name: found[name].model_dump(mode="json") if name in found else None for name in names})
    else:
        console.print(_table(names, running, found))
    raise typer.Exit(0 if len(found) == len(names) else 1)


def _table(names: list[str], running: list[str], found: dict[str, AgentStatus]) -> Table:
    table = Table("agent", "state", "pid", "starts", "inputs", "waiting", "trouble", "report")
    for name in names:
        each = found.get(name)
        if each is None:
            table.add_row(name, "[red]no answer[/]" if name in running else "[dim]not running[/]")
            continue
        counters = dict(each.counters)
        trouble = ", ".join(f"{key} {counters[key]}" for key in _TROUBLE if counters.get(key))
        report = ", ".join(f"{key} {value}" for key, value in each.report)
        table.add_row(
            name,
            str(each.state),
            str(each.pid),
            str(each.incarnation),
            f"{each.inputs:,}",
            str(each.inbox),
            trouble,
            escape(report),
        )
    return table
