"""A desk at a broker whose words a test can change."""

from decimal import Decimal
from typing import TypeVar

from bus.message import Header, Message
from bus.messages import ExecutionReport, LeaseState, MarketUpdate, OrderStatus, RiskAlert, Side
from execution.broker import Account, BrokerEvent, ChildOrder
from execution.config import ExecutionConfig
from execution.desk import Desk
from execution.money import ZERO
from execution.paper import PaperBroker
from execution.paper_config import PaperConfig
from execution.tray import Filed
from tests.execution.driver import make_approval, make_bar, make_order, plain_config

HEADER = Header("risk:1", "market:7", "risk:0", "ORDER_APPROVED/1", "risk", "execution", 0, 5, 0, 2)
M = TypeVar("M", bound=Message)


class MeddledBroker(PaperBroker):
    """A paper venue that says what a test wants beside what is so, and keeps a list of what it was asked.

    ``told`` are events said next; ``extra`` units that its account has too many; ``hidden`` ids that it does not show.
    """

    def __init__(self, config: PaperConfig) -> None:
        super().__init__(config)
        self.told: list[BrokerEvent] = []
        self.extra: dict[str, Decimal] = {}
        self.hidden: list[str] = []
        self.is_silent = False
        self.is_deaf = False
        self.submitted: list[ChildOrder] = []
        self.asked: list[tuple[str, str, Decimal]] = []

    def submit(self, order: ChildOrder) -> None:
        self.submitted.append(order)
        if not self.is_deaf:
            super().submit(order)

    def cancel(self, client_order_id: str) -> None:
        self.asked.append(("cancel", client_order_id, ZERO))
        super().cancel(client_order_id)

    def amend(self, client_order_id: str, quantity: Decimal) -> None:
        self.asked.append(("amend", client_order_id, quantity))
        super().amend(client_order_id, quantity)

    def events(self) -> list[BrokerEvent]:
        told, self.told = self.told, []
        return [event for event in super().events() if event.client_order_id not in self.hidden] + told

    def account(self) -> Account | None:  # type: ignore[override]
        account = super().account()
        if self.is_silent:
            return None
        positions = dict(account.positions)
        for symbol, units in self.extra.items():
            positions[symbol] = positions.get(symbol, ZERO) + units
        working = {name: units for name, units in account.working.items() if name not in self.hidden}
        return Account(working, {symbol: units for symbol, units in positions.items() if units})


class Floor:
    """A desk under an active lease, after bar 0 of SPX."""

    def __init__(self, config: ExecutionConfig | None = None) -> None:
        config = config or plain_config()
        self.broker = MeddledBroker(config.paper)
        self.desk = Desk(self.broker, config)
        self.desk.lease = LeaseState.ACTIVE
        self.number = 0
        self.desk.on_bar(make_bar(0))

    def bar(self, price: str = "100", **changes: str) -> list[Filed]:
        """Show the next bar."""
        self.number += 1
        return self.desk.on_bar(make_bar(self.number, price, **changes))

    def show(self, update: MarketUpdate) -> list[Filed]:
        """Show a bar made elsewhere."""
        self.number = update.bar
        return self.desk.on_bar(update)

    def accept(self, order_id: str = "o1", quantity: str = "100", side: Side = Side.BUY) -> list[Filed]:
        """Approve an order on the last bar."""
        order = make_order(order_id, quantity, side=side, bar=self.number)
        return self.desk.accept(make_approval(order), HEADER)


def fill(
    name: str,
    quantity: str,
    *,
    price: str = "100",
    status: OrderStatus = OrderStatus.PARTIAL,
    fill_id: str = "f1",
    side: Side | None = Side.BUY,
) -> BrokerEvent:
    """A fill as a broker tells it."""
    return BrokerEvent(
        name, status, Decimal(quantity), Decimal(price), ZERO, ZERO, fill_id=fill_id, symbol="SPX", side=side
    )


def of(kind: type[M], filed: list[Filed]) -> list[M]:
    """The messages of one kind."""
    return [message for message, _ in filed if isinstance(message, kind)]


def statuses(filed: list[Filed]) -> list[tuple[str, str]]:
    """Order id and status of each report."""
    return [(report.order.order_id, report.status.value) for report in of(ExecutionReport, filed)]


def alerts(filed: list[Filed]) -> list[tuple[float, str]]:
    """Severity and words of each alert."""
    return [(alert.severity, alert.reason) for alert in of(RiskAlert, filed)]
