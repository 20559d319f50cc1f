"""`boardroom stop`: stop a running firm, or one agent of it, cleanly."""

import os
import signal
import time
from typing import Annotated

import typer

from bus.client import Client
from bus.config import Settings
from bus.message import OPS
from bus.messages import Command, SystemCommand
from bus.rundir import RunDir
from cli.command import give
from cli.options import JsonOption, RunDirOption, console, print_json, saved
from ops.supervision.orphans import stop_orphans

_PATIENCE_S = 60.0
AgentArgument = Annotated[str | None, typer.Argument(help="An agent; the whole firm unless given.")]


def stop(
    agent: AgentArgument = None,
    reason: Annotated[str, typer.Option("--reason", help="Why one agent is stopped; it is recorded.")] = "",
    operator: Annotated[str, typer.Option("--operator", help="Your name; it is recorded.")] = "",
    run_dir: RunDirOption = None,
    json: JsonOption = False,
) -> None:
    """Stop everything, or one agent and leave it stopped until `boardroom start`; not running is no error."""
    settings = saved(run_dir)
    if agent is not None:
        _stop_agent(settings, agent, reason or "stopped by hand", operator, is_json=json)
        return
    lock = RunDir(settings.run_dir).lock("supervisor")
    was_running = lock.is_held()
    pid = lock.holder()
    orphans: list[str] = []
    if was_running and pid is not None:
        os.kill(pid, signal.SIGTERM)
        _wait_until_free(settings, "supervisor")
    else:
        orphans = stop_orphans(settings)
    is_stopped = not lock.is_held()
    if json:
        print_json({"was_running": was_running, "stopped": is_stopped, "orphans": orphans})
    elif orphans:
        console.print(f"stopped what had no supervisor: {', '.join(orphans)}", highlight=False, soft_wrap=True)
    elif not was_running:
        console.print(f"no firm runs in {settings.run_dir}", highlight=False, soft_wrap=True)
    elif is_stopped:
        console.print("stopped")
    else:
        console.print(f"[red]pid {pid} has not stopped after {_PATIENCE_S:g} s[/]", highlight=False)
    if not is_stopped:
        raise SystemExit(1)


def order_ops(settings: Settings, order: SystemCommand) -> str:
    """Hand the supervisor a command about one agent; return what it says.

    Raises
    ------
    Fatal
        No supervisor runs.
    Invalid
        It refuses; the message is its own.
    """
    absence = f"no supervisor runs in {settings.run_dir}; start the firm with `boardroom up`, or give --run-dir"
    with Client(settings) as client:
        return give(settings, client, OPS, order, absence).detail


def _stop_agent(settings: Settings, agent: str, reason: str, operator: str, *, is_json: bool) -> None:
    order = SystemCommand(command=Command.STOP, agent=agent, reason=reason, operator=operator)
    detail = order_ops(settings, order)
    is_stopped = _wait_until_free(settings, agent)
    if is_json:
        print_json({"agent": agent, "stopped": is_stopped, "detail": detail})
    else:
        console.print(detail, highlight=False, markup=False, soft_wrap=True)
    if not is_stopped:
        raise SystemExit(1)


def _wait_until_free(settings: Settings, name: str) -> bool:
    lock = RunDir(settings.run_dir).lock(name)
    deadline = time.monotonic() + _PATIENCE_S
    while lock.is_held() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not lock.is_held()
