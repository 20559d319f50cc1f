"""A Parquet file as a table of rows, read by pyarrow without pandas."""

import hashlib
import io
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from bus.errors import ConfigError
from market.bar import opened_at
from market.sources.delimited import read_bytes
from market.sources.table import ACTION_NAMES, QUOTE_NAMES, Table, find_columns, find_extra

_FIRST_ROW: Final = 1
_NS_PER_MICROSECOND: Final = 1_000


def read_parquet(path: Path, place: str) -> Table:
    """Return the rows of a Parquet file; a row is named by its number from 1, a missing value is empty text.

    Floating-point prices become the shortest decimal that means the same float.

    Raises
    ------
    ConfigError
        pyarrow is not installed, the file is not readable, a column is missing, or times are finer than microseconds.
    """
    arrow, parquet = _libraries()
    raw = read_bytes(path, place)
    try:
        file = parquet.ParquetFile(io.BytesIO(raw))
        names = file.schema_arrow.names
        plain = find_columns(names, place)
        quote, action = find_extra(names, QUOTE_NAMES, place), find_extra(names, ACTION_NAMES, place)
        wanted = [names[position] for position in (*plain, *quote, *action)]
        table = file.read(columns=wanted)
        columns = [_texts(arrow, table.column(name)) for name in wanted]
    except (arrow.ArrowException, OSError) as error:
        first = str(error).splitlines()[0]
        raise ConfigError(f"{place}: not a usable Parquet file: {first}; write the file again") from None
    source = f"parquet {place} sha256 {hashlib.sha256(raw).hexdigest()[:12]}"
    rows = enumerate(zip(*columns, strict=True), start=_FIRST_ROW)
    places = range(len(columns))
    quotes, actions = len(plain), len(plain) + len(quote)
    return Table(
        source,
        place,
        tuple(places[:quotes]),
        len(columns),
        rows,
        tuple(places[quotes:actions]),
        tuple(places[actions:]),
    )


def _libraries() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise ConfigError(
            "market.source parquet: the package pyarrow is not installed; "
            "pip install 'boardroom[parquet]', or choose market.source csv"
        ) from None


def _texts(arrow: Any, column: Any) -> list[str]:
    """Write every value of a column out.

    Times cross as whole microseconds, which Python's datetime holds exactly; to_pylist would import pandas for them.
    """
    if not arrow.types.is_timestamp(column.type):
        return ["" if value is None else str(value) for value in column.to_pylist()]
    moments = column.cast(arrow.timestamp("us", tz=column.type.tz)).cast(arrow.int64()).to_pylist()
    return ["" if moment is None else _time_text(moment) for moment in moments]


def _time_text(microseconds: int) -> str:
    try:
        return opened_at(microseconds * _NS_PER_MICROSECOND).isoformat()
    except OverflowError:
        return str(microseconds)
