"""What every broker must do; a new broker joins by one line in BROKERS."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from bus.errors import Invalid
from bus.messages import MarketUpdate, OrderStatus, Side
from bus.plain import pack, unpack
from execution.broker import Broker, BrokerEvent
from execution.money import ZERO
from execution.order_state import advance, is_end
from execution.paper import PaperBroker
from tests.execution.driver import dec, make_bar, make_order, plain_config

BROKERS: dict[str, Callable[[], Broker]] = {"paper": lambda: PaperBroker(plain_config())}


@pytest.fixture(params=sorted(BROKERS))
def make_broker(request: pytest.FixtureRequest) -> Callable[[], Broker]:
    return BROKERS[request.param]


@pytest.fixture
def broker(make_broker: Callable[[], Broker]) -> Broker:
    """A broker that has seen bar 0 of SPX."""
    broker = make_broker()
    assert broker.on_bar(make_bar(0)) == []
    return broker


def test_an_order_is_accepted_and_works(broker: Broker) -> None:
    order = make_order(quantity="10")
    assert broker.submit("c1", order).status is OrderStatus.ACCEPTED
    (working,) = broker.working()
    assert (working.order, working.remaining) == (order, dec(10))
    assert broker.positions() == {}


def test_nothing_fills_before_the_next_bar(broker: Broker) -> None:
    broker.submit("c1", make_order(quantity="10"))
    (event,) = broker.on_bar(make_bar(1))
    assert (event.client_order_id, event.status, event.quantity) == ("c1", OrderStatus.FILLED, dec(10))
    assert broker.positions() == {"SPX": dec(10)}
    assert broker.working() == ()


def test_an_order_never_fills_at_its_own_bar_or_before(broker: Broker) -> None:
    broker.submit("c1", make_order(quantity="10", bar=2))
    assert broker.on_bar(make_bar(1)) == []
    assert broker.on_bar(make_bar(2)) == []
    assert [event.status for event in broker.on_bar(make_bar(3))] == [OrderStatus.FILLED]


def test_a_bar_of_another_symbol_fills_nothing(broker: Broker) -> None:
    broker.on_bar(make_bar(0, symbol="IBM"))
    broker.submit("c1", make_order())
    assert broker.on_bar(make_bar(1, symbol="IBM")) == []
    assert len(broker.working()) == 1


def test_a_symbol_without_a_price_is_refused(broker: Broker) -> None:
    event = broker.submit("c1", make_order(symbol="IBM"))
    assert event.status is OrderStatus.REFUSED
    assert "no bar of IBM" in event.reason
    assert broker.working() == ()


def test_a_second_submit_changes_nothing(broker: Broker) -> None:
    first = broker.submit("c1", make_order(quantity="10"))
    assert broker.submit("c1", make_order(quantity="10")) == first
    assert len(broker.working()) == 1
    broker.on_bar(make_bar(1))
    assert broker.submit("c1", make_order(quantity="10")) == first
    assert broker.working() == ()
    broker.on_bar(make_bar(2))
    assert broker.positions() == {"SPX": dec(10)}


def test_a_refused_submit_stays_refused(broker: Broker) -> None:
    first = broker.submit("c1", make_order(symbol="IBM"))
    broker.on_bar(make_bar(0, symbol="IBM"))
    assert broker.submit("c1", make_order(symbol="IBM")) == first


def test_a_cancelled_order_fills_no_more(broker: Broker) -> None:
    broker.submit("c1", make_order(quantity="1500"))
    assert [event.status for event in broker.on_bar(make_bar(1))] == [OrderStatus.PARTIAL]
    event = broker.cancel("c1")
    assert event is not None
    assert (event.client_order_id, event.status, event.quantity) == ("c1", OrderStatus.CANCELLED, ZERO)
    assert broker.cancel("c1") is None
    assert broker.on_bar(make_bar(2)) == []
    assert broker.positions() == {"SPX": dec(1000)}


def test_what_is_not_working_cannot_be_cancelled(broker: Broker) -> None:
    assert broker.cancel("unknown") is None
    broker.submit("c1", make_order(quantity="10"))
    broker.on_bar(make_bar(1))
    assert broker.cancel("c1") is None


def test_a_bar_is_taken_once(broker: Broker) -> None:
    broker.submit("c1", make_order(quantity="10"))
    before = pack(broker.snapshot())
    with pytest.raises(Invalid, match="already seen"):
        broker.on_bar(make_bar(0))
    assert pack(broker.snapshot()) == before


def test_no_volume_no_fill(broker: Broker) -> None:
    broker.submit("c1", make_order(quantity="10"))
    assert broker.on_bar(make_bar(1, volume="0")) == []
    assert [event.status for event in broker.on_bar(make_bar(2))] == [OrderStatus.FILLED]


def test_a_large_order_fills_in_parts_and_in_full(broker: Broker) -> None:
    broker.submit("c1", make_order(quantity="2500"))
    events = [event for bar in range(1, 5) for event in broker.on_bar(make_bar(bar))]
    assert [(event.status.value, event.quantity) for event in events] == [
        ("partial", dec(1000)),
        ("partial", dec(1000)),
        ("filled", dec(500)),
    ]


@pytest.mark.parametrize("side", Side)
def test_a_fill_is_never_better_than_the_open(broker: Broker, side: Side) -> None:
    broker.submit("c1", make_order(side=side))
    (event,) = broker.on_bar(make_bar(1, "101", high="103", low="99"))
    assert event.slippage > 0
    assert (event.price > 101) == (side is Side.BUY)
    assert event.fee > 0


def test_both_sides_leave_the_position_they_add_up_to(broker: Broker) -> None:
    broker.submit("c1", make_order(quantity="10"))
    broker.submit("c2", make_order("o2", "25", side=Side.SELL))
    broker.on_bar(make_bar(1))
    assert broker.positions() == {"SPX": dec(-15)}
    broker.submit("c3", make_order("o3", "15"))
    broker.on_bar(make_bar(2))
    assert broker.positions() == {}


def busy_market() -> list[MarketUpdate]:
    bars = []
    for number in range(1, 40):
        opened = 100 + (number * 7) % 13
        volume = "0" if number % 6 == 0 else str(2000 + 100 * number)
        bars.append(make_bar(number, str(opened), close=str(opened + 1), volume=volume))
    return bars


def trade(broker: Broker, bars: list[MarketUpdate]) -> list[BrokerEvent]:
    """Send an order a bar, cancel one in five, and return all that happened."""
    events = []
    for bar in bars:
        events += broker.on_bar(bar)
        side = Side.BUY if bar.bar % 3 else Side.SELL
        order = make_order(f"o{bar.bar}", str(50 * bar.bar), side=side, bar=bar.bar)
        events.append(broker.submit(f"c{bar.bar}", order))
        if bar.bar % 5 == 0 and (cancelled := broker.cancel(f"c{bar.bar - 1}")) is not None:
            events.append(cancelled)
    return events


def test_every_order_lives_a_legal_life_and_every_unit_is_accounted_for(broker: Broker) -> None:
    states: dict[str, OrderStatus] = {}
    filled: dict[str, Decimal] = {}
    for event in trade(broker, busy_market()):
        name = event.client_order_id
        states[name] = advance(states.get(name), event.status)
        filled[name] = filled.get(name, ZERO) + event.quantity
        assert (event.quantity > 0) == (event.price > 0) == (event.status.value in ("partial", "filled"))
    assert {"filled", "cancelled", "expired"} <= {status.value for status in states.values()}
    working = {w.order.order_id: w for w in broker.working()}
    total = ZERO
    for name, quantity in filled.items():
        number = int(name[1:])
        total += quantity if number % 3 else -quantity
        assert quantity <= 50 * number
        assert (quantity == 50 * number) == (states[name] is OrderStatus.FILLED)
        assert is_end(states[name]) == (f"o{number}" not in working)
        if f"o{number}" in working:
            assert working[f"o{number}"].remaining == 50 * number - quantity
    assert broker.positions().get("SPX", ZERO) == total


def test_a_restored_broker_goes_on_the_same(make_broker: Callable[[], Broker], broker: Broker) -> None:
    bars = busy_market()
    trade(broker, bars[:20])
    copy = make_broker()
    copy.restore(unpack(pack(broker.snapshot())))
    assert copy.working() == broker.working()
    assert trade(copy, bars[20:]) == trade(broker, bars[20:])
    assert pack(copy.snapshot()) == pack(broker.snapshot())
