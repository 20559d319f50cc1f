"""Whether numba's cache already holds this version of the kernels, so that a start need not ask numba."""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import sys
from pathlib import Path


def is_warm() -> bool:
    """Tell whether the kernels were compiled since they, numba, Python or the machine last changed."""
    try:
        return _stamp().read_text(encoding="utf-8") == _fingerprint()
    except OSError:
        return False


def mark_warm() -> None:
    """Note that the kernels are compiled; where the note cannot be kept, the next start compiles again."""
    with contextlib.suppress(OSError):
        _stamp().parent.mkdir(parents=True, exist_ok=True)
        _stamp().write_text(_fingerprint(), encoding="utf-8")


def _stamp() -> Path:
    folder = os.environ.get("NUMBA_CACHE_DIR")
    return (Path(folder) if folder else _kernels() / "__pycache__") / "boardroom-warm"


def _kernels() -> Path:
    spec = importlib.util.find_spec("kernels")
    if spec is None or spec.origin is None:
        raise OSError("the kernels package is not installed")
    return Path(spec.origin).parent


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in sorted(_kernels().rglob("*.py")):
        digest.update(path.read_bytes())
    digest.update(f"{sys.version} {importlib.metadata.version('numba')} {os.uname().machine}".encode())
    return digest.hexdigest()
