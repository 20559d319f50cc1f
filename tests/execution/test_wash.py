"""The firm never trades with itself: an order goes only when nothing on the other side can fill any more."""

from decimal import Decimal

import pytest

from bus.messages import ExecutionReport, OrderStatus, Side
from tests.execution.driver import Bench, make_bar, make_order, only, plain_config, the_portfolio


def entered(side: Side, **changes: object) -> tuple[Bench, Side]:
    """A bench with an entry half filled and still at work, and the side of the exit."""
    bench = Bench(plain_config(expire_bars=8, **changes))
    bench.give(make_bar(0))
    bench.lease(seconds=1_000)
    bench.approve(make_order("entry", "1800", side=side))
    said = bench.give(make_bar(1))
    assert [abs(each.quantity) for each in the_portfolio(said).positions] == [1_000]
    assert [each.remaining for each in the_portfolio(said).working] == [800]
    return bench, Side.SELL if side is Side.BUY else Side.BUY


@pytest.mark.parametrize("side", list(Side))
def test_an_exit_withdraws_the_entry_and_goes_when_it_is_gone(side: Side) -> None:
    bench, other = entered(side)
    bench.approve(make_order("exit", "1000", side=other, bar=1))
    reports: list[ExecutionReport] = []
    for number in range(2, 6):
        reports += only(ExecutionReport, bench.give(make_bar(number)))
    ended = {each.order.order_id: each for each in reports}
    assert (ended["entry"].status, ended["entry"].filled) == (OrderStatus.CANCELLED, Decimal(1_000))
    assert ended["entry"].reason == "withdrawn for order exit on the other side"
    assert (ended["exit"].status, ended["exit"].filled) == (OrderStatus.FILLED, Decimal(1_000))
    assert reports[0].order.order_id == "entry"
    assert the_portfolio([each.message for each in bench.outputs][-1:]).positions == ()


@pytest.mark.parametrize("side", list(Side))
def test_no_bar_fills_both_sides_even_when_the_cancel_comes_too_late(side: Side) -> None:
    """The venue fills the entry once more before it lets go of it."""
    bench, other = entered(side, cancel_race=1.0)
    bench.approve(make_order("exit", "1000", side=other, bar=1))
    for number in range(2, 12):
        said = only(ExecutionReport, bench.give(make_bar(number)))
        filled = {each.order.side for each in said if each.last_quantity}
        assert len(filled) <= 1
    ends = {
        each.message.order.order_id: each.message.status
        for each in bench.outputs
        if isinstance(each.message, ExecutionReport)
    }
    assert ends["exit"] in (OrderStatus.FILLED, OrderStatus.EXPIRED)
    held = the_portfolio([each.message for each in bench.outputs][-1:]).positions
    assert sum((each.quantity for each in held), Decimal(0)) * (1 if side is Side.BUY else -1) >= 0
