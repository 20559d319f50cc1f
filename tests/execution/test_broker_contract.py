"""What every broker must do; a new broker joins by one line in BROKERS."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import Invalid
from bus.messages import CorporateAction, MarketUpdate, OrderStatus, Side
from bus.plain import pack, unpack
from execution.broker import Account, Broker, BrokerEvent, ChildOrder
from execution.faulty import FaultyBroker
from execution.money import ZERO, after_split
from execution.order_state import is_end
from execution.paper import PaperBroker
from tests.execution.venue import bar, child, dec, paper_config, quote, sent, shown, statuses

MakeBroker = Callable[[], Broker]
ACCEPTED, PARTIAL, FILLED = OrderStatus.ACCEPTED, OrderStatus.PARTIAL, OrderStatus.FILLED
ENDS: Final = (FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REFUSED)

BROKERS: dict[str, MakeBroker] = {
    "paper": lambda: PaperBroker(paper_config()),
    "paper with all its chance": lambda: PaperBroker(
        paper_config(cancel_race=0.5, latency_ms=20, borrow_bps="50", minimum_fee="0")
    ),
    "paper behind a line without faults": lambda: FaultyBroker(PaperBroker(paper_config()), {}),
}


@pytest.fixture(params=sorted(BROKERS))
def make_broker(request: pytest.FixtureRequest) -> MakeBroker:
    return BROKERS[request.param]


@pytest.fixture
def broker(make_broker: MakeBroker) -> Broker:
    """A broker that has seen bar 0 of SPX."""
    broker = make_broker()
    broker.on_bar(bar(0))
    assert broker.events() == []
    return broker


def filled(events: list[BrokerEvent]) -> Decimal:
    return sum((event.quantity for event in events), ZERO)


def known(broker: Broker) -> Account:
    account = broker.account()
    assert account is not None
    return account


def cut(make_broker: MakeBroker, broker: Broker) -> Broker:
    """The same venue seen by a process that ended and began again."""
    again = make_broker()
    again.restore(unpack(pack(broker.snapshot())))
    return again


def test_an_order_is_accepted_and_rests(broker: Broker) -> None:
    assert sent(broker, child("c1", "10")) == [BrokerEvent("c1", ACCEPTED, symbol="SPX", side=Side.BUY)]
    assert known(broker) == ({"c1": dec(10)}, {})


def test_what_happened_is_told_once(broker: Broker) -> None:
    broker.submit(child("c1", "10"))
    assert len(broker.events()) == 1
    assert broker.events() == []
    broker.on_bar(bar(1))
    assert len(broker.events()) == 1
    assert broker.events() == []


def test_nothing_fills_before_the_next_bar(broker: Broker) -> None:
    broker.submit(child("c1", "10"))
    assert statuses(broker.events()) == ["accepted"]
    (event,) = shown(broker, bar(1))
    assert event[:3] == ("c1", FILLED, dec(10))
    assert (event.symbol, event.side) == ("SPX", Side.BUY)
    assert known(broker) == ({}, {"SPX": dec(10)})


def test_an_order_never_fills_at_its_own_bar_or_before(broker: Broker) -> None:
    sent(broker, child("c1", "10", sent=2))
    assert shown(broker, bar(1)) == []
    assert shown(broker, bar(2)) == []
    assert statuses(shown(broker, bar(3))) == ["filled"]


def test_a_bar_of_another_symbol_fills_nothing(broker: Broker) -> None:
    broker.on_bar(bar(0, symbol="IBM"))
    sent(broker, child("c1"))
    assert shown(broker, bar(1, symbol="IBM")) == []
    assert list(known(broker).working) == ["c1"]


def test_a_symbol_that_was_never_seen_is_refused_for_good(broker: Broker) -> None:
    (event,) = sent(broker, child("c1", symbol="IBM"))
    assert event.status is OrderStatus.REFUSED
    assert "no bar of IBM" in event.reason
    broker.on_bar(bar(0, symbol="IBM"))
    assert sent(broker, child("c1", symbol="IBM")) == []
    assert known(broker) == ({}, {})


@pytest.mark.parametrize("quantity", ["10", "2000"])
def test_an_id_trades_once_whatever_it_says_the_second_time(broker: Broker, quantity: str) -> None:
    order = child("c1", quantity)
    told = sent(broker, order)
    for number in range(1, 9):
        told += sent(broker, order)
        told += sent(broker, child("c1", "700", side=Side.SELL, sent=number - 1))
        told += shown(broker, bar(number))
    assert statuses(told).count("accepted") == 1
    assert sum(is_end(event.status) for event in told) == 1
    assert filled(told) == dec(quantity)
    assert known(broker) == ({}, {"SPX": dec(quantity)})


def test_a_large_order_fills_in_parts_and_in_full(broker: Broker) -> None:
    sent(broker, child("c1", "2500"))
    told = [event for number in range(1, 5) for event in shown(broker, bar(number))]
    assert statuses(told) == ["partial", "partial", "filled"]
    assert filled(told) == dec(2500)
    assert len({event.fill_id for event in told}) == 3


def test_a_cancelled_order_ends_once_and_fills_no_more(broker: Broker) -> None:
    sent(broker, child("c1", "1500"))
    broker.cancel("c1")
    broker.cancel("c1")
    told = [event for number in range(1, 6) for event in shown(broker, bar(number))]
    broker.cancel("c1")
    assert [status for status in statuses(told) if status != "partial"] == ["cancelled"]
    held = filled(told)
    assert known(broker) == ({}, {"SPX": held} if held else {})


def test_until_a_cancel_is_told_the_order_may_fill_and_the_account_shows_it(broker: Broker) -> None:
    sent(broker, child("c1", "10"))
    broker.cancel("c1")
    working = known(broker).working
    told = broker.events() + shown(broker, bar(1))
    assert (statuses(told[-1:]), list(working)) in [(["filled"], ["c1"]), (["cancelled"], ["c1"]), (["cancelled"], [])]
    assert known(broker).working == {}


def test_what_does_not_rest_cannot_be_cancelled_or_changed(broker: Broker) -> None:
    broker.cancel("unknown")
    broker.amend("unknown", dec(5))
    sent(broker, child("c1", "10"))
    broker.on_bar(bar(1))
    broker.events()
    broker.cancel("c1")
    broker.amend("c1", dec(500))
    assert shown(broker, bar(2)) == []
    assert known(broker) == ({}, {"SPX": dec(10)})


def test_an_amended_order_fills_to_its_new_quantity_or_to_what_it_had_filled(broker: Broker) -> None:
    sent(broker, child("c1", "2500"))
    broker.amend("c1", dec(1800))
    told = [event for number in range(1, 6) for event in shown(broker, bar(number))]
    assert filled(told) == dec(1800)
    assert statuses(told) == ["partial", "filled"]
    sent(broker, child("c2", "2500", sent=5))
    told = shown(broker, bar(6))
    broker.amend("c2", dec(1))
    told += [event for number in range(7, 10) for event in shown(broker, bar(number))]
    assert dec(1000) <= filled(told) <= dec(2000)
    assert statuses(told)[-1] == "cancelled"


@pytest.mark.parametrize("quantity", ["0", "-3", "NaN", "Infinity"])
def test_an_order_cannot_be_amended_to_what_is_no_quantity(broker: Broker, quantity: str) -> None:
    sent(broker, child("c1"))
    with pytest.raises(Invalid, match="quantity"):
        broker.amend("c1", dec(quantity))
    assert filled(shown(broker, bar(1))) == dec(100)


def test_a_bar_is_taken_once(broker: Broker) -> None:
    sent(broker, child("c1"))
    before = pack(broker.snapshot())
    with pytest.raises(Invalid, match="already seen"):
        broker.on_bar(bar(0))
    assert pack(broker.snapshot()) == before


def test_no_volume_no_fill(broker: Broker) -> None:
    sent(broker, child("c1"))
    assert shown(broker, bar(1, volume="0")) == []
    assert statuses(shown(broker, bar(2))) == ["filled"]


@pytest.mark.parametrize("side", Side)
def test_a_fill_is_never_better_than_the_open(broker: Broker, side: Side) -> None:
    sent(broker, child("c1", side=side))
    (event,) = shown(broker, bar(1, "101", high="103", low="99"))
    assert event.slippage > 0
    assert (event.price > 101) == (side is Side.BUY)
    assert event.fee > 0


@pytest.mark.parametrize(("side", "limit"), [(Side.BUY, "99"), (Side.SELL, "101")])
def test_a_limit_out_of_reach_is_never_passed(broker: Broker, side: Side, limit: str) -> None:
    sent(broker, child("c1", side=side, limit=limit))
    told = [event for number in range(1, 6) for event in shown(broker, bar(number))]
    assert statuses(told) == ["expired"]
    assert known(broker) == ({}, {})


def test_both_sides_leave_the_position_they_add_up_to(broker: Broker) -> None:
    sent(broker, child("c1", "10"))
    sent(broker, child("c2", "25", side=Side.SELL))
    broker.on_bar(bar(1))
    assert known(broker).positions == {"SPX": dec(-15)}
    sent(broker, child("c3", "15", sent=1))
    broker.on_bar(bar(2))
    assert known(broker).positions == {}


def test_a_split_is_seen_before_anything_fills(broker: Broker) -> None:
    sent(broker, child("c1", "10"))
    broker.on_bar(bar(1))
    broker.events()
    sent(broker, child("c2", "10", sent=1))
    told = shown(broker, bar(2, "50", action=CorporateAction(split=dec(2))))
    assert statuses(told) == ["cancelled"]
    assert known(broker) == ({}, {"SPX": dec(20)})


def test_after_a_cut_the_account_is_what_was_told_and_an_order_sent_again_is_known(
    make_broker: MakeBroker, broker: Broker
) -> None:
    told = sent(broker, child("c1", "2500"))
    told += shown(broker, bar(1))
    broker.submit(child("c2", "10", sent=1))
    again = cut(make_broker, broker)
    assert known(again) == known(broker)
    again.submit(child("c1", "2500"))
    again.submit(child("c2", "10", sent=1))
    told += again.events()
    for number in range(2, 7):
        told += shown(again, bar(number))
    assert statuses(told).count("accepted") == 2
    assert filled(told) == dec(2510)
    assert known(again) == ({}, {"SPX": dec(2510)})


@dataclass
class Watched:
    """One order by what was asked of it and told of it."""

    order: ChildOrder
    most: Decimal
    filled: Decimal = ZERO
    status: OrderStatus | None = None


@dataclass
class Witness:
    """Keeps an account from what a broker tells, and checks every word against the contract."""

    orders: dict[str, Watched] = field(default_factory=dict)
    fills: set[str] = field(default_factory=set)
    held: Decimal = ZERO
    bar: int = 0

    def submit(self, order: ChildOrder) -> None:
        self.orders.setdefault(order.client_order_id, Watched(order, order.quantity))

    def amend(self, name: str, quantity: Decimal) -> None:
        if name in self.orders:
            self.orders[name].most = max(self.orders[name].most, quantity)

    def split(self, ratio: Decimal) -> None:
        self.held = after_split(self.held, ratio)

    def hear(self, event: BrokerEvent) -> None:
        watched = self.orders[event.client_order_id]
        order = watched.order
        assert (watched.status is None) == (event.status in (ACCEPTED, OrderStatus.REFUSED))
        assert watched.status not in ENDS
        assert (event.quantity > 0) == (event.price > 0) == (event.status in (PARTIAL, FILLED)) == bool(event.fill_id)
        assert event.fee >= 0
        assert (event.symbol, event.side) == (order.symbol, order.side)
        watched.status = event.status
        if event.quantity:
            self._fill(watched, event)

    def compare(self, account: Account) -> None:
        live = {name for name, watched in self.orders.items() if watched.status in (ACCEPTED, PARTIAL)}
        assert set(account.working) == live
        for name, remaining in account.working.items():
            assert 0 < remaining <= self.orders[name].most - self.orders[name].filled
        assert account.positions == ({"SPX": self.held} if self.held else {})

    def _fill(self, watched: Watched, event: BrokerEvent) -> None:
        order = watched.order
        assert event.fill_id not in self.fills
        self.fills.add(event.fill_id)
        assert self.bar > order.bar
        watched.filled += event.quantity
        assert watched.filled <= watched.most
        is_buy = order.side is Side.BUY
        if order.limit_price is not None:
            assert event.price <= order.limit_price if is_buy else event.price >= order.limit_price
        self.held += event.quantity if is_buy else -event.quantity


names = st.integers(0, 6).map(lambda number: f"bd-o{number // 3}-{number}")
sizes = st.integers(1, 4000).map(Decimal)
submits = st.tuples(
    st.just("submit"), names, st.sampled_from(Side), sizes, st.none() | st.integers(95, 105).map(Decimal)
)
cancels = st.tuples(st.just("cancel"), names)
amends = st.tuples(st.just("amend"), names, sizes)
bars = st.tuples(
    st.just("bar"),
    st.integers(1, 2),
    st.integers(90, 110),
    st.sampled_from([0, 500, 10_000]),
    st.none() | st.tuples(st.integers(95, 105), st.integers(95, 105), st.integers(0, 800)),
    st.sampled_from([1, 1, 1, 1, 1, 1, 2]),
)
cuts = st.tuples(st.just("cut"))
Step = tuple[object, ...]


def market(number: int, price: int, volume: int, offered: tuple[int, int, int] | None, split: int) -> MarketUpdate:
    """A bar with a quote and a split, where there is one."""
    at_open = None
    if offered is not None:
        bid, ask, size = map(str, offered)
        at_open = quote(bid, ask, size, size)
    action = None if split == 1 else CorporateAction(split=Decimal(split))
    high, low, close = str(price + 2), str(price - 2), str(price + 1)
    return bar(number, str(price), close=close, high=high, low=low, volume=str(volume), quote=at_open, action=action)


@pytest.mark.parametrize("name", sorted(BROKERS))
@settings(max_examples=50, deadline=None)
@given(steps=st.lists(st.one_of(submits, submits, cancels, amends, bars, bars, bars, cuts), max_size=40))
def test_every_word_of_a_broker_can_be_relied_on(name: str, steps: list[Step]) -> None:
    make_broker = BROKERS[name]
    broker, witness = make_broker(), Witness()
    broker.on_bar(bar(0))
    for step in steps:
        match step:
            case ("submit", str(order_id), Side() as side, Decimal() as size, limit):
                assert limit is None or isinstance(limit, Decimal)
                order = ChildOrder(order_id, "SPX", side, size, witness.bar, limit)
                broker.submit(order)
                witness.submit(order)
            case ("cancel", str(order_id)):
                broker.cancel(order_id)
            case ("amend", str(order_id), Decimal() as size):
                broker.amend(order_id, size)
                witness.amend(order_id, size)
            case ("bar", int(ahead), int(price), int(volume), offered, int(split)):
                witness.bar += ahead
                witness.split(Decimal(split))
                broker.on_bar(market(witness.bar, price, volume, offered, split))  # type: ignore[arg-type]
            case _:
                broker = cut(make_broker, broker)
        for event in broker.events():
            witness.hear(event)
        witness.compare(known(broker))
    assert all(watched.status is not None for watched in witness.orders.values())


@pytest.mark.parametrize("name", sorted(BROKERS))
@settings(max_examples=20, deadline=None)
@given(steps=st.lists(st.tuples(names, st.sampled_from(Side), sizes, st.integers(90, 110)), min_size=2, max_size=12))
def test_a_cut_at_any_step_changes_nothing(name: str, steps: list[tuple[str, Side, Decimal, int]]) -> None:
    make_broker = BROKERS[name]
    whole, parts = make_broker(), make_broker()
    for number, (order_id, side, size, price) in enumerate(steps):
        parts = cut(make_broker, parts)
        for broker in (whole, parts):
            broker.on_bar(bar(number, str(price), volume="3000"))
            broker.submit(child(order_id, str(size), side=side, sent=number))
            broker.cancel(steps[number - 1][0])
        parts = cut(make_broker, parts)
        assert (parts.events(), parts.charges()) == (whole.events(), whole.charges())
        assert pack(parts.snapshot()) == pack(whole.snapshot())
