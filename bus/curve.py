"""CURVE keys: who a connection over tcp comes from, and who may make one.

Each agent, operators and what watches the firm hold an X25519 pair: ``NAME.curve.key`` and ``NAME.curve.pub`` in the
folder of the firm's keys. The newest line of a file is the one in use; a rotated key is let in nowhere.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bus import keyring
from bus.config import Settings
from bus.errors import ConfigError
from bus.keyfile import PRIVATE, PUBLIC, read
from bus.lawful import GUEST_PREFIX, OPERATOR
from bus.message import OPS

_NOT_AGENTS: Final = (OPERATOR, OPS)


def _generate() -> bytes:
    return X25519PrivateKey.generate().private_bytes_raw()


def _public_of(secret: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


_CURVE: Final = keyring.Scheme(".curve.key", ".curve.pub", _generate, _public_of)


class CurveKeys:
    """What one process needs for CURVE: its own pair, and whose every other public key is.

    Keys are 32 raw bytes, as ZeroMQ takes and ZAP shows them.

    Parameters
    ----------
    name
        Holder of the pair: an agent, "operator" or "ops".
    secret
        Its private key.
    known
        Public key of everybody who may connect, the holder's own among them, by name.

    Raises
    ------
    ConfigError
        Two names hold the same key, or the private key is not that of the holder's public one.
    """

    __slots__ = ("_publics", "holders", "name", "public", "secret")

    def __init__(self, name: str, secret: bytes, known: Mapping[str, bytes]) -> None:
        self.name = name
        self.secret = secret
        self.public = _public_of(secret)
        self._publics = dict(known)
        self.holders: dict[bytes, str] = {}
        for holder, public in known.items():
            other = self.holders.setdefault(public, holder)
            if other != holder:
                raise ConfigError(
                    f"{holder} and {other} have the same CURVE key, so nobody could tell them apart; move the files of "
                    f"one of them away and run `boardroom keys`"
                )
        if known.get(name) != self.public:
            raise ConfigError(
                f"the private CURVE key of {name} is not that of its public one, so nobody would let it in; put the "
                f"right one back, or run `boardroom keys --rotate`"
            )

    def __repr__(self) -> str:
        return f"CurveKeys({self.name!r}, {len(self.holders)} known)"

    @classmethod
    def load(cls, folder: Path, name: str, names: Iterable[str]) -> Self:
        """Read the private key of ``name`` and the public ones of all ``names``.

        Raises
        ------
        ConfigError
            Missing, malformed, open to others, shared by two, or a private key without its public one.
        """
        private, _ = _CURVE.paths(folder, name)
        secret = read(private, PRIVATE)[-1].raw
        known = {each: read(_CURVE.paths(folder, each)[1], PUBLIC)[-1].raw for each in names}
        return cls(name, secret, known)

    def public_of(self, name: str) -> bytes:
        """Return the public key of an agent, by which whoever connects to it knows that it is the one."""
        return self._publics[name]


def make_curve_keys(folder: Path, names: Iterable[str], now_ns: int, *, rotate: bool = False) -> tuple[str, ...]:
    """Make the CURVE keys that are missing, or with ``rotate`` new ones; return the names of those made.

    Whoever has only the public key here is left as it is: the private one is on another machine, or lost.

    Raises
    ------
    ConfigError
        Keys that are there cannot be used, or the clock is behind them.
    Fatal
        They cannot be written.
    """
    return tuple(keyring.make(_CURVE, folder, names, now_ns, rotate=rotate))


def known_curve_keys(folder: Path, names: Iterable[str]) -> dict[str, list[keyring.KnownKey]]:
    """Return every CURVE key of each holder, oldest first, nothing secret among it.

    Raises
    ------
    ConfigError
        Missing, malformed, or open to others; but a missing private key is only told.
    """
    return keyring.known(_CURVE, folder, names)


def curve_names(agents: Iterable[str]) -> tuple[str, ...]:
    """Return who may connect in a firm of these agents: they, operators, and what watches the firm.

    Raises
    ------
    ConfigError
        An agent has a name that is somebody else's.
    """
    names = tuple(agents)
    for name in names:
        if name in _NOT_AGENTS or name.startswith(GUEST_PREFIX):
            raise ConfigError(f"agents.{name}: no agent can have this name, it is that of other keys; choose another")
    return (*names, *_NOT_AGENTS)


def curve_keys(settings: Settings, name: str) -> CurveKeys | None:
    """Return the keys that ``name`` needs in a firm, or None where its sockets are files of one user.

    Raises
    ------
    ConfigError
        The firm speaks tcp and keys are missing or cannot be used.
    """
    if settings.firm.bus.transport == "ipc":
        return None
    return CurveKeys.load(settings.keys, name, curve_names(settings.firm.agents))
