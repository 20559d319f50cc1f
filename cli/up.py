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
from bus.rundir import RunDir
from cli.options import ConfigOption, RunDirOption, console, load, remember
from ops.supervisor import Supervisor

_DETACH_PATIENCE_S = 90.0


def up(
    config: ConfigOption = None,
    run_dir: RunDirOption = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once the firm is ready.")] = False,
) -> None:
    """Start every agent as a process and keep them running; Ctrl-C or `boardroom stop` ends them."""
    settings = load(config, run_dir)
    if settings.firm.bus.mode == "simulated":
        raise Fatal("bus.mode is simulated, which has no processes; use `boardroom backtest`, or set bus.mode to live")
    remember(settings.run_dir)
    if detach:
        _detach(settings)
        return
    supervisor = Supervisor(settings)
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: stopping.append(received))
    with console.status("starting the firm") as spinner:
        supervisor.start(lambda name: spinner.update(f"ready: {name}"))
    console.print(f"the firm is up in {settings.run_dir}; Ctrl-C stops it", highlight=False)
    while not stopping and not supervisor.is_lost():
        for event in supervisor.watch():
            console.print(event, highlight=False, markup=False)
        time.sleep(0.1)
    is_lost = supervisor.is_lost()
    supervisor.stop()
    console.print("stopped")
    raise typer.Exit(1 if is_lost else 0)


def _detach(settings: Settings) -> None:
    """Start `boardroom up` again in a session of its own, and wait until its agents are ready."""
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    run_dir = RunDir(settings.run_dir)
    run_dir.create()
    if run_dir.lock("supervisor").is_held():
        raise Fatal(f"a firm already runs in {settings.run_dir}; `boardroom stop` ends it")
    log = run_dir.log("supervisor")
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "cli", "up", "--config", str(settings.folder), "--run-dir", str(settings.run_dir)],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + _DETACH_PATIENCE_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise Fatal(f"the firm did not start: {_last_line(log)}")
        if "the firm is up" in log.read_text(errors="replace"):
            console.print(f"the firm is up in {settings.run_dir} (pid {child.pid})", highlight=False)
            return
        time.sleep(0.1)
    raise Fatal(f"the firm is not up after {_DETACH_PATIENCE_S:g} s; see {log}")


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else f"see {log}"
