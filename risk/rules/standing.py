"""Rules about what hangs over every order: the halt, the drawdown budget and the day's loss."""

from typing import ClassVar

from bus.gate import Finding
from bus.messages import LeaseState, Order, Severity
from risk.config import RiskLimits
from risk.exposure import RiskBook


class Halt:
    """The firm is not halted."""

    id: ClassVar[str] = "RSK_002"
    name: ClassVar[str] = "halt"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "halts"
    remedy: ClassVar[str] = "resume the firm, with a reason and a name"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Refuse everything while halted, reductions too: a halt flattens by its own way."""
        reason = book.standing.halt_reason
        detail = "not halted" if reason is None else f"halted: {reason}"
        return Finding(reason is None, int(reason is not None), 0, detail)


class Drawdown:
    """Fall of equity from its peak, beyond which the firm halts and is flattened."""

    id: ClassVar[str] = "RISK_002"
    name: ClassVar[str] = "drawdown"
    severity: ClassVar[Severity] = Severity.CRITICAL
    unit: ClassVar[str] = "of peak equity"
    remedy: ClassVar[str] = "flatten the book; only a new budget, given with a reason and a name, lets it grow again"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Refuse what does not reduce once the budget is spent."""
        drawdown, limit = book.standing.ladder.drawdown, book.standing.limits.drawdown
        passes = drawdown <= limit or book.is_reducing
        return Finding(passes, drawdown, limit, f"{drawdown:.2%} of peak equity is lost{book.exempt}")


class DrawdownTier:
    """In the last tier of the drawdown budget only orders that reduce may go."""

    id: ClassVar[str] = "RSK_010"
    name: ClassVar[str] = "drawdown_tier"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "tier"
    remedy: ClassVar[str] = "only shrink holdings until the drawdown has recovered"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Refuse what does not reduce while the last tier is in force, or a new budget has not begun."""
        ladder = book.standing.ladder
        is_reduce_only = ladder.is_last or book.standing.state is LeaseState.REDUCING
        detail = f"tier {ladder.tier} of {len(ladder.tiers)} cuts the position limit by {ladder.cut:%}{book.exempt}"
        return Finding(not is_reduce_only or book.is_reducing, ladder.tier, len(ladder.tiers) - 1, detail)


class DailyLoss:
    """Fall of equity since the end of the day before."""

    id: ClassVar[str] = "RSK_011"
    name: ClassVar[str] = "daily_loss"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "of equity"
    remedy: ClassVar[str] = "only shrink holdings until the day is over"

    def check(self, order: Order, book: RiskBook, limits: RiskLimits) -> Finding:
        """Refuse what does not reduce once the day's loss exceeds the limit."""
        daily = book.standing.daily
        passes = daily.fraction <= limits.daily_loss or book.is_reducing
        detail = f"equity {daily.equity}, {daily.opening} at the end of the day before{book.exempt}"
        return Finding(passes, daily.fraction, limits.daily_loss, detail)
