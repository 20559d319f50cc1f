"""Comma-separated text, plain or gzipped, as a table of rows."""

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bus.errors import ConfigError
from market.sources.table import ACTION_NAMES, QUOTE_NAMES, Table, find_columns, find_extra

_GZIP_MAGIC: Final = b"\x1f\x8b"


def read_delimited(path: Path, place: str, label: str = "csv") -> Table:
    """Return the rows of a CSV file with a header line; gzip is recognised by its content.

    Parameters
    ----------
    path
        The file.
    place
        Its name in messages, as the user wrote it.
    label
        First word of the source's name in the data report.

    Raises
    ------
    ConfigError
        Not readable, truncated, not UTF-8, without the header it needs. Reading on through ``rows`` raises it for
        a quote that is never closed and for an oversized field.
    """
    raw = read_bytes(path, place)
    records = _records(_text(raw, place), place)
    line, header = next(records, (1, []))
    if not header:
        raise ConfigError(f"{place}:1: empty file; the first line must name the columns")
    source = f"{label} {place} sha256 {hashlib.sha256(raw).hexdigest()[:12]}"
    where = f"{place}:{line}"
    columns = find_columns(header, where)
    quote, action = find_extra(header, QUOTE_NAMES, where), find_extra(header, ACTION_NAMES, where)
    return Table(source, place, columns, len(header), records, quote, action)


def read_bytes(path: Path, place: str) -> bytes:
    """Return the content of a file that the configuration names.

    Raises
    ------
    ConfigError
        The file cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{place}: no such file (looked at {path}); correct market.paths") from None
    except OSError as error:
        raise ConfigError(f"{place}: cannot be read: {error.strerror}; correct market.paths or the file") from None


def _text(raw: bytes, place: str) -> str:
    if raw.startswith(_GZIP_MAGIC):
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise ConfigError(f"{place}: broken gzip: {error}; fetch or write the file again") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{place}:{line}: byte {error.start} is not UTF-8 text; save the file as UTF-8 CSV, plain or gzipped"
        ) from None


def _records(text: str, place: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, fields) of every line that is not blank; a record may not span lines."""
    reader = csv.reader(io.StringIO(text, newline=None))
    before = 0
    try:
        for fields in reader:
            line = reader.line_num
            if line != before + 1:
                raise ConfigError(f"{place}:{before + 1}: a quoted field runs on to line {line}; close its quote")
            before = line
            if fields:
                yield line, fields
    except csv.Error as error:
        raise ConfigError(f"{place}:{before + 1}: {error}; correct the line") from None
