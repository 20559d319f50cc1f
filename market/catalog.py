"""From the [market] table to checked series: all reading is done here, before the agent begins."""

from collections.abc import Sequence
from pathlib import Path

from bus.errors import ConfigError
from market.config import MarketConfig
from market.series import Series, collect
from market.sources import synthetic
from market.sources.delimited import read_delimited
from market.sources.packaged import read_packaged
from market.sources.parquet import read_parquet
from market.sources.table import Table


def read_series(config: MarketConfig, folder: Path) -> tuple[Series, ...]:
    """Return the chosen window of every chosen symbol, sorted by symbol.

    Parameters
    ----------
    folder
        Where relative paths of the table begin: the configuration folder.

    Raises
    ------
    ConfigError
        A source is missing or broken, too much of it is refused, or the window is not in it.
    """
    if config.source == "synthetic":
        return tuple(_synthetic(symbol, config) for symbol in config.chosen)
    whole = [collect(symbol, _table(symbol, config, folder), config.spacing_s) for symbol in config.chosen]
    _refuse_spoilt(whole, config.max_rejected_fraction)
    return tuple(one.window(config.first, config.last, config.bars, config.history_bars) for one in whole)


def _table(symbol: str, config: MarketConfig, folder: Path) -> Table:
    if config.source == "demo":
        return read_packaged(symbol)
    place = config.paths[symbol]
    read = read_parquet if config.source == "parquet" else read_delimited
    return read(folder / place, place)


def _synthetic(symbol: str, config: MarketConfig) -> Series:
    count = config.history_bars + (config.bars or 0)
    bars = synthetic.synthesize(symbol, count, config.synthetic)
    return Series(symbol, synthetic.label(config.synthetic), bars, count, count, history=config.history_bars)


def _refuse_spoilt(whole: Sequence[Series], max_rejected_fraction: float) -> None:
    for one in whole:
        refused = one.rows - one.accepted
        if not one.rows:
            raise ConfigError(f"market: {one.symbol}: {one.source} has a header but no rows; give a file with data")
        if one.accepted and refused <= max_rejected_fraction * one.rows:
            continue
        first = one.rejected[0]
        raise ConfigError(
            f"market: {one.symbol}: {refused} of {one.rows} rows refused, market.max_rejected_fraction allows "
            f"{max_rejected_fraction:g}; the first: {first.reason}: {first.example}; correct the file or the limit"
        )
