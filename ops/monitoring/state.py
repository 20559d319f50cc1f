"""The files in which whoever watches a firm keeps how it is, for those who ask: replaced whole, never half written.

The score's history has a file of its own, because it changes seldom and the rest every second.
"""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from ops.monitoring.view import FirmView

FOLDER: Final = "ops"
FILE: Final = "state.json"
HISTORY: Final = "scores.json"
STALE_NS: Final = 10_000_000_000
"""A state older than this is that of a watcher that is gone, or hung."""
_FOLDER_MODE: Final = 0o700
_PRIVATE: Final = 0o600
_SCORES: Final = TypeAdapter(tuple[tuple[int, float], ...])


def write_whole(path: Path, text: str) -> None:
    """Replace a file whole, readable by its owner alone.

    Raises
    ------
    OSError
        It cannot be written; what was there is still there.
    """
    path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _PRIVATE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def save(view: FirmView, run_dir: Path) -> None:
    """Write how a firm is, but for the history of its score.

    Raises
    ------
    OSError
        It cannot be written.
    """
    write_whole(run_dir / FOLDER / FILE, view.model_dump_json(exclude={"history"}))


def save_history(history: Iterable[tuple[int, float]], run_dir: Path) -> None:
    """Write the history of a firm's score.

    Raises
    ------
    OSError
        It cannot be written.
    """
    write_whole(run_dir / FOLDER / HISTORY, json.dumps(list(history)))


def load_history(run_dir: Path) -> tuple[tuple[int, float], ...]:
    """Return the history of a firm's score; empty where nothing readable is."""
    try:
        return _SCORES.validate_json((run_dir / FOLDER / HISTORY).read_bytes())
    except (OSError, ValidationError):
        return ()


def load(run_dir: Path) -> FirmView | None:
    """Return how a firm was when its watcher last wrote it down; None where nothing readable is."""
    try:
        view = FirmView.model_validate_json((run_dir / FOLDER / FILE).read_bytes())
    except (OSError, ValidationError):
        return None
    return view.model_copy(update={"history": load_history(run_dir)})


def remove(run_dir: Path) -> None:
    """Take the state away: nobody watches any more."""
    with suppress(OSError):
        (run_dir / FOLDER / FILE).unlink(missing_ok=True)


def load_fresh(run_dir: Path, now_ns: int) -> FirmView | None:
    """Return the state that a watcher at work has written within the last seconds, or None."""
    view = load(run_dir)
    return view if view is not None and abs(now_ns - view.at_ns) <= STALE_NS else None
