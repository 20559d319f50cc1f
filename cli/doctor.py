"""`boardroom doctor`: look for everything that the firm needs."""

import importlib.metadata
import importlib.util
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer
from rich.markup import escape

from bus.config import Settings
from bus.errors import BoardroomError
from bus.redis_server import EMBEDDED, find_server
from bus.rundir import RunDir
from cli.options import ConfigOption, JsonOption, NewRunDirOption, console, errors, load, print_json
from kernels.batch import engine
from market.sessions import calendars
from ops.supervision.packages import install, install_command, missing, require, requirements
from research.sessions import make_sessions

_MIN_FREE_MB: Final = 200
_CHECK_S: Final = 60


class Finding(NamedTuple):
    """One thing looked at: whether it is in order, and what to do where it is not."""

    what: str
    is_fine: bool
    detail: str


def doctor(
    config: ConfigOption = None,
    run_dir: NewRunDirOption = None,
    fix: Annotated[bool, typer.Option("--fix", help="Install packages that agents lack, with this Python.")] = False,
    json: JsonOption = False,
) -> None:
    """Check Python, packages, Redis, disk and every agent's configuration; exit status 1 when something is missing."""
    if fix:
        _install(load(config, run_dir), is_quiet=json)
    findings = list(examine(config, run_dir))
    if json:
        print_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            mark = "[green]fine[/]   " if finding.is_fine else "[red]missing[/]"
            console.print(f"{mark} {finding.what}: {escape(finding.detail)}", highlight=False, soft_wrap=True)
    raise typer.Exit(0 if all(finding.is_fine for finding in findings) else 1)


def examine(config: Path | None, run_dir: Path | None) -> Iterable[Finding]:
    """Yield what was found, one thing at a time."""
    version = sys.version_info
    yield Finding(
        "python", version >= (3, 11), f"{version.major}.{version.minor}.{version.micro}, 3.11 or newer is needed"
    )
    yield from _packages()
    try:
        settings = load(config, run_dir)
    except BoardroomError as error:
        yield Finding("configuration", False, str(error))
        return
    yield Finding("configuration", True, str(settings.folder))
    yield _backend(settings)
    yield _attempt("packages of agents", lambda: _agent_packages(settings))
    if settings.firm.bus.redis_url == EMBEDDED:
        yield _attempt("redis", lambda: str(find_server()))
    yield _attempt("run directory", lambda: _room(settings))
    yield _attempt("trading sessions", lambda: _sessions(settings))
    for name, entry in settings.firm.enabled.items():
        yield _check_agent(name, entry.command(name), settings)


def _packages() -> Iterable[Finding]:
    for name in ("redis", "hiredis", "pyzmq", "msgpack", "numpy", "numba", "pydantic", "pandas", "SQLAlchemy"):
        try:
            yield Finding(name, True, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, False, f"pip install {name}")
    has_arch = importlib.util.find_spec("arch") is not None
    yield Finding("demo data", has_arch, "the arch package" if has_arch else "pip install 'boardroom[demo]'")


def _agent_packages(settings: Settings) -> str:
    require(settings.firm.agents)
    return f"{sum(map(len, requirements(settings.firm.agents).values()))} required, all there"


def _install(settings: Settings, *, is_quiet: bool) -> None:
    """Install what agents lack, and show the command that does it."""
    lacking = missing(settings.firm.agents)
    if not lacking:
        return
    out = errors if is_quiet else console
    out.print(shlex.join(install_command(lacking)), highlight=False, markup=False, soft_wrap=True)
    install(lacking)


def _backend(settings: Settings) -> Finding:
    """Tell where batches of kernels run: what [kernels] backend asks for, and what this machine has."""
    try:
        chosen = engine(settings.firm.kernels.backend)
    except RuntimeError as error:
        return Finding("kernels", False, str(error))
    return Finding("kernels", True, f"batches on {chosen.name}, {chosen.why}")


def _attempt(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, look())
    except BoardroomError as error:
        return Finding(what, False, str(error))


def _room(settings: Settings) -> str:
    RunDir(settings.run_dir).create()
    free_mb = shutil.disk_usage(settings.run_dir).free >> 20
    if free_mb < _MIN_FREE_MB:
        raise BoardroomError(
            f"{settings.run_dir}: {free_mb} MB free, {_MIN_FREE_MB} MB are needed for journals; free some"
        )
    return f"{settings.run_dir}, {free_mb:,} MB free"


def _sessions(settings: Settings) -> str:
    """Compute the sessions that compliance needs where they are missing, as a start would."""
    made = make_sessions(settings)
    named = [f"{name} (computed now)" if name in made else name for name in calendars(settings)]
    return ", ".join(named) or "none needed"


def _check_agent(name: str, arguments: tuple[str, ...], settings: Settings) -> Finding:
    command = [
        sys.executable,
        *arguments,
        "--check",
        "--config",
        str(settings.folder),
        "--run-dir",
        str(settings.run_dir),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_CHECK_S, check=False)
    except subprocess.TimeoutExpired:
        return Finding(name, False, f"its check has not ended after {_CHECK_S} s")
    if done.returncode == 0:
        return Finding(name, True, "configuration is in order")
    words = [line for line in done.stderr.splitlines() if line and not line.startswith("{")]
    return Finding(name, False, words[-1] if words else f"ended with status {done.returncode}")
