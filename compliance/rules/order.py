"""Rules about the order itself: who sends it, what it says, and how often."""

from typing import ClassVar, Final

from bus.gate import Finding
from bus.messages import Order, Severity
from compliance.config import ComplianceLimits
from compliance.desk import Desk

SENDERS: Final = ("pads", "risk")
"""Who may propose an order: the board, and risk to shrink a position."""


class Proposer:
    """An order comes from the board or from risk."""

    id: ClassVar[str] = "ORD_007"
    name: ClassVar[str] = "proposer"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "strangers"
    limit: ClassVar[str] = "pads and risk"
    remedy: ClassVar[str] = "find out who sends orders past the board, and stop it"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Refuse an order from anybody else."""
        is_known = desk.sender in SENDERS
        return Finding(is_known, int(not is_known), 0, f"proposed by {desk.sender or 'nobody'}")


class OrderAge:
    """The order speaks of a recent bar."""

    id: ClassVar[str] = "ORD_001"
    name: ClassVar[str] = "order_age"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "bars"
    limit: ClassVar[str] = "order_age_bars"
    remedy: ClassVar[str] = "decide again on the last bar"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Measure how many bars the order's bar is behind."""
        age = desk.known_tape.bar - order.bar
        detail = f"of bar {order.bar}, the last is {desk.known_tape.bar}"
        return Finding(0 <= age <= limits.order_age_bars, age, limits.order_age_bars, detail)


class PriceCollar:
    """The reference price is near the close of its bar and near the last close."""

    id: ClassVar[str] = "ORD_002"
    name: ClassVar[str] = "price_collar"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "of the close"
    limit: ClassVar[str] = "price_collar"
    remedy: ClassVar[str] = "size the order on the last close"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Measure the larger of both distances, either way."""
        limit, price = limits.price_collar, order.reference_price
        own, last = desk.known_tape.close(order.bar), desk.last_close
        if own is None:
            return Finding(False, None, limit, f"the close of bar {order.bar} is not held")
        passes = all(abs(price - close) <= limit * close for close in (own, last))
        distance = max(abs(price - close) / close for close in (own, last))
        return Finding(passes, distance, limit, f"{price} against {own} at its bar and {last} last")


class OrderNotional:
    """Value of an order; one that only shrinks a holding is bounded by the holding."""

    id: ClassVar[str] = "ORD_003"
    name: ClassVar[str] = "order_notional"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "currency"
    limit: ClassVar[str] = "order_notional"
    remedy: ClassVar[str] = "divide the order among bars"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Value the quantity at the larger of reference price and last close."""
        notional, limit = order.quantity * max(order.reference_price, desk.last_close), limits.order_notional
        is_small = notional <= limit
        exempt = "" if is_small else desk.exempt
        return Finding(is_small or desk.is_reducing, notional, limit, f"worth {notional}{exempt}")


class OrderQuantity:
    """Size of an order; one that only shrinks a holding is bounded by the holding."""

    id: ClassVar[str] = "ORD_004"
    name: ClassVar[str] = "order_quantity"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "units"
    limit: ClassVar[str] = "order_quantity"
    remedy: ClassVar[str] = "divide the order among bars"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Compare the units with the limit."""
        quantity, limit = order.quantity, limits.order_quantity
        is_small = quantity <= limit
        exempt = "" if is_small else desk.exempt
        return Finding(is_small or desk.is_reducing, quantity, limit, f"{quantity} units{exempt}")


class Lot:
    """The quantity is a whole number of lots, or all that is held."""

    id: ClassVar[str] = "ORD_008"
    name: ClassVar[str] = "lot"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "units over a lot"
    limit: ClassVar[str] = "lot, lots"
    remedy: ClassVar[str] = "round the quantity to whole lots"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Measure what is left over; an odd holding, as a split may leave one, can only be closed whole."""
        lot = desk.shared.lot_of(order.symbol)
        over = order.quantity % lot
        passes = over == 0 or (desk.is_reducing and order.quantity == abs(desk.exposure.held))
        return Finding(passes, over, 0, f"{order.quantity} in lots of {lot}")


class Duplicate:
    """An order is judged once."""

    id: ClassVar[str] = "ORD_005"
    name: ClassVar[str] = "duplicate"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "repeats"
    limit: ClassVar[str] = "0"
    remedy: ClassVar[str] = "look for what sends an order twice"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Refuse an order id, or a decision, symbol and side, that was judged before."""
        detail = f"{order.order_id} {'was judged before' if desk.is_repeat else 'is new'}"
        return Finding(not desk.is_repeat, int(desk.is_repeat), 0, detail)


class MessageRate:
    """Orders per symbol and bar."""

    id: ClassVar[str] = "ORD_006"
    name: ClassVar[str] = "message_rate"
    severity: ClassVar[Severity] = Severity.SERIOUS
    unit: ClassVar[str] = "orders"
    limit: ClassVar[str] = "orders_per_bar"
    remedy: ClassVar[str] = "wait for the next bar"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Count the orders of the symbol since its last bar, this one included."""
        count = desk.known_tape.orders + 1
        detail = f"order {count} of {order.symbol} since its last bar"
        return Finding(count <= limits.orders_per_bar, count, limits.orders_per_bar, detail)
