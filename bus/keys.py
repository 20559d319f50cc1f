"""Ed25519 keys of gates and operators: made once, kept mode 600, each in force from its own time on.

``NAME.key`` holds the private keys of a signer, ``NAME.pub`` the public ones. A rotated key stays in both, so that what
was signed with it replays to the byte and is still believed at the time it was signed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bus import keyring
from bus.errors import ConfigError
from bus.keyfile import PRIVATE, PUBLIC, read
from bus.keyring import KnownKey, key_name
from bus.lawful import OPERATOR
from bus.message import FOREVER_NS, OPS

SIGNERS: Final = ("compliance", "risk")
"""The gates: who signs an order."""
OPERATORS: Final = (OPERATOR, OPS)
"""Who signs a command."""
HOLDERS: Final = (*SIGNERS, *OPERATORS)
GRACE_NS: Final = 60_000_000_000
"""How long a rotated key is still believed, because what it signed may be on its way; and how early a new one is."""


def _generate() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes_raw()


def _public_of(secret: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


_SIGNING: Final = keyring.Scheme(".key", ".pub", _generate, _public_of)


class Signer:
    """The private keys of one gate or operator.

    Parameters
    ----------
    name
        Name of the signer.
    lines
        Keys by the time from which each is in force, oldest first.
    """

    def __init__(self, name: str, lines: Sequence[tuple[int, bytes]]) -> None:
        self.name = name
        self._keys = [(since_ns, Ed25519PrivateKey.from_private_bytes(raw)) for since_ns, raw in lines]
        self._names = [key_name(key.public_key().public_bytes_raw()) for _, key in self._keys]

    @classmethod
    def load(cls, folder: Path, name: str) -> Self:
        """Read the keys of a signer.

        Raises
        ------
        ConfigError
            Missing, malformed, open to others, or not those whose public halves lie beside them.
        """
        private, public = _SIGNING.paths(folder, name)
        secrets = read(private, PRIVATE)
        newest = read(public, PUBLIC)[-1]
        if newest != _SIGNING.publics(secrets)[-1]:
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
    """The public keys of several signers.

    Parameters
    ----------
    keys
        By the name of the signer, its keys by the time from which each is in force, oldest first.
    """

    def __init__(self, keys: dict[str, Sequence[tuple[int, bytes]]]) -> None:
        self._keys = {name: _believed(lines) for name, lines in keys.items()}

    @classmethod
    def load(cls, folder: Path, names: Sequence[str] = SIGNERS) -> Self:
        """Read the public keys of signers.

        Raises
        ------
        ConfigError
            Missing, malformed, or open for others to write.
        """
        return cls({name: read(_SIGNING.paths(folder, name)[1], PUBLIC) for name in names})

    def holder(self, key: str, among: Sequence[str]) -> str | None:
        """Return whose a key is, of those named; None when it is nobody's."""
        return next((name for name in among if key in self._keys.get(name, {})), None)

    def objection(
        self, name: str, key: str, statement: bytes, signature: bytes, now_ns: int, *, of: str = "order"
    ) -> str:
        """Return why a signature is not to be believed, ``of`` the thing that was signed; empty when it is."""
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
            return f"the signature of {name} does not fit the {of}"
        return ""


def known_keys(folder: Path, names: Sequence[str] = HOLDERS) -> dict[str, list[KnownKey]]:
    """Return every key of each signer, oldest first, nothing secret among it.

    Raises
    ------
    ConfigError
        As ``Signer.load`` and ``Verifier.load``, but a missing private key is only told.
    """
    return keyring.known(_SIGNING, folder, names)


def make_keys(folder: Path, now_ns: int, names: Sequence[str] = HOLDERS, *, rotate: bool = False) -> dict[str, str]:
    """Make the keys that are missing, or with ``rotate`` a new one for each signer; return the names of those made.

    A signer whose public keys alone are here is left as it is: its private ones are on another machine, or lost.

    Raises
    ------
    ConfigError
        Keys that are there cannot be used, or the clock is behind them.
    Fatal
        They cannot be written.
    """
    made = keyring.make(_SIGNING, folder, names, now_ns, rotate=rotate)
    return {name: key_name(public) for name, public in made.items()}


def _believed(lines: Sequence[tuple[int, bytes]]) -> dict[str, _Believed]:
    ends = [since_ns + GRACE_NS for since_ns, _ in lines[1:]]
    return {
        key_name(raw): _Believed(Ed25519PublicKey.from_public_bytes(raw), since_ns, until_ns)
        for (since_ns, raw), until_ns in zip(lines, [*ends, FOREVER_NS], strict=True)
    }
