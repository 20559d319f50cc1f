"""`boardroom keys`: make a firm's keys and secrets, or new ones for the old, show which there are, and deal them."""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer

from bus.client import Client
from bus.config import SAVED_FILE, Settings
from bus.credentials import CURVE, REDIS, SIGNING, deal, deal_host, make_credentials, redis_names
from bus.curve import curve_names, known_curve_keys
from bus.errors import ConfigError, Fatal
from bus.keyfile import is_there
from bus.keyring import KnownKey
from bus.keys import known_keys
from bus.rundir import RunDir
from cli.command import present
from cli.options import ConfigOption, JsonOption, RunDirOption, console, last_run_dir, load, print_json
from ops.supervision.hosting import here

_NS: Final = 1_000_000_000
_WIDTH: Final = 12


class Known(NamedTuple):
    """What an operator may know of a firm's keys: the names of keys, and whose Redis secrets are here."""

    signing: dict[str, list[KnownKey]]
    curve: dict[str, list[KnownKey]]
    redis: dict[str, bool]

    @classmethod
    def of(cls, settings: Settings) -> "Known":
        """Look at the folder of keys of a firm."""
        folder, agents = settings.keys, settings.firm.agents
        redis = {name: is_there(folder / f"{name}{REDIS}") for name in redis_names(settings)}
        return cls(known_keys(folder), known_curve_keys(folder, curve_names(agents)), redis)

    def plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"keys": _plain(self.signing), "curve": _plain(self.curve), "redis": self.redis}


def keys(
    config: ConfigOption = None,
    run_dir: RunDirOption = None,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make new ones for all; what the old ones signed still replays.")
    ] = False,
    deal_to: Annotated[
        Path | None,
        typer.Option("--deal", help="Write here a folder for each process, with what it needs and no more."),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="Deal one folder, for the agents of this host.", show_default="one for each")
    ] = "",
    json: JsonOption = False,
) -> None:
    """Make the keys and secrets that are missing, and show which there are; secrets are never shown."""
    settings = _settings(config, run_dir)
    if rotate:
        _refuse_while_running(settings)
    if not settings.firm.bus.keys:
        RunDir(settings.run_dir).create()
    made = make_credentials(settings, time.time_ns(), rotate=rotate)
    dealt = {} if deal_to is None else _deal(settings, deal_to, host)
    known = Known.of(settings)
    if json:
        print_json({"folder": str(settings.keys), "made": made, **known.plain(), "dealt": dealt})
    else:
        _print(settings.keys, made, known)
        for name, files in dealt.items():
            _say(f"{deal_to if host else (deal_to or Path()) / name}: {', '.join(files)}")


def _settings(config: Path | None, run_dir: Path | None) -> Settings:
    """Return what the firm of a run directory saved, or the configuration of one that is to start."""
    folder = run_dir or last_run_dir()
    return Settings.open(folder) if config is None and (folder / SAVED_FILE).exists() else load(config, run_dir)


def _deal(settings: Settings, target: Path, host: str) -> dict[str, tuple[str, ...]]:
    return deal_host(settings, here(settings.firm, host), target) if host else deal(settings, target)


def _refuse_while_running(settings: Settings) -> None:
    """Refuse to rotate under processes that read their keys when they started: others would not believe them."""
    for name in _running(settings):
        raise Fatal(f"{name} runs in {settings.run_dir} with the old keys; `boardroom stop` it, then rotate")


def _running(settings: Settings) -> Iterable[str]:
    run_dir = RunDir(settings.run_dir)
    locks = sorted(path.stem for path in (run_dir.root / "locks").glob("*.lock"))
    yield from (name for name in locks if run_dir.lock(name).is_held())
    if settings.firm.bus.transport == "tcp":
        with suppress(ConfigError), Client(settings) as client:  # keys that cannot be used are a reason to rotate
            yield from present(settings, client, settings.firm.agents)


def _plain(known: Mapping[str, Sequence[KnownKey]]) -> dict[str, list[dict[str, object]]]:
    return {name: [key._asdict() for key in held] for name, held in known.items()}


def _print(folder: Path, made: Sequence[str], known: Known) -> None:
    _say(f"{folder}, mode 700; private keys are mode 600")
    _print_pairs(known.signing, SIGNING, "signs", made)
    _print_pairs(known.curve, CURVE, "encrypts", made)
    for name, is_here in known.redis.items():
        notes = ["Redis secret", *(["made now"] if f"{name}{REDIS}" in made else [])]
        _say(f"{name:<{_WIDTH}}  {'-':<16}  {', '.join(notes) if is_here else 'its Redis secret is not here'}")


def _print_pairs(known: Mapping[str, Sequence[KnownKey]], ending: str, use: str, made: Sequence[str]) -> None:
    for name, held in known.items():
        for key in held:
            notes = [use if key is held[-1] else f"{use} no more", _since(key.since_ns)]
            notes += ["made now"] if key is held[-1] and f"{name}{ending}" in made else []
            notes += [] if key.is_private_here else [f"its private half is not in {name}{ending}"]
            _say(f"{name:<{_WIDTH}}  {key.name}  {', '.join(notes)}")


def _say(line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def _since(since_ns: int) -> str:
    if since_ns == 0:
        return "from the beginning"
    return f"from {datetime.fromtimestamp(since_ns // _NS, UTC):%Y-%m-%d %H:%M:%S} UTC"
