"""A broker that fails, for drills and tests: another broker behind a line that loses, repeats, delays and lies.

No configuration chooses it. What fails is a function of the seed and of what is asked, so a drill can be run again. The
account always tells what the broker behind it holds and what rests there, but for silence and for a phantom position.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from bus.messages import MarketUpdate, OrderStatus, Side
from execution.broker import Account, Broker, BrokerEvent, Charge, ChildOrder
from execution.chance import chance
from execution.money import EXACT, ZERO

SILENT_BARS: Final = 3
"""How many bars a silence lasts, unless another one begins meanwhile."""


class Fault(StrEnum):
    """What can fail, each with the probability with which it does whenever there is an occasion."""

    SILENCE = "silence"
    """A bar begins a silence: no account, no events until it ends; what is sent meanwhile arrives."""
    ECHO = "echo"
    """An event is told a second time, by the next answer."""
    LOST_CANCEL = "lost cancel"
    """A request to cancel never arrives; the next one for the same order may."""
    FILL_AFTER_CANCEL = "fill after cancel"
    """An order is said to be cancelled at once, and is only then withdrawn: the next bar may still fill it."""
    STRANGER = "stranger"
    """A bar brings the fill of an order that nobody sent; the account does not have it."""
    PHANTOM = "phantom"
    """A bar brings a unit to the account that no fill explains."""
    REFUSAL = "refusal"
    """An order is refused."""
    DELAY = "delay"
    """An order arrives a bar late."""


class FaultyBroker:
    """A broker behind faults.

    Parameters
    ----------
    broker
        The broker that does the work.
    faults
        Probability of each fault; 0 for those left out, 1 for one that never fails to fail.
    seed
        What chance depends on.
    """

    def __init__(self, broker: Broker, faults: Mapping[Fault, float], seed: int = 1) -> None:
        self.broker = broker
        self._faults = dict(faults)
        self._seed = seed
        self._bars = 0
        self._silent_until = 0
        self._asked: dict[str, int] = {}
        """Requests to cancel, by client order id."""
        self._parting: list[str] = []
        """Orders that are said to be cancelled and are not."""
        self._refused: dict[str, None] = {}
        self._delayed: list[ChildOrder] = []
        self._events: list[BrokerEvent] = []
        self._echoes: list[BrokerEvent] = []
        self._phantoms: dict[str, Decimal] = {}

    @property
    def is_silent(self) -> bool:
        """Whether nothing is answered now."""
        return self._bars < self._silent_until

    def submit(self, order: ChildOrder) -> None:
        """Send an order, refuse it, or keep it back for a bar."""
        name = order.client_order_id
        if name in self._refused or any(name == delayed.client_order_id for delayed in self._delayed):
            return
        if self._fails(Fault.REFUSAL, name):
            self._refused[name] = None
            reason = "refused for a drill"
            self._events.append(
                BrokerEvent(name, OrderStatus.REFUSED, reason=reason, symbol=order.symbol, side=order.side)
            )
        elif self._fails(Fault.DELAY, name):
            self._delayed.append(order)
        else:
            self.broker.submit(order)

    def cancel(self, client_order_id: str) -> None:
        """Ask to withdraw an order, lose the request, or say it is done before it is."""
        asked = self._asked[client_order_id] = self._asked.get(client_order_id, 0) + 1
        if self._fails(Fault.LOST_CANCEL, f"{client_order_id} {asked}"):
            return
        account = self.broker.account()
        is_resting = account is not None and client_order_id in account.working
        if (
            is_resting
            and client_order_id not in self._parting
            and self._fails(Fault.FILL_AFTER_CANCEL, client_order_id)
        ):
            self._parting.append(client_order_id)
            self._events.append(BrokerEvent(client_order_id, OrderStatus.CANCELLED, reason="cancelled"))
        elif client_order_id not in self._parting:
            self.broker.cancel(client_order_id)

    def amend(self, client_order_id: str, quantity: Decimal) -> None:
        """Ask to change the whole quantity of an order."""
        self.broker.amend(client_order_id, quantity)

    def on_bar(self, update: MarketUpdate) -> None:
        """Let the broker work at the bar; then what was kept back arrives, and the bar brings what it brings."""
        self.broker.on_bar(update)
        self._bars += 1
        for name in self._parting:
            self.broker.cancel(name)
        self._let_through(update.symbol)
        bar = f"{update.symbol} {update.bar}"
        if self._fails(Fault.SILENCE, bar):
            self._silent_until = self._bars + SILENT_BARS
        if self._fails(Fault.STRANGER, bar):
            self._events.append(_stranger(update))
        if self._fails(Fault.PHANTOM, bar):
            self._phantoms[update.symbol] = self._phantoms.get(update.symbol, ZERO) + 1

    def events(self) -> list[BrokerEvent]:
        """Return what happened, and some of it again; nothing while silent."""
        if self.is_silent:
            return []
        told = self._events + [event for event in self.broker.events() if not self._was_told(event)]
        echoes = [event for event in told if self._fails(Fault.ECHO, _name(event))]
        told, self._events, self._echoes = self._echoes + told, [], echoes
        return told

    def charges(self) -> list[Charge]:
        """Return the money paid and taken outside of fills; nothing while silent."""
        return [] if self.is_silent else self.broker.charges()

    def account(self) -> Account | None:
        """Return what rests and is held, phantoms with it; None while silent."""
        account = None if self.is_silent else self.broker.account()
        if account is None or not self._phantoms:
            return account
        held = dict(account.positions)
        for symbol, units in self._phantoms.items():
            held[symbol] = EXACT.add(held.get(symbol, ZERO), units)
        return account._replace(positions={symbol: units for symbol, units in held.items() if units})

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "broker": self.broker.snapshot(),
            "bars": self._bars,
            "silent_until": self._silent_until,
            "asked": dict(self._asked),
            "parting": list(self._parting),
            "refused": list(self._refused),
            "delayed": [order.snapshot() for order in self._delayed],
            "events": [event.snapshot() for event in self._events],
            "echoes": [event.snapshot() for event in self._echoes],
            "phantoms": dict(self._phantoms),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.broker.restore(state["broker"])
        self._bars, self._silent_until = state["bars"], state["silent_until"]
        self._asked, self._parting = dict(state["asked"]), list(state["parting"])
        self._refused = dict.fromkeys(state["refused"])
        self._delayed = [ChildOrder.restored(order) for order in state["delayed"]]
        self._events = [BrokerEvent.restored(event) for event in state["events"]]
        self._echoes = [BrokerEvent.restored(event) for event in state["echoes"]]
        self._phantoms = dict(state["phantoms"])

    def _fails(self, fault: Fault, at: str) -> bool:
        rate = self._faults.get(fault, 0.0)
        return rate > 0.0 and chance(self._seed, fault, at) < rate

    def _let_through(self, symbol: str) -> None:
        for order in self._delayed:
            if order.symbol == symbol:
                self.broker.submit(order)
        self._delayed = [order for order in self._delayed if order.symbol != symbol]

    def _was_told(self, event: BrokerEvent) -> bool:
        """Tell whether this is the true end of an order that was said to have ended before."""
        if event.client_order_id not in self._parting or event.status is OrderStatus.PARTIAL:
            return False
        self._parting.remove(event.client_order_id)
        return event.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED)


def _stranger(update: MarketUpdate) -> BrokerEvent:
    name = f"stranger-{update.symbol}-{update.bar}"
    return BrokerEvent(
        name,
        OrderStatus.FILLED,
        Decimal(1),
        update.close,
        reason="an order nobody sent",
        fill_id=f"{name}:1",
        symbol=update.symbol,
        side=Side.BUY,
    )


def _name(event: BrokerEvent) -> str:
    return event.fill_id or f"{event.client_order_id} {event.status}"
