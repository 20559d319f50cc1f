"""What is done once before the agents of a firm start: run directory, configuration, keys, trading sessions, kernels.

The supervisor does it for a firm on this machine; `boardroom prepare` does it where something else starts the agents.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Final

from bus.config import Settings
from bus.credentials import make_credentials
from bus.errors import ConfigError, Fatal
from bus.main import EXIT_CONFIG
from bus.rundir import RunDir
from market.sessions import calendars, missing
from ops.supervision.kernel_cache import is_warm, mark_warm

Progress = Callable[[str], object]
SUPERVISOR: Final = "supervisor"


def quiet(_: str) -> None:
    """Say nothing."""


def prepare(settings: Settings, progress: Progress = quiet) -> tuple[str, ...]:
    """Do all that agents presume, in a run directory that is there; what is done already is left as it is.

    Returns
    -------
    tuple of str
        The private files of the keys that were made.

    Raises
    ------
    ConfigError
        Keys cannot be used, or a calendar is unknown.
    Fatal
        Something cannot be written, or the kernels do not compile.
    """
    settings.save()
    made = make_credentials(settings, time.time_ns())
    know_hours(settings, progress)
    warm_kernels(settings, progress)
    return made


def know_hours(settings: Settings, progress: Progress = quiet) -> None:
    """Compute once when exchanges are open; no agent imports the library that knows."""
    if not missing(calendars(settings), time.gmtime().tm_year):
        return
    progress("sessions")
    done = _module("research.sessions", settings)
    if done.returncode:
        reason = _last_word(done.stderr)
        raise ConfigError(reason) if done.returncode == EXIT_CONFIG else Fatal(reason)


def warm_kernels(settings: Settings, progress: Progress = quiet) -> None:
    """Compile the kernels once, before several processes would do it side by side.

    A mistake in the configuration is left for the agent that it concerns to tell.
    """
    if not settings.firm.kernels.jit or is_warm():
        return
    progress("kernels")
    done = _module("research.warm", settings)
    if done.returncode == EXIT_CONFIG:
        return
    if done.returncode:
        raise Fatal(f"the kernels do not compile: {_last_word(done.stderr)}")
    mark_warm()


def running(run_dir: RunDir, names: Iterable[str]) -> tuple[str, ...]:
    """Return which of these processes hold their lock in a run directory."""
    return tuple(name for name in names if run_dir.lock(name).is_held())


def _module(name: str, settings: Settings) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", name, "--config", str(settings.folder)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def _last_word(said: str) -> str:
    return (said.strip().splitlines() or ["no word"])[-1]
