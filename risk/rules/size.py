"""Rules about what the book would become: its tail, how much of it is in one place, and how it hangs together."""

from decimal import ROUND_DOWN, Decimal
from typing import ClassVar, Final

from bus.gate import Finding
from bus.messages import Order, Severity
from portfolio.holdings import share
from risk.config import RiskLimits
from risk.exposure import RiskBook

_SMALLEST: Final = Decimal("0.000001")


class ExpectedShortfall:
    """One-day expected shortfall at 97.5 % with the order filled, as a fraction of equity."""

    id: ClassVar[str] = "RSK_007"
    name: ClassVar[str] = "expected_shortfall"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "of equity"
    remedy: ClassVar[str] = "order less, or shrink what the tail comes from first"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Measure it before and after; a reducing order may keep it above the limit, but not raise it."""
        limit, shortfall = limits.expected_shortfall, book.shortfall
        if shortfall is None:
            return Finding(book.is_reducing, None, limit, f"it cannot be measured{book.exempt}")
        before, after = shortfall
        is_excused = book.is_reducing and (after <= before or book.observations < limits.observations)
        passes = after <= float(limit) or is_excused
        detail = f"{before:.3%} before, {after:.3%} after, marginal {after - before:+.3%}{book.exempt}"
        if passes or book.stake is None:
            return Finding(passes, after, limit, detail)
        return Finding(passes, after, limit, detail, _at_most(book.stake.largest(order, float(limit))))


class PositionWeight:
    """Value of the position as a fraction of equity, if every open order on this side fills."""

    id: ClassVar[str] = "RSK_008"
    name: ClassVar[str] = "position_weight"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "of equity"
    remedy: ClassVar[str] = "order less"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Compare the end that the order moves with the limit, less what the drawdown tier and stress take away."""
        cut, stress = book.standing.ladder.cut, book.stress.factor(order.symbol)
        limit = book.standing.budget.position_weight * stress
        end, price, equity = book.end, book.price, book.equity
        value = abs(end) * price
        passes = value <= limit * equity or book.is_reducing
        detail = f"up to {end} {order.symbol} worth {value}, equity {equity}{_tightened(cut, stress)}{book.exempt}"
        remedy = "" if passes else _at_most(order.quantity - abs(end) + limit * equity / price)
        return Finding(passes, share(value, equity), limit, detail, remedy)


class Gross:
    """Sum of absolute position values as a fraction of equity, whatever open orders fill."""

    id: ClassVar[str] = "RSK_009"
    name: ClassVar[str] = "gross"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "of equity"
    remedy: ClassVar[str] = "order less, or shrink other holdings first"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Compare the largest gross value that any fills can lead to with the limit."""
        limit = book.standing.limits.gross
        return _sum_of_values(book, book.holdings.gross, limit, "in all")


class SectorWeight:
    """Sum of absolute position values of one sector as a fraction of equity, whatever open orders fill."""

    id: ClassVar[str] = "RSK_012"
    name: ClassVar[str] = "sector_weight"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "of equity"
    remedy: ClassVar[str] = "order less, or shrink other holdings of the sector first"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Compare the largest value that any fills can make of the order's sector with the limit."""
        held_to = book.standing.limits
        sector = held_to.sector(order.symbol)
        return _sum_of_values(book, book.holdings.sector(sector, held_to), held_to.sector_weight, f"of sector {sector}")


class Correlation:
    """Correlation of what the order earns with what the rest of the book earns."""

    id: ClassVar[str] = "RSK_013"
    name: ClassVar[str] = "correlation"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "correlation"
    remedy: ClassVar[str] = "order what does not move with the book, or shrink the rest of it first"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Measure it for an order that grows; on what does not move, or too short a history, it raises, so refuses."""
        if book.is_reducing:
            return Finding(True, None, limits.correlation, f"not measured{book.exempt}")
        if book.holdings.symbols in ((), (order.symbol,)):
            return Finding(True, 0.0, limits.correlation, "nothing else is held or ordered")
        if book.stake is None:
            return Finding(False, None, limits.correlation, "it cannot be measured")
        value = book.stake.correlation(order)
        detail = f"{order.side.value} {order.symbol} against the rest of the book: {value:.3f}"
        return Finding(value <= float(limits.correlation), value, limits.correlation, detail)


def _sum_of_values(book: RiskBook, without: Decimal, limit: Decimal, of: str) -> Finding:
    """Hold a sum of values, of which the order's symbol is one, to its limit, the order open."""
    equity = book.equity
    value, room = without + book.growth, limit * equity
    passes = value <= room or book.is_reducing
    detail = f"up to {value} {of}, equity {equity}{book.exempt}"
    if passes:
        return Finding(passes, share(value, equity), limit, detail)
    units = (room - without) / book.price + book.mine.greatest
    return Finding(passes, share(value, equity), limit, detail, _at_most(book.largest(units)))


def _at_most(quantity: Decimal) -> str:
    """Say how much of an order would pass; empty where nothing would."""
    whole = quantity.quantize(_SMALLEST, ROUND_DOWN)
    return f"at most {whole.normalize():f} units would pass this rule" if whole > 0 else ""


def _tightened(cut: Decimal, stress: Decimal) -> str:
    cut_words = f", the drawdown tier cuts {cut:.0%}" if cut else ""
    return f"{cut_words}, stress leaves {stress:.2%}" if stress != 1 else cut_words
