"""Bars, orders and a bench that drives execution through the one way an agent is driven."""

from decimal import Decimal
from typing import TypeVar

from bus.message import Envelope, Header, Message
from bus.messages import (
    ExecutionReport,
    LeaseState,
    MarketUpdate,
    Order,
    OrderApproved,
    PortfolioUpdate,
    RiskLease,
    Side,
    SystemCommand,
    Verdict,
)
from bus.stepper import Stepper
from execution.agent import Execution
from execution.broker import Broker
from execution.config import ExecutionConfig
from execution.paper_config import PaperConfig
from tests.keys import VERIFIER, approvals, ordered

SECOND_NS = 1_000_000_000
OURS = {"expire_bars"}
PLAIN_VENUE: dict[str, object] = {
    "half_spread_bps": "10",
    "fee_bps": "5",
    "minimum_fee": "1",
    "borrow_bps": "0",
    "max_volume_share": "0.1",
    "expire_bars": 10,
    "cancel_race": 0.0,
}
"""Half spread 10 bps, fee 5 bps and at least 1; a tenth of the volume; cancels come before the next bar's fills."""
M = TypeVar("M", bound=Message)


def dec(text: str | int) -> Decimal:
    """A Decimal of a short text."""
    return Decimal(text)


def make_bar(
    number: int,
    price: str = "100",
    *,
    close: str | None = None,
    high: str | None = None,
    low: str | None = None,
    volume: str = "10000",
    symbol: str = "SPX",
) -> MarketUpdate:
    """A bar that opens at ``price`` and does not move unless told."""
    prices = [Decimal(price), Decimal(close or price)]
    return MarketUpdate(
        symbol=symbol,
        bar=number,
        opened_ns=number * 60 * SECOND_NS,
        open=prices[0],
        high=Decimal(high) if high else max(prices),
        low=Decimal(low) if low else min(prices),
        close=prices[1],
        volume=Decimal(volume),
    )


def make_order(
    order_id: str = "o1", quantity: str = "100", *, side: Side = Side.BUY, bar: int = 0, symbol: str = "SPX"
) -> Order:
    """An order decided at ``bar``."""
    return Order(
        order_id=order_id,
        decision_id=f"{symbol}-{bar}",
        symbol=symbol,
        side=side,
        quantity=Decimal(quantity),
        reference_price=Decimal(100),
        bar=bar,
    )


def make_verdict() -> Verdict:
    """A rule that lets an order pass."""
    return Verdict(gate="risk", rule="POS", passes=True, value=0.05, limit=0.1, unit="fraction", detail="")


def make_approval(order: Order, valid_until_ns: int = 10**15) -> OrderApproved:
    """An approval of an order by both gates."""
    return OrderApproved(order=order, verdicts=(make_verdict(),), approvals=approvals(order, valid_until_ns))


def plain_config(**changes: object) -> ExecutionConfig:
    """Orders at once, for three bars, at costs in round numbers; a change may be one of the paper venue's."""
    venue = {name: changes.pop(name) for name in list(changes) if name in PaperConfig.model_fields.keys() - OURS}
    values: dict[str, object] = {"schedule": "immediate", "expire_bars": 3, "paper": PLAIN_VENUE | venue}
    return ExecutionConfig.model_validate(values | changes)


class Bench:
    """Execution under a stepper, with a clock that a test moves."""

    def __init__(self, config: ExecutionConfig | None = None, broker: Broker | None = None) -> None:
        self.agent = Execution(config or plain_config(), VERIFIER, broker)
        self.stepper = Stepper(self.agent)
        self.now_ns = SECOND_NS
        self.outputs: list[Envelope] = []
        self.last_bar: MarketUpdate | None = None
        self._sent = 0

    def give(self, message: Message, *, sender: str = "test", ttl_ms: int = 0) -> list[Message]:
        """Hand over one message now; return what came out."""
        self._sent += 1
        self.last_bar = message if isinstance(message, MarketUpdate) else self.last_bar
        message_id = f"{sender}:{self._sent}"
        header = Header(
            message_id, message_id, "", message.KIND, sender, "execution", 0, self.now_ns, ttl_ms, int(message.PRIORITY)
        )
        outputs = self.stepper.step(Envelope(header, message), self.now_ns)
        self.outputs.extend(outputs)
        return [envelope.message for envelope in outputs]

    def command(self, command: SystemCommand) -> list[Message]:
        """Hand over an operator's command, signed now."""
        return self.give(ordered(command, "execution", self.now_ns, f"n{self._sent}"))

    def lease(self, state: LeaseState = LeaseState.ACTIVE, *, seconds: float = 2.0) -> list[Message]:
        """Let risk speak."""
        expires_ns = self.now_ns + round(seconds * SECOND_NS)
        return self.give(RiskLease(state=state, expires_ns=expires_ns, reason="test"), sender="risk")

    def approve(self, order: Order, *, valid_s: float = 5.0, ttl_ms: int = 0) -> list[Message]:
        """Approve an order."""
        approval = make_approval(order, self.now_ns + round(valid_s * SECOND_NS))
        return self.give(approval, sender="risk", ttl_ms=ttl_ms)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += round(seconds * SECOND_NS)


def only(kind: type[M], messages: list[Message]) -> list[M]:
    """The messages of one kind."""
    return [message for message in messages if isinstance(message, kind)]


def the_report(messages: list[Message]) -> ExecutionReport:
    """The one report among the messages."""
    (report,) = only(ExecutionReport, messages)
    return report


def the_portfolio(messages: list[Message]) -> PortfolioUpdate:
    """The one portfolio among the messages, which must be the last of them."""
    (portfolio,) = only(PortfolioUpdate, messages)
    assert messages[-1] is portfolio
    return portfolio
