"""Keys of gates and operators that never sign for a real firm, and what they signed."""

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bus.approval import approve
from bus.command import sign_command
from bus.keys import Signer, Verifier
from bus.messages import Approval, Order, SystemCommand

SECRETS: Final = {"compliance": b"c" * 32, "risk": b"r" * 32, "operator": b"o" * 32, "ops": b"p" * 32}
SIGNERS: Final = {name: Signer(name, [(0, secret)]) for name, secret in SECRETS.items()}
FAR_NS: Final = 10**15


def public_of(secret: bytes) -> bytes:
    """Return the public key of a private one."""
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


VERIFIER: Final = Verifier({name: [(0, public_of(secret))] for name, secret in SECRETS.items()})


def approval(gate: str, order: Order, valid_until_ns: int = FAR_NS) -> Approval:
    """Return the signature of a gate over an order."""
    return approve(SIGNERS[gate], order, valid_until_ns, 0)


def approvals(order: Order, valid_until_ns: int = FAR_NS) -> tuple[Approval, ...]:
    """Return the signatures of both gates over an order."""
    return approval("compliance", order, valid_until_ns), approval("risk", order, valid_until_ns)


def ordered(command: SystemCommand, recipient: str, now_ns: int, nonce: str, signer: str = "operator") -> SystemCommand:
    """Return a command as an operator would sign it now."""
    return sign_command(SIGNERS[signer], command, recipient, now_ns, nonce)


def write_keys(folder: Path) -> None:
    """Write these keys where a firm expects its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, secret in SECRETS.items():
        private = folder / f"{name}.key"
        private.write_text(f"0 {secret.hex()}\n", encoding="ascii")
        private.chmod(0o600)
        (folder / f"{name}.pub").write_text(f"0 {public_of(secret).hex()}\n", encoding="ascii")
