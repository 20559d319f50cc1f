"""The rules of compliance. Each measures one thing; none knows of another; all of them always run."""

from decimal import Decimal
from typing import ClassVar, Final

from bus.gate import Finding, Rule
from bus.messages import Order, Side
from compliance.config import ComplianceLimits
from compliance.desk import Desk

_NONE: Final = Decimal(0)


class KnownSymbol:
    """The market has shown at least one bar of the symbol."""

    name: ClassVar[str] = "known_symbol"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Refuse a symbol that never had a bar."""
        is_known = desk.tape is not None
        detail = f"{order.symbol} {'has bars' if is_known else 'never had a bar'}"
        return Finding(is_known, int(not is_known), 0, "unknown symbols", detail)


class Restricted:
    """The symbol is not on the restricted list."""

    name: ClassVar[str] = "restricted"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Refuse any trade in a restricted symbol, reductions too."""
        is_listed = order.symbol in limits.restricted
        detail = f"{order.symbol} is {'' if is_listed else 'not '}on the restricted list"
        return Finding(not is_listed, int(is_listed), 0, "listings", detail)


class WholeBook:
    """The book is there and no update of it is missing."""

    name: ClassVar[str] = "whole_book"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Refuse on a book that may be outdated."""
        detail = "book is whole" if desk.is_whole else "a PORTFOLIO_UPDATE is missing"
        return Finding(desk.is_whole, int(not desk.is_whole), 0, "losses", detail)


class WholeData:
    """Enough bars without a hole."""

    name: ClassVar[str] = "whole_data"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Count contiguous bars; an order that only shrinks a holding needs its own bar alone."""
        count = len(desk.known_tape)
        passes = count >= limits.contiguous_bars or (count > 0 and desk.is_reducing)
        return Finding(passes, count, limits.contiguous_bars, "bars", f"{count} bars without a hole")


class OrderAge:
    """The order speaks of a recent bar."""

    name: ClassVar[str] = "order_age"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Measure how many bars the order's bar is behind."""
        age = desk.known_tape.bar - order.bar
        detail = f"of bar {order.bar}, the last is {desk.known_tape.bar}"
        return Finding(0 <= age <= limits.order_age_bars, age, limits.order_age_bars, "bars", detail)


class PriceCollar:
    """The reference price is near the close of its bar and near the last close."""

    name: ClassVar[str] = "price_collar"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Measure the larger of both distances, either way."""
        limit, price = limits.price_collar, order.reference_price
        own, last = desk.known_tape.close(order.bar), desk.last_close
        if own is None:
            return Finding(False, None, limit, "of the close", f"the close of bar {order.bar} is not held")
        passes = all(abs(price - close) <= limit * close for close in (own, last))
        distance = max(abs(price - close) / close for close in (own, last))
        return Finding(passes, distance, limit, "of the close", f"{price} against {own} at its bar and {last} last")


class OrderNotional:
    """Value of the order."""

    name: ClassVar[str] = "order_notional"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Value the quantity at the larger of reference price and last close."""
        notional = order.quantity * max(order.reference_price, desk.last_close)
        return Finding(
            notional <= limits.order_notional, notional, limits.order_notional, "currency", f"worth {notional}"
        )  # fmt: skip


class OrderQuantity:
    """Size of the order."""

    name: ClassVar[str] = "order_quantity"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Compare the units with the limit."""
        quantity, limit = order.quantity, limits.order_quantity
        return Finding(quantity <= limit, quantity, limit, "units", f"{quantity} units")


class Duplicate:
    """An order is judged once."""

    name: ClassVar[str] = "duplicate"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Refuse an order id, or a decision, symbol and side, that was judged before."""
        detail = f"{order.order_id} {'was judged before' if desk.is_repeat else 'is new'}"
        return Finding(not desk.is_repeat, int(desk.is_repeat), 0, "repeats", detail)


class MessageRate:
    """Orders per symbol and bar."""

    name: ClassVar[str] = "message_rate"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Count the orders of the symbol since its last bar, this one included."""
        count = desk.known_tape.orders + 1
        detail = f"order {count} of {order.symbol} since its last bar"
        return Finding(count <= limits.orders_per_bar, count, limits.orders_per_bar, "orders", detail)


class ShortSale:
    """A sale leads to a short position only where that is allowed."""

    name: ClassVar[str] = "short_sale"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Measure the units short if this and every open sale fill, and no purchase does."""
        short = max(order.quantity - desk.exposure.low, _NONE) if order.side is Side.SELL else _NONE
        detail = f"up to {short} units short, short sale is {'' if limits.allow_short else 'not '}allowed"
        return Finding(limits.allow_short or short == 0, short, None if limits.allow_short else 0, "units", detail)


class WashTrade:
    """No own order is open on the other side."""

    name: ClassVar[str] = "wash_trade"

    def check(self, order: Order, desk: Desk, limits: ComplianceLimits) -> Finding:
        """Measure the own units open on the other side of the symbol, those in flight included."""
        opposite = desk.exposure.selling if order.side is Side.BUY else desk.exposure.buying
        return Finding(opposite == 0, opposite, 0, "units", f"{opposite} own units open on the other side")


RULES: Final[tuple[Rule[Desk, ComplianceLimits], ...]] = (
    KnownSymbol(),
    Restricted(),
    WholeBook(),
    WholeData(),
    OrderAge(),
    PriceCollar(),
    OrderNotional(),
    OrderQuantity(),
    Duplicate(),
    MessageRate(),
    ShortSale(),
    WashTrade(),
)
