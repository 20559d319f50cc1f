"""Between orders, book and broker nothing is lost, booked twice, or guessed."""

from decimal import Decimal

import pytest

from bus.errors import Fatal, Invalid
from bus.messages import (
    CorporateAction,
    ExecutionCost,
    ExecutionReport,
    LeaseState,
    OrderStatus,
    Side,
)
from bus.plain import pack, unpack
from execution.broker import BrokerEvent, Charge
from execution.desk import Desk
from execution.paper import PaperBroker
from execution.tray import Filed
from tests.execution.desks import HEADER, Floor, alerts, fill, of, statuses
from tests.execution.driver import dec, make_approval, make_bar, make_order, plain_config


@pytest.fixture
def floor() -> Floor:
    """A desk that has seen bar 0."""
    return Floor()


def held(floor: Floor) -> Decimal:
    return floor.desk.book.quantity("SPX")


def test_an_order_is_accepted_sent_once_and_filled(floor: Floor) -> None:
    assert statuses(floor.accept()) == [("o1", "accepted")]
    assert [child.client_order_id for child in floor.broker.submitted] == ["bd-o1-1"]
    filed = floor.bar()
    assert statuses(filed) == [("o1", "filled")]
    assert [header for _, header in filed] == [HEADER, HEADER]
    assert (held(floor), floor.desk.fills, floor.desk.working, floor.desk.live) == (dec(100), 1, (), [])


def test_client_order_ids_derive_from_the_order(floor: Floor) -> None:
    (report,) = of(ExecutionReport, floor.accept("SPX-12-1"))
    assert report.client_order_id == "bd-SPX-12-1-1"


def test_only_orders_of_the_same_symbol_and_side_count_as_working_with_an_order(floor: Floor) -> None:
    desk = floor.desk
    desk.on_bar(make_bar(0, symbol="IBM"))
    for name, quantity, side, symbol in [
        ("a", "1", Side.BUY, "SPX"),
        ("b", "20", Side.SELL, "SPX"),
        ("c", "300", Side.SELL, "IBM"),
        ("d", "4", Side.SELL, "SPX"),
    ]:
        desk.accept(make_approval(make_order(name, quantity, side=side, symbol=symbol)), HEADER)
    assert desk.standing(make_order("e", side=Side.SELL))[:3] == (0, dec(0), dec(24))
    assert desk.standing(make_order("e", side=Side.BUY))[:3] == (0, dec(0), dec(1))
    assert desk.standing(make_order("e", symbol="AIG"))[:3] == (None, dec(0), dec(0))


def test_without_a_bar_there_is_no_portfolio() -> None:
    with pytest.raises(Invalid, match="no bar was seen yet"):
        Desk(PaperBroker(plain_config().paper), plain_config()).portfolio()


def test_a_fill_told_twice_is_booked_once(floor: Floor) -> None:
    floor.accept(quantity="1500")
    floor.bar()
    assert held(floor) == 1000
    event = fill("bd-o1-1", "1000", price="100.1", fill_id="bd-o1-1:1")
    floor.broker.told = [event]
    filed = floor.bar(volume="0")
    assert (held(floor), statuses(filed)) == (dec(1000), [])
    assert alerts(filed) == [(0.5, "bd-o1-1: fill bd-o1-1:1 of 1000 units was told twice")]
    floor.broker.told = [event._replace(price=dec(99))]
    ((_, said),) = alerts(floor.bar(volume="0"))
    assert said.startswith("bd-o1-1: fill bd-o1-1:1 of 1000 units was told twice, first as (")
    assert floor.desk.oddities == 2


def test_an_answer_told_twice_changes_nothing(floor: Floor) -> None:
    floor.accept()
    floor.broker.told = [BrokerEvent("bd-o1-1", OrderStatus.ACCEPTED, symbol="SPX", side=Side.BUY)]
    filed = floor.bar(volume="0")
    ((severity, said),) = alerts(filed)
    assert (severity, said) == (
        0.5,
        "bd-o1-1: accepted: a child order that is working cannot become working; it changes nothing",
    )
    assert statuses(floor.bar()) == [("o1", "filled")]


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (fill("bd-o1-1", "101"), "a fill of 101 beside 0 of 100 units"),
        (fill("bd-o1-1", "1", fill_id=""), "a fill without an id"),
        (fill("bd-o1-1", "60", status=OrderStatus.FILLED), "filled at 60 of 100 units"),
        (fill("bd-zz-1", "7"), "no such order was sent"),
        (fill("bd-o1-9", "7"), "no such order was sent"),
    ],
)
def test_a_fill_that_the_account_does_not_hold_is_refused(floor: Floor, event: BrokerEvent, why: str) -> None:
    floor.accept()
    floor.broker.told = [event]
    filed = floor.bar(volume="0")
    assert (held(floor), statuses(filed)) == (dec(0), [])
    ((severity, said),) = alerts(filed)
    assert severity == 0.5
    assert f"{why}; the broker's account does not hold it: refused" in said
    assert floor.desk.auditor.is_clear
    assert statuses(floor.bar()) == [("o1", "filled")]


def test_what_is_no_fill_and_of_no_order_changes_nothing(floor: Floor) -> None:
    floor.broker.told = [BrokerEvent("bd-zz-1", OrderStatus.CANCELLED, symbol="SPX")]
    assert alerts(floor.bar()) == [(0.5, "bd-zz-1: cancelled: no such order was sent; it changes nothing")]


def test_a_fill_of_an_order_never_sent_that_the_account_holds_is_booked_and_stops_the_desk(floor: Floor) -> None:
    floor.broker.told = [fill("zz-1", "7", side=Side.SELL)]
    floor.broker.extra = {"SPX": dec(-7)}
    filed = floor.bar()
    assert held(floor) == -7
    assert [severity for severity, _ in alerts(filed)] == [0.5, 1.0]
    assert "of an order that was never sent" in floor.desk.auditor.stopped
    assert not floor.desk.auditor.is_clear


def test_a_fill_after_a_cancel_is_booked_when_the_account_holds_it(floor: Floor) -> None:
    floor.accept()
    floor.desk.cancel_all("drill")
    assert statuses(floor.bar()) == [("o1", "cancelled")]
    floor.broker.told = [fill("bd-o1-1", "40", price="100.5")]
    floor.broker.extra = {"SPX": dec(40)}
    filed = floor.bar()
    (report,) = of(ExecutionReport, filed)
    assert (report.status, report.report, report.last_quantity, report.filled) == (
        OrderStatus.CANCELLED,
        3,
        dec(40),
        dec(40),
    )
    assert report.reason == "a child order that is cancelled cannot become partial"
    assert (held(floor), floor.desk.book.cash) == (dec(40), dec(1_000_000) - 40 * dec("100.5"))
    assert floor.desk.auditor.is_clear
    floor.broker.told = [fill("bd-o1-1", "40", price="100.5")]
    assert "told twice" in alerts(floor.bar())[0][1]
    assert held(floor) == 40


def test_a_fill_after_a_cancel_may_complete_an_order_that_is_still_at_work() -> None:
    floor = Floor(plain_config(schedule="twap", horizon_bars=4))
    floor.accept(quantity="100")
    floor.broker.hidden = ["bd-o1-1"]
    floor.broker.told = [BrokerEvent("bd-o1-1", OrderStatus.CANCELLED, symbol="SPX", side=Side.BUY)]
    floor.bar(volume="0")
    floor.broker.hidden = []
    floor.broker.told = [fill("bd-o1-1", "25", fill_id="late")]
    floor.broker.extra = {"SPX": dec(25)}
    filed = floor.bar(volume="0")
    assert [(r.status.value, r.filled) for r in of(ExecutionReport, filed)][:1] == [("partial", dec(25))]
    assert held(floor) == 25


def test_more_than_was_approved_is_booked_when_it_is_so_and_stops_the_desk(floor: Floor) -> None:
    floor.accept()
    floor.bar()
    floor.broker.told = [fill("bd-o1-1", "5", fill_id="again")]
    floor.broker.extra = {"SPX": dec(5)}
    filed = floor.bar()
    assert held(floor) == 105
    assert floor.desk.auditor.stopped.startswith("105 filled of 100")
    assert [severity for severity, _ in alerts(filed)] == [0.5, 1.0]


def test_a_position_we_do_not_have_holds_orders_and_then_stops_them(floor: Floor) -> None:
    floor.broker.extra = {"SPX": dec(3)}
    assert alerts(floor.bar()) == [(0.5, "no new order leaves for now: SPX: the book holds 0 units, the broker 3")]
    assert floor.desk.standing(make_order()).doubt == "SPX: the book holds 0 units, the broker 3"
    assert alerts(floor.bar()) == []
    ((severity, said),) = alerts(floor.bar())
    assert (severity, floor.desk.auditor.stopped) == (1.0, "SPX: the book holds 0 units, the broker 3")
    assert said.startswith("no new order leaves until a halt and a resume")
    floor.broker.extra = {}
    assert alerts(floor.bar()) == [(0.5, "book and broker agree again: SPX: the book holds 0 units, the broker 3")]
    assert not floor.desk.auditor.is_clear
    assert [severity for severity, _ in alerts(floor.desk.release())] == [0.5]
    assert floor.desk.auditor.is_clear


def test_a_resume_does_not_help_while_they_disagree(floor: Floor) -> None:
    floor.broker.extra = {"SPX": dec(3)}
    for _ in range(3):
        floor.bar()
    ((severity, said),) = alerts(floor.desk.release())
    assert (severity, said) == (
        1.0,
        "no order leaves in spite of the resume: SPX: the book holds 0 units, the broker 3",
    )
    assert floor.desk.auditor.stopped


def test_a_disagreement_that_explains_itself_only_holds_orders_up(floor: Floor) -> None:
    floor.accept()
    floor.broker.hidden = ["bd-o1-1"]
    filed = floor.bar()
    assert alerts(filed) == [(0.5, "no new order leaves for now: SPX: the book holds 0 units, the broker 100")]
    floor.broker.hidden = []
    floor.broker.told = [fill("bd-o1-1", "100", price="100.1", status=OrderStatus.FILLED, fill_id="bd-o1-1:1")]
    filed = floor.bar()
    assert statuses(filed) == [("o1", "filled")]
    assert floor.desk.auditor.is_clear


def test_a_silent_broker_lets_no_new_child_order_leave() -> None:
    floor = Floor(plain_config(schedule="twap", horizon_bars=4))
    floor.accept(quantity="100")
    floor.broker.is_silent = True
    filed = floor.bar()
    assert alerts(filed) == [
        (0.5, "no new order leaves for now: the broker gives no account of what rests and what is held")
    ]
    assert len(floor.broker.submitted) == 1
    floor.bar()
    floor.broker.is_silent = False
    assert floor.desk.auditor.stopped == ""
    floor.bar()
    assert [child.quantity for child in floor.broker.submitted] == [dec(25), dec(75)]


def test_an_order_that_the_broker_never_shows_is_lost_and_not_sent_again(floor: Floor) -> None:
    floor.broker.is_deaf = True
    floor.accept()
    assert [statuses(floor.bar()) for _ in range(2)] == [[], []]
    filed = floor.bar()
    assert statuses(filed) == [("o1", "cancelled")]
    assert "the broker does not show bd-o1-1 any more" in alerts(filed)[0][1]
    assert ("cancel", "bd-o1-1", dec(0)) in floor.broker.asked
    assert len(floor.broker.submitted) == 1
    (cost,) = of(ExecutionCost, filed)
    assert (cost.filled, cost.children) == (dec(0), 1)


def test_an_answer_that_was_lost_is_read_from_the_account(floor: Floor) -> None:
    floor.broker.hidden = ["bd-o1-1"]
    floor.accept()
    (parent,) = floor.desk.blotter
    assert parent.children[0].status.value == "sent"
    floor.broker.hidden = []
    assert alerts(floor.bar(volume="0")) == []
    assert parent.children[0].status.value == "working"


def test_an_order_that_rests_with_other_units_is_withdrawn(floor: Floor) -> None:
    floor.accept()
    floor.broker._lanes["SPX"].resting["bd-o1-1"].quantity = dec(130)
    filed = floor.bar(volume="0")
    ((_, said),) = alerts(filed)
    assert said == "bd-o1-1 rests with 130 units at the broker, not 100: it is withdrawn"
    assert statuses(floor.bar(volume="0")) == [("o1", "cancelled")]


def test_what_rests_and_is_not_ours_is_cancelled_and_holds_orders_up(floor: Floor) -> None:
    stranger = floor.accept("o9")
    assert stranger
    parent = next(iter(floor.desk.blotter))
    floor.desk.blotter.end(parent, 0)
    floor.desk.now_ns = 1 << 62
    floor.desk.blotter.forget(floor.desk.now_ns)
    filed = floor.bar(volume="0")
    assert alerts(filed) == [(0.5, "no new order leaves for now: orders rest that are not ours: bd-o9-1")]
    assert ("cancel", "bd-o9-1", dec(0)) in floor.broker.asked


def test_an_order_refused_too_often_is_given_up() -> None:
    floor = Floor(plain_config(reject_rate=1.0, refusals=3, expire_bars=9))
    filed = [*floor.accept()]
    while not [1 for _, status in statuses(filed) if status == "cancelled"]:
        filed += floor.bar()
    assert statuses(filed) == [("o1", "accepted"), ("o1", "cancelled")]
    assert of(ExecutionReport, filed)[1].reason == "refused by the broker 3 times: refused by the venue"
    assert [child.client_order_id for child in floor.broker.submitted] == ["bd-o1-1", "bd-o1-2", "bd-o1-3"]


def test_a_cancel_race_is_won_by_the_fill() -> None:
    floor = Floor(plain_config(cancel_race=1.0))
    floor.accept(quantity="1500")
    assert statuses(floor.desk.cancel_all("drill")) == []
    filed = floor.bar()
    reports = of(ExecutionReport, filed)
    assert [(r.status.value, r.filled) for r in reports] == [("partial", dec(1000)), ("cancelled", dec(1000))]
    assert reports[-1].reason == "drill"


def test_an_order_that_fills_while_it_is_cancelled_is_filled() -> None:
    floor = Floor(plain_config(cancel_race=1.0))
    floor.accept(quantity="10")
    floor.desk.cancel_all("drill")
    assert statuses(floor.bar()) == [("o1", "filled")]


def test_a_split_ends_what_was_approved_in_other_units(floor: Floor) -> None:
    floor.accept("o1", "10")
    floor.bar()
    floor.accept("o2", "10")
    update = make_bar(2, "50").model_copy(update={"action": CorporateAction(split=dec(2), dividend=dec(1))})
    filed = floor.show(update)
    assert statuses(filed) == [("o2", "cancelled")]
    assert of(ExecutionReport, filed)[0].reason == "SPX split 2 for 1: its units are not those that were approved"
    assert (held(floor), floor.desk.book.carry) == (dec(20), dec(20))
    assert floor.desk.auditor.is_clear


def test_a_charge_is_booked_once(floor: Floor) -> None:
    charge = Charge("c1", "SPX", dec("-1.5"), "borrowed")
    floor.broker._charges = [charge, charge]
    filed = floor.bar()
    assert floor.desk.book.carry == dec("-1.5")
    assert alerts(filed) == [(0.5, "charge c1 was told twice: booked once")]


def test_without_a_lease_no_child_order_leaves_until_there_is_one() -> None:
    floor = Floor(plain_config(schedule="twap", horizon_bars=2))
    floor.accept(quantity="10")
    floor.desk.lease = None
    floor.bar()
    assert len(floor.broker.submitted) == 1
    assert floor.desk.renew() == []
    floor.desk.lease = LeaseState.ACTIVE
    floor.desk.renew()
    assert [child.quantity for child in floor.broker.submitted] == [dec(5), dec(5)]
    floor.desk.renew()
    assert len(floor.broker.submitted) == 2


@pytest.mark.parametrize(("lease", "sent"), [(LeaseState.ACTIVE, 2), (LeaseState.REDUCING, 1), (LeaseState.HALTED, 1)])
def test_a_lease_that_tightens_holds_back_what_grows(lease: LeaseState, sent: int) -> None:
    floor = Floor(plain_config(schedule="twap", horizon_bars=2))
    floor.accept(quantity="10")
    floor.desk.lease = lease
    floor.bar()
    assert len(floor.broker.submitted) == sent


def test_a_reducing_lease_lets_child_orders_shrink_a_position() -> None:
    floor = Floor(plain_config(schedule="twap", horizon_bars=2))
    floor.accept("o1", "10")
    floor.bar()
    floor.bar()
    floor.desk.lease = LeaseState.REDUCING
    floor.accept("o2", "10", Side.SELL)
    floor.bar()
    floor.bar()
    assert held(floor) == 0


def test_a_child_order_of_no_order_cannot_be_sent(floor: Floor) -> None:
    floor.accept()
    child = floor.broker.submitted[0]._replace(client_order_id="bd-zz-1")
    with pytest.raises(Fatal, match="no order zz is at work"):
        floor.desk.send(child)


def test_orders_that_ended_are_forgotten_after_a_while() -> None:
    floor = Floor(plain_config(remembered_s=1.0))
    order = make_order("o1", "10")
    floor.desk.accept(make_approval(order, 5), HEADER)
    floor.bar()
    assert floor.desk.answered("o1") == "filled"
    floor.desk.now_ns = 1_000_000_005
    floor.bar()
    assert floor.desk.answered("o1") == "filled"
    floor.desk.now_ns = 1_000_000_006
    floor.bar()
    assert floor.desk.answered("o1") is None
    assert floor.desk.blotter.snapshot() == {"live": [], "ended": [], "answered": {}}


def test_a_desk_survives_a_snapshot_in_the_middle_of_trouble(floor: Floor) -> None:
    floor.accept("o1", "2500")
    floor.broker.is_silent = True
    floor.broker.told = [fill("zz-1", "7", side=None)]
    floor.bar()
    copy = Floor()
    copy.desk.restore(unpack(pack(floor.desk.snapshot())))
    copy.number, copy.desk.lease = floor.number, LeaseState.ACTIVE
    floor.broker.is_silent = False

    def go_on(each: Floor) -> list[Filed]:
        return [*each.bar(), *each.desk.cancel_all("drill"), *each.bar(), *each.bar()]

    assert go_on(copy) == go_on(floor)
    assert copy.desk.snapshot() == floor.desk.snapshot()
