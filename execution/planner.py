"""What each order's schedule wants at the broker, given how its symbol trades."""

from decimal import Decimal
from typing import Any

from bus.message import Header
from bus.messages import MarketUpdate, Order, OrderStatus, Side
from execution.conditions import Conditions
from execution.config import ExecutionConfig
from execution.cost import ImpactModel
from execution.money import EXACT, check_input
from execution.parent import Parent
from execution.schedule import Progress, set_out


class Planner:
    """Opens orders under the configured schedule, and aims them bar by bar."""

    def __init__(self, config: ExecutionConfig, model: ImpactModel) -> None:
        self._config = config
        self._lot = config.lot
        self._model = model
        self._conditions: dict[str, Conditions] = {}

    def learn(self, update: MarketUpdate) -> None:
        """Take the next bar of a symbol."""
        conditions = self._conditions.get(update.symbol)
        if conditions is None:
            self._conditions[update.symbol] = Conditions(update)
        else:
            conditions.append(update)

    def split(self, symbol: str, ratio: Decimal) -> None:
        """Restate what is known of a symbol after each unit became ``ratio`` units."""
        conditions = self._conditions.get(symbol)
        if conditions is not None:
            conditions.split(ratio)

    def open(self, order: Order, header: Header, until_ns: int) -> Parent:
        """Return an order that will be worked by the schedule; a bar of its symbol must have been seen."""
        parent = self.open_bare(order, header, until_ns)
        conditions = self._conditions[order.symbol]
        parent.course = set_out(
            self._config, self._lots(order.quantity), order.urgency, conditions, self._model.coefficient
        )
        return parent

    def open_bare(self, order: Order, header: Header, until_ns: int) -> Parent:
        """Return an order whose child orders are not the desk's own doing."""
        conditions = self._conditions[order.symbol]
        tally = self._model.open(float(order.quantity), conditions)
        return Parent(order, header, conditions.bar, until_ns, None, tally)

    def aim(self, parent: Parent, held: Decimal) -> None:
        """Set what should be filled or at work of an order now, ``held`` units being the position; once a bar.

        An order whose life is over is to expire.
        """
        course, order = parent.course, parent.order
        if course is None or parent.closing is not None or parent.is_ended:
            return
        conditions = self._conditions[order.symbol]
        bars = conditions.bar - parent.since
        if bars >= course.life:
            parent.close(OrderStatus.EXPIRED, f"not filled within {course.life} bars")
            return
        lots = self._lots(order.quantity)
        progress = Progress(
            lots=lots,
            done=self._lots(parent.filled),
            bars=bars,
            volume=parent.tally.traded,
            lot=float(self._lot),
            is_reducing=parent.remaining <= (held if order.side is Side.SELL else -held),
        )
        due = course.due(progress, conditions)
        # What is less than a lot goes with the last one.
        parent.target = order.quantity if due >= lots else EXACT.multiply(Decimal(due), self._lot)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {symbol: conditions.snapshot() for symbol, conditions in self._conditions.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._conditions = {symbol: Conditions.restored(each) for symbol, each in state.items()}

    def _lots(self, quantity: Decimal) -> int:
        return int(quantity / self._lot)


def check_bar(update: MarketUpdate) -> None:
    """Refuse a bar whose numbers cannot be booked exactly.

    Raises
    ------
    Invalid
        A price or volume beyond what a market can show.
    """
    check_input("open", update.open)
    check_input("high", update.high)
    check_input("low", update.low)
    check_input("close", update.close)
    if update.volume:
        check_input("volume", update.volume)
