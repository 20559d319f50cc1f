"""Rules about the market an order goes to: what may be traded there, when, and on which data."""

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar, Final

import numpy as np

from bus.gate import Finding
from bus.messages import DataReport, Order, Severity, Side
from compliance.config import ComplianceLimits
from compliance.desk import Desk
from compliance.tape import Tape
from compliance.view import Breach, View
from market.sessions import DAY_NS

_NONE: Final = Decimal(0)


class KnownSymbol:
    """The market has shown at least one bar of the symbol."""

    id: ClassVar[str] = "SYM_001"
    name: ClassVar[str] = "known_symbol"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "unknown symbols"
    limit: ClassVar[str] = "0"
    remedy: ClassVar[str] = "trade what the market shows"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Refuse a symbol that never had a bar."""
        is_known = desk.tape is not None
        detail = f"{order.symbol} {'has bars' if is_known else 'never had a bar'}"
        return Finding(is_known, int(not is_known), 0, detail)


class Restricted:
    """The symbol is not on the restricted list."""

    id: ClassVar[str] = "RES_001"
    name: ClassVar[str] = "restricted"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "listings"
    limit: ClassVar[str] = "restricted"
    remedy: ClassVar[str] = "leave the symbol alone until it is off the list"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Refuse any trade in a restricted symbol, reductions too."""
        is_listed = order.symbol in limits.restricted
        detail = f"{order.symbol} is {'' if is_listed else 'not '}on the restricted list"
        return Finding(not is_listed, int(is_listed), 0, detail)


class TradingHours:
    """The exchange of the symbol is open when the order gets there.

    A bar of a day stands for its date, and an order decided on it goes into the next session: the date must be one on
    which the exchange opened. A shorter bar ends at a moment: that must lie within a session, its close excluded.
    """

    id: ClassVar[str] = "HRS_001"
    name: ClassVar[str] = "trading_hours"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "closed markets"
    limit: ClassVar[str] = "calendars"
    remedy: ClassVar[str] = "wait for the next session"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Refuse an order in closed hours, and one of a bar whose time or length is not known."""
        calendar = limits.calendars.get(order.symbol)
        if calendar is None:
            return Finding(True, 0, 0, f"{order.symbol} trades at any time")
        tape, sessions = desk.known_tape, desk.sessions[calendar]
        opened_ns = tape.opened_ns(order.bar)
        if opened_ns is None or not tape.length_ns:
            return Finding(False, None, 0, f"when bar {order.bar} of {order.symbol} ended is not known")
        if tape.is_daily:
            day = opened_ns // DAY_NS
            is_open, when = sessions.is_trading_day(day), f"on {np.datetime64(day, 'D')}"
        else:
            at_ns = opened_ns + tape.length_ns
            is_open, when = sessions.is_open(at_ns), f"at {np.datetime64(at_ns // 1_000_000_000, 's')}Z"
        return Finding(is_open, int(not is_open), 0, f"{calendar} is {'open' if is_open else 'closed'} {when}")


class ShortSale:
    """A sale leads to a short position only where that is allowed."""

    id: ClassVar[str] = "SHO_001"
    name: ClassVar[str] = "short_sale"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "units"
    limit: ClassVar[str] = "allow_short, no_short"
    remedy: ClassVar[str] = "sell no more than is held"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Measure the units short if this and every open sale fill, and no purchase does."""
        short = max(order.quantity - desk.exposure.low, _NONE) if order.side is Side.SELL else _NONE
        is_allowed = limits.allow_short and order.symbol not in limits.no_short
        detail = f"up to {short} units short, short sale is {'' if is_allowed else 'not '}allowed"
        return Finding(is_allowed or short == 0, short, None if is_allowed else 0, detail)


class WashTrade:
    """The firm never trades with itself: no own order is open on the other side.

    One way is left open, or an exit would wait for as long as an entry is only half filled: an order that only shrinks
    a holding may go while all that is open on the other side is at work in the book. Execution withdraws that first.
    """

    id: ClassVar[str] = "WSH_001"
    name: ClassVar[str] = "wash_trade"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "units"
    limit: ClassVar[str] = "0"
    remedy: ClassVar[str] = "wait until the open order has ended"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Measure the own units open on the other side of the symbol, those in flight included."""
        opposite = desk.exposure.selling if order.side is Side.BUY else desk.exposure.buying
        detail = f"{opposite} own units open on the other side"
        if opposite and desk.is_reducing and not _in_flight(order, desk):
            return Finding(True, opposite, 0, f"{detail}, to be withdrawn first{desk.exempt}")
        return Finding(opposite == 0, opposite, 0, detail)


def _in_flight(order: Order, desk: Desk) -> bool:
    return any(each.symbol == order.symbol and each.side is not order.side for each in desk.in_flight)


class WholeData:
    """Enough bars without a hole."""

    id: ClassVar[str] = "DAT_003"
    name: ClassVar[str] = "whole_data"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "bars, at least"
    limit: ClassVar[str] = "contiguous_bars"
    remedy: ClassVar[str] = "wait for more bars"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Count contiguous bars; an order that only shrinks a holding needs its own bar alone."""
        count = len(desk.known_tape)
        passes = count >= limits.contiguous_bars or (count > 0 and desk.is_reducing)
        return Finding(passes, count, limits.contiguous_bars, f"{count} bars without a hole")


class DataQuality:
    """The bars of the symbol are good: few rows of its source were refused, and few bars are missing."""

    id: ClassVar[str] = "DAT_001"
    name: ClassVar[str] = "data_quality"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "share, at least"
    limit: ClassVar[str] = "data_quality"
    remedy: ClassVar[str] = "mend the source, or look for what loses bars"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Measure the smaller of both shares; a source that told nothing of itself is not trusted."""
        quality = quality_of(desk.known_tape, desk.source)
        detail = f"{_told(desk.known_tape, desk.source)}{desk.exempt}"
        passes = desk.is_reducing or (quality is not None and quality >= limits.data_quality)
        return Finding(passes, quality, limits.data_quality, detail)

    def breaches(self, view: View, limits: ComplianceLimits) -> Sequence[Breach]:
        """Return the symbols whose data is not good enough."""
        found = []
        for symbol, tape in view.tapes.items():
            source = view.sources.get(symbol)
            if source is None or source.accepted != source.rows or tape.has_holes:
                quality = quality_of(tape, source)
                if quality is None or quality < limits.data_quality:
                    found.append(Breach(symbol, quality, limits.data_quality, _told(tape, source)))
        return found


def quality_of(tape: Tape, source: DataReport | None) -> Decimal | None:
    """Return the smaller share: of rows accepted, and of bars that arrived; None where the source told nothing."""
    if source is None or source.rows <= 0 or not tape.numbered:
        return None
    arrived = Decimal(tape.numbered - tape.missing) / tape.numbered
    return min(Decimal(source.accepted) / source.rows, arrived)


def _told(tape: Tape, source: DataReport | None) -> str:
    rows = "its source told nothing" if source is None else f"{source.accepted} of {source.rows} rows accepted"
    return f"{rows}, {tape.missing} of the last {tape.numbered} bars missing"
