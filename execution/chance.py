"""Chance without a state: the same whatever order things come in, and after every restart."""

from hashlib import blake2b


def chance(seed: int, what: str, of: str) -> float:
    """Return a number in [0, 1), uniform over seeds and names, that depends on nothing but the arguments."""
    digest = blake2b(f"{seed}:{what}:{of}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53
