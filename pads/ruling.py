"""What a round comes to once its answers are in: the board's price, a choice, and the order that carries it out."""

from collections.abc import Mapping
from decimal import Decimal

from bus.messages import Action, DecisionMade, DecisionRequest, Order, Phase, PortfolioUpdate
from kernels.pivot import Sign
from pads.board import Board, Trade
from pads.comovement import Comovement
from pads.config import PadsConfig, StyleConfig
from pads.decision import hedged, held_back, is_working, make, order_of, position_in, stayed
from pads.hedging import Candidate, Hedge, find_hedge
from pads.instrument import Instrument
from pads.orders import Orders
from pads.room import room_in
from pads.rounds import Round
from pads.sizing import Choice, Situation, Sizer, grows
from pads.standing import StandingHedges
from portfolio.budget import DrawdownBudget


class Rulings:
    """The rules by which a round is decided; it changes nothing that it is given."""

    def __init__(
        self,
        config: PadsConfig,
        board: Board,
        instruments: Mapping[str, Instrument],
        comovement: Comovement,
        orders: Orders,
        hedges: StandingHedges,
        budget: DrawdownBudget,
    ) -> None:
        self._config = config
        self._board = board
        self._instruments = instruments
        self._comovement = comovement
        self._orders = orders
        self._hedges = hedges
        self._budget = budget
        self._sizer = Sizer(config)

    def rule(self, closing: Round, instrument: Instrument, *, is_quorate: bool) -> tuple[DecisionMade, Order | None]:
        """Return the decision on a round and its order; an asked round has none."""
        request = closing.request
        adaptability = instrument.adaptability(request.phase, request.prior)
        trade = self._board.trade(request.prior, closing.answers, adaptability, instrument.weights, is_open=is_quorate)
        severity = worst_danger(closing, instrument)
        silence = "" if is_quorate else self._silence(closing)
        serving = self._hedges.units(request.symbol, request.position)
        situation = self._situation(closing, instrument, trade, severity, silence, serving)
        choice = _beside(self._guarded(situation, instrument), serving)
        order = None
        if closing.idle:
            choice = stayed(choice, request, closing.idle)
        else:
            choice, order = self._ordered(closing, choice, severity, serving, can_hedge=is_quorate)
        if closing.asker is not None:
            order = None
        made = make(
            request, trade, choice, self._board.liquidity, order,
            is_quorate=is_quorate, style=closing.style, awaited=closing.awaited,
        )  # fmt: skip
        return made, order

    def _guarded(self, situation: Situation, instrument: Instrument) -> Choice:
        """Return the choice; where the position would grow, no larger than its stop lets it be."""
        choice = self._sizer.choose(situation)
        if not grows(situation.position, choice.target):
            return choice
        side: Sign = 1 if choice.target > 0 else -1
        extent = instrument.extent(side)
        why = f"at its stop a larger position would lose more than {self._config.care.risk_per_trade:.2%} of equity"
        bound = situation.room.towards(side).narrowed(extent, why)
        room = situation.room._replace(long=bound) if side > 0 else situation.room._replace(short=bound)
        return self._sizer.choose(situation._replace(room=room))

    def _silence(self, closing: Round) -> str:
        heard = sum(opinion.belief is not None for opinion in closing.answers.values())
        seats, quorum = len(self._board.seats), self._config.quorum
        return f"below quorum: {heard} of {seats} seats have a belief, {quorum} are needed"

    def _situation(
        self, closing: Round, instrument: Instrument, trade: Trade, severity: float, silence: str, serving: Decimal
    ) -> Situation:
        request = closing.request
        style: StyleConfig = getattr(self._config.styles, closing.style.value)
        return Situation(
            price=trade.price,
            prior=request.prior,
            moves=instrument.moves(request.band),
            variance=(request.band / self._config.kappa) ** 2,
            position=request.position - serving,
            close=float(closing.close),
            equity=float(closing.book.equity),
            phase=request.phase,
            appetite=request.appetite,
            severity=severity,
            style=style,
            exceedance=closing.exceedance,
            silence=silence,
            watch=closing.watch,
            room=closing.room,
        )

    def _ordered(
        self, closing: Round, choice: Choice, severity: float, serving: Decimal, *, can_hedge: bool
    ) -> tuple[Choice, Order | None]:
        """Return the choice that can be carried out now, and the order that does it."""
        request = closing.request
        at_work = self._is_working(closing.book, request.symbol)
        if choice.action is not Action.HOLD:
            change = choice.target - request.position
            if at_work and not self._may_overtake(closing.book, request, change):
                return held_back(choice, request), None
            order = order_of(request.round_id, request.symbol, change, closing.close, request.bar, choice.urgency)
            return choice, order
        own = request.position - serving
        hedge = self._hedge(closing, severity, own) if can_hedge and own and not at_work else None
        if hedge is None:
            return choice, None
        other = self._instruments[hedge.symbol]
        order = order_of(request.round_id, hedge.symbol, hedge.change, other.close, other.bar)
        return hedged(choice, hedge), order

    def is_endangered(self, closing: Round, severity: float) -> bool:
        """Tell whether a position that is kept needs a hedge: in release, or under an alert of this severity."""
        return closing.request.phase is Phase.RELEASE or severity > self._config.hedge.severity

    def _hedge(self, closing: Round, severity: float, units: Decimal) -> Hedge | None:
        config, book, request = self._config.hedge, closing.book, closing.request
        if not self.is_endangered(closing, severity) or not book.equity > 0:
            return None
        own = Candidate(request.symbol, units, False, float(closing.close), closing.opened_ns)
        others = [
            self._candidate(book, name, each)
            for name, each in sorted(self._instruments.items())
            if name != request.symbol and each.bar >= 0
        ]
        return find_hedge(own, others, self._comovement, float(book.equity), config, self._sizer)

    def _candidate(self, book: PortfolioUpdate, name: str, each: Instrument) -> Candidate:
        room = room_in(self._budget, each.regime.factor, each.bar, each.refused)
        is_working = self._is_working(book, name)
        return Candidate(name, position_in(book, name), is_working, float(each.close), each.opened_ns, room)

    def _may_overtake(self, book: PortfolioUpdate, request: DecisionRequest, change: Decimal) -> bool:
        """Tell whether a change only takes from the position what orders on the other side are still adding to it.

        Such a one need not wait, or a stop would: execution withdraws what it meets before it goes.
        """
        is_reducing = change * request.position < 0 and abs(change) <= abs(request.position)
        if self._orders.concerns(request.symbol) or not is_reducing:
            return False
        return all(
            at_work.order.signed_quantity * change < 0
            for at_work in book.working
            if at_work.order.symbol == request.symbol
        )

    def _is_working(self, book: PortfolioUpdate, symbol: str) -> bool:
        return is_working(book, symbol) or self._orders.concerns(symbol)


def worst_danger(closing: Round, instrument: Instrument) -> float:
    """Return the severity of the worst that alerts and answers have told since the last decision."""
    return max([instrument.severity, *closing.severities.values()])


def _beside(choice: Choice, serving: Decimal) -> Choice:
    """Return a choice about an instrument's own units as one about all of them."""
    if not serving:
        return choice
    reason = f"{choice.reason}; beside {serving:+} that hedge another position"
    return choice._replace(target=choice.target + serving, reason=reason)
