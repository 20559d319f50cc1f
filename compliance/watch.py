"""Everything compliance knows of market and book, in one order, and what follows from it without any order."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bus.in_flight import InFlight
from bus.messages import DataReport, ExecutionCost, MarketUpdate, Order, PortfolioUpdate
from compliance.availability import Availability
from compliance.config import ComplianceConfig, ComplianceLimits
from compliance.desk import Desk
from compliance.inspection import Entered, Inspection
from compliance.line import Line
from compliance.log import Log
from compliance.rules import CHEAP, STANDING, TIMELESS
from compliance.tape import Tape
from compliance.view import View
from market.sessions import Sessions
from portfolio.limits import BookLimits
from portfolio.tail import TailGauge

_NS: Final = 1_000_000_000


class Watch:
    """Tapes, sources, histories, costs, availability and violations.

    Parameters
    ----------
    config, limits, shared
        Parameters, and the limits of compliance and of the book.
    sessions
        By calendar.
    agents
        Names of the agents that are expected to be there.
    source
        Under which name it alerts.
    """

    def __init__(
        self,
        config: ComplianceConfig,
        limits: ComplianceLimits,
        shared: BookLimits,
        sessions: Mapping[str, Sessions],
        agents: Sequence[str],
        source: str,
    ) -> None:
        self.tapes: dict[str, Tape] = {}
        self.sources: dict[str, DataReport] = {}
        self.line = Line(config.window, config.cost_orders)
        self.availability = Availability(agents, config.availability_s)
        self.log = Log(config.remembered_violations)
        self._inspection = Inspection(self.log, limits, source)
        self._gauge = TailGauge(self.line.histories)
        self._shared = shared
        self._sessions = sessions
        self._capacity = max(limits.contiguous_bars, limits.order_age_bars + 1)
        self._quality_bars = config.quality_bars
        self._every_ns = round(config.inspection_s * _NS)
        self._inspected_ns: int | None = None

    def take_bar(self, update: MarketUpdate) -> None:
        """Keep a bar."""
        tape = self.tapes.get(update.symbol)
        if tape is None:
            tape = self.tapes[update.symbol] = self._new_tape()
        if update.bar > tape.bar:
            tape.append(update)
            self.line.take_bar(update)

    def take_cost(self, cost: ExecutionCost) -> None:
        """Keep what an order cost."""
        self.line.costs.take(cost)

    def follow(self, now_ns: int) -> Entered:
        """Inspect every book whose turn has come; the tail no more often than the market's own time demands."""
        entered = Entered([], [])
        while (book := self.line.next_book()) is not None:
            time_ns = self.line.histories.opened_ns(book.symbol, book.bar)
            is_due = time_ns is not None and (
                self._inspected_ns is None or time_ns - self._inspected_ns >= self._every_ns
            )
            if is_due:
                self._inspected_ns = time_ns
            found = self._inspection.inspect(self._view(book, now_ns), TIMELESS if is_due else CHEAP)
            entered.entries.extend(found.entries)
            entered.alerts.extend(found.alerts)
        return entered

    def inspect(self, now_ns: int) -> Entered:
        """Inspect the last book by all rules, those of the clock included."""
        book = self.line.book
        return Entered([], []) if book is None else self._inspection.inspect(self._view(book, now_ns), STANDING)

    def is_behind(self, order: Order, portfolio_version: int) -> bool:
        """Tell whether a book that an order speaks of still waits for its turn; else its own bars count as well."""
        if order.symbol in self.tapes and self.line.version < portfolio_version:
            return True
        self.line.feed(order.symbol, order.bar)
        return False

    def desk(
        self, order: Order, sender: str, is_repeat: bool, book: PortfolioUpdate | None, is_whole: bool, flying: InFlight
    ) -> Desk:
        """Return what an order is judged on."""
        return Desk(
            order=order, sender=sender, is_repeat=is_repeat, tape=self.tapes.get(order.symbol),
            source=self.sources.get(order.symbol), portfolio=book, is_whole=is_whole, in_flight=flying,
            gauge=self._gauge, costs=self.line.costs, shared=self._shared, sessions=self._sessions,
        )  # fmt: skip

    def forget_market(self) -> None:
        """Drop every bar: some were lost, and nobody knows of which symbol."""
        for tape in self.tapes.values():
            tape.clear()
        self.line.forget()

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "tapes": {symbol: tape.snapshot() for symbol, tape in self.tapes.items()},
            "sources": list(self.sources.values()),
            "line": self.line.snapshot(),
            "availability": self.availability.snapshot(),
            "log": self.log.snapshot(),
            "inspection": self._inspection.snapshot(),
            "inspected_ns": self._inspected_ns,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.tapes = {symbol: self._new_tape() for symbol in state["tapes"]}
        for symbol, tape in self.tapes.items():
            tape.restore(state["tapes"][symbol])
        self.sources = {report.symbol: report for report in state["sources"]}
        self.line.restore(state["line"])
        self.availability.restore(state["availability"])
        self.log.restore(state["log"])
        self._inspection.restore(state["inspection"])
        self._inspected_ns = state["inspected_ns"]

    def _view(self, book: PortfolioUpdate, now_ns: int) -> View:
        line = self.line
        known = (self.tapes, self.sources, line.costs, line.histories, self.availability)
        return View(book, self._shared, *known, now_ns)

    def _new_tape(self) -> Tape:
        return Tape(self._capacity, self._quality_bars)
