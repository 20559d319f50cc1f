"""What the rest of the firm says about a bar, as the market hears it."""

from decimal import Decimal

from bus.messages import (
    Action,
    DecisionMade,
    ExecutionReport,
    MarketUpdate,
    Order,
    OrderRejected,
    OrderStatus,
    Phase,
    Side,
)

ONE = Decimal(1)
NONE = Decimal(0)


def update(symbol: str = "SPX", bar: int = 7) -> MarketUpdate:
    return MarketUpdate(symbol=symbol, bar=bar, opened_ns=0, open=ONE, high=ONE, low=ONE, close=ONE, volume=ONE)


def decision(decision_id: str, order_id: str | None = None) -> DecisionMade:
    symbol, _, bar = decision_id.rpartition("-")
    return DecisionMade(
        decision_id=decision_id,
        symbol=symbol,
        bar=int(bar),
        horizon=5,
        band=0.01,
        prior=(0.3, 0.4, 0.3),
        price=(0.3, 0.4, 0.3),
        liquidity=100.0,
        members=(),
        is_quorate=True,
        action=Action.HOLD,
        choice_reason="",
        conviction=0.5,
        expected_return=0.0,
        target=NONE,
        position=NONE,
        phase=Phase.GROWTH,
        appetite=0.7,
        order_id=order_id,
    )


def order(decision_id: str, order_id: str = "o1") -> Order:
    symbol, _, bar = decision_id.rpartition("-")
    return Order(
        order_id=order_id,
        decision_id=decision_id,
        symbol=symbol,
        side=Side.BUY,
        quantity=ONE,
        reference_price=ONE,
        bar=int(bar),
    )


def rejection(decision_id: str, order_id: str = "o1") -> OrderRejected:
    return OrderRejected(order=order(decision_id, order_id), rejected_by="risk", reason="", verdicts=())


def execution(
    decision_id: str, order_id: str = "o1", status: OrderStatus = OrderStatus.ACCEPTED, report: int = 1
) -> ExecutionReport:
    return ExecutionReport(
        order=order(decision_id, order_id),
        client_order_id=order_id,
        report=report,
        status=status,
        bar=0,
        last_quantity=NONE,
        last_price=NONE,
        fee=NONE,
        slippage=NONE,
        filled=NONE,
        verdicts=(),
        reason="",
    )
