"""`boardroom status`: how every agent of a running firm is, once or over and over."""

import json as text
import signal
import time
from typing import Annotated, Any

import typer
from rich.live import Live

from bus.client import Client
from cli.options import JsonOption, RunDirOption, console, print_json, saved
from cli.screen import FirmScreen
from ops.monitoring.monitor import REDIS, Health
from ops.monitoring.survey import Survey
from ops.monitoring.view import FirmView

_EACH_S = 1.0


def status(
    run_dir: RunDirOption = None,
    json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again every second until Ctrl-C.")] = False,
) -> None:
    """Ask every agent how it is; exit status 1 when one that should run does not answer."""
    settings = saved(run_dir)
    with Client(settings) as client:
        survey = Survey(settings, client.statuses)
        if watch:
            _watch(survey, is_json=json)
            return
        view = _look(survey)
    if json:
        print_json(_plain(view))
    else:
        console.print(FirmScreen(view))
    raise typer.Exit(0 if _is_whole(view) else 1)


def _watch(survey: Survey, *, is_json: bool) -> None:
    """Show the firm each second until an interrupt, which is how this ends: no error, and the terminal as it was."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if is_json:
            _repeat(survey, lambda view: print(text.dumps(_plain(view)), flush=True))
        elif not console.is_terminal:
            _repeat(survey, lambda view: console.print(FirmScreen(view), ""))
        else:
            with Live(console=console, screen=True, auto_refresh=False) as live:
                _repeat(survey, lambda view: live.update(FirmScreen(view), refresh=True))
    except KeyboardInterrupt:
        return


def _repeat(survey: Survey, show: Any) -> None:
    while True:
        began_s = time.monotonic()
        show(_look(survey))
        time.sleep(max(0.0, _EACH_S - (time.monotonic() - began_s)))


def _look(survey: Survey) -> FirmView:
    return survey.view(time.monotonic(), time.time_ns())


def _is_whole(view: FirmView) -> bool:
    return all(agent.state or agent.name == REDIS or agent.health is Health.STOPPED for agent in view.agents)


def _plain(view: FirmView) -> dict[str, Any]:
    """Return a view as plain data, the agents by their names."""
    plain: dict[str, Any] = view.model_dump(mode="json", exclude={"history", "agents"})
    agents = {
        agent.name: agent.model_dump(mode="json") | {"gaps": agent.gaps, "drops": agent.drops} for agent in view.agents
    }
    return plain | {"agents": agents}
