"""The paper broker: fills at the next bar's open, and never kinder than that bar.

A buy pays open * (1 + half spread + impact), rounded up to the tick, even where that is above the bar's high; a sell
gets open * (1 - half spread - impact), rounded down. Where the open lies outside the bar's own range, the end of the
range that is worse for us stands in for it. Impact is that of all units of the order filled so far, this fill
included, so that slicing an order does not make it cheaper; volatility and volume behind it come from earlier bars
only. Nothing fills where the impact would be as large as the price itself.
"""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from bus.errors import Invalid
from bus.messages import MarketUpdate, Order, OrderStatus, Side, WorkingOrder
from execution.broker import BrokerEvent
from execution.config import ExecutionConfig
from execution.liquidity import Tape, square_root_impact
from execution.money import EXACT, LOT, TICK, ZERO, as_fraction, check_input, round_down, round_up


@dataclass(slots=True)
class _Resting:
    """An order at work: accepted after bar ``since``, with what it has filled, traded and paid so far."""

    order: Order
    since: int
    filled: Decimal = ZERO
    notional: Decimal = ZERO
    fees: Decimal = ZERO


class PaperBroker:
    """A venue that exists only in the market data it is shown."""

    def __init__(self, config: ExecutionConfig) -> None:
        self._half_spread = config.half_spread_bps.scaleb(-4, EXACT)
        self._fee_rate = config.fee_bps.scaleb(-4, EXACT)
        self._minimum_fee = config.minimum_fee
        self._impact_coefficient = config.impact_coefficient
        self._max_volume_share = config.max_volume_share
        self._expire_bars = config.expire_bars
        self._tapes: dict[str, Tape] = {}
        self._resting: dict[str, dict[str, _Resting]] = {}
        self._refusals: dict[str, str] = {}
        self._positions: dict[str, Decimal] = {}

    def submit(self, client_order_id: str, order: Order) -> BrokerEvent:
        """Take an order, to be worked from the next bar on, or refuse one that cannot be priced."""
        refusal = self._refusals.get(client_order_id)
        if refusal is None:
            refusal = self._refusals[client_order_id] = self._refusal(order)
            if not refusal:
                since = max(order.bar, self._tapes[order.symbol].bar)
                self._resting.setdefault(order.symbol, {})[client_order_id] = _Resting(order, since)
        status = OrderStatus.REFUSED if refusal else OrderStatus.ACCEPTED
        return BrokerEvent(client_order_id, status, reason=refusal)

    def cancel(self, client_order_id: str) -> BrokerEvent | None:
        """Withdraw what is left of an order; None when nothing of it is working."""
        for resting in self._resting.values():
            if resting.pop(client_order_id, None) is not None:
                return BrokerEvent(client_order_id, OrderStatus.CANCELLED, reason="cancelled")
        return None

    def on_bar(self, update: MarketUpdate) -> list[BrokerEvent]:
        """Work the symbol's orders at this bar's open, then learn from the bar.

        A bar that does not follow the last one fills nothing: what the market did in between is unknown.
        """
        tape = self._tapes.get(update.symbol)
        if tape is None:
            self._tapes[update.symbol] = Tape(update)
            return []
        if update.bar <= tape.bar:
            raise Invalid(f"{update.symbol} bar {update.bar}: bar {tape.bar} was already seen")
        resting = self._resting.get(update.symbol)
        events = self._work(resting, tape, update) if resting else []
        tape.append(update)
        return events

    def working(self) -> tuple[WorkingOrder, ...]:
        """Return the orders with units still to fill, oldest first within a symbol."""
        return tuple(
            WorkingOrder(order=resting.order, remaining=EXACT.subtract(resting.order.quantity, resting.filled))
            for of_symbol in self._resting.values()
            for resting in of_symbol.values()
        )

    def positions(self) -> dict[str, Decimal]:
        """Return the signed units held by symbol; flat symbols are left out."""
        return {symbol: quantity for symbol, quantity in self._positions.items() if quantity}

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "tapes": {symbol: tape.snapshot() for symbol, tape in self._tapes.items()},
            "resting": [
                [client_order_id, r.order, r.since, r.filled, r.notional, r.fees]
                for of_symbol in self._resting.values()
                for client_order_id, r in of_symbol.items()
            ],
            "symbols": list(self._resting),
            "refusals": dict(self._refusals),
            "positions": dict(self._positions),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._tapes = {symbol: Tape.restored(tape) for symbol, tape in state["tapes"].items()}
        self._resting = {symbol: {} for symbol in state["symbols"]}
        for client_order_id, order, *progress in state["resting"]:
            self._resting[order.symbol][client_order_id] = _Resting(order, *progress)
        self._refusals = dict(state["refusals"])
        self._positions = dict(state["positions"])

    def _refusal(self, order: Order) -> str:
        """Say why an order cannot be taken, or nothing."""
        if order.symbol not in self._tapes:
            return f"no bar of {order.symbol} was seen: it cannot be priced"
        try:
            check_input("quantity", order.quantity)
        except Invalid as error:
            return str(error)
        return ""

    def _work(self, resting: dict[str, _Resting], tape: Tape, update: MarketUpdate) -> list[BrokerEvent]:
        events: list[BrokerEvent] = []
        available = ZERO
        if update.bar == tape.bar + 1 and tape.volume > 0:
            available = round_down(EXACT.multiply(update.volume, self._max_volume_share), LOT)
        for client_order_id, order in list(resting.items()):
            if available and update.bar > order.since:
                fill = self._fill(client_order_id, order, tape, update, available)
                if fill is not None:
                    events.append(fill)
                    available = EXACT.subtract(available, fill.quantity)
                    if fill.status is OrderStatus.FILLED:
                        del resting[client_order_id]
                        continue
            if update.bar - order.since >= self._expire_bars:
                del resting[client_order_id]
                reason = f"not filled within {self._expire_bars} bars"
                events.append(BrokerEvent(client_order_id, OrderStatus.EXPIRED, reason=reason))
        return events

    def _fill(
        self, client_order_id: str, resting: _Resting, tape: Tape, update: MarketUpdate, available: Decimal
    ) -> BrokerEvent | None:
        """Fill what the bar has room for; None where no positive price can be had."""
        order = resting.order
        with localcontext(EXACT):
            quantity = min(order.quantity - resting.filled, available)
            filled = resting.filled + quantity
            price = self._price(order.side, filled, tape, update)
            if price is None:
                return None
            notional = resting.notional + quantity * price
            fees = max(self._minimum_fee, round_up(notional * self._fee_rate, TICK))
            signed = quantity if order.side is Side.BUY else -quantity
            slippage = signed * (price - update.open)
            fee = fees - resting.fees
            held = self._positions.get(order.symbol, ZERO) + signed
        resting.filled, resting.notional, resting.fees = filled, notional, fees
        self._positions[order.symbol] = held
        status = OrderStatus.FILLED if filled == order.quantity else OrderStatus.PARTIAL
        return BrokerEvent(client_order_id, status, quantity, price, fee, slippage)

    def _price(self, side: Side, filled: Decimal, tape: Tape, update: MarketUpdate) -> Decimal | None:
        impact = square_root_impact(self._impact_coefficient, tape.sigma, float(filled), tape.volume)
        if not impact < 1.0:
            return None
        edge = self._half_spread + as_fraction(impact)
        if side is Side.BUY:
            return round_up(max(update.open, update.low) * (1 + edge), TICK)
        price = round_down(min(update.open, update.high) * (1 - edge), TICK)
        return price if price > 0 else None
