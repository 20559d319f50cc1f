"""Ed25519 keys of the gates: made once, kept mode 600, each in force from its own time on.

``NAME.key`` holds the private keys of a gate, ``NAME.pub`` the public ones. A rotated key stays in both, so that what
was signed with it replays to the byte and is still believed at the time it was signed.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bus.errors import ConfigError, Fatal
from bus.keyfile import PRIVATE, PUBLIC, Line, locked, read, write
from bus.message import FOREVER_NS

SIGNERS: Final = ("compliance", "risk")
GRACE_NS: Final = 60_000_000_000
"""How long a rotated key is still believed, because what it signed may be on its way; and how early a new one is."""
_SHOWN: Final = 16


class KnownKey(NamedTuple):
    """A key as an operator may see it: its name, when it came into force, and whether its private half is here."""

    name: str
    since_ns: int
    is_private_here: bool


class Signer:
    """The private keys of one gate.

    Parameters
    ----------
    name
        Name of the gate.
    lines
        Keys by the time from which each is in force, oldest first.
    """

    def __init__(self, name: str, lines: Sequence[tuple[int, bytes]]) -> None:
        self.name = name
        self._keys = [(since_ns, Ed25519PrivateKey.from_private_bytes(raw)) for since_ns, raw in lines]
        self._names = [key_name(key.public_key().public_bytes_raw()) for _, key in self._keys]

    @classmethod
    def load(cls, folder: Path, name: str) -> Self:
        """Read the keys of a gate.

        Raises
        ------
        ConfigError
            Missing, malformed, open to others, or not those whose public halves lie beside them.
        """
        private, public = _paths(folder, name)
        secrets = read(private, PRIVATE)
        newest = read(public, PUBLIC)[-1]
        if newest != _publics(secrets)[-1]:
            raise ConfigError(
                f"{public}: its newest key is not that of {private}, so nobody would believe it; run `boardroom keys`, "
                f"and `boardroom keys --rotate` if that does not help"
            )
        return cls(name, secrets)

    def sign(self, statement: bytes, now_ns: int) -> tuple[str, bytes]:
        """Return the name of the key in force and its signature."""
        at = max((i for i, (since_ns, _) in enumerate(self._keys) if since_ns <= now_ns), default=0)
        return self._names[at], self._keys[at][1].sign(statement)


class _Believed(NamedTuple):
    """A public key and the time it is believed in."""

    key: Ed25519PublicKey
    since_ns: int
    until_ns: int


class Verifier:
    """The public keys of several gates.

    Parameters
    ----------
    keys
        By the name of the gate, its keys by the time from which each is in force, oldest first.
    """

    def __init__(self, keys: dict[str, Sequence[tuple[int, bytes]]]) -> None:
        self._keys = {name: _believed(lines) for name, lines in keys.items()}

    @classmethod
    def load(cls, folder: Path, names: Sequence[str] = SIGNERS) -> Self:
        """Read the public keys of gates.

        Raises
        ------
        ConfigError
            Missing, malformed, or open for others to write.
        """
        return cls({name: read(_paths(folder, name)[1], PUBLIC) for name in names})

    def objection(self, name: str, key: str, statement: bytes, signature: bytes, now_ns: int) -> str:
        """Return why a signature is not to be believed; empty when it is."""
        found = self._keys.get(name, {}).get(key)
        if found is None:
            return f"no key {key} of {name} is known"
        if now_ns < found.since_ns - GRACE_NS:
            return f"key {key} of {name} is not in force yet"
        if now_ns > found.until_ns:
            return f"key {key} of {name} was replaced"
        try:
            found.key.verify(signature, statement)
        except InvalidSignature:
            return f"the signature of {name} does not fit the order"
        return ""


def key_name(public: bytes) -> str:
    """Return the short name of a public key: the beginning of its bytes."""
    return public.hex()[:_SHOWN]


def known_keys(folder: Path, names: Sequence[str] = SIGNERS) -> dict[str, list[KnownKey]]:
    """Return every key of each gate, oldest first, nothing secret among it.

    Raises
    ------
    ConfigError
        As ``Signer.load`` and ``Verifier.load``, but a missing private key is only told.
    """
    found = {}
    for name in names:
        private, public = _paths(folder, name)
        here = set(_publics(_read_if_there(private, PRIVATE)))
        found[name] = [KnownKey(key_name(line.raw), line.since_ns, line in here) for line in read(public, PUBLIC)]
    return found


def make_keys(folder: Path, now_ns: int, names: Sequence[str] = SIGNERS, *, rotate: bool = False) -> dict[str, str]:
    """Make the keys that are missing, or with ``rotate`` a new one for each gate; return the names of those made.

    A gate whose public keys alone are here is left as it is: its private ones are on another machine, or lost.

    Raises
    ------
    ConfigError
        Keys that are there cannot be used, or the clock is behind them.
    Fatal
        They cannot be written.
    """
    try:
        with locked(folder):
            rings = [_completed(folder, name, now_ns, rotate=rotate) for name in names]
            for ring in rings:
                ring.store()
    except OSError as error:
        raise Fatal(f"{folder}: {error.strerror}; make it writable, or give another folder") from None
    return {name: key_name(ring.publics[-1].raw) for name, ring in zip(names, rings, strict=True) if ring.is_new}


class _Ring(NamedTuple):
    """The two files of a gate as they should be, and what of them is to be written."""

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


def _completed(folder: Path, name: str, now_ns: int, *, rotate: bool) -> _Ring:
    private, public = _paths(folder, name)
    secrets, publics = _read_if_there(private, PRIVATE), _read_if_there(public, PUBLIC)
    is_new = rotate or not (secrets or publics)
    if is_new:
        first = max((line.since_ns + 1 for line in (*secrets, *publics)), default=0)
        if now_ns < first:
            raise ConfigError(f"{folder}: the newest key of {name} is in force only later than now; set the clock")
        secrets = [*secrets, Line(now_ns if first else 0, Ed25519PrivateKey.generate().private_bytes_raw())]
    believed = sorted({*publics, *_publics(secrets)})
    if any(earlier.since_ns == later.since_ns for earlier, later in pairwise(believed)):
        raise ConfigError(f"{public}: does not belong to {private}; put the right one back, or move it away")
    return _Ring(private, public, secrets, believed, is_new, believed == publics)


def _paths(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.key", folder / f"{name}.pub"


def _read_if_there(path: Path, mode: int) -> list[Line]:
    return read(path, mode) if path.exists() else []


def _publics(secrets: Sequence[Line]) -> list[Line]:
    return [
        Line(since_ns, Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw())
        for since_ns, raw in secrets
    ]


def _believed(lines: Sequence[tuple[int, bytes]]) -> dict[str, _Believed]:
    ends = [since_ns + GRACE_NS for since_ns, _ in lines[1:]]
    return {
        key_name(raw): _Believed(Ed25519PublicKey.from_public_bytes(raw), since_ns, until_ns)
        for (since_ns, raw), until_ns in zip(lines, [*ends, FOREVER_NS], strict=True)
    }
