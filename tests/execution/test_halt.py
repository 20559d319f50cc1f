"""The halt, by the broker's own word: never flat while an order rests or a position remains."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.messages import HaltStage, Side, Urgency
from execution.broker import ChildOrder
from execution.flattening import limit_price
from execution.halt import ASKS_BEFORE_ALERT, Halt
from tests.execution.halted import COLLAR, Keeper, Rest, Venue

NONE, CANCELLING, FLATTENING, FLAT = HaltStage
PRICES = {"AAA": "100", "BBB": "50"}


def resting(name: str, symbol: str, side: Side, units: str) -> dict[str, Rest]:
    child = ChildOrder(name, symbol, side, Decimal(units), 0)
    return {name: Rest(child, child.quantity)}


def held(**units: str) -> dict[str, Decimal]:
    return {symbol: Decimal(text) for symbol, text in units.items()}


def test_a_halt_cancels_flattens_and_says_flat_when_the_broker_does() -> None:
    venue = Venue(held(AAA="100", BBB="-40"), resting("bd-o1-1", "AAA", Side.BUY, "30"))
    keeper = Keeper(venue, PRICES)
    keeper.begin()
    assert [(o.order_id, o.symbol, o.side, o.quantity) for o in keeper.opened] == [
        ("AAA-0-x1", "AAA", Side.SELL, Decimal(100)),
        ("AAA-0-x2", "BBB", Side.BUY, Decimal(40)),
    ]
    assert {order.decision_id for order in keeper.opened} == {"AAA-0"}
    assert {order.urgency for order in keeper.opened} == {Urgency.URGENT}
    assert [(c.client_order_id, c.limit_price) for c in keeper.sent] == [
        ("bd-AAA-0-x1-1", Decimal(95)),
        ("bd-AAA-0-x2-1", Decimal("52.5")),
    ]
    assert keeper.stages == [CANCELLING, FLATTENING]
    venue.fill("bd-AAA-0-x1-1", Decimal(60))
    keeper.bar("AAA", "99")
    venue.fill("bd-AAA-0-x1-1", Decimal(40))
    venue.fill("bd-AAA-0-x2-1", Decimal(40))
    keeper.bar("AAA", "99")
    assert keeper.stages == [CANCELLING, FLATTENING, FLAT]
    assert keeper.statuses[-1].detail == "no order rests and nothing is held"
    assert (keeper.statuses[-1].working, keeper.statuses[-1].positions) == (0, ())
    assert [status.positions for status in keeper.statuses if status.stage is FLATTENING][1] == (
        ("AAA", Decimal(40)),
        ("BBB", Decimal(-40)),
    )
    assert len(keeper.sent) == 2
    assert not keeper.alerts


def test_a_flat_firm_is_flat_at_once() -> None:
    keeper = Keeper(Venue(), PRICES)
    keeper.begin()
    assert keeper.stages == [FLAT]
    assert not keeper.opened


def test_nothing_is_sent_before_the_last_cancel_is_in_the_account_and_then_what_is_held() -> None:
    venue = Venue(held(AAA="100"), resting("bd-o1-1", "AAA", Side.SELL, "70"), loses_cancels=True)
    keeper = Keeper(venue, PRICES)
    keeper.begin()
    for _ in range(ASKS_BEFORE_ALERT - 1):
        keeper.look()
        assert not keeper.alerts
        keeper.bar("AAA", "100")
    assert keeper.stages == [CANCELLING]
    assert [order.order_id for order in keeper.opened] == ["AAA-0-x1"]
    assert not keeper.sent
    assert keeper.alerts == [f"halt 1: bd-o1-1 was asked to be cancelled for {ASKS_BEFORE_ALERT} bars, and is not"]
    venue.fill("bd-o1-1", Decimal(25))
    venue.loses_cancels = False
    keeper.look()
    assert [(child.side, child.quantity) for child in keeper.sent] == [(Side.SELL, Decimal(75))]
    venue.fill("bd-AAA-0-x1-1", Decimal(75))
    keeper.look()
    assert keeper.stages == [CANCELLING, FLATTENING, FLAT]
    assert keeper.closed == ["AAA-0-x1"]


def test_an_order_that_fills_after_the_halt_can_turn_the_position_and_is_still_flattened() -> None:
    venue = Venue(held(AAA="10"), resting("bd-o1-1", "AAA", Side.SELL, "30"), loses_cancels=True)
    keeper = Keeper(venue, PRICES)
    keeper.begin()
    venue.fill("bd-o1-1", Decimal(30))
    keeper.look()
    assert keeper.closed == ["AAA-0-x1"]
    assert not keeper.sent
    keeper.bar("AAA", "101")
    assert [(child.client_order_id, child.side, child.quantity) for child in keeper.sent] == [
        ("bd-AAA-1-x1-1", Side.BUY, Decimal(20))
    ]
    venue.fill("bd-AAA-1-x1-1", Decimal(20))
    keeper.look()
    assert keeper.stages[-1] is FLAT


def test_a_silent_broker_is_never_flat_and_is_sent_nothing() -> None:
    venue = Venue(held(AAA="5"), is_silent=True)
    keeper = Keeper(venue, PRICES)
    keeper.begin()
    keeper.bar("AAA", "99")
    assert keeper.stages == [CANCELLING]
    assert not keeper.sent
    [alert] = keeper.alerts
    assert alert.startswith("halt 1: the broker gives no word of its account: what rests and what is held there")
    venue.is_silent = False
    keeper.look()
    assert len(keeper.sent) == 1


def test_flat_is_taken_back_when_the_broker_falls_silent_or_shows_a_late_fill() -> None:
    venue = Venue()
    keeper = Keeper(venue, PRICES)
    keeper.begin()
    venue.is_silent = True
    keeper.look()
    venue.is_silent = False
    keeper.look()
    assert keeper.stages == [FLAT, CANCELLING, FLAT]
    venue.positions["AAA"] = Decimal(7)
    keeper.bar("AAA", "99")
    assert keeper.stages == [FLAT, CANCELLING, FLAT, FLATTENING]
    assert keeper.alerts[1:] == [
        "halt 1: no longer flat: held: 7 AAA; AAA: the book says 0 units, the broker 7",
        "halt 1: AAA: the book says 0 units, the broker 7; compare their fills",
    ]


def test_an_order_left_behind_by_the_price_is_withdrawn_and_sent_anew_under_a_fresh_id() -> None:
    venue = Venue(held(AAA="100"))
    keeper = Keeper(venue, PRICES)
    keeper.begin()
    keeper.bar("AAA", "95")
    assert len(keeper.sent) == 1
    keeper.bar("AAA", "94.999999")
    assert [child.client_order_id for child in keeper.sent] == ["bd-AAA-0-x1-1", "bd-AAA-2-x1-1"]
    assert list(venue.rests) == ["bd-AAA-2-x1-1"]
    assert keeper.sent[1].limit_price == Decimal("90.24999905").quantize(Decimal("1e-6")) + Decimal("1e-6")
    assert keeper.closed == ["AAA-0-x1"]


def test_an_order_that_could_pass_zero_is_withdrawn_and_sent_anew_in_the_size_that_is_left() -> None:
    venue = Venue(held(AAA="100"))
    keeper = Keeper(venue, PRICES)
    keeper.begin()
    venue.positions["AAA"] = Decimal(40)
    keeper.booked["AAA"] = Decimal(40)
    keeper.look()
    assert not venue.rests
    assert not keeper.live
    keeper.bar("AAA", "100")
    assert [(rest.order.client_order_id, rest.remaining) for rest in venue.rests.values()] == [
        ("bd-AAA-1-x1-1", Decimal(40))
    ]


def test_an_order_the_broker_never_got_is_sent_again_under_its_own_id() -> None:
    venue = Venue(held(AAA="100"), loses_orders=True)
    keeper = Keeper(venue, PRICES)
    keeper.begin()
    venue.loses_orders = False
    keeper.look()
    assert list(venue.rests) == ["bd-AAA-0-x1-1"]
    assert set(keeper.sent) == {keeper.sent[0]}


def test_a_broker_that_refuses_is_asked_once_a_bar() -> None:
    venue = Venue(held(AAA="100"), refuses=True)
    keeper = Keeper(venue, PRICES)
    keeper.begin()
    for _ in range(5):
        keeper.look()
    assert [order.order_id for order in keeper.opened] == ["AAA-0-x1"]
    keeper.bar("AAA", "100")
    keeper.look()
    assert [order.order_id for order in keeper.opened] == ["AAA-0-x1", "AAA-1-x1"]


def test_a_position_we_do_not_know_is_flattened_unbooked_at_a_known_price_and_told_otherwise() -> None:
    venue = Venue()
    keeper = Keeper(venue, PRICES)
    venue.positions.update(held(BBB="12", ZZZ="3"))
    keeper.begin()
    assert not keeper.sent
    assert keeper.alerts == [
        "halt 1: no price of ZZZ is known: close it at the broker by hand",
        "halt 1: BBB: the book says 0 units, the broker 12; compare their fills",
        "halt 1: ZZZ: the book says 0 units, the broker 3; compare their fills",
    ]
    keeper.bar("BBB", "50")
    assert [(child.symbol, child.side, child.quantity) for child in keeper.sent] == [("BBB", Side.SELL, Decimal(12))]
    assert keeper.halt.is_foreign("BBB-1-x1")
    venue.fill("bd-BBB-1-x1-1", Decimal(12))
    keeper.bar("AAA", "100")
    assert keeper.booked.get("BBB", Decimal(0)) == 0
    assert keeper.stages == [FLATTENING]
    assert keeper.statuses[-1].positions == (("ZZZ", Decimal(3)),)
    venue.positions.clear()
    keeper.look()
    assert keeper.stages == [FLATTENING, FLAT]


def test_what_is_booked_is_closed_before_what_is_not() -> None:
    venue = Venue(held(AAA="100"))
    keeper = Keeper(venue, PRICES)
    keeper.begin()
    venue.positions["AAA"] += 50
    venue.fill("bd-AAA-0-x1-1", Decimal(100))
    keeper.bar("AAA", "100")
    assert (keeper.booked["AAA"], venue.positions["AAA"]) == (Decimal(0), Decimal(50))
    keeper.bar("AAA", "100")
    assert [(child.client_order_id, child.quantity) for child in keeper.sent] == [
        ("bd-AAA-0-x1-1", Decimal(100)),
        ("bd-AAA-2-x1-1", Decimal(50)),
    ]
    venue.fill("bd-AAA-2-x1-1", Decimal(50))
    keeper.look()
    assert keeper.stages[-1] is FLAT
    assert keeper.booked["AAA"] == 0


def test_a_book_that_holds_what_the_broker_does_not_is_not_flat() -> None:
    keeper = Keeper(Venue(), PRICES)
    keeper.booked["AAA"] = Decimal(9)
    keeper.begin()
    keeper.look()
    assert keeper.stages == [FLATTENING]
    assert keeper.alerts == ["halt 1: AAA: the book says 9 units, the broker 0; compare their fills"]
    assert not keeper.sent


def test_resuming_withdraws_what_still_flattens_and_says_so() -> None:
    venue = Venue(held(AAA="100"), loses_cancels=True)
    keeper = Keeper(venue, PRICES)
    keeper.begin()
    keeper.end()
    assert keeper.stages == [FLATTENING, NONE]
    assert not keeper.halt.is_on
    assert not keeper.halt.is_done
    venue.loses_cancels = False
    keeper.look()
    keeper.look()
    assert keeper.halt.is_done
    assert not venue.rests
    assert venue.positions == held(AAA="100")
    keeper.begin(2)
    assert [order.order_id for order in keeper.opened] == ["AAA-0-x1", "AAA-0-x2"]
    assert keeper.statuses[-1].halt == 2


def rested(venue: Venue) -> None:
    venue.rests.update(resting("bd-o1-1", "AAA", Side.BUY, "30"))
    venue.loses_cancels = True


def flattening(venue: Venue) -> None:
    venue.positions.update(held(AAA="100"))


def flat(venue: Venue) -> None:
    venue.positions.clear()


@pytest.mark.parametrize(("make", "stage"), [(rested, CANCELLING), (flattening, FLATTENING), (flat, FLAT)])
def test_a_restart_at_each_stage_goes_on_as_if_there_had_been_none(
    make: Callable[[Venue], None], stage: HaltStage
) -> None:
    def play(*, is_restarted: bool) -> Keeper:
        venue = Venue()
        make(venue)
        keeper = Keeper(venue, PRICES)
        keeper.begin()
        assert keeper.halt.stage is stage
        if is_restarted:
            keeper.restart()
        venue.loses_cancels = False
        keeper.look()
        keeper.bar("AAA", "90")
        for name in list(venue.rests):
            venue.fill(name, Decimal(100))
        keeper.bar("AAA", "90")
        keeper.bar("AAA", "90")
        assert keeper.halt.stage is FLAT
        return keeper

    once, again = play(is_restarted=False), play(is_restarted=True)
    assert again.statuses == once.statuses
    assert again.sent == once.sent
    assert again.halt.snapshot() == once.halt.snapshot()


def test_before_any_halt_nothing_is_asked_for() -> None:
    keeper = Keeper(Venue(held(AAA="100")), PRICES)
    keeper.look()
    assert keeper.halt.end(keeper.sight()) == Halt(COLLAR).look(keeper.sight())
    assert not keeper.opened
    assert not keeper.statuses


@pytest.mark.parametrize(
    ("side", "close", "limit"),
    [
        (Side.SELL, "100", "95"),
        (Side.BUY, "100", "105"),
        (Side.SELL, "0.000003", "0.000003"),
        (Side.BUY, "0.000003", "0.000003"),
        (Side.SELL, "33.333333", "31.666667"),
        (Side.BUY, "33.333333", "34.999999"),
    ],
)
def test_the_limit_lies_within_the_collar_to_the_tick(side: Side, close: str, limit: str) -> None:
    assert limit_price(side, Decimal(close), COLLAR) == Decimal(limit)


FAULTS = ("loses_cancels", "loses_orders", "refuses", "is_silent", "holds_word")
EVENTS = st.one_of(
    st.tuples(st.just("fault"), st.sampled_from(FAULTS)),
    st.tuples(st.just("fill"), st.integers(0, 5), st.integers(1, 80)),
    st.tuples(st.just("bar"), st.sampled_from(["AAA", "BBB"]), st.integers(80, 120)),
    st.tuples(st.just("look")),
    st.tuples(st.just("restart")),
    st.tuples(st.just("unknown"), st.sampled_from(["AAA", "BBB"]), st.integers(-50, 50)),
    st.tuples(st.just("resume")),
)


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(st.sampled_from(["AAA", "BBB"]), st.integers(-100, 100)),
    st.lists(st.tuples(st.sampled_from(["AAA", "BBB"]), st.booleans(), st.integers(1, 100)), max_size=4),
    st.lists(EVENTS, max_size=40),
)
def test_whatever_the_broker_does_flat_is_true_and_zero_is_never_passed(
    positions: dict[str, int], orders: list[tuple[str, bool, int]], events: list[tuple[object, ...]]
) -> None:
    venue = Venue({symbol: Decimal(units) for symbol, units in positions.items()})
    for number, (symbol, is_sale, units) in enumerate(orders):
        side = Side.SELL if is_sale else Side.BUY
        venue.rests |= resting(f"bd-o{number}-1", symbol, side, str(units))
    keeper = Keeper(venue, {"AAA": "100", "BBB": "100"})
    keeper.begin()
    for event in events:
        happen(keeper, event)
        check(keeper)
    for fault in FAULTS:
        setattr(venue, fault, False)
    if not keeper.halt.is_on:
        keeper.begin(2)
    for _ in range(5):
        for symbol in ("AAA", "BBB"):
            keeper.bar(symbol, "100")
            for name in [name for name in venue.rests if "-x" in name]:
                venue.fill(name, Decimal(1_000))
    assert (keeper.halt.stage is FLAT) == (venue.is_flat and not any(keeper.booked.values()))
    if "unknown" not in [event[0] for event in events]:
        assert keeper.halt.stage is FLAT


def happen(keeper: Keeper, event: tuple[object, ...]) -> None:
    """Let one thing happen to the venue, the market or the process."""
    venue = keeper.venue
    match event:
        case ("fault", str(fault)):
            setattr(venue, fault, not getattr(venue, fault))
        case ("fill", int(place), int(units)):
            names = list(venue.rests)
            if names:
                venue.fill(names[place % len(names)], Decimal(units))
        case ("bar", str(symbol), int(price)):
            keeper.bar(symbol, str(price))
        case ("look",):
            keeper.look()
        case ("restart",):
            keeper.restart()
        case ("unknown", str(symbol), int(units)):
            if not any("-x" in name for name in venue.rests):
                venue.positions[symbol] = venue.positions.get(symbol, Decimal(0)) + units
        case ("resume",):
            keeper.end()
            keeper.begin(keeper.halt.number + 1)


def check(keeper: Keeper) -> None:
    """Flattening orders never rest for more than is held, nor two for one symbol."""
    mine = [rest for name, rest in keeper.venue.rests.items() if "-x" in name]
    assert len({rest.order.symbol for rest in mine}) == len(mine)
    for rest in mine:
        position = keeper.venue.positions.get(rest.order.symbol, Decimal(0))
        against = position if rest.order.side is Side.SELL else -position
        if not keeper.venue.rests.keys() - {rest.order.client_order_id for rest in mine}:
            assert rest.remaining <= against
