"""Options that several verbs share, and how a verb prints for a program."""

import json
import os
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from bus.config import SAVED_FILE, Settings
from bus.errors import ConfigError
from bus.main import default_config, default_run_dir

_WIDTH_IN_A_PIPE: Final = 120
console = Console()
if not console.is_terminal:
    console = Console(width=_WIDTH_IN_A_PIPE)
errors = Console(stderr=True)
_LAST: Final = Path("var/last")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Folder with firm.toml and limits.toml.", show_default="./configs")
]
RunDirOption = Annotated[
    Path | None,
    typer.Option(
        "--run-dir", help="Folder of the firm's sockets, journals and ledger.", show_default="the last one started"
    ),
]
NewRunDirOption = Annotated[
    Path | None,
    typer.Option("--run-dir", help="Folder for the firm's sockets, journals and ledger.", show_default="./var/run"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program instead of text for a person.")]


def load(config: Path | None, run_dir: Path | None, overrides: dict[str, Any] | None = None) -> Settings:
    """Read the configuration for a firm that is to start."""
    return Settings.load(config or default_config(), run_dir or default_run_dir(), overrides)


def remember(run_dir: Path) -> None:
    """Make ``run_dir`` the one that verbs look at when none is given; where the note cannot be kept, they are told."""
    try:
        _LAST.parent.mkdir(parents=True, exist_ok=True)
        _LAST.write_text(f"{run_dir}\n", encoding="utf-8")
    except OSError as error:
        reason = f"{_LAST.absolute()}: {error.strerror}; give the other verbs --run-dir {run_dir}"
        errors.print(reason, highlight=False, markup=False, soft_wrap=True)


def last_run_dir() -> Path:
    """Return ``BOARDROOM_RUN_DIR``, else the run directory started last from here, else ./var/run."""
    if "BOARDROOM_RUN_DIR" not in os.environ and _LAST.exists():
        return Path(_LAST.read_text(encoding="utf-8").strip())
    return default_run_dir()


def saved(run_dir: Path | None) -> Settings:
    """Read the configuration of a firm that runs or ran.

    Raises
    ------
    ConfigError
        No firm has been started in that run directory.
    """
    folder = run_dir or last_run_dir()
    if not (folder / SAVED_FILE).exists():
        raise ConfigError(
            f"{folder}: no firm has run here; start one with `boardroom up` or `boardroom demo`, or give --run-dir"
        )
    return Settings.open(folder)


def print_json(data: Any) -> None:
    """Print data as JSON on standard output."""
    print(json.dumps(data, indent=2, default=str))
