"""What an order cost, as execution tells it."""

from decimal import Decimal

from bus.messages import ExecutionCost, Order, OrderStatus


def cost_of(of: Order, total: int | str | Decimal = 0) -> ExecutionCost:
    """Return the cost of an order filled at once at its reference price, all of it fees."""
    total = Decimal(total)
    return ExecutionCost(
        order=of, status=OrderStatus.FILLED, schedule="pov", children=1, bar=of.bar, filled=of.quantity,
        average_price=of.reference_price, decision_price=of.reference_price, arrival_price=of.reference_price,
        end_price=of.reference_price, delay=Decimal(0), trading=min(total, Decimal(0)), opportunity=Decimal(0),
        fees=max(total, Decimal(0)), total=total, arrival_bps=None, twap_bps=None, vwap_bps=None, impact=0.0,
        coefficient=1.0,
    )  # fmt: skip
