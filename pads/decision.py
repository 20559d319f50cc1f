"""A round's question and its decision as they are said, and the order that carries the decision out."""

from decimal import Decimal
from typing import NamedTuple

from bus.message import Message
from bus.messages import Action, DecisionMade, DecisionRequest, Order, PortfolioUpdate, Side, Urgency
from pads.board import Trade
from pads.hedging import Hedge
from pads.instrument import Instrument
from pads.orders import OWN
from pads.sizing import Choice


class Ruling(NamedTuple):
    """A decision, its order if one follows, and the news: a change of phase, rounds that ended meanwhile."""

    made: DecisionMade
    order: Order | None
    news: list[Message]


def request_of(
    instrument: Instrument, book: PortfolioUpdate, round_id: str, horizon: int, deadline_ns: int
) -> DecisionRequest:
    """Return the question that a round on the latest bar of an instrument puts to the seats."""
    assert instrument.band is not None
    units, entry_price, exposure = stand_in(book, instrument.symbol, float(instrument.close))
    return DecisionRequest(
        round_id=round_id,
        symbol=instrument.symbol,
        bar=instrument.bar,
        horizon=horizon,
        band=instrument.band,
        prior=instrument.prior,
        position=units,
        entry_price=entry_price,
        exposure=exposure,
        drawdown=drawdown_of(book),
        phase=instrument.phase,
        appetite=instrument.appetite,
        settled=instrument.settled,
        deadline_ns=deadline_ns,
    )


def make(
    request: DecisionRequest,
    trade: Trade,
    choice: Choice,
    liquidity: float,
    order: Order | None,
    *,
    is_quorate: bool,
    style: str = "",
    awaited: str | None = None,
) -> DecisionMade:
    """Put a round's question, price and choice into one message; ``awaited`` is another's order that follows."""
    return DecisionMade(
        decision_id=request.round_id,
        symbol=request.symbol,
        bar=request.bar,
        horizon=request.horizon,
        band=request.band,
        prior=request.prior,
        price=trade.price,
        liquidity=liquidity,
        members=trade.members,
        is_quorate=is_quorate,
        action=choice.action,
        choice_reason=choice.reason,
        conviction=choice.conviction,
        expected_return=choice.expected_return,
        target=choice.target,
        position=request.position,
        phase=request.phase,
        appetite=request.appetite,
        order_id=awaited if order is None else order.order_id,
        style=style,
    )


def hedged(choice: Choice, hedge: Hedge) -> Choice:
    """Turn a decision to keep a position into one to keep and hedge it."""
    reason = f"{choice.reason}; hedged by {hedge.change:+} {hedge.symbol}, correlated {hedge.correlation:.3f}"
    return choice._replace(action=Action.HEDGE, reason=reason)


def held_back(choice: Choice, request: DecisionRequest) -> Choice:
    """Turn a choice into HOLD because an earlier order in the instrument is still at work."""
    reason = f"an order in {request.symbol} is still working, so no {choice.action}; {choice.reason}"
    return choice._replace(action=Action.HOLD, target=request.position, reason=reason)


def stayed(choice: Choice, request: DecisionRequest, why: str) -> Choice:
    """Turn a choice into HOLD because nothing may be proposed now."""
    reason = why if choice.action is Action.HOLD else f"{why}, so no {choice.action}; {choice.reason}"
    return choice._replace(action=Action.HOLD, target=request.position, reason=reason)


def order_of(
    decision_id: str, symbol: str, change: Decimal, close: Decimal, bar: int, urgency: Urgency = Urgency.MEDIUM
) -> Order:
    """Return the order for a signed change of position, sized on the close of ``bar`` of its own instrument."""
    return Order(
        order_id=f"{decision_id}{OWN}",
        decision_id=decision_id,
        symbol=symbol,
        side=Side.BUY if change > 0 else Side.SELL,
        quantity=abs(change),
        reference_price=close,
        bar=bar,
        urgency=urgency,
    )


def position_in(book: PortfolioUpdate | None, symbol: str) -> Decimal:
    """Return the signed units of ``symbol`` that the book holds."""
    for held in () if book is None else book.positions:
        if held.symbol == symbol:
            return held.quantity
    return Decimal(0)


def stand_in(book: PortfolioUpdate, symbol: str, close: float) -> tuple[Decimal, Decimal, float]:
    """Return signed units of ``symbol``, their average entry price (0 if none), and their share of equity at ``close``.

    Where equity is not positive there is nothing to take a share of: 0.
    """
    for held in book.positions:
        if held.symbol == symbol:
            equity = float(book.equity)
            exposure = float(held.quantity) * close / equity if equity > 0.0 else 0.0
            return held.quantity, held.average_price if held.quantity else Decimal(0), exposure
    return Decimal(0), Decimal(0), 0.0


def drawdown_of(book: PortfolioUpdate) -> float:
    """Return the share of its peak that the firm's equity has lost, in [0, 1]."""
    peak = float(book.peak_equity)
    return min(max(1.0 - float(book.equity) / peak, 0.0), 1.0) if peak > 0.0 else 0.0


def is_working(book: PortfolioUpdate, symbol: str) -> bool:
    """Tell whether the book has a working order in ``symbol``."""
    return any(working.order.symbol == symbol for working in book.working)
