"""Whether the firm may trade: the halt, the drawdown ladder and the day's loss. A halt is latched."""

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from bus.messages import Command, LeaseState, PortfolioUpdate, SystemCommand
from risk.config import DrawdownTier
from risk.history import Histories

_DAY_NS: Final = 86_400 * 1_000_000_000
_UNDATED_BOOKS: Final = 1_024
_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)


class DrawdownLadder:
    """The tier in force: entered as soon as its threshold is reached, left only well above it.

    ``tier`` counts from 0, no tier; ``drawdown`` is the fraction of peak equity that is lost.
    """

    def __init__(self, tiers: Sequence[DrawdownTier]) -> None:
        self.tiers = tuple(tiers)
        self.tier = 0
        self.drawdown = _ZERO

    def take(self, equity: Decimal, peak: Decimal) -> bool:
        """Take the equity after an event; return whether a deeper tier was entered."""
        before = self.tier
        self.drawdown = _ONE - equity / peak if peak > 0 else _ONE
        while self.tier < len(self.tiers) and self.drawdown >= self.tiers[self.tier].enter:
            self.tier += 1
        while self.tier > 0 and self.drawdown < self.tiers[self.tier - 1].leave:
            self.tier -= 1
        return self.tier > before

    @property
    def cut(self) -> Decimal:
        """Share of the position limit that the tier takes away."""
        return self.tiers[self.tier - 1].cut if self.tier else _ZERO


class DailyLoss:
    """Equity now against the equity at the end of the day before, days being those of the bars, in UTC.

    A book is dated once its bar has been seen, in the order of the books, so that it does not matter which of the
    two arrives first.
    """

    def __init__(self) -> None:
        self.day: int | None = None
        self.opening = _ZERO
        self.equity = _ZERO
        self._undated: deque[tuple[str, int, Decimal]] = deque(maxlen=_UNDATED_BOOKS)

    @property
    def fraction(self) -> Decimal:
        """Share of the day's opening equity that is lost; negative in a gain, 0 before the first dated book."""
        return _ONE - self.equity / self.opening if self.opening > 0 else _ZERO

    def take(self, symbol: str, bar: int, equity: Decimal) -> None:
        """Take the equity after a bar, to be dated."""
        self._undated.append((symbol, bar, equity))

    def date(self, histories: Histories) -> None:
        """Date what can be dated; a book of a bar that was lost is passed over."""
        while self._undated:
            symbol, bar, equity = self._undated[0]
            opened = histories.opened_ns(symbol, bar)
            if opened is None:
                last = histories.last_bar(symbol)
                if last is None or last < bar:
                    return
            else:
                self._enter(opened // _DAY_NS, equity)
            self._undated.popleft()

    def _enter(self, day: int, equity: Decimal) -> None:
        if self.day is None or day > self.day:
            self.opening = equity if self.day is None else self.equity
            self.day = day
        self.equity = equity

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.day, self.opening, self.equity, list(self._undated)]

    def restore(self, state: Sequence[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.day, self.opening, self.equity, undated = state
        self._undated = deque((tuple(book) for book in undated), maxlen=_UNDATED_BOOKS)


class Standing:
    """What hangs over every order: halt, drawdown, day's loss."""

    def __init__(self, tiers: Sequence[DrawdownTier]) -> None:
        self.halt_reason: str | None = None
        self.ladder = DrawdownLadder(tiers)
        self.daily = DailyLoss()

    def take(self, book: PortfolioUpdate) -> str | None:
        """Measure a newer book; return what to tell the firm when it enters a deeper tier."""
        self.daily.take(book.symbol, book.bar, book.equity)
        if not self.ladder.take(book.equity, book.peak_equity):
            return None
        ladder = self.ladder
        return f"drawdown {ladder.drawdown:.2%} enters tier {ladder.tier}: position limit cut by {ladder.cut:.0%}"

    def obey(self, command: SystemCommand) -> tuple[bool, str]:
        """Halt at any word; resume only for a name and a reason. Return whether it is done, and the detail."""
        reason, operator = command.reason.strip(), command.operator.strip()
        match command.command:
            case Command.HALT:
                if self.halt_reason is None:
                    self.halt_reason = f"{reason or 'no reason given'} ({operator or 'unnamed'})"
                return True, f"halted: {self.halt_reason}"
            case Command.RESUME:
                return self._resume(reason, operator)
            case _:
                return False, f"risk does not know {command.command}; it knows halt and resume"

    def _resume(self, reason: str, operator: str) -> tuple[bool, str]:
        halt_reason = self.halt_reason
        if halt_reason is None:
            return False, f"not halted; the state is {self.state}"
        if not reason or not operator:
            return False, "resume needs a reason and the name of an operator"
        self.halt_reason = None
        return True, f"{operator} resumes: {reason}; it was halted: {halt_reason}; the state is {self.state}"

    @property
    def state(self) -> LeaseState:
        """What execution may do."""
        if self.halt_reason is not None:
            return LeaseState.HALTED
        return LeaseState.REDUCING if self.ladder.cut == 1 else LeaseState.ACTIVE

    @property
    def reason(self) -> str:
        """Why the state is not ACTIVE; empty when it is."""
        match self.state:
            case LeaseState.HALTED:
                return self.halt_reason or ""
            case LeaseState.REDUCING:
                return f"drawdown tier {self.ladder.tier} is reduce only, drawdown {self.ladder.drawdown:.2%}"
            case _:
                return ""

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "halt_reason": self.halt_reason,
            "tier": self.ladder.tier,
            "drawdown": self.ladder.drawdown,
            "daily": self.daily.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.halt_reason = state["halt_reason"]
        self.ladder.tier = min(state["tier"], len(self.ladder.tiers))
        self.ladder.drawdown = state["drawdown"]
        self.daily.restore(state["daily"])
