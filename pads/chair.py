"""The chair of the board: when a round opens, when it closes, and what follows from it.

A round opens on a bar once its book is there too and every earlier order has been answered, so that it rests on the
same facts in whatever order they arrived. Its band, prior, phase and style are fixed when it opens. On a book on which
risk shrinks a position or the firm halts it is asked and scored like any other, but trades nothing, and the order that
comes instead is waited for.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from bus.errors import Invalid
from bus.message import Header, Message
from bus.messages import (
    DecisionMade,
    ExecutionReport,
    MarketUpdate,
    OrderRejected,
    PortfolioUpdate,
    PositionLevels,
)
from pads.alarms import Alarms
from pads.board import Board
from pads.comovement import Comovement
from pads.config import PadsConfig
from pads.connectedness import Connectedness
from pads.decision import Ruling, request_of, stand_in
from pads.instrument import Instrument
from pads.orders import Orders
from pads.precedence import stand_aside
from pads.restraint import lasting_refusal
from pads.room import room_in
from pads.rounds import Round, Rounds
from pads.ruling import Rulings, worst_danger
from pads.sizing import grows
from pads.standing import StandingHedges
from pads.suspicion import Suspicions
from pads.unasked import give_up, hold
from portfolio.budget import DrawdownBudget
from portfolio.limits import BookLimits

MAX_SYMBOL: Final = 36
"""Longest symbol whose round and order ids still fit into a name."""
_NS: Final = 1_000_000_000
_TOO_LITTLE: Final = "too little history: the volatility is not defined yet"


class Chair:
    """Everything PADS knows, and every rule by which it decides; the agent around it only talks."""

    def __init__(self, config: PadsConfig, limits: BookLimits) -> None:
        self.board = Board(config)
        self.rounds = Rounds(self.board.seats, config.quorum)
        self.orders = Orders(config.answer_timeout_s)
        self.hedges = StandingHedges()
        self.instruments: dict[str, Instrument] = {}
        self.alarms = Alarms(self.board.seats, self.instruments)
        self.book: PortfolioUpdate | None = None
        self.budget = DrawdownBudget(limits)
        self._config = config
        self._comovement = Comovement(config.hedge.decay, config.hedge.min_returns)
        self._connectedness = Connectedness(config.panarchy)
        self._rulings = Rulings(
            config, self.board, self.instruments, self._comovement, self.orders, self.hedges, self.budget
        )
        self._suspicions = Suspicions()
        self._version = -1
        self._asks = 0

    def take_bar(self, update: MarketUpdate, header: Header) -> list[Message]:
        """Take a closed bar; return the settlements and the change of phase that follow from it."""
        instrument = self._instrument(update.symbol)
        news = instrument.take(update, header)
        if news is None:
            return []
        if instrument.bar == instrument.book_bar:
            self.alarms.come_due(update.symbol)
        if update.action is not None:
            self.hedges.split(update.symbol, update.action.split)
        if instrument.log_return is not None:
            self._comovement.observe(update.symbol, instrument.previous_ns, instrument.opened_ns, instrument.log_return)
        return news

    def take_book(self, book: PortfolioUpdate) -> bool:
        """Take a newer book; return whether it is one."""
        if book.version <= self._version:
            return False
        instrument = self._instrument(book.symbol) if book.bar >= 0 else None
        self.book, self._version = book, book.version
        was_spent = self.budget.is_spent
        self.budget.take(book)
        if self.budget.is_spent and not was_spent:
            self.alarms.spend(book)
        if instrument is not None and book.bar > instrument.book_bar:
            instrument.book_bar = book.bar
            instrument.idle, instrument.awaited = stand_aside(self.budget, book, was_spent=was_spent)
            self.alarms.await_bar(book.symbol, book.version)
            if instrument.bar >= book.bar:
                self.alarms.come_due(book.symbol)
        return True

    def is_ready(self, symbol: str) -> bool:
        """Tell whether a round on the latest bar of ``symbol`` can open."""
        instrument = self.instruments[symbol]
        return (
            instrument.decided_bar < instrument.bar == instrument.book_bar and not self.orders and self.book is not None
        )

    def open(self, symbol: str, now_ns: int) -> tuple[Round | Ruling, list[PositionLevels]]:
        """Open the round of the latest bar, and tell what guards the position where that has changed.

        With too little history return what is decided without asking anyone instead.
        """
        instrument = self.instruments[symbol]
        instrument.decided_bar = instrument.bar
        assert instrument.header is not None
        assert self.book is not None
        units, entry_price, _ = stand_in(self.book, symbol, 0.0)
        own = units - self.hedges.units(symbol, units) if units else units
        levels = instrument.watch(own, entry_price, float(self.book.equity))
        if instrument.band is None:
            return self._unasked(instrument, own, instrument.header, now_ns), levels
        return self._opened(instrument, f"{symbol}-{instrument.bar}", instrument.header, None, now_ns), levels

    def ask(self, symbol: str | None, header: Header, now_ns: int) -> Round | DecisionMade | str:
        """Open a round on the latest bar because someone asks; return why not where none can be."""
        instrument = self.instruments.get(symbol or "")
        if instrument is None or instrument.bar < 0:
            known = ", ".join(sorted(each.symbol for each in self.instruments.values() if each.bar >= 0))
            return f"unknown symbol {symbol!r}; known: {known or 'none, no bar has arrived yet'}"
        if self.book is None:
            return "the book is not known yet: no PORTFOLIO_UPDATE has arrived from execution; ask again"
        self._asks += 1
        round_id = f"{symbol}-{instrument.bar}-ask{self._asks}"
        if instrument.band is None:
            return hold(instrument, self.board, self.book, self._config.horizon, instrument.bar, _TOO_LITTLE, round_id)
        return self._opened(instrument, round_id, header, header.sender, now_ns)

    def close(self, closing: Round, now_ns: int) -> Ruling:
        """Settle the board on one price and turn it into a decision, and an order where something is to be done.

        What seats told beside their beliefs counts too: dangers for this very decision, suspected phases from the next
        one on. An asked round changes nothing.
        """
        self.rounds.close(closing)
        instrument = self.instruments[closing.request.symbol]
        is_quorate = self.rounds.is_quorate(closing)
        made, order = self._rulings.rule(closing, instrument, is_quorate=is_quorate)
        if closing.asker is not None:
            return Ruling(made, None, [])
        self._keep_hedges(closing, instrument)
        instrument.severity = 0.0
        instrument.heed(closing.severities)
        if order is not None:
            self.hedges.place(order, closing.request)
            is_growing = order.symbol != made.symbol or grows(made.position, made.target)
            self.orders.propose(order, closing.header.correlation_id, now_ns, is_growing=is_growing)
        elif closing.awaited is not None:
            self.orders.expect(closing.awaited, instrument.symbol, now_ns)
        settlements = instrument.hold(made, closing.close, closing.evidence)
        return Ruling(made, order, [*settlements, *self._suspicions.judge(closing, instrument)])

    def _keep_hedges(self, closing: Round, instrument: Instrument) -> None:
        """Let go of hedges of a position that is out of danger: no release, no alert, and the appetite back."""
        severity = worst_danger(closing, instrument)
        is_endangered = self._rulings.is_endangered(closing, severity) or not instrument.is_calm
        self.hedges.keep(instrument.symbol, closing.request.position, is_endangered=is_endangered)

    def refuse(self, rejected: OrderRejected) -> None:
        """Let a position be on the side on which a gate would not let it grow, unless that was a matter of time."""
        order, why = rejected.order, lasting_refusal(rejected)
        self.hedges.refuse(order.order_id)
        proposed = self.orders.proposed(order.order_id)
        if why and proposed is not None and proposed.is_growing:
            self.instruments[order.symbol].refused.impose(order.side, order.bar + self._config.refusal_bars, why)

    def lose(self, stream: str, now_ns: int) -> list[DecisionMade]:
        """Distrust what hangs on broadcasts that are lost for good; return the decisions to hold that this forces."""
        if stream == MarketUpdate.KIND:
            return list(self._lose_bars(now_ns))
        if stream == PortfolioUpdate.KIND:
            return list(self._lose_books(now_ns))
        if stream in (OrderRejected.KIND, ExecutionReport.KIND):
            self.orders.clear()
        return []

    def next_due_ns(self) -> int | None:
        """Return when the next round or order runs out of time."""
        deadline, due = self.rounds.next_deadline_ns(), self.orders.next_due_ns()
        return deadline if due is None else due if deadline is None else min(deadline, due)

    def report(self) -> dict[str, str | int | float]:
        """Count rounds, changes of phase, responses by what became of them, and orders without an answer."""
        return {
            "rounds_open": len(self.rounds),
            "settled": sum(each.settled for each in self.instruments.values()),
            "voided": sum(each.voided for each in self.instruments.values()),
            "phase_transitions": sum(each.transitions for each in self.instruments.values()),
            **self._suspicions.report(),
            "alerts_known": self.alarms.repeated,
            "orders_out": len(self.orders),
            "orders_unanswered": self.orders.unanswered,
            **{f"responses_{receipt}": count for receipt, count in sorted(self.rounds.receipts.items())},
        }

    def _lose_bars(self, now_ns: int) -> Iterator[DecisionMade]:
        """Forget every window, and hold on bars that can no longer come although their book is there."""
        for instrument in self.instruments.values():
            instrument.lose_bars()
            if instrument.book_bar > max(instrument.bar, instrument.decided_bar):
                instrument.decided_bar = instrument.book_bar
                yield self._hold(instrument, instrument.book_bar, "the bar was lost", now_ns)

    def _lose_books(self, now_ns: int) -> Iterator[DecisionMade]:
        """Distrust the book until the next one, and hold on bars whose own book can no longer come."""
        self.book = None
        for instrument in self.instruments.values():
            if instrument.bar > instrument.decided_bar:
                instrument.decided_bar = instrument.bar
                yield self._hold(instrument, instrument.bar, "the book of this bar was lost", now_ns)

    def _instrument(self, symbol: str) -> Instrument:
        instrument = self.instruments.get(symbol)
        if instrument is None:
            if len(symbol) > MAX_SYMBOL:
                raise Invalid(f"symbol {symbol!r} has {len(symbol)} characters; ids leave room for {MAX_SYMBOL}")
            common = (self._config, self.board, self._connectedness, self.budget.limits.regime)
            instrument = self.instruments[symbol] = Instrument(symbol, *common)
        return instrument

    def _unasked(self, instrument: Instrument, own: Decimal, header: Header, now_ns: int) -> Ruling:
        """Decide with too little history for a round."""
        assert self.book is not None
        held = self._hold(instrument, instrument.bar, _TOO_LITTLE, now_ns)
        made, order = give_up(held, instrument, self.book, own)
        if order is not None:
            self.orders.propose(order, header.correlation_id, now_ns, is_growing=False)
        return Ruling(made, order, [])

    def _hold(self, instrument: Instrument, bar: int, reason: str, now_ns: int) -> DecisionMade:
        """Decide to hold without asking anyone, and wait for the order that another brings, if any."""
        made = hold(instrument, self.board, self.book, self._config.horizon, bar, reason)
        if made.order_id is not None:
            self.orders.expect(made.order_id, made.symbol, now_ns)
        return made

    def _opened(self, instrument: Instrument, round_id: str, header: Header, asker: str | None, now_ns: int) -> Round:
        assert self.book is not None
        deadline_ns = now_ns + round(self._config.decision_timeout_s * _NS)
        request = request_of(instrument, self.book, round_id, self._config.horizon, deadline_ns)
        opened = Round(
            request, header, self.book, instrument.close, instrument.opened_ns, asker,
            instrument.styles.style, instrument.exceedance(request.position), instrument.care.watch,
            room_in(self.budget, instrument.regime.factor, instrument.bar, instrument.refused, instrument.care.rests),
            instrument.idle, None if asker else instrument.awaited,
        )  # fmt: skip
        self.rounds.open(opened)
        return opened

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "rounds": self.rounds.snapshot(),
            "orders": self.orders.snapshot(),
            "hedges": self.hedges.snapshot(),
            "instruments": {symbol: instrument.snapshot() for symbol, instrument in self.instruments.items()},
            "comovement": self._comovement.snapshot(),
            "connectedness": self._connectedness.snapshot(),
            "suspicions": self._suspicions.snapshot(),
            "budget": self.budget.snapshot(),
            "book": self.book,
            "version": self._version,
            "asks": self._asks,
            "alarms": self.alarms.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.rounds.restore(state["rounds"])
        self.orders.restore(state["orders"])
        self.hedges.restore(state["hedges"])
        self.instruments.clear()
        for symbol, instrument in state["instruments"].items():
            self._instrument(symbol).restore(instrument)
        self._comovement.restore(state["comovement"])
        self._connectedness.restore(state["connectedness"])
        self._suspicions.restore(state["suspicions"])
        self.budget.restore(state["budget"])
        self.book, self._version = state["book"], state["version"]
        self._asks = state["asks"]
        self.alarms.restore(state["alarms"])
