"""A witness who keeps accounts of his own, from nothing but what is said.

At every approval he asks whether the limits hold even if everything that was ever approved and has not ended fills; at
every book, whether the money adds up and each fill was allowed.
"""

import re
from collections.abc import Callable
from decimal import Context, Decimal, localcontext
from typing import Final

from bus.message import Envelope
from bus.messages import (
    CorporateAction,
    ExecutionReport,
    LeaseState,
    Order,
    OrderApproved,
    OrderCleared,
    OrderProposed,
    OrderRejected,
    PortfolioUpdate,
    RiskLease,
    Side,
)
from portfolio.limits import BookLimits
from risk.agent import Risk
from tests.gates.world import ENDS

WIDE: Final = Context(prec=200)
ZERO: Final = Decimal(0)
LOT: Final = Decimal("1e-8")


class Witness:
    """Accounts kept from what is said.

    ``allowed`` holds every approved order that has not ended, with the units it may still fill; ``proposed`` every
    order that was proposed, with what was heard of its end.
    """

    def __init__(self, limits: BookLimits, risk: Callable[[], Risk], *, is_broker_honest: bool) -> None:
        self.limits = limits
        self.allowed: dict[str, tuple[Order, Decimal]] = {}
        self.proposed: dict[str, list[str]] = {}
        self.filled: dict[str, Decimal] = {}
        self.book: PortfolioUpdate | None = None
        self.actions: dict[tuple[str, int], CorporateAction] = {}
        self.seen: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        self._risk = risk
        self._is_broker_honest = is_broker_honest
        self._stated = {
            ("risk", "position_weight"): float(limits.position_weight),
            ("risk", "sector_weight"): float(limits.sector_weight),
            ("risk", "gross"): float(limits.gross),
            ("compliance", "position_weight"): float(limits.position_weight),
            ("compliance", "sector_weight"): float(limits.sector_weight),
            ("risk", "expected_shortfall"): 0.05,
            ("compliance", "expected_shortfall"): 0.10,
        }
        self._cleared: set[str] = set()
        self._reports: list[ExecutionReport] = []

    def take(self, envelope: Envelope) -> None:
        """Hear what an agent said."""
        message = envelope.message
        with localcontext(WIDE):
            if isinstance(message, OrderApproved):
                self._approve(message)
            elif isinstance(message, OrderCleared):
                self._cleared.add(message.order.order_id)
            elif isinstance(message, OrderProposed):
                self._count("orders of risk's own")
                self.proposed.setdefault(message.order.order_id, [])
            elif isinstance(message, OrderRejected):
                self._reject(message)
            elif isinstance(message, ExecutionReport):
                self._report(message)
            elif isinstance(message, PortfolioUpdate):
                self._keep(message)
            elif isinstance(message, RiskLease):
                self._count(f"lease {message.state}")

    def lose(self, order: Order) -> None:
        """Note that an order never reached compliance."""
        self._end(order.order_id, "undelivered")

    def held(self, symbol: str) -> Decimal:
        """Return the units of the last book."""
        if self.book is None:
            return ZERO
        return next((each.quantity for each in self.book.positions if each.symbol == symbol), ZERO)

    def reach(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Return the units held if all that may still be sold is, and if all that may still be bought is."""
        low = high = self.held(symbol)
        for order, left in self.allowed.values():
            if order.symbol == symbol and order.side is Side.BUY:
                high += left
            elif order.symbol == symbol:
                low -= left
        return low, high

    def _approve(self, approved: OrderApproved) -> None:
        """Hold the worst that can come of everything approved to the limits, as risk saw prices and equity."""
        order = approved.order
        low, high = self.reach(order.symbol)
        is_reducing = low - order.quantity >= 0 if order.side is Side.SELL else high + order.quantity <= 0
        is_reducing = is_reducing and bool(self.held(order.symbol))
        assert order.order_id not in self.allowed, f"{order.order_id} was approved twice"
        self.allowed[order.order_id] = (order, order.quantity)
        self._count("reducing approvals" if is_reducing else "approvals")
        self._check_verdicts(approved, is_reducing=is_reducing)
        if is_reducing:
            return
        book = self._risk().portfolio
        assert book is not None
        weights = {symbol: self._weight(symbol, book) for symbol in self._symbols()}
        low, high = self.reach(order.symbol)
        end = high if order.side is Side.BUY else -low
        assert end * self._price(order.symbol, book) <= self.limits.position_weight * book.equity, order
        assert sum(weights.values(), ZERO) <= self.limits.gross, order
        sector = self.limits.sector(order.symbol)
        inside = sum((weight for symbol, weight in weights.items() if self.limits.sector(symbol) == sector), ZERO)
        assert inside <= self.limits.sector_weight, order
        assert self._risk().standing.state is LeaseState.ACTIVE

    def _check_verdicts(self, approved: OrderApproved, *, is_reducing: bool) -> None:
        assert {verdict.gate for verdict in approved.verdicts} == {"compliance", "risk"}
        for verdict in approved.verdicts:
            assert not verdict.refuses
            stated = self._stated.get((verdict.gate, verdict.rule))
            if stated is not None:
                assert verdict.limit is not None
                assert 0 < verdict.limit <= stated, "a limit was loosened"
                self._count("tightened" if verdict.limit < stated else "whole limits")
            if verdict.rule == "expected_shortfall" and not is_reducing:
                assert verdict.value is not None
                assert verdict.limit is not None
                assert verdict.value <= verdict.limit, (verdict, self.reach(approved.order.symbol))

    def _report(self, report: ExecutionReport) -> None:
        """Let fills be those of an approved order, or of a halt that closes."""
        name, order = report.order.order_id, report.order
        self._reports.append(report)
        self._count(str(report.status))
        if report.last_quantity:
            if name in self.allowed:
                left = self.allowed[name][1] - report.last_quantity
                assert left >= 0, f"{name} filled beyond what was approved"
                self.allowed[name] = (order, left)
            elif self._is_broker_honest:
                assert re.fullmatch(r".*-x\d+", name), f"{name} filled without an approval"
                held = self.held(order.symbol) + sum(
                    (each.order.signed_quantity.copy_sign(each.order.signed_quantity) / each.order.quantity)
                    * each.last_quantity
                    for each in self._reports[:-1]
                    if each.order.symbol == order.symbol and each.last_quantity
                )
                assert held * order.signed_quantity < 0, f"{name} does not close"
                assert report.last_quantity <= abs(held), f"{name} closes more than is held"
        if report.status in ENDS:
            self._end(name, str(report.status))

    def _keep(self, book: PortfolioUpdate) -> None:
        """Compare a book with the one before and with what was reported between them."""
        before, self.book = self.book, book
        reports, self._reports = self._reports, []
        value = sum((each.quantity * each.last_price for each in book.positions), ZERO)
        assert book.cash + value == book.equity
        assert book.peak_equity >= book.equity or book.positions
        if before is None:
            return
        assert book.version == before.version + 1
        if self._is_broker_honest:
            self._compare(before, book, reports)

    def _compare(self, before: PortfolioUpdate, book: PortfolioUpdate, reports: list[ExecutionReport]) -> None:
        """Let every unit and every cent have come by a fill that was reported, a split or a dividend."""
        is_new_bar = book.bar > self.seen.get(book.symbol, -1)
        action = self.actions.get((book.symbol, book.bar)) if is_new_bar else None
        self.seen[book.symbol] = book.bar
        units = {each.symbol: each.quantity for each in before.positions}
        prices = {each.symbol: each.last_price for each in before.positions}
        cash, fees = before.cash, before.fees
        if action is not None and book.symbol in units:
            whole = units[book.symbol] * action.split
            units[book.symbol] = whole.copy_abs().quantize(LOT, "ROUND_DOWN").copy_sign(whole)
            cash += units[book.symbol] * action.dividend
        opened = not action
        for report in reports:
            if report.last_quantity:
                signed = report.last_quantity if report.order.side is Side.BUY else -report.last_quantity
                held = units.get(report.order.symbol, ZERO)
                opened = opened and held * signed >= 0
                units[report.order.symbol] = held + signed
                cash -= signed * report.last_price
            cash -= report.fee
            fees += report.fee
        assert book.cash == cash
        assert book.fees == fees
        now = {each.symbol: each.quantity for each in book.positions}
        assert now == {symbol: each for symbol, each in units.items() if each}
        if opened:
            assert book.realized == before.realized, "opening a position, short or long, is no profit"
        for each in book.positions:
            if each.symbol != book.symbol and each.symbol in prices:
                assert each.last_price == prices[each.symbol]

    def _reject(self, rejected: OrderRejected) -> None:
        """Let an order end, unless it is a repetition that is refused: the first one goes on."""
        name = rejected.order.order_id
        is_repeat = any(verdict.rule == "duplicate" and verdict.refuses for verdict in rejected.verdicts)
        if is_repeat and (name in self._cleared or self.proposed.get(name)):
            self._count("repeated")
        else:
            how = f"rejected by {rejected.rejected_by}"
            self._count(how)
            self._end(name, how)

    def _end(self, name: str, how: str) -> None:
        self.allowed.pop(name, None)
        if name in self.proposed:
            self.proposed[name].append(how)

    def _symbols(self) -> list[str]:
        held = [] if self.book is None else [each.symbol for each in self.book.positions]
        return list(dict.fromkeys([*held, *(order.symbol for order, _ in self.allowed.values())]))

    def _price(self, symbol: str, book: PortfolioUpdate) -> Decimal:
        history = self._risk().histories.get(symbol)
        assert history is not None
        return history.close

    def _weight(self, symbol: str, book: PortfolioUpdate) -> Decimal:
        low, high = self.reach(symbol)
        return max(abs(low), abs(high)) * self._price(symbol, book) / book.equity

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1
