"""Waits until agents that were started are ready."""

import time
from collections.abc import Callable, Collection, Iterable

from bus.errors import Fatal
from ops.supervision.fleet import Fleet
from ops.supervision.preparation import Progress, quiet


def wait_until_ready(
    fleet: Fleet,
    names: Iterable[str],
    ready: Callable[[Collection[str]], Iterable[str]],
    patience_s: float,
    *,
    is_there: Callable[[str], bool],
    progress: Progress = quiet,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Wait until each of these agents is ready.

    Parameters
    ----------
    ready
        Looks, for a moment, which of some agents are ready.
    is_there
        Tells whether an agent runs.

    Raises
    ------
    Fatal
        One has ended, or is not ready in time.
    """
    waiting = set(names)
    deadline_s = clock() + patience_s
    while waiting:
        for name in sorted(waiting):
            if not is_there(name):
                code, words = fleet.code(name), fleet.last_words(name)
                raise Fatal(f"{name} ended with status {code} before it was ready: {words}")
        if clock() > deadline_s:
            late = ", ".join(sorted(waiting))
            raise Fatal(f"not ready after {patience_s:g} s: {late}; see {fleet.run_dir.root}/logs")
        for name in ready(waiting):
            waiting.discard(name)
            progress(name)
