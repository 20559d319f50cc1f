"""`boardroom up`: run the firm until it is told to stop."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from bus.config import Settings
from bus.errors import Fatal
from bus.rotation import rotate_log, turn_log
from bus.rundir import RunDir
from cli.options import ConfigOption, NewRunDirOption, console, load, remember
from ops.supervision.branch import Branch
from ops.supervision.hosting import here
from ops.supervision.supervisor import Supervisor

_DETACH_PATIENCE_S = 300.0
_TURN_S = 0.05
_IS_UP = "the firm is up"


def up(
    config: ConfigOption = None,
    run_dir: NewRunDirOption = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once the firm is ready.")] = False,
    host: Annotated[str, typer.Option("--host", help="Start the agents of this host alone.", show_default="all")] = "",
) -> None:
    """Start every agent as a process, or take over those left running; Ctrl-C or `boardroom stop` ends them."""
    settings = load(config, run_dir)
    if settings.firm.bus.mode == "simulated":
        raise Fatal("bus.mode is simulated, which has no processes; use `boardroom backtest`, or set bus.mode to live")
    here(settings.firm, host)
    remember(settings.run_dir)
    if detach:
        _detach(settings, host)
        return
    is_branch = host not in ("", settings.firm.bus.host)
    supervisor = Branch(settings, host) if is_branch else Supervisor(settings, host=host)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a start is broken off by either signal
    with console.status("starting the firm") as spinner:
        supervisor.start(lambda name: spinner.update(f"ready: {name}"))
    if supervisor.absent:
        console.print(f"not heard from yet: {', '.join(supervisor.absent)}", highlight=False, markup=False)
    try:
        _watch(supervisor)
    finally:
        supervisor.stop()
    console.print("stopped")
    raise typer.Exit(1 if supervisor.is_over or supervisor.is_lost() else 0)


def _watch(supervisor: Supervisor | Branch) -> None:
    """Keep the firm running until a signal asks for its end, or an emergency has run its course."""
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: stopping.append(received))
    console.print(f"{_IS_UP} in {supervisor.run_dir.root}; Ctrl-C stops it", highlight=False, markup=False)
    rotate_log(supervisor.run_dir.log("supervisor"), supervisor.config.log_mb, supervisor.config.log_files)
    while not stopping and not supervisor.is_over:
        for event in supervisor.watch():
            console.print(event, highlight=False, markup=False, soft_wrap=True)
        turn_log()
        time.sleep(_TURN_S)


def _detach(settings: Settings, host: str) -> None:
    """Start `boardroom up` again in a session of its own, and wait until its agents are ready."""
    run_dir = RunDir(settings.run_dir)
    run_dir.create()
    if run_dir.lock("supervisor").is_held():
        raise Fatal(f"a firm already runs in {settings.run_dir}; `boardroom stop` ends it")
    with run_dir.open_log("supervisor") as output:
        begin = output.tell()
        child = subprocess.Popen(
            [
                *(sys.executable, "-m", "cli", "up", "--config", str(settings.folder)),
                *("--run-dir", str(settings.run_dir), "--host", host),
            ],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    log = run_dir.log("supervisor")
    deadline = time.monotonic() + _DETACH_PATIENCE_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise Fatal(f"the firm did not start: {_last_line(log, begin)}")
        if _IS_UP in _said(log, begin):
            console.print(f"{_IS_UP} in {settings.run_dir} (pid {child.pid})", highlight=False, markup=False)
            return
        time.sleep(0.1)
    raise Fatal(f"the firm is not up after {_DETACH_PATIENCE_S:g} s; see {log}")


def _said(log: Path, begin: int) -> str:
    """Return what was written into a log from byte ``begin`` on: not what an earlier firm said."""
    return log.read_bytes()[begin:].decode(errors="replace")


def _last_line(log: Path, begin: int) -> str:
    lines = [line for line in _said(log, begin).splitlines() if line.strip()]
    return lines[-1].removeprefix("boardroom: ") if lines else f"see {log}"
