"""The chair of the board: when a round opens, when it closes, and what follows from it.

A round opens on a bar once its book is there too and every earlier order has been answered, so that it rests on the
same facts in whatever order they arrived. Its band, prior, phase and style are fixed when it opens.
"""

from collections.abc import Iterator
from typing import Any, Final

from bus.errors import Invalid
from bus.message import Header, Message
from bus.messages import (
    Action,
    DecisionMade,
    DecisionRequest,
    ExecutionReport,
    MarketUpdate,
    OrderRejected,
    PortfolioUpdate,
    RiskAlert,
)
from pads.board import ABSENT, Board
from pads.comovement import Comovement
from pads.config import PadsConfig
from pads.connectedness import Connectedness
from pads.decision import Ruling, drawdown_of, position_in, stand_in
from pads.instrument import Instrument
from pads.orders import Orders, Proposed
from pads.rounds import Round, Rounds
from pads.ruling import Rulings, worst_danger
from pads.standing import StandingHedges
from pads.suspicion import Suspicions

MAX_SYMBOL: Final = 36
"""Longest symbol whose round and order ids still fit into a name."""
_NS: Final = 1_000_000_000


class Chair:
    """Everything PADS knows, and every rule by which it decides; the agent around it only talks."""

    def __init__(self, config: PadsConfig) -> None:
        self.board = Board(config)
        self.rounds = Rounds(self.board.seats, config.quorum)
        self.orders = Orders()
        self.hedges = StandingHedges()
        self.instruments: dict[str, Instrument] = {}
        self.book: PortfolioUpdate | None = None
        self._config = config
        self._comovement = Comovement(config.hedge.decay, config.hedge.min_returns)
        self._connectedness = Connectedness(config.panarchy)
        self._rulings = Rulings(config, self.board, self.instruments, self._comovement, self.orders, self.hedges)
        self._suspicions = Suspicions()
        self._version = -1
        self._alerts: list[RiskAlert] = []
        self._asks = self._repeated = 0

    def take_bar(self, update: MarketUpdate, header: Header) -> list[Message]:
        """Take a closed bar; return the settlements and the change of phase that follow from it."""
        instrument = self._instrument(update.symbol)
        news = instrument.take(update, header)
        if news is None:
            return []
        if instrument.log_return is not None:
            self._comovement.observe(update.symbol, instrument.previous_ns, instrument.opened_ns, instrument.log_return)
        return news

    def take_book(self, book: PortfolioUpdate) -> bool:
        """Take a newer book; return whether it is one."""
        if book.version <= self._version:
            return False
        if book.bar >= 0:
            self._instrument(book.symbol).book_bar = book.bar
        self.book, self._version = book, book.version
        if self._alerts:
            due = [alert for alert in self._alerts if alert.portfolio_version < book.version]
            self._alerts = [alert for alert in self._alerts if alert.portfolio_version >= book.version]
            for alert in due:
                self._heed(alert)
        return True

    def is_ready(self, symbol: str) -> bool:
        """Tell whether a round on the latest bar of ``symbol`` can open."""
        instrument = self.instruments[symbol]
        return (
            instrument.decided_bar < instrument.bar == instrument.book_bar and not self.orders and self.book is not None
        )

    def open(self, symbol: str, now_ns: int) -> Round | DecisionMade:
        """Open the round of the latest bar; with too little history return the decision to hold instead."""
        instrument = self.instruments[symbol]
        instrument.decided_bar = instrument.bar
        if instrument.band is None:
            return self.hold(symbol, instrument.bar, "too little history: the volatility is not defined yet")
        assert instrument.header is not None
        return self._opened(instrument, f"{symbol}-{instrument.bar}", instrument.header, None, now_ns)

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
            reason = "too little history: the volatility is not defined yet"
            return self.hold(instrument.symbol, instrument.bar, reason, round_id)
        return self._opened(instrument, round_id, header, header.sender, now_ns)

    def hold(self, symbol: str, bar: int, reason: str, round_id: str | None = None) -> DecisionMade:
        """Decide to hold without asking anyone."""
        instrument = self.instruments[symbol]
        position = position_in(self.book, symbol)
        trade = self.board.trade(instrument.prior, {}, ABSENT, instrument.weights, is_open=False)
        down, _, up = trade.price
        return DecisionMade(
            decision_id=round_id or f"{symbol}-{bar}",
            symbol=symbol,
            bar=bar,
            horizon=self._config.horizon,
            band=instrument.band or 0.0,
            prior=instrument.prior,
            price=trade.price,
            liquidity=self.board.liquidity,
            members=trade.members,
            is_quorate=False,
            action=Action.HOLD,
            choice_reason=reason,
            conviction=max(down, up) / (down + up),
            expected_return=0.0,
            target=position,
            position=position,
            phase=instrument.phase,
            appetite=instrument.appetite,
            order_id=None,
            style=instrument.styles.style,
        )

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
            due_ns = now_ns + round(self._config.answer_timeout_s * _NS)
            self.orders.propose(Proposed(order, closing.header.correlation_id, due_ns))
        settlements = instrument.hold(made, float(closing.close))
        return Ruling(made, order, [*settlements, *self._suspicions.judge(closing, instrument)])

    def _keep_hedges(self, closing: Round, instrument: Instrument) -> None:
        """Let go of hedges of a position that is out of danger: no release, no alert, and the appetite back."""
        severity = worst_danger(closing, instrument)
        is_endangered = self._rulings.is_endangered(closing, severity) or not instrument.is_calm
        self.hedges.keep(instrument.symbol, closing.request.position, is_endangered=is_endangered)

    def alert(self, alert: RiskAlert) -> None:
        """Take note of an alert on one symbol, or on all when it is "*"; it counts from the book after its own.

        What a seat broadcasts it has told in its answer too, where it counts at a moment that no race decides.
        """
        if alert.source in self.board.seats:
            self._repeated += 1
        elif alert.portfolio_version:
            self._alerts.append(alert)
        else:
            self._heed(alert)

    def _heed(self, alert: RiskAlert) -> None:
        for instrument in self.instruments.values():
            if alert.symbol in ("*", instrument.symbol):
                instrument.alert(alert.severity)

    def lose(self, stream: str) -> list[DecisionMade]:
        """Distrust what hangs on broadcasts that are lost for good; return the decisions to hold that this forces."""
        if stream == MarketUpdate.KIND:
            return list(self._lose_bars())
        if stream == PortfolioUpdate.KIND:
            return list(self._lose_books())
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
            "alerts_of_seats": self._repeated,
            "orders_out": len(self.orders),
            "orders_unanswered": self.orders.unanswered,
            **{f"responses_{receipt}": count for receipt, count in sorted(self.rounds.receipts.items())},
        }

    def _lose_bars(self) -> Iterator[DecisionMade]:
        """Forget every window, and hold on bars that can no longer come although their book is there."""
        for instrument in self.instruments.values():
            instrument.lose_bars()
            if instrument.book_bar > max(instrument.bar, instrument.decided_bar):
                instrument.decided_bar = instrument.book_bar
                yield self.hold(instrument.symbol, instrument.book_bar, "the bar was lost")

    def _lose_books(self) -> Iterator[DecisionMade]:
        """Distrust the book until the next one, and hold on bars whose own book can no longer come."""
        self.book = None
        for instrument in self.instruments.values():
            if instrument.bar > instrument.decided_bar:
                instrument.decided_bar = instrument.bar
                yield self.hold(instrument.symbol, instrument.bar, "the book of this bar was lost")

    def _instrument(self, symbol: str) -> Instrument:
        instrument = self.instruments.get(symbol)
        if instrument is None:
            if len(symbol) > MAX_SYMBOL:
                raise Invalid(f"symbol {symbol!r} has {len(symbol)} characters; ids leave room for {MAX_SYMBOL}")
            instrument = self.instruments[symbol] = Instrument(symbol, self._config, self.board, self._connectedness)
        return instrument

    def _opened(self, instrument: Instrument, round_id: str, header: Header, asker: str | None, now_ns: int) -> Round:
        assert self.book is not None
        assert instrument.band is not None
        units, entry_price, exposure = stand_in(self.book, instrument.symbol, float(instrument.close))
        request = DecisionRequest(
            round_id=round_id,
            symbol=instrument.symbol,
            bar=instrument.bar,
            horizon=self._config.horizon,
            band=instrument.band,
            prior=instrument.prior,
            position=units,
            entry_price=entry_price,
            exposure=exposure,
            drawdown=drawdown_of(self.book),
            phase=instrument.phase,
            appetite=instrument.appetite,
            settled=instrument.settled,
            deadline_ns=now_ns + round(self._config.decision_timeout_s * _NS),
        )
        opened = Round(
            request, header, self.book, instrument.close, instrument.opened_ns, asker,
            instrument.styles.style, instrument.exceedance(units),
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
            "book": self.book,
            "version": self._version,
            "asks": self._asks,
            "repeated": self._repeated,
            "alerts": list(self._alerts),
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
        self.book, self._version = state["book"], state["version"]
        self._asks, self._repeated = state["asks"], state["repeated"]
        self._alerts = list(state["alerts"])
