"""Whether the firm may trade: the halt, the drawdown budget and the day's loss. A halt is latched."""

from decimal import Decimal
from typing import Any, Final, NamedTuple

from bus.agent import Report
from bus.messages import Command, LeaseState, PortfolioUpdate, RiskLease, SystemCommand
from portfolio.budget import DrawdownBudget, DrawdownLadder
from portfolio.history import Histories
from portfolio.limits import BookLimits
from risk.dating import DailyLoss, DatedBook, Dating

DRAWDOWN_RULE: Final = "RISK_002"
_HALTED: Final = 1.0


class Notice(NamedTuple):
    """What the firm must be told of, and how severe it is, in [0, 1]."""

    severity: float
    reason: str


class Terms(NamedTuple):
    """What a lease says: the state, the number of halts so far, and that of the drawdown budget in force."""

    state: LeaseState
    halts: int
    budgets: int


class Standing:
    """What hangs over every order: halt, drawdown, day's loss.

    A new budget begins when a book shows a peak other than the one it replaces. Until then only orders that reduce may
    go, and no book, being one of the old budget, halts the firm again.
    """

    def __init__(self, limits: BookLimits) -> None:
        self.limits = limits
        self.halt_reason: str | None = None
        self.halts = 0
        self.budgets = 0
        self.budget = DrawdownBudget(limits)
        self.daily = DailyLoss()
        self._dating = Dating()
        self._peak = Decimal(0)
        self._old_peak: Decimal | None = None
        self._is_flat = True

    @property
    def ladder(self) -> DrawdownLadder:
        """The drawdown ladder."""
        return self.budget.ladder

    def take(self, book: PortfolioUpdate) -> list[Notice]:
        """Measure the next book, halt beyond the budget; return what to tell the firm."""
        before = self.ladder.tier
        self.budget.take(book)
        self._dating.take(book, self.ladder.tier)
        self._peak = book.peak_equity
        self._is_flat = not book.working and not any(position.quantity for position in book.positions)
        if self._peak != self._old_peak:
            self._old_peak = None
        told = self._change_of_tier(before)
        if self.budget.is_spent and self.halt_reason is None and self._old_peak is None:
            self._halt(f"{DRAWDOWN_RULE}: {self._overdrawn}")
            told.append(Notice(_HALTED, f"{self.halt_reason}; the firm is halted, to be flattened"))
        return told

    def date(self, histories: Histories) -> list[DatedBook]:
        """Date the books whose bars have been seen, and measure the day's loss on them."""
        dated = self._dating.due(histories)
        for day, book, _ in dated:
            self.daily.enter(day, book.equity)
        return dated

    def obey(self, command: SystemCommand) -> tuple[bool, str]:
        """Halt at any word; resume only for a name and a reason. Return whether it is done, and the detail."""
        reason, operator = command.reason.strip(), command.operator.strip()
        match command.command:
            case Command.HALT:
                if self.halt_reason is None:
                    self._halt(f"{reason or 'no reason given'} ({operator or 'unnamed'})")
                return True, f"halted: {self.halt_reason}"
            case Command.RESUME:
                objection = self._objection(reason, operator, is_new_budget=command.is_new_budget)
                return (False, objection) if objection else (True, self._resume(reason, operator, command))
            case _:
                return False, f"risk does not know {command.command}; it knows halt and resume"

    @property
    def terms(self) -> Terms:
        """What a lease says."""
        return Terms(self.state, self.halts, self.budgets)

    def lease(self, expires_ns: int) -> RiskLease:
        """Return the lease that execution is given now."""
        state, halts, budgets = self.terms
        return RiskLease(state=state, expires_ns=expires_ns, reason=self.reason, halt=halts, budget=budgets)

    def report(self) -> Report:
        """Return what an observer should see."""
        ladder, (state, halts, budgets) = self.ladder, self.terms
        return {
            "state": state.value,
            "reason": self.reason,
            "halts": halts,
            "budget": budgets,
            "drawdown": float(ladder.drawdown),
            "tier": ladder.tier,
            "daily_loss": float(self.daily.fraction),
        }

    @property
    def state(self) -> LeaseState:
        """What execution may do."""
        if self.halt_reason is not None:
            return LeaseState.HALTED
        is_reducing = self.ladder.is_last or self._old_peak is not None
        return LeaseState.REDUCING if is_reducing else LeaseState.ACTIVE

    @property
    def reason(self) -> str:
        """Why the state is not ACTIVE; empty when it is."""
        if self.halt_reason is not None:
            return self.halt_reason
        if self._old_peak is not None:
            return f"drawdown budget {self.budgets} begins with the book that shows its peak"
        if self.ladder.is_last:
            return f"drawdown tier {self.ladder.tier} is reduce only, drawdown {self.ladder.drawdown:.2%}"
        return ""

    def _change_of_tier(self, before: int) -> list[Notice]:
        ladder = self.ladder
        if ladder.tier == before:
            return []
        change = f"enters tier {ladder.tier}" if ladder.tier > before else f"leaves tier {before} for {ladder.tier}"
        reason = f"drawdown {ladder.drawdown:.2%} {change}: position limit cut by {ladder.cut:.0%}"
        return [Notice(float(ladder.cut), reason)]

    def _halt(self, reason: str) -> None:
        self.halt_reason = reason
        self.halts += 1

    @property
    def _overdrawn(self) -> str:
        drawdown, limit = self.ladder.drawdown, self.limits.drawdown
        return f"drawdown {drawdown:.4%} of peak equity {self._peak} is beyond the budget of {limit:.2%}"

    def _objection(self, reason: str, operator: str, *, is_new_budget: bool) -> str:
        """Return why the firm may not resume; empty when it may."""
        if self.halt_reason is None:
            return f"not halted; the state is {self.state}"
        if not reason or not operator:
            return "resume needs a reason and the name of an operator"
        if self.budget.is_spent and not is_new_budget:
            return f"{self._overdrawn}; only a resume with a new budget ends this halt"
        if self.budget.is_spent and not self._is_flat:
            return f"{self._overdrawn}, and the book is not flat yet; resume once it is"
        return ""

    def _resume(self, reason: str, operator: str, command: SystemCommand) -> str:
        halt_reason, self.halt_reason = self.halt_reason, None
        if command.is_new_budget:
            self.budgets += 1
            self._old_peak = self._peak if self.ladder.drawdown > 0 else None
        return f"{operator} resumes: {reason}; it was halted: {halt_reason}; the state is {self.state}"

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "halt_reason": self.halt_reason,
            "halts": self.halts,
            "budgets": self.budgets,
            "budget": self.budget.snapshot(),
            "daily": self.daily.snapshot(),
            "dating": self._dating.snapshot(),
            "peak": self._peak,
            "old_peak": self._old_peak,
            "is_flat": self._is_flat,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.halt_reason, self.halts, self.budgets = state["halt_reason"], state["halts"], state["budgets"]
        self.budget.restore(state["budget"])
        self.daily.restore(state["daily"])
        self._dating.restore(state["dating"])
        self._peak, self._old_peak, self._is_flat = state["peak"], state["old_peak"], state["is_flat"]
