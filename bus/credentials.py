"""Everything secret that one firm holds: made in one go, and dealt so that each process has its own and no more.

Public keys are everybody's. A password of a URL goes to whom the URL's table belongs, that of [bus] to all who connect.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bus.config import Settings
from bus.curve import curve_names, make_curve_keys
from bus.errors import ConfigError, Fatal
from bus.keyfile import IGNORE, PRIVATE, PUBLIC, contents, locked, replace
from bus.keys import HOLDERS, make_keys
from bus.lawful import OPERATOR
from bus.redis_acl import ACL_FILE, make_redis_secrets
from bus.secret import ENDING

SIGNING: Final = ".key"
CURVE: Final = ".curve.key"
REDIS: Final = ".redis.key"
REDIS_SERVER: Final = "redis"
"""Folder of the Redis server, which is dealt the list of its users alone."""
DEALT: Final = ".dealt"
"""Marks a folder that was dealt, and says to whom."""
_PUBLIC: Final = ".pub"
_BUS: Final = "bus"


def redis_names(settings: Settings) -> tuple[str, ...]:
    """Return who logs in to Redis: every agent, and what watches the firm."""
    return tuple(name for name in curve_names(settings.firm.agents) if name != OPERATOR)


def make_credentials(settings: Settings, now_ns: int, *, rotate: bool = False) -> tuple[str, ...]:
    """Make what is missing of a firm's keys and secrets, or with ``rotate`` new ones for all.

    Returns the names of the private files that were made or have a new line. In a folder that was dealt nothing is
    made: what it lacks is not its process's.

    Raises
    ------
    ConfigError
        Keys that are there cannot be used, the clock is behind them, or dealt ones are to be rotated.
    Fatal
        They cannot be written.
    """
    folder = settings.keys
    if (folder / DEALT).exists():
        if rotate:
            raise ConfigError(f"{folder}: these keys were dealt; rotate where they were made, and deal them anew")
        return ()
    return (
        *_files(make_keys(folder, now_ns, HOLDERS, rotate=rotate), SIGNING),
        *_files(make_curve_keys(folder, curve_names(settings.firm.agents), now_ns, rotate=rotate), CURVE),
        *_files(make_redis_secrets(folder, redis_names(settings), now_ns, rotate=rotate), REDIS),
    )


def private_files(settings: Settings, name: str) -> tuple[str, ...]:
    """Return the names of the private files that are one holder's: those it cannot do without, and its passwords."""
    passwords = sorted(path.name for path in settings.keys.glob(f"*{ENDING}"))
    tables = (name,) if name == OPERATOR else (name, _BUS)
    return (
        *([f"{name}{SIGNING}"] if name in HOLDERS else ()),
        f"{name}{CURVE}",
        *([f"{name}{REDIS}"] if name != OPERATOR else ()),
        *(password for password in passwords if password.partition(".")[0] in tables),
    )


def deal(settings: Settings, target: Path) -> dict[str, tuple[str, ...]]:
    """Write below ``target`` a folder of keys for each agent, the operator, ops and the Redis server.

    Returns the private files in each. A folder that is there gets the keys of now; what belongs to nobody in it is
    refused, so that no key is left where it was once dealt.

    Raises
    ------
    ConfigError
        A file of keys is not here, cannot be used, or lies in a folder that it is not for.
    Fatal
        They cannot be written.
    """
    publics = sorted(path.name for path in settings.keys.glob(f"*{_PUBLIC}"))
    dealt = {name: private_files(settings, name) for name in curve_names(settings.firm.agents)}
    if REDIS_SERVER in dealt:
        raise ConfigError(f"agents.{REDIS_SERVER}: its folder would be that of the Redis server; choose another name")
    try:
        for name, private in dealt.items():
            _deal(settings.keys, target / name, private, publics)
        _deal(settings.keys, target / REDIS_SERVER, (ACL_FILE,), ())
    except OSError as error:
        raise Fatal(f"{error.filename or target}: {error.strerror}; make it writable, or give another folder") from None
    return {**dealt, REDIS_SERVER: (ACL_FILE,)}


def deal_host(settings: Settings, names: Iterable[str], target: Path) -> dict[str, tuple[str, ...]]:
    """Write one folder of keys for a host: those of the agents that run there, and everybody's public ones.

    Returns the private files of each agent. The folder may be dealt again; what belongs to nobody there is refused.

    Raises
    ------
    ConfigError
        A file of keys is not here, cannot be used, or lies in the folder and is not for it.
    Fatal
        They cannot be written.
    """
    publics = sorted(path.name for path in settings.keys.glob(f"*{_PUBLIC}"))
    dealt = {name: private_files(settings, name) for name in names}
    try:
        _deal(settings.keys, target, [each for private in dealt.values() for each in private], publics)
    except OSError as error:
        raise Fatal(f"{error.filename or target}: {error.strerror}; make it writable, or give another folder") from None
    return dealt


def _deal(source: Path, folder: Path, private: Iterable[str], publics: Iterable[str]) -> None:
    wanted = {**dict.fromkeys(private, PRIVATE), **dict.fromkeys(publics, PUBLIC)}
    found = {name: contents(source / name, mode) for name, mode in wanted.items()}
    with locked(folder):
        for path in sorted(folder.iterdir()):
            if path.name not in (*wanted, IGNORE, DEALT):
                raise ConfigError(f"{path}: not for {folder.name}; take it away, or deal into another folder")
        replace(folder / DEALT, f"{folder.name}\n".encode(), PUBLIC, is_copy=True)
        for name, data in found.items():
            replace(folder / name, data, wanted[name], is_copy=True)


def _files(names: Iterable[str], ending: str) -> Iterable[str]:
    return (f"{name}{ending}" for name in names)
