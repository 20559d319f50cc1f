"""Pairs of keys in two files each, made once and rotated by adding: what every kind of key pair has in common."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from bus.errors import ConfigError, Fatal
from bus.keyfile import PRIVATE, PUBLIC, Line, locked, read, read_if_there, write

_SHOWN: Final = 16


class KnownKey(NamedTuple):
    """A key as an operator may see it: its name, when it came into force, and whether its private half is here."""

    name: str
    since_ns: int
    is_private_here: bool


class Scheme(NamedTuple):
    """One kind of key pair: the endings of its files, how a private key is made, and the public one of a private."""

    private_ending: str
    public_ending: str
    generate: Callable[[], bytes]
    public_of: Callable[[bytes], bytes]

    def paths(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Return the file of the private and that of the public keys of one holder."""
        return folder / f"{name}{self.private_ending}", folder / f"{name}{self.public_ending}"

    def publics(self, secrets: Sequence[Line]) -> list[Line]:
        """Return the public keys of private ones."""
        return [Line(since_ns, self.public_of(raw)) for since_ns, raw in secrets]


def key_name(public: bytes) -> str:
    """Return the short name of a public key: the beginning of its bytes."""
    return public.hex()[:_SHOWN]


def make(scheme: Scheme, folder: Path, names: Iterable[str], now_ns: int, *, rotate: bool) -> dict[str, bytes]:
    """Make the pairs that are missing, or with ``rotate`` a new one for each; return the public keys of those made.

    A holder whose public keys alone are here is left as it is: its private ones are on another machine, or lost.

    Raises
    ------
    ConfigError
        Keys that are there cannot be used, or the clock is behind them.
    Fatal
        They cannot be written.
    """
    try:
        with locked(folder):
            rings = {name: _completed(scheme, folder, name, now_ns, rotate=rotate) for name in names}
            for ring in rings.values():
                ring.store()
    except OSError as error:
        raise Fatal(f"{folder}: {error.strerror}; make it writable, or give another folder") from None
    return {name: ring.publics[-1].raw for name, ring in rings.items() if ring.is_new}


def known(scheme: Scheme, folder: Path, names: Iterable[str]) -> dict[str, list[KnownKey]]:
    """Return every key of each holder, oldest first, nothing secret among it.

    Raises
    ------
    ConfigError
        Missing, malformed, or open to others; but a missing private key is only told.
    """
    found = {}
    for name in names:
        private, public = scheme.paths(folder, name)
        here = set(scheme.publics(read_if_there(private, PRIVATE)))
        found[name] = [KnownKey(key_name(line.raw), line.since_ns, line in here) for line in read(public, PUBLIC)]
    return found


class _Ring(NamedTuple):
    """The two files of a holder as they should be, and what of them is to be written."""

    private: Path
    public: Path
    secrets: list[Line]
    publics: list[Line]
    is_new: bool
    is_public_whole: bool

    def store(self) -> None:
        if self.is_new:
            write(self.private, self.secrets, PRIVATE)
        if not self.is_public_whole:
            write(self.public, self.publics, PUBLIC)


def _completed(scheme: Scheme, folder: Path, name: str, now_ns: int, *, rotate: bool) -> _Ring:
    private, public = scheme.paths(folder, name)
    secrets, publics = read_if_there(private, PRIVATE), read_if_there(public, PUBLIC)
    is_new = rotate or not (secrets or publics)
    if is_new:
        first = max((line.since_ns + 1 for line in (*secrets, *publics)), default=0)
        if now_ns < first:
            raise ConfigError(f"{folder}: the newest key of {name} is in force only later than now; set the clock")
        secrets = [*secrets, Line(now_ns if first else 0, scheme.generate())]
    believed = sorted({*publics, *scheme.publics(secrets)})
    if any(earlier.since_ns == later.since_ns for earlier, later in pairwise(believed)):
        raise ConfigError(f"{public}: does not belong to {private}; put the right one back, or move it away")
    return _Ring(private, public, secrets, believed, is_new, believed == publics)
