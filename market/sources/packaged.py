"""The S&P 500 and NASDAQ composite, daily 1999 to 2018, which ship inside the arch package.

Only the two data files are read, where the package lies: neither arch nor pandas is imported.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from bus.errors import ConfigError
from market.sources.delimited import read_delimited
from market.sources.table import Table

PACKAGED: Final[Mapping[str, str]] = {"NDQ": "data/nasdaq/nasdaq.csv.gz", "SPX": "data/sp500/sp500.csv.gz"}
"""Symbols on offer, and their file inside the package."""


def read_packaged(symbol: str) -> Table:
    """Return the rows of one of the ``PACKAGED`` series.

    Raises
    ------
    ConfigError
        The package is not installed, or holds no such file.
    """
    path = _package_folder() / PACKAGED[symbol]
    if not path.is_file():
        raise ConfigError(
            f"market.source demo: {path} is missing; reinstall the package: pip install --force-reinstall arch"
        )
    return read_delimited(path, path.name, "arch")


def _package_folder() -> Path:
    spec = find_spec("arch")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            "market.source demo: the package arch, which holds the daily S&P 500 and NASDAQ, is not installed; "
            "pip install 'boardroom[demo]', or choose market.source csv, parquet or synthetic"
        )
    return Path(spec.submodule_search_locations[0])
