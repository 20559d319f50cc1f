"""Finds the processes that an earlier supervisor left running, by the locks they hold."""

import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from bus.child import Adopted
from bus.config import SAVED_FILE, Settings
from bus.errors import Fatal
from bus.message import OPS
from bus.rundir import RunDir
from ops.config import OpsConfig
from ops.supervision.fleet import LAST_TO_STOP

SUPERVISOR: Final = "supervisor"
_NO_AGENTS: Final = (SUPERVISOR, OPS)
PATIENCE_S: Final = 5.0
_TRIES: Final = 25
_PAUSE_S: Final = 0.02


def holder(run_dir: RunDir, name: str) -> Adopted | None:
    """Take hold of the process that holds a lock; None when nobody does.

    The lock's file names a process, and only one that has that file open is believed: a pid may have been given anew.

    Raises
    ------
    Fatal
        Somebody holds the lock who cannot be found.
    """
    lock = run_dir.lock(name)
    for _ in range(_TRIES):
        if not lock.is_held():
            return None
        pid = lock.holder()
        found = None if pid is None else Adopted.hold(pid)
        if found is not None:
            if found.has_open(lock.path):
                return found
            found.let_go()
        time.sleep(_PAUSE_S)  # it holds the lock and is about to write its pid
    raise Fatal(
        f"{name} runs in {run_dir.root}, but not as pid {lock.holder() or 'unknown'} that its lock names; end it, or "
        f"use another --run-dir"
    )


def left_behind(run_dir: RunDir) -> dict[str, Adopted]:
    """Take hold of every agent that runs in a run directory, whatever the process list says of it.

    Raises
    ------
    Fatal
        Somebody holds a lock who cannot be found.
    """
    names = sorted(path.stem for path in (run_dir.root / "locks").glob("*.lock") if path.stem not in _NO_AGENTS)
    found = {name: holder(run_dir, name) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def inherit(
    settings: Settings, entries: Iterable[str], waves: Sequence[Sequence[str]], config: OpsConfig
) -> dict[str, Adopted]:
    """Save the configuration; end what runs by another one or is nobody's here, and return what may go on.

    Raises
    ------
    Fatal
        Somebody holds a lock who cannot be found, or the configuration cannot be written.
    """
    run_dir = RunDir(settings.run_dir)
    saved = run_dir.root / SAVED_FILE
    before = saved.read_bytes() if saved.exists() else b""
    left = left_behind(run_dir)
    settings.save()
    is_same = config.on_death == "keep" and saved.read_bytes() == before
    ours = set(entries) if is_same else set()
    end({name: child for name, child in left.items() if name not in ours}, waves, config.stop_s)
    return {name: child for name, child in left.items() if name in ours}


def end(
    children: Mapping[str, Adopted],
    waves: Sequence[Sequence[str]],
    stop_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """End processes in order: the recorder after all others, and what does not obey within ``stop_s`` by force."""
    order = [name for wave in reversed(waves) for name in wave if name in children]
    order += [name for name in children if name not in order]
    for group in ([name for name in order if name != LAST_TO_STOP], [name for name in order if name == LAST_TO_STOP]):
        for name in group:
            children[name].send(signal.SIGTERM)
            children[name].send(signal.SIGCONT)
        deadline_s = clock() + stop_s
        for name in group:
            if not children[name].wait(max(0.0, deadline_s - clock())):
                children[name].send(signal.SIGKILL)
                children[name].wait()


def wait_until_free(run_dir: RunDir, names: Iterable[str], patience_s: float = PATIENCE_S) -> None:
    """Wait until no agent of an earlier firm, whose supervisor was killed, is left in a run directory.

    Raises
    ------
    Fatal
        One is still there; the message names it.
    """
    waits_left = round(patience_s / _PAUSE_S)
    for name in names:
        lock = run_dir.lock(name)
        while lock.is_held():
            if not waits_left:
                raise Fatal(
                    f"{name} still runs in {run_dir.root} (pid {lock.holder() or 'unknown'}), but no supervisor does; "
                    f"`boardroom stop --run-dir {run_dir.root}` ends it, or use another --run-dir"
                )
            waits_left -= 1
            time.sleep(_PAUSE_S)
