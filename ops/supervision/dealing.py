"""Dealing: a run directory for each process, with its own keys and nobody else's, to be carried to where it runs."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bus.config import SAVED_FILE, Settings
from bus.credentials import REDIS_SERVER, deal_host
from bus.errors import ConfigError, Fatal
from bus.keyfile import PRIVATE, replace
from bus.keys import OPERATORS
from bus.message import OPS
from bus.redis_acl import ACL_FILE
from bus.redis_server import EMBEDDED
from bus.rundir import RunDir

_KEYS: Final = "keys"
_FOLDER: Final = 0o700


def receivers(settings: Settings) -> tuple[str, ...]:
    """Return who is dealt a run directory: every agent that is enabled, and what watches the firm."""
    agents = settings.firm.enabled
    return (*agents, *(() if OPS in settings.firm.agents else (OPS,)))


def deal_firm(settings: Settings, folder: Path) -> tuple[str, ...]:
    """Write the run directories of a prepared firm below ``folder``, and the list of users for its Redis.

    Each holds the configuration, every public key, and the private keys of its process; that of ``ops`` also the
    operator's, and room to see every journal. What is there already is brought to what it should be now.

    Returns
    -------
    tuple of str
        Names of the folders.

    Raises
    ------
    ConfigError
        The firm is not one of separate hosts, a private key is not here or lies where it should not, or a process runs
        with another configuration.
    Fatal
        Something cannot be written.
    """
    _check_apart(settings)
    names = receivers(settings)
    _refuse_change_under(settings, folder, names)
    configuration = (settings.run_dir / SAVED_FILE).read_bytes()
    users = (settings.keys / ACL_FILE).read_bytes()
    try:
        for name in names:
            _make_room(RunDir(folder / name), names if name == OPS else (name,))
            deal_host(settings, OPERATORS if name == OPS else (name,), folder / name / _KEYS)
            replace(folder / name / SAVED_FILE, configuration, PRIVATE, is_copy=True)
        (folder / REDIS_SERVER).mkdir(mode=_FOLDER, exist_ok=True)
        replace(folder / REDIS_SERVER / ACL_FILE, users, PRIVATE, is_copy=True)
    except OSError as error:
        raise Fatal(f"{error.filename or folder}: {error.strerror}; make it writable, or give another folder") from None
    return (*names, REDIS_SERVER)


def _check_apart(settings: Settings) -> None:
    """Refuse what only works where all processes share one run directory."""
    bus = settings.firm.bus
    if bus.transport != "tcp":
        raise ConfigError('bus.transport = "ipc" joins processes of one run directory only; say "tcp" to deal')
    if bus.redis_url == EMBEDDED:
        raise ConfigError('bus.redis_url = "embedded" is in one run directory only; name a server that all can reach')
    if bus.keys:
        raise ConfigError(f'bus.keys = "{bus.keys}": dealt processes look in their own run directory; leave it empty')


def _refuse_change_under(settings: Settings, folder: Path, names: Iterable[str]) -> None:
    """Refuse to change the configuration under a process that runs: started again alone, it would not fit the rest."""
    wanted = (settings.run_dir / SAVED_FILE).read_bytes()
    for name in names:
        run_dir = RunDir(folder / name)
        saved = run_dir.root / SAVED_FILE
        if saved.exists() and saved.read_bytes() != wanted and run_dir.lock(name).is_held():
            raise ConfigError(
                f"{name} runs with another configuration than {settings.folder} gives now; stop the firm, then start it"
            )


def _make_room(run_dir: RunDir, names: Iterable[str]) -> None:
    """Make the folders of journals and snapshots, so that a volume can be mounted on them, or from them."""
    run_dir.root.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
    for name in names:
        for folder in (run_dir.journal(name), run_dir.snapshots(name)):
            folder.parent.mkdir(mode=_FOLDER, exist_ok=True)
            folder.mkdir(mode=_FOLDER, exist_ok=True)
