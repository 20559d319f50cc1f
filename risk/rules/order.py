"""Rules about the order itself, and whether there is enough to judge it by."""

from typing import ClassVar

from bus.gate import Finding
from bus.messages import Order, Severity
from portfolio.tail import START
from risk.clearance import COMPLIANCE
from risk.config import RiskLimits
from risk.exposure import RiskBook


class Clearance:
    """Compliance handed the order in and signed it, with verdicts of its own, none of which refuses."""

    id: ClassVar[str] = "RSK_001"
    name: ClassVar[str] = "clearance"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "refusals"
    remedy: ClassVar[str] = "have compliance judge the order and sign it"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Count what speaks against the clearance."""
        verdicts = book.cleared.verdicts
        against = len([verdict for verdict in verdicts if verdict.refuses])
        if book.objection:
            return Finding(False, None, None, book.objection)
        if not any(verdict.gate == COMPLIANCE for verdict in verdicts):
            return Finding(False, None, None, f"no verdict of {COMPLIANCE}")
        return Finding(against == 0, against, 0, f"{against} of {len(verdicts)} verdicts refuse")


class Duplicate:
    """An order is judged once."""

    id: ClassVar[str] = "RSK_003"
    name: ClassVar[str] = "duplicate"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "repeats"
    remedy: ClassVar[str] = "propose a new order with an id of its own"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Refuse an order id, or a decision, symbol and side, that was judged before."""
        detail = f"{order.order_id} {'was judged before' if book.is_repeat else 'is new'}"
        return Finding(not book.is_repeat, int(book.is_repeat), 0, detail)


class WholeBook:
    """The book is there and no update of it is missing."""

    id: ClassVar[str] = "RSK_004"
    name: ClassVar[str] = "whole_book"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "losses"
    remedy: ClassVar[str] = "wait for the next whole book of execution"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Refuse on a book that may be outdated."""
        detail = "book is whole" if book.is_whole else "a PORTFOLIO_UPDATE is missing"
        return Finding(book.is_whole, int(not book.is_whole), 0, detail)


class StalePrices:
    """The order's bar is held, and no price lags by more than the limit."""

    id: ClassVar[str] = "RSK_005"
    name: ClassVar[str] = "stale_prices"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "bars"
    remedy: ClassVar[str] = "order on the last bar, once every symbol held has a recent one"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Measure the greatest lag in bars of the ordered symbol; of a reducing order only its own symbol's."""
        mine = book.histories.get(order.symbol)
        if mine is None or mine.opened_ns(order.bar) is None:
            detail = f"bar {order.bar} of {order.symbol} is not held"
            return Finding(False, None, limits.stale_bars, detail)
        lag, slowest = mine.bar - order.bar, order.symbol
        stalest = None if book.is_reducing else book.holdings.stalest
        if stalest is not None:
            symbol, last_ns = stalest
            if last_ns is None:
                return Finding(False, None, limits.stale_bars, f"{symbol} is held, but its last bar is not")
            behind = mine.bars_after(last_ns)
            lag, slowest = (behind, symbol) if behind > lag else (lag, slowest)
        detail = f"{slowest} lags by {lag} bars" if lag else "every price is of the last bar"
        return Finding(lag <= limits.stale_bars, lag, limits.stale_bars, detail)


class Observations:
    """Enough joint returns to speak of a tail."""

    id: ClassVar[str] = "RSK_006"
    name: ClassVar[str] = "observations"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "returns"
    remedy: ClassVar[str] = "wait until all symbols at stake share enough bars"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Count the returns that all symbols at stake share; a reducing order needs none."""
        count, others = book.observations, book.holdings.symbols
        joint = len(others) + (order.symbol not in others)
        passes = count >= limits.observations or book.is_reducing
        detail = f"{count} joint returns of {joint} symbols, after {START} that start their volatility{book.exempt}"
        return Finding(passes, count, limits.observations, detail)
