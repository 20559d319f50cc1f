"""Costs of ended orders: counted in the order in which the orders ended, whatever arrives first."""

from decimal import Decimal
from itertools import permutations

from bus.messages import ExecutionCost, PortfolioUpdate
from bus.plain import pack, unpack
from compliance.costs import Costs
from tests.compliance.costs import cost_of
from tests.gates.driver import book_of, order

A, B = (order(quantity=10, order_id=name) for name in ("a", "b"))
BOOKS = [book_of(1, "AAA", 0, working=[A, B]), book_of(2, "AAA", 1, working=[B]), book_of(3, "AAA", 2)]


def fed(*messages: PortfolioUpdate | ExecutionCost, orders: int = 2) -> Costs:
    costs = Costs(orders)
    for message in messages:
        if isinstance(message, PortfolioUpdate):
            costs.take_book(message)
        else:
            costs.take(message)
    return costs


def test_the_mean_is_of_what_the_orders_were_worth() -> None:
    costs = fed(*BOOKS, cost_of(A, 3), cost_of(B, 5))
    assert (costs.mean, costs.count, costs.awaited) == (Decimal(8) / 2_000, 2, 0)


def test_a_cost_is_awaited_from_the_book_in_which_its_order_is_gone() -> None:
    assert [fed(*BOOKS[:count]).awaited for count in (1, 2, 3)] == [0, 1, 2]
    assert fed(*BOOKS, cost_of(B)).awaited == 2
    assert fed(*BOOKS, cost_of(A)).awaited == 1


def test_when_each_arrives_changes_nothing() -> None:
    """Books come in their order; the costs at any time."""
    found = set()
    told: list[PortfolioUpdate | ExecutionCost] = [*BOOKS, cost_of(A, 3), cost_of(B, 5)]
    for way in permutations(told):
        if [each for each in way if isinstance(each, PortfolioUpdate)] == BOOKS:
            found.add(repr(fed(*way).snapshot()))
    assert len(found) == 1


def test_only_the_last_orders_count_and_those_never_at_work_do_not() -> None:
    never = order(quantity=10, order_id="never")
    costs = fed(BOOKS[0], cost_of(never, 900), *BOOKS[1:], cost_of(A, 3), cost_of(B, 5), orders=1)
    assert costs.mean == Decimal(5) / 1_000


def test_what_is_lost_is_awaited_no_more() -> None:
    costs = fed(*BOOKS)
    costs.give_up()
    assert (costs.awaited, costs.mean) == (0, None)


def test_restored_costs_go_on_alike() -> None:
    costs = fed(*BOOKS, cost_of(B, 5))
    other = Costs(2)
    other.restore(unpack(pack(costs.snapshot())))
    for each in (costs, other):
        each.take(cost_of(A, 3))
    assert other.snapshot() == costs.snapshot()
    assert other.mean == costs.mean == Decimal(8) / 2_000
