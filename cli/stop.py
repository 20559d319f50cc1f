"""`boardroom stop`: stop a running firm cleanly."""

import os
import signal
import time

from bus.rundir import RunDir
from cli.options import JsonOption, RunDirOption, console, print_json, saved

_PATIENCE_S = 30.0


def stop(run_dir: RunDirOption = None, json: JsonOption = False) -> None:
    """Ask the firm's supervisor to stop everything, and wait until it has; not running is no error."""
    settings = saved(run_dir)
    lock = RunDir(settings.run_dir).lock("supervisor")
    was_running = lock.is_held()
    pid = lock.holder()
    if was_running and pid is not None:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE_S
        while lock.is_held() and time.monotonic() < deadline:
            time.sleep(0.05)
    is_stopped = not lock.is_held()
    if json:
        print_json({"was_running": was_running, "stopped": is_stopped})
    elif not was_running:
        console.print(f"no firm runs in {settings.run_dir}", highlight=False)
    elif is_stopped:
        console.print("stopped")
    else:
        console.print(f"[red]pid {pid} has not stopped after {_PATIENCE_S:g} s[/]", highlight=False)
    if not is_stopped:
        raise SystemExit(1)
