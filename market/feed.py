"""The bars of all symbols in the one order in which they are published."""

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from bus.errors import Fatal
from bus.messages import CorporateAction, MarketUpdate, Quote
from market.bar import Bar
from market.series import Series


class Feed:
    """Series merged by (opening time, symbol), each symbol's bars numbered from 0, with a cursor.

    ``digest`` is the sha256 of symbols and bars, by which a snapshot knows the data it was taken on.
    """

    def __init__(self, series: Sequence[Series]) -> None:
        self.digest = digest_of(series)
        self.cursor = 0
        self._merged = sorted(
            (bar.opened_ns, one.symbol, number, bar) for one in series for number, bar in enumerate(one.bars)
        )

    def __len__(self) -> int:
        return len(self._merged)

    @property
    def is_at_end(self) -> bool:
        """Whether every bar has been taken."""
        return self.cursor == len(self._merged)

    @property
    def latest(self) -> tuple[str, int]:
        """Symbol and number of the bar last taken."""
        _, symbol, number, _ = self._merged[self.cursor - 1]
        return symbol, number

    def take(self) -> MarketUpdate:
        """Return the next bar and step over it."""
        _, symbol, number, bar = self._merged[self.cursor]
        self.cursor += 1
        return MarketUpdate(
            symbol=symbol,
            bar=number,
            opened_ns=bar.opened_ns,
            open=bar.open,
            high=bar.high,
            low=bar.low,
            close=bar.close,
            volume=bar.volume,
            quote=None if bar.quote is None else _quote(*bar.quote),
            action=None if bar.action is None else CorporateAction(split=bar.action[0], dividend=bar.action[1]),
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"digest": self.digest, "cursor": self.cursor}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave on the same data.

        Raises
        ------
        Fatal
            It was taken on other data.
        """
        if state["digest"] != self.digest:
            raise Fatal(
                f"market: the snapshot was taken on data of sha256 {state['digest']}, the data is now {self.digest}: "
                "restore the files and the [market] table of that run, or begin a new run directory"
            )
        self.cursor = state["cursor"]


def digest_of(series: Sequence[Series]) -> str:
    """Return the sha256, in hex, of the symbols and bars of series."""
    content = hashlib.sha256()
    for one in series:
        content.update(f"{one.symbol} {len(one.bars)} {one.history}\n".encode())
        content.update("".join(map(_line, one.bars)).encode())
    return content.hexdigest()


def _quote(bid: Decimal, ask: Decimal, bid_size: Decimal, ask_size: Decimal) -> Quote:
    return Quote(bid=bid, ask=ask, bid_size=bid_size, ask_size=ask_size)


def _line(bar: Bar) -> str:
    extra = "".join(f" {value}" for part in (bar.quote, bar.action) if part is not None for value in part)
    return f"{bar.opened_ns} {bar.open} {bar.high} {bar.low} {bar.close} {bar.volume}{extra}\n"
