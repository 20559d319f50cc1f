"""`python -m research.warm`: run a small synthetic firm once, so that numba's cache holds what the agents will call.

Running the firm itself is the one list of kernels and array layouts that cannot go out of date.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final

from bus.config import Settings
from bus.errors import ConfigError
from bus.main import EXIT_CONFIG, default_config
from research.backtest import backtest

_BARS: Final = 320


def warm(settings: Settings) -> None:
    """Compile what the firm of ``settings`` calls, over a synthetic market in a scratch directory."""
    synthetic = {"source": "synthetic", "symbols": ["AAA", "BBB"], "bars": _BARS}
    with tempfile.TemporaryDirectory(prefix="boardroom-warm-") as scratch:
        backtest(settings.elsewhere(Path(scratch), {"market": synthetic}))


def main() -> None:
    """Compile; a mistake in the configuration ends with the status that every agent gives it."""
    parser = argparse.ArgumentParser(prog="python -m research.warm", description="Compile the kernels.")
    parser.add_argument("--config", type=Path, default=default_config())
    try:
        warm(Settings.load(parser.parse_args().config, Path("var/warm")))
    except ConfigError as error:
        print(error, file=sys.stderr)
        raise SystemExit(EXIT_CONFIG) from None


if __name__ == "__main__":
    main()
