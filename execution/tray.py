"""What the desk has to tell, in the order in which it happened, each under the conversation it belongs to."""

from decimal import Decimal
from typing import Final, NamedTuple

from bus.message import Header, Message
from bus.messages import ExecutionReport, OrderStatus, RiskAlert, Verdict
from execution.money import ZERO
from execution.parent import Parent

SOURCE: Final = "execution"
ODD: Final = 0.5
"""Severity of what was reconciled or refused and is to be looked at; PADS does not act on it."""
GRAVE: Final = 1.0
"""Severity of what stops new orders."""


class Filed(NamedTuple):
    """A message and the header of the conversation it belongs to, None for that of the input being handled."""

    message: Message
    header: Header | None


class Fill(NamedTuple):
    """One fill as it is reported."""

    quantity: Decimal = ZERO
    price: Decimal = ZERO
    fee: Decimal = ZERO
    slippage: Decimal = ZERO


NO_FILL: Final = Fill()


class Tray:
    """Collects messages until they are taken."""

    def __init__(self) -> None:
        self._filed: list[Filed] = []

    def report(
        self,
        parent: Parent,
        bar: int,
        *,
        client_order_id: str = "",
        fill: Fill = NO_FILL,
        verdicts: tuple[Verdict, ...] = (),
        reason: str = "",
    ) -> None:
        """Tell where an order stands after what just happened to it."""
        report = ExecutionReport(
            order=parent.order,
            client_order_id=client_order_id or parent.client_order_id,
            report=parent.reports,
            status=parent.status or OrderStatus.REFUSED,
            bar=bar,
            last_quantity=fill.quantity,
            last_price=fill.price,
            fee=fill.fee,
            slippage=fill.slippage,
            filled=parent.filled,
            verdicts=verdicts,
            reason=reason,
        )
        self._filed.append(Filed(report, parent.header))

    def alert(self, symbol: str, severity: float, reason: str) -> None:
        """Tell a risk officer."""
        self.put(RiskAlert(symbol=symbol or "*", severity=severity, source=SOURCE, reason=reason))

    def put(self, message: Message, header: Header | None = None) -> None:
        """Add a message."""
        self._filed.append(Filed(message, header))

    def take(self) -> list[Filed]:
        """Return everything since the last call and forget it."""
        filed, self._filed = self._filed, []
        return filed
