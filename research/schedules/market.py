"""One-minute trade bars joined by time with the quotes at their opening."""

import csv
import gzip
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from bus.errors import Invalid
from bus.messages import MarketUpdate, Quote

MINUTE_NS: Final = 60_000_000_000
_TRADES: Final = ("open", "high", "low", "close", "volume")
_QUOTES: Final = ("bid_open", "ask_open", "bid_size", "ask_size")


def read_market(trades: Path, quotes: Path, symbol: str) -> list[MarketUpdate]:
    """Return the bars of the minutes in which there was a trade and the quote of the opening is known.

    Prices are those of the minute's first quote. The files give sizes at the end of a minute, so the sizes at an
    opening are those of the minute before; without that minute there is no bar.

    Raises
    ------
    Invalid
        A row that is not a bar, or no minute that has all of it.
    """
    book = dict(_rows(quotes, _QUOTES))
    bars: list[MarketUpdate] = []
    for opened_ns, row in _rows(trades, _TRADES):
        now, before = book.get(opened_ns), book.get(opened_ns - MINUTE_NS)
        if now is None or before is None or now["ask_open"] < now["bid_open"]:
            continue
        quote = Quote(
            bid=now["bid_open"], ask=now["ask_open"], bid_size=before["bid_size"], ask_size=before["ask_size"]
        )
        bars.append(
            MarketUpdate(
                symbol=symbol,
                bar=len(bars),
                opened_ns=opened_ns,
                open=row["open"],
                high=row["high"],
                low=row["low"],
                close=row["close"],
                volume=row["volume"],
                quote=quote,
            )
        )
    if not bars:
        raise Invalid(f"{trades} and {quotes} have no minute in common; give files of the same days")
    return bars


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, Mapping[str, Decimal]]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            try:
                opened = datetime.fromisoformat(row["timestamp"])
                # Sizes are sums of floats in the files; 8 decimals is what the venue trades in.
                numbers = {name: round(Decimal(row[name]), 8) for name in columns}
            except (KeyError, ValueError, InvalidOperation) as error:
                raise Invalid(f"{path} line {line}: {error}; expected timestamp, {', '.join(columns)}") from None
            yield round(opened.timestamp()) * 10**9, numbers
