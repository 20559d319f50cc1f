"""Rules about the book: its tail, its drawdown, and how much of it is in one place.

An order that only shrinks a holding toward zero passes all of them, because refusing it would keep what the rule is
about; but none may make the tail worse.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar, Final

from bus.gate import Finding
from bus.messages import Order, Severity
from compliance.config import ComplianceLimits
from compliance.desk import Desk
from compliance.log import FIRM
from compliance.view import Breach, View
from portfolio.holdings import share
from portfolio.limits import BookLimits

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)


class WholeBook:
    """The book is there and no update of it is missing."""

    id: ClassVar[str] = "DAT_002"
    name: ClassVar[str] = "whole_book"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "losses"
    limit: ClassVar[str] = "0"
    remedy: ClassVar[str] = "wait for the next PORTFOLIO_UPDATE; if none comes, look at execution"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Refuse on a book that may be outdated."""
        detail = "book is whole" if desk.is_whole else "a PORTFOLIO_UPDATE is missing"
        return Finding(desk.is_whole, int(not desk.is_whole), 0, detail)


class ExpectedShortfall:
    """One-day expected shortfall at 97.5 %, by history at today's volatility, measured apart from risk."""

    id: ClassVar[str] = "RISK_001"
    name: ClassVar[str] = "expected_shortfall"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "of equity"
    limit: ClassVar[str] = "expected_shortfall"
    remedy: ClassVar[str] = "shrink what adds most to the tail"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Measure it before and after; an order that only shrinks may keep it above the limit, but not raise it."""
        limit, stake = limits.expected_shortfall, desk.stake
        observations = 0 if stake is None else stake.observations
        before = None if stake is None else stake.shortfall
        after = None if stake is None else stake.shortfall_after(order)
        if stake is None or before is None or after is None or observations < limits.observations:
            detail = f"{observations} joint returns, {limits.observations} are needed{desk.exempt}"
            return Finding(desk.is_reducing, None, limit, detail, "wait for more bars of every symbol at stake")
        passes = after <= float(limit) or (desk.is_reducing and after <= before)
        detail = f"{before:.3%} before, {after:.3%} after, marginal {after - before:+.3%}{desk.exempt}"
        remedy = "" if passes else _scaled(order, stake.largest(order, float(limit)), desk.shared)
        return Finding(passes, after, limit, detail, remedy)

    def breaches(self, view: View, limits: ComplianceLimits) -> Sequence[Breach]:
        """Return the book where its tail is too heavy, or cannot be measured although there is something in it."""
        if not view.values:
            return ()
        limit = limits.expected_shortfall
        observations, shortfall = view.tail
        if shortfall is None or observations < limits.observations:
            return (Breach(FIRM, None, limit, f"{observations} joint returns, {limits.observations} are needed"),)
        if shortfall > float(limit):
            return (Breach(FIRM, shortfall, limit, f"{shortfall:.3%} of equity in a day"),)
        return ()


class Drawdown:
    """Fall of equity from its peak; beyond the limit risk halts the firm by itself."""

    id: ClassVar[str] = "RISK_002"
    name: ClassVar[str] = "drawdown"
    severity: ClassVar[Severity] = Severity.CRITICAL
    unit: ClassVar[str] = "of peak equity"
    limit: ClassVar[str] = "[book] drawdown"
    remedy: ClassVar[str] = "the firm halts and is flattened; `boardroom resume` with a new budget begins again"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Refuse what does not shrink a holding once the budget is spent."""
        book, limit = desk.book, desk.shared.drawdown
        passes = not _is_spent(book.equity, book.peak_equity, limit) or desk.is_reducing
        return Finding(passes, _fall(book.equity, book.peak_equity), limit, f"equity {book.equity}, peak "
                       f"{book.peak_equity}{desk.exempt}")  # fmt: skip

    def breaches(self, view: View, limits: ComplianceLimits) -> Sequence[Breach]:
        """Return the book where the budget is spent."""
        book, limit = view.book, view.shared.drawdown
        if not _is_spent(book.equity, book.peak_equity, limit):
            return ()
        detail = f"equity {book.equity}, peak {book.peak_equity}"
        return (Breach(FIRM, _fall(book.equity, book.peak_equity), limit, detail),)


class PositionWeight:
    """Value of one position, if every open order on the side of the order fills."""

    id: ClassVar[str] = "POS_001"
    name: ClassVar[str] = "position_weight"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "of equity"
    limit: ClassVar[str] = "[book] position_weight"
    remedy: ClassVar[str] = "shrink the position"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Compare the end that the order moves with the limit."""
        end = desk.exposure.plus(order.side, order.quantity).end(order.side)
        price, equity, limit = desk.holdings.price(order.symbol), desk.book.equity, desk.shared.position_weight
        value = abs(end) * price
        passes = value <= limit * equity or desk.is_reducing
        remedy = "" if passes else _scaled(order, order.quantity - (value - limit * equity) / price, desk.shared)
        detail = f"up to {end} {order.symbol} worth {value}, equity {equity}{desk.exempt}"
        return Finding(passes, share(value, equity), limit, detail, remedy)

    def breaches(self, view: View, limits: ComplianceLimits) -> Sequence[Breach]:
        """Return each position that is too large."""
        if not view.values:
            return ()
        equity, limit = view.book.equity, view.shared.position_weight
        most = limit * equity
        return [
            Breach(symbol, share(value, equity), limit, f"worth {value}, equity {equity}")
            for symbol, value in view.values.items()
            if value > most
        ]


class SectorWeight:
    """Sum of absolute position values of one sector, whatever open orders fill."""

    id: ClassVar[str] = "CON_001"
    name: ClassVar[str] = "sector_weight"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "of equity"
    limit: ClassVar[str] = "[book] sector_weight"
    remedy: ClassVar[str] = "shrink positions of the sector, or trade another"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Compare the sector of the order with the limit."""
        shared, equity = desk.shared, desk.book.equity
        sector = shared.sector(order.symbol)
        value = desk.holdings.sector(sector, shared) + desk.holdings.growth(order)
        passes = value <= shared.sector_weight * equity or desk.is_reducing
        detail = f"up to {value} in {sector}, equity {equity}{desk.exempt}"
        return Finding(passes, share(value, equity), shared.sector_weight, detail)

    def breaches(self, view: View, limits: ComplianceLimits) -> Sequence[Breach]:
        """Return each sector that is too large, under its name."""
        if not view.values:
            return ()
        equity, limit = view.book.equity, view.shared.sector_weight
        most = limit * equity
        sums: dict[str, Decimal] = {}
        for symbol, value in view.values.items():
            sector = view.shared.sector(symbol)
            sums[sector] = sums.get(sector, _ZERO) + value
        return [
            Breach(sector, share(value, equity), limit, f"sector {sector} worth {value}, equity {equity}")
            for sector, value in sums.items()
            if value > most
        ]


class Concentration:
    """Sum of squared position values, each of equity (Herfindahl and Hirschman), whatever open orders fill."""

    id: ClassVar[str] = "CON_002"
    name: ClassVar[str] = "concentration"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "of squared equity"
    limit: ClassVar[str] = "concentration"
    remedy: ClassVar[str] = "shrink the largest position"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Compare the worst sum with the limit."""
        equity, limit = desk.book.equity, limits.concentration
        before = desk.holdings.greatest.get(order.symbol, _ZERO)
        after = before + desk.holdings.growth(order)
        squares = desk.holdings.squares - before * before + after * after
        passes = (equity > 0 and squares <= limit * equity * equity) or desk.is_reducing
        detail = f"{len(desk.holdings.symbols)} symbols held or ordered before it, equity {equity}{desk.exempt}"
        return Finding(passes, share(squares, equity * equity), limit, detail)

    def breaches(self, view: View, limits: ComplianceLimits) -> Sequence[Breach]:
        """Return the book where it is too concentrated."""
        if not view.values:
            return ()
        equity, limit = view.book.equity, limits.concentration
        squares = sum([value * value for value in view.values.values()], _ZERO)
        if not squares or (equity > 0 and squares <= limit * equity * equity):
            return ()
        detail = f"{len(view.values)} symbols held, equity {equity}"
        return (Breach(FIRM, share(squares, equity * equity), limit, detail),)


def _is_spent(equity: Decimal, peak: Decimal, limit: Decimal) -> bool:
    return equity < (_ONE - limit) * peak or peak <= 0


def _fall(equity: Decimal, peak: Decimal) -> Decimal | None:
    return _ONE - equity / peak if peak > 0 else None


def _scaled(order: Order, largest: Decimal, shared: BookLimits) -> str:
    """Say the largest quantity that passes, in whole lots."""
    lot = shared.lot_of(order.symbol)
    whole = largest // lot * lot
    return f"at most {whole.normalize():f} units pass" if whole > 0 else "no quantity of this order passes"
