"""The orders that close positions during a halt: at most one at the broker for a symbol, and never past zero."""

from decimal import Decimal
from typing import Any

from bus.errors import Invalid
from bus.messages import Order, Side, Urgency
from execution.apart import Apart
from execution.broker import Account, ChildOrder
from execution.flattening import Flattening, Sight, is_closing, limit_price
from execution.money import ZERO
from portfolio.budget import flattening_id


class Flattener:
    """Opens, sends and looks after flattening orders; ``orders`` are those whose end was not heard of.

    Parameters
    ----------
    collar
        How far from the last close an order may fill, as a fraction of that close.
    """

    def __init__(self, collar: Decimal) -> None:
        self.collar = collar
        self.orders: list[Flattening] = []
        self._numbered: tuple[str, int, int] = ("", -1, 0)
        self._tried: dict[str, int] = {}
        """Bar of each symbol's last order: a broker that refuses them all is asked once a bar."""
        self._foreign: list[str] = []

    def is_foreign(self, order_id: str) -> bool:
        """Tell whether an order closes what the book never held: its fills are reported, and not booked."""
        return order_id in self._foreign

    def forget_ended(self, sight: Sight) -> list[str]:
        """Let go of orders that were sent and came to an end; return the ids of theirs."""
        ended = [each for each in self.orders if each.child is not None and each.client_order_id not in sight.live]
        self.orders = [each for each in self.orders if each not in ended]
        return [each.order.order_id for each in ended]

    def strangers(self, sight: Sight, account: Account) -> list[str]:
        """Return the orders to be cancelled: all that rest, or whose end is unheard of, and flatten nothing."""
        mine = {each.client_order_id for each in self.orders}
        return [name for name in dict.fromkeys((*account.working, *sight.live)) if name not in mine]

    def tend(self, sight: Sight, account: Account) -> tuple[list[str], list[ChildOrder]]:
        """Look after the orders that were sent: withdraw what no longer fits, send again what the broker lost."""
        withdrawn: list[str] = []
        lost: list[ChildOrder] = []
        for place, each in enumerate(self.orders):
            if each.child is None:
                continue
            remaining = account.working.get(each.client_order_id)
            if each.is_withdrawn or self._is_misfit(each.child, remaining, sight, account):
                self.orders[place] = each._replace(is_withdrawn=True)
                withdrawn.append(each.client_order_id)
            if remaining is None:
                lost.append(each.child)
        return withdrawn, lost

    def _is_misfit(self, child: ChildOrder, remaining: Decimal | None, sight: Sight, account: Account) -> bool:
        """Tell whether an order could go past zero, or the price has left its collar behind."""
        held = account.positions.get(child.symbol, ZERO)
        against = held if child.side is Side.SELL else -held
        if (child.quantity if remaining is None else remaining) > against:
            return True
        mark = sight.marks.get(child.symbol)
        if mark is None or child.limit_price is None:
            return False
        return mark.close < child.limit_price if child.side is Side.SELL else mark.close > child.limit_price

    def drop_needless(self, account: Account) -> list[str]:
        """Let go of unsent orders that would close nothing; return their ids."""
        needless = [
            each
            for each in self.orders
            if each.child is None and not is_closing(each.order, account.positions.get(each.order.symbol, ZERO))
        ]
        self.orders = [each for each in self.orders if each not in needless]
        return [each.order.order_id for each in needless]

    def cover(self, sight: Sight, account: Account, apart: Apart) -> list[Order]:
        """Open an order for each position that has none, one a bar: for what is booked first, then for what is not."""
        covered = {each.order.symbol for each in self.orders}
        opened = []
        for symbol, held in sorted(account.positions.items()):
            mark = sight.marks.get(symbol)
            if not held or symbol in covered or mark is None or self._tried.get(symbol, -1) >= mark.bar:
                continue
            booked = sight.booked.get(symbol, ZERO)
            if booked * held > 0:
                opened.append(self.open(symbol, min(booked, held, key=abs), sight))
            elif apart.has_stood(symbol, sight):
                opened.append(self.open(symbol, held, sight))
                self._foreign.append(opened[-1].order_id)
        return opened

    def open(self, symbol: str, held: Decimal, sight: Sight) -> Order:
        """Make the order that closes a position."""
        if sight.last is None:
            raise Invalid(f"{symbol} cannot be closed: there is no book yet")
        mark, (of, bar) = sight.marks[symbol], sight.last
        count = self._numbered[2] + 1 if self._numbered[:2] == (of, bar) else 1
        self._numbered = (of, bar, count)
        order = Order(
            order_id=flattening_id(of, bar, count),
            decision_id=f"{of}-{bar}",
            symbol=symbol,
            side=Side.SELL if held > 0 else Side.BUY,
            quantity=abs(held),
            reference_price=mark.close,
            bar=mark.bar,
            urgency=Urgency.URGENT,
        )
        self._tried[symbol] = mark.bar
        self.orders.append(Flattening(order))
        return order

    def send(self, sight: Sight, account: Account) -> list[ChildOrder]:
        """Return the unsent orders for the broker, one a symbol, each no larger than what is held."""
        busy = [each.order.symbol for each in self.orders if each.child is not None]
        sent = []
        for place, each in enumerate(self.orders):
            symbol, mark = each.order.symbol, sight.marks[each.order.symbol]
            if each.child is not None or symbol in busy:
                continue
            limit = limit_price(each.order.side, mark.close, self.collar)
            child = each.sized(min(each.order.quantity, abs(account.positions[symbol])), mark.bar, limit)
            self.orders[place] = each._replace(child=child)
            sent.append(child)
            busy.append(symbol)
        return sent

    def give_up(self) -> tuple[list[str], list[str]]:
        """Let go of what was never sent; return the ids of those orders, and the client order ids of the others."""
        unsent = [each.order.order_id for each in self.orders if each.child is None]
        self.orders = [each for each in self.orders if each.child is not None]
        return unsent, [each.client_order_id for each in self.orders]

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "orders": [each.snapshot() for each in self.orders],
            "numbered": list(self._numbered),
            "tried": dict(self._tried),
            "foreign": list(self._foreign),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.orders = [Flattening.restored(each) for each in state["orders"]]
        symbol, bar, count = state["numbered"]
        self._numbered = (symbol, bar, count)
        self._tried = dict(state["tried"])
        self._foreign = list(state["foreign"])
