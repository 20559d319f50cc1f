"""The rules of risk. Each measures one thing; none knows of another; all of them always run.

An order that only shrinks a holding toward zero passes the limits on size, tail, drawdown and history, because
refusing it would keep the risk that the limit is about. It still needs a clearance, a whole book and a fresh bar.
"""

from decimal import Decimal
from typing import ClassVar, Final

from bus.gate import Finding, Rule
from bus.messages import Order
from risk.config import RiskLimits
from risk.exposure import RiskBook

COMPLIANCE: Final = "compliance"
_ONE: Final = Decimal(1)


class Clearance:
    """Compliance itself handed the order in, with verdicts of its own, and every one of them passes."""

    name: ClassVar[str] = "clearance"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Count what speaks against the clearance."""
        verdicts = book.cleared.verdicts
        against = sum(not verdict.passes for verdict in verdicts)
        if book.sender != COMPLIANCE or not any(verdict.gate == COMPLIANCE for verdict in verdicts):
            return Finding(False, None, None, "refusals", f"handed in by {book.sender}, not cleared by {COMPLIANCE}")
        return Finding(against == 0, against, 0, "refusals", f"{against} of {len(verdicts)} verdicts refuse")


class Halt:
    """The firm is not halted."""

    name: ClassVar[str] = "halt"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Refuse everything while halted, reductions too: a halt flattens by its own way."""
        reason = book.standing.halt_reason
        detail = "not halted" if reason is None else f"halted: {reason}"
        return Finding(reason is None, int(reason is not None), 0, "halts", detail)


class Duplicate:
    """An order is judged once."""

    name: ClassVar[str] = "duplicate"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Refuse an order id, or a decision, symbol and side, that was judged before."""
        detail = f"{order.order_id} {'was judged before' if book.is_repeat else 'is new'}"
        return Finding(not book.is_repeat, int(book.is_repeat), 0, "repeats", detail)


class WholeBook:
    """The book is there and no update of it is missing."""

    name: ClassVar[str] = "whole_book"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Refuse on a book that may be outdated."""
        detail = "book is whole" if book.is_whole else "a PORTFOLIO_UPDATE is missing"
        return Finding(book.is_whole, int(not book.is_whole), 0, "losses", detail)


class StalePrices:
    """The order's bar is held, and no price lags by more than the limit."""

    name: ClassVar[str] = "stale_prices"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Measure the greatest lag in bars of the ordered symbol; of a reducing order only its own symbol's."""
        mine = book.histories.get(order.symbol)
        if mine is None or mine.opened_ns(order.bar) is None:
            detail = f"bar {order.bar} of {order.symbol} is not held"
            return Finding(False, None, limits.stale_bars, "bars", detail)
        lag, slowest = mine.bar - order.bar, order.symbol
        for symbol in () if book.is_reducing else book.at_stake[1:]:
            history = book.histories.get(symbol)
            last_ns = None if history is None else history.opened_ns(history.bar)
            if last_ns is None:
                return Finding(False, None, limits.stale_bars, "bars", f"{symbol} is held, but its last bar is not")
            behind = mine.bars_after(last_ns)
            if behind > lag:
                lag, slowest = behind, symbol
        detail = f"{slowest} lags by {lag} bars" if lag else "every price is of the last bar"
        return Finding(lag <= limits.stale_bars, lag, limits.stale_bars, "bars", detail)


class Observations:
    """Enough joint returns to speak of a tail."""

    name: ClassVar[str] = "observations"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Count the returns that all symbols at stake share; a reducing order needs none."""
        count = book.observations
        passes = count >= limits.observations or book.is_reducing
        detail = f"{count} joint returns of {len(book.at_stake)} symbols{_exempt(book)}"
        return Finding(passes, count, limits.observations, "returns", detail)


class ExpectedShortfall:
    """One-day expected shortfall at 97.5 % with the order filled, as a fraction of equity."""

    name: ClassVar[str] = "expected_shortfall"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Measure it before and after; a reducing order may keep it above the limit, but not raise it."""
        limit = limits.expected_shortfall
        shortfall = book.shortfall
        if shortfall is None:
            return Finding(book.is_reducing, None, limit, "of equity", f"no returns or no equity{_exempt(book)}")
        before, after = shortfall
        is_excused = book.is_reducing and (after <= before or book.observations < limits.observations)
        passes = after <= float(limit) or is_excused
        detail = f"{before:.3%} before, {after:.3%} after, marginal {after - before:+.3%}{_exempt(book)}"
        return Finding(passes, after, limit, "of equity", detail)


class PositionWeight:
    """Value of the position as a fraction of equity, if every open order on this side fills."""

    name: ClassVar[str] = "position_weight"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Compare the end that the order moves with the limit, less the cut of the drawdown tier."""
        cut = book.standing.ladder.cut
        limit = limits.position_weight * (_ONE - cut)
        end = book.with_order.high if order.signed_quantity > 0 else book.with_order.low
        value = abs(end) * book.price(order.symbol)
        passes = value <= limit * book.equity or book.is_reducing
        detail = f"up to {end} {order.symbol} worth {value}, equity {book.equity}, cut {cut:%}{_exempt(book)}"
        return Finding(passes, _share(value, book.equity), limit, "of equity", detail)


class Gross:
    """Sum of absolute position values as a fraction of equity, whatever open orders fill."""

    name: ClassVar[str] = "gross"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Compare the largest gross value that any fills can lead to with the limit."""
        value = book.gross
        passes = value <= limits.gross * book.equity or book.is_reducing
        detail = f"up to {value} in all, equity {book.equity}{_exempt(book)}"
        return Finding(passes, _share(value, book.equity), limits.gross, "of equity", detail)


class Drawdown:
    """Fall of equity from its peak; past the last tier only orders that reduce."""

    name: ClassVar[str] = "drawdown"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Refuse what does not reduce while the tier in force leaves no size."""
        ladder = book.standing.ladder
        detail = f"tier {ladder.tier} of {len(ladder.tiers)} cuts the position limit by {ladder.cut:%}{_exempt(book)}"
        passes = ladder.cut < _ONE or book.is_reducing
        return Finding(passes, ladder.drawdown, ladder.tiers[-1].enter, "of peak equity", detail)


class DailyLoss:
    """Fall of equity since the end of the day before."""

    name: ClassVar[str] = "daily_loss"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Refuse what does not reduce once the day's loss exceeds the limit."""
        daily = book.standing.daily
        passes = daily.fraction <= limits.daily_loss or book.is_reducing
        detail = f"equity {daily.equity}, {daily.opening} at the end of the day before{_exempt(book)}"
        return Finding(passes, daily.fraction, limits.daily_loss, "of equity", detail)


RULES: Final[tuple[Rule[RiskBook, RiskLimits], ...]] = (
    Clearance(),
    Halt(),
    Duplicate(),
    WholeBook(),
    StalePrices(),
    Observations(),
    ExpectedShortfall(),
    PositionWeight(),
    Gross(),
    Drawdown(),
    DailyLoss(),
)


def _exempt(book: RiskBook) -> str:
    return "; the order only shrinks the holding" if book.is_reducing else ""


def _share(value: Decimal, equity: Decimal) -> Decimal | None:
    return value / equity if equity > 0 else None
