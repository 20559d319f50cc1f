"""What is decided on a bar without asking the seats: to hold, or to give up a position whose guard says so."""

from decimal import Decimal

from bus.messages import Action, DecisionMade, Order, PortfolioUpdate, Urgency
from pads.board import ABSENT, Board
from pads.decision import is_working, order_of, position_in
from pads.instrument import Instrument
from pads.sizing import name_action


def hold(
    instrument: Instrument,
    board: Board,
    book: PortfolioUpdate | None,
    horizon: int,
    bar: int,
    reason: str,
    round_id: str | None = None,
) -> DecisionMade:
    """Return the decision to hold; on a bar that brings another's order it names that order.

    ``round_id`` is that of a round that someone asked for, which waits for nothing.
    """
    idle, awaited = (instrument.idle, instrument.awaited) if instrument.book_bar == bar else ("", None)
    position = position_in(book, instrument.symbol)
    trade = board.trade(instrument.prior, {}, ABSENT, instrument.weights, is_open=False)
    down, _, up = trade.price
    return DecisionMade(
        decision_id=round_id or f"{instrument.symbol}-{bar}",
        symbol=instrument.symbol,
        bar=bar,
        horizon=horizon,
        band=instrument.band or 0.0,
        prior=instrument.prior,
        price=trade.price,
        liquidity=board.liquidity,
        members=trade.members,
        is_quorate=False,
        action=Action.HOLD,
        choice_reason=f"{idle}; {reason}" if idle else reason,
        conviction=max(down, up) / (down + up),
        expected_return=0.0,
        target=position,
        position=position,
        phase=instrument.phase,
        appetite=instrument.appetite,
        order_id=None if round_id else awaited,
        style=instrument.styles.style,
    )


def give_up(
    made: DecisionMade, instrument: Instrument, book: PortfolioUpdate, own: Decimal
) -> tuple[DecisionMade, Order | None]:
    """Turn a decision to hold into one to close ``own`` units where their guard says so: a stop is but a price."""
    watch = instrument.care.watch
    if instrument.idle or not own or not watch.is_exit or is_working(book, instrument.symbol):
        return made, None
    bar, close = instrument.bar, instrument.close
    order = order_of(made.decision_id, instrument.symbol, -own, close, bar, Urgency.URGENT)
    change = {
        "action": name_action(made.position, made.position - own),
        "target": made.position - own,
        "choice_reason": f"safety override, position care: {watch.why}; {made.choice_reason}",
        "order_id": order.order_id,
    }
    return made.model_copy(update=change), order
