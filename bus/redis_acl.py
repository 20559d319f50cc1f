"""Who may do what on Redis: a user for each agent, who publishes in no name but its own and hears everybody.

The password of a user is the newest secret in ``NAME.redis.key``, in hexadecimal; Redis is told only its SHA-256. A
rotated secret stays in the file, so that its agent still gets in until Redis starts anew with the list that follows.
"""

import hashlib
import re
import secrets as randomness
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from bus.errors import ConfigError, Fatal
from bus.keyfile import PRIVATE, Line, locked, read, read_if_there, replace, write
from bus.message import OPS

ACL_FILE: Final = "redis.acl"
CHANNELS: Final = "boardroom."
_BYTES: Final = 32
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NOBODY: Final = "user default off resetchannels resetkeys -@all"


def make_redis_secrets(folder: Path, names: Iterable[str], now_ns: int, *, rotate: bool = False) -> tuple[str, ...]:
    """Make the secrets that are missing, or with ``rotate`` a new one for each name; return whose were made.

    ``redis.acl`` in the same folder then lists the users with their newest secrets, for a Redis of one's own.

    Raises
    ------
    ConfigError
        Secrets that are there cannot be used, the clock is behind them, or a name cannot be part of a channel.
    Fatal
        They cannot be written.
    """
    names = tuple(names)
    made = []
    try:
        with locked(folder):
            for name in names:
                path = _path(folder, name)
                kept = read_if_there(path, PRIVATE)
                if kept and not rotate:
                    continue
                if kept and now_ns <= kept[-1].since_ns:
                    raise ConfigError(f"{path}: its newest secret is in force only later than now; set the clock")
                write(path, [*kept, Line(now_ns if kept else 0, randomness.token_bytes(_BYTES))], PRIVATE)
                made.append(name)
            write_acl(folder / ACL_FILE, folder, names)
    except OSError as error:
        raise Fatal(f"{folder}: {error.strerror}; make it writable, or give another folder") from None
    return tuple(made)


def load_secret(folder: Path, name: str) -> str:
    """Return the password of an agent, that of its newest secret.

    Raises
    ------
    ConfigError
        Missing, malformed, or open to others.
    """
    return load_secrets(folder, name)[0]


def load_secrets(folder: Path, name: str) -> tuple[str, ...]:
    """Return the passwords of an agent, the newest first; a Redis that has run since before a rotation knows an older.

    Raises
    ------
    ConfigError
        As ``load_secret``.
    """
    return tuple(line.raw.hex() for line in reversed(read(_path(folder, name), PRIVATE)))


def acl_lines(names: Iterable[str], secrets: Mapping[str, str]) -> list[str]:
    """Return the lines of an aclfile for Redis 7 or Valkey: nobody without a password, each in its own name.

    Parameters
    ----------
    names
        The users.
    secrets
        Password of each.

    Raises
    ------
    ConfigError
        A name that cannot be part of a channel.
    """
    return [_NOBODY, *(_user(name, secrets[name]) for name in names)]


def write_acl(path: Path, folder: Path, names: Iterable[str]) -> None:
    """Write the aclfile of these users, mode 600, with the newest secret of each in the folder of keys."""
    names = tuple(names)
    lines = acl_lines(names, {name: load_secret(folder, name) for name in names})
    replace(path, "".join(f"{line}\n" for line in lines).encode("ascii"), PRIVATE)


def _user(name: str, secret: str) -> str:
    _check(name)
    digest = hashlib.sha256(secret.encode("ascii")).hexdigest()
    allowed = "+ping +info" if name == OPS else "+ping"
    return (
        f"user {name} on sanitize-payload #{digest} resetchannels resetkeys -@all {allowed} "
        f"(+publish resetchannels &{CHANNELS}*.{name}) (+subscribe resetchannels &{CHANNELS}*)"
    )


def _path(folder: Path, name: str) -> Path:
    _check(name)
    return folder / f"{name}.redis.key"


def _check(name: str) -> None:
    """Refuse a name with which a pattern of channels would mean more, or another, than its owner's."""
    if _NAME.fullmatch(name) is None:
        raise ConfigError(
            f"agents.{name}: a name on the bus is 1 to 64 letters, digits, - and _; give the agent another name"
        )
