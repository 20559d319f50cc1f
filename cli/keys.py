"""`boardroom keys`: make the keys with which the gates sign, or new ones for the old."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from bus.config import SAVED_FILE, Settings
from bus.errors import Fatal
from bus.keys import SIGNERS, KnownKey, known_keys, make_keys
from bus.rundir import RunDir
from cli.options import ConfigOption, JsonOption, RunDirOption, console, last_run_dir, load, print_json

_HOLDERS: Final = ("supervisor", *SIGNERS, "execution")
_NS: Final = 1_000_000_000


def keys(
    config: ConfigOption = None,
    run_dir: RunDirOption = None,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new key for each gate; what the old ones signed still replays.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Make the gates' keys where they are missing, and show which there are; secrets are never shown."""
    settings = _settings(config, run_dir)
    if rotate:
        _refuse_while_running(RunDir(settings.run_dir))
    if not settings.firm.bus.keys:
        RunDir(settings.run_dir).create()
    made = make_keys(settings.keys, time.time_ns(), rotate=rotate)
    known = known_keys(settings.keys)
    if json:
        print_json(
            {
                "folder": str(settings.keys),
                "made": made,
                "keys": {name: [key._asdict() for key in of_gate] for name, of_gate in known.items()},
            }
        )
    else:
        _print(settings.keys, made, known)


def _settings(config: Path | None, run_dir: Path | None) -> Settings:
    """Return what the firm of a run directory saved, or the configuration of one that is to start."""
    folder = run_dir or last_run_dir()
    return Settings.open(folder) if config is None and (folder / SAVED_FILE).exists() else load(config, run_dir)


def _refuse_while_running(run_dir: RunDir) -> None:
    """Refuse to rotate under gates that read their keys when they started: one started again would not be believed."""
    for name in _HOLDERS:
        if run_dir.lock(name).is_held():
            raise Fatal(f"{name} runs in {run_dir.root} with the old keys; `boardroom stop` it, then rotate")


def _print(folder: Path, made: dict[str, str], known: dict[str, list[KnownKey]]) -> None:
    console.print(f"{folder}, mode 700; private keys are mode 600", highlight=False, markup=False, soft_wrap=True)
    for name, of_gate in known.items():
        for key in of_gate:
            state = "signs" if key is of_gate[-1] else "replaced"
            notes = [state, _since(key.since_ns)]
            notes += ["made now"] if made.get(name) == key.name else []
            notes += [] if key.is_private_here else [f"its private half is not in {name}.key"]
            console.print(f"{name:<10}  {key.name}  {', '.join(notes)}", highlight=False, markup=False, soft_wrap=True)


def _since(since_ns: int) -> str:
    if since_ns == 0:
        return "from the beginning"
    return f"from {datetime.fromtimestamp(since_ns // _NS, UTC):%Y-%m-%d %H:%M:%S} UTC"
