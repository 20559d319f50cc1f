"""Execution as the firm meets it: messages in, reports and the whole book out."""

import pytest

from bus.messages import (
    ExecutionCost,
    ExecutionReport,
    Gap,
    LeaseState,
    MarketUpdate,
    OrderApproved,
    OrderStatus,
    PortfolioUpdate,
    PositionView,
    RiskAlert,
    RiskLease,
    Side,
    WorkingOrder,
)
from execution.agent import Execution
from tests.execution.desks import MeddledBroker
from tests.execution.driver import (
    Bench,
    dec,
    make_approval,
    make_bar,
    make_order,
    make_verdict,
    only,
    plain_config,
    the_portfolio,
    the_report,
)


@pytest.fixture
def bench() -> Bench:
    """Execution under a fresh lease, after bar 0 of SPX."""
    bench = Bench()
    bench.lease()
    bench.give(make_bar(0))
    return bench


def test_a_bar_is_answered_by_one_portfolio() -> None:
    bench = Bench()
    assert bench.give(make_bar(0)) == [
        PortfolioUpdate(
            version=1,
            symbol="SPX",
            bar=0,
            cash=dec(1_000_000),
            equity=dec(1_000_000),
            peak_equity=dec(1_000_000),
            realized=dec(0),
            fees=dec(0),
            positions=(),
            working=(),
        )
    ]


def test_an_approved_order_works_at_once_and_fills_at_the_next_open(bench: Bench) -> None:
    order = make_order(quantity="100")
    report, portfolio = bench.approve(order)
    assert report == ExecutionReport(
        order=order,
        client_order_id="bd-o1-1",
        report=1,
        status=OrderStatus.ACCEPTED,
        bar=0,
        last_quantity=dec(0),
        last_price=dec(0),
        fee=dec(0),
        slippage=dec(0),
        filled=dec(0),
        verdicts=(make_verdict(),),
        reason="",
    )
    assert isinstance(portfolio, PortfolioUpdate)
    assert (portfolio.version, portfolio.symbol, portfolio.bar) == (2, "SPX", 0)
    assert portfolio.working == (WorkingOrder(order=order, remaining=dec(100)),)

    outputs = bench.give(make_bar(1, "110", close="112"))
    assert [type(message) for message in outputs] == [ExecutionReport, ExecutionCost, PortfolioUpdate]
    assert the_report(outputs) == ExecutionReport(
        order=order,
        client_order_id="bd-o1-1",
        report=2,
        status=OrderStatus.FILLED,
        bar=1,
        last_quantity=dec(100),
        last_price=dec("110.11"),
        fee=dec("5.5055"),
        slippage=dec("11.00"),
        filled=dec(100),
        verdicts=(),
        reason="",
    )
    assert the_portfolio(outputs) == PortfolioUpdate(
        version=3,
        symbol="SPX",
        bar=1,
        cash=dec("988983.4945"),
        equity=dec("1000183.4945"),
        peak_equity=dec("1000183.4945"),
        realized=dec(0),
        fees=dec("5.5055"),
        positions=(PositionView(symbol="SPX", quantity=dec(100), average_price=dec("110.11"), last_price=dec(112)),),
        working=(),
    )


def test_a_short_sale_is_no_profit(bench: Bench) -> None:
    bench.approve(make_order(quantity="100", side=Side.SELL))
    portfolio = the_portfolio(bench.give(make_bar(1)))
    # Sold at 99.9: half a spread of 10 and a fee of 4.995 are lost, the proceeds of 9,990 are owed.
    assert (portfolio.cash, portfolio.equity) == (dec("1009985.005"), dec("999985.005"))
    assert portfolio.peak_equity == dec(1_000_000)
    portfolio = the_portfolio(bench.give(make_bar(2, "90")))
    assert (portfolio.realized, portfolio.equity) == (dec(0), dec("1000985.005"))


def test_reports_of_fills_belong_to_the_conversation_of_the_approval(bench: Bench) -> None:
    bench.approve(make_order())
    accepted = bench.outputs[-2].header
    bench.give(make_bar(1))
    filled, cost, portfolio = (envelope.header for envelope in bench.outputs[-3:])
    assert filled.correlation_id == cost.correlation_id == accepted.correlation_id
    assert filled.causation_id == portfolio.causation_id == portfolio.correlation_id != accepted.causation_id


def test_a_large_order_fills_in_parts_and_expires(bench: Bench) -> None:
    bench.approve(make_order(quantity="3500"))
    statuses, remaining = [], []
    for number in range(1, 5):
        outputs = bench.give(make_bar(number))
        statuses.append([(report.report, report.status.value) for report in only(ExecutionReport, outputs)])
        remaining.append([working.remaining for working in the_portfolio(outputs).working])
    assert statuses == [[(2, "partial")], [(3, "partial")], [(4, "partial")], [(5, "expired")]]
    assert remaining == [[dec(2500)], [dec(1500)], [dec(500)], []]
    assert the_portfolio(outputs).positions[0].quantity == dec(3000)


def test_a_second_approval_is_counted_and_changes_nothing(bench: Bench) -> None:
    for repeat in range(3):
        outputs = bench.approve(make_order(quantity="10"))
        assert len(only(RiskAlert, outputs)) == bool(repeat)
        assert len(outputs) == (1 if repeat else 2)
    bench.give(make_bar(1))
    (alert,) = only(RiskAlert, bench.approve(make_order(quantity="10", bar=1)))
    assert (alert.symbol, alert.severity, alert.source) == ("*", 0.5, "execution")
    assert alert.reason == "order o1 was approved before and is filled: not worked twice"
    portfolio = the_portfolio(bench.give(make_bar(2)))
    assert portfolio.positions[0].quantity == dec(10)
    assert (bench.agent.report()["duplicate_approvals"], bench.stepper.counters["invalid"]) == (3, 0)
    assert portfolio.version == 4


def test_a_refused_order_stays_refused(bench: Bench) -> None:
    bench.lease(LeaseState.HALTED)
    assert the_report(bench.approve(make_order())).status is OrderStatus.REFUSED
    bench.lease()
    assert only(ExecutionReport, bench.approve(make_order())) == []


def test_an_approval_past_its_time_is_refused(bench: Bench) -> None:
    outputs = bench.approve(make_order(), valid_s=-0.1)
    report = the_report(outputs)
    assert (report.status, report.reason, report.report) == (OrderStatus.REFUSED, "the approval is no longer valid", 1)
    assert report.verdicts == (make_verdict(),)
    assert the_portfolio(outputs).working == ()


def test_without_a_lease_an_order_waits_for_one() -> None:
    bench = Bench()
    bench.give(make_bar(0))
    assert bench.approve(make_order()) == []
    assert bench.stepper.deferred == 1
    outputs = bench.lease()
    assert the_report(outputs).status is OrderStatus.ACCEPTED
    assert the_portfolio(outputs).working[0].remaining == dec(100)


def test_a_stale_lease_is_none_and_an_order_that_waits_too_long_is_refused(bench: Bench) -> None:
    bench.wait(2.1)
    assert bench.approve(make_order(), valid_s=1.0) == []
    bench.wait(1.1)
    outputs = bench.lease()
    report = the_report(outputs)
    assert len(only(PortfolioUpdate, outputs)) == len(only(RiskAlert, outputs)) == 1
    assert (report.status, report.reason) == (OrderStatus.REFUSED, "the approval is no longer valid")


def test_a_deferred_approval_that_expires_is_refused(bench: Bench) -> None:
    bench.wait(2.1)
    assert bench.approve(make_order(), valid_s=60, ttl_ms=500) == []
    bench.wait(0.6)
    outputs = bench.lease()
    report = the_report(outputs)
    assert report.status is OrderStatus.REFUSED
    assert report.reason == "expired while waiting for its bar and a fresh lease from risk"
    assert report.verdicts == (make_verdict(),)
    assert the_portfolio(outputs).bar == 0
    assert only(ExecutionReport, bench.approve(make_order())) == []


def test_a_repeated_approval_that_waited_is_answered_once() -> None:
    bench = Bench()
    bench.give(make_bar(0))
    bench.approve(make_order(), ttl_ms=500)
    bench.approve(make_order(), ttl_ms=500)
    bench.wait(0.6)
    assert len(only(ExecutionReport, bench.lease())) == 1


def test_a_reducing_lease_lets_only_shrinking_orders_leave(bench: Bench) -> None:
    bench.approve(make_order(quantity="100"))
    bench.give(make_bar(1))
    bench.lease(LeaseState.REDUCING)
    statuses = [
        the_report(bench.approve(make_order(name, quantity, side=side, bar=1))).status.value
        for name, quantity, side in [
            ("grow", "1", Side.BUY),
            ("flip", "101", Side.SELL),
            ("half", "50", Side.SELL),
            ("more", "51", Side.SELL),
            ("rest", "50", Side.SELL),
        ]
    ]
    assert statuses == ["refused", "refused", "accepted", "refused", "accepted"]
    assert the_portfolio(bench.give(make_bar(2))).positions == ()


def test_an_older_lease_does_not_replace_a_newer_one(bench: Bench) -> None:
    bench.lease(LeaseState.REDUCING, seconds=2.0)
    bench.lease(LeaseState.ACTIVE, seconds=1.0)
    assert the_report(bench.approve(make_order("late", "1"))).status.value == "refused"
    bench.lease(LeaseState.ACTIVE, seconds=2.0)
    assert the_report(bench.approve(make_order("now", "1"))).status.value == "accepted"


def test_a_halt_refuses_orders_and_withdraws_what_works(bench: Bench) -> None:
    bench.approve(make_order("o1", "5000"))
    bench.give(make_bar(1))
    bench.lease(LeaseState.HALTED)
    assert the_report(bench.approve(make_order("o3", "1", side=Side.SELL))).reason == "halted by risk: test"
    outputs = bench.give(make_bar(2))
    reports = only(ExecutionReport, outputs)
    assert (reports[0].order.order_id, reports[0].status, reports[0].filled) == ("o1", OrderStatus.CANCELLED, dec(1000))
    assert reports[0].reason == "halted by risk: test"


def test_before_any_bar_an_order_is_refused_and_there_is_no_portfolio() -> None:
    bench = Bench()
    bench.lease()
    (report,) = bench.approve(make_order(bar=4))
    assert isinstance(report, ExecutionReport)
    assert (report.status, report.bar, report.reason) == (OrderStatus.REFUSED, 4, "no bar of SPX was seen")


def test_an_order_of_an_unseen_symbol_is_refused_with_the_book_of_the_last_bar(bench: Bench) -> None:
    outputs = bench.approve(make_order(symbol="IBM"))
    assert the_report(outputs).status is OrderStatus.REFUSED
    assert the_portfolio(outputs).symbol == "SPX"


def test_an_order_that_overtakes_its_bar_waits_for_it_and_fills_after_it(bench: Bench) -> None:
    assert bench.approve(make_order(bar=1)) == []
    outputs = bench.give(make_bar(1))
    assert the_report(outputs).status is OrderStatus.ACCEPTED
    portfolios = only(PortfolioUpdate, outputs)
    assert [(p.version, p.bar, len(p.working)) for p in portfolios] == [(2, 1, 0), (3, 1, 1)]
    assert the_report(bench.give(make_bar(2))).status is OrderStatus.FILLED


def test_after_a_gap_nothing_fills_until_bars_follow_again(bench: Bench) -> None:
    bench.approve(make_order(quantity="10"))
    assert bench.give(Gap(sender="market", stream=MarketUpdate.KIND, first=2, last=3)) == []
    outputs = bench.give(make_bar(2, "105"))
    assert only(ExecutionReport, outputs) == []
    assert the_portfolio(outputs).bar == 2
    report = the_report(bench.give(make_bar(3, "107")))
    assert (report.status, report.bar, report.last_price) == (OrderStatus.FILLED, 3, dec("107.107"))
    assert bench.agent.report()["gaps"] == 1


def test_a_gap_keeps_the_last_price(bench: Bench) -> None:
    bench.approve(make_order(quantity="10"))
    before = the_portfolio(bench.give(make_bar(1, "104")))
    bench.give(Gap(sender="market", stream=MarketUpdate.KIND, first=3, last=3))
    bench.give(Gap(sender="pads", stream="DECISION_MADE/1", first=1, last=1))
    after = the_portfolio(bench.give(make_bar(0, symbol="IBM")))
    assert after.positions == before.positions
    assert after.equity == before.equity
    assert bench.agent.report()["gaps"] == 1


def test_a_bar_seen_before_is_dropped_and_counted(bench: Bench) -> None:
    bench.approve(make_order())
    before = bench.stepper.agent.snapshot()
    assert bench.give(make_bar(0)) == []
    assert bench.stepper.counters["invalid"] == 1
    assert bench.stepper.agent.snapshot() == before


@pytest.mark.parametrize("price", ["1E+16", "1E-21", "0.3333333333333333333333"])
def test_a_bar_that_cannot_be_booked_is_dropped_and_counted(bench: Bench, price: str) -> None:
    bench.approve(make_order())
    before = bench.agent.snapshot()
    assert bench.give(make_bar(1, price)) == []
    assert bench.give(make_bar(1, close=price)) == []
    assert bench.stepper.counters["invalid"] == 2
    assert bench.agent.snapshot() == before


def test_extreme_numbers_that_pass_can_always_be_booked() -> None:
    config = plain_config(impact_coefficient=100.0, max_volume_share="1", expire_bars=1, lot="0.01")
    bench = Bench(config)
    bench.lease(seconds=1e6)
    fine = "0.00000000000000000001"
    bench.give(make_bar(0, "1E+15", low="1", volume="1E+15"))
    for number, (price, volume) in enumerate(
        [("1E+15", "1E+15"), (fine, fine), ("1E+15", fine), ("999999999999999.12345678901234567891", "1E+15")], start=1
    ):
        for name, side, quantity in [
            ("a", Side.SELL, "0.01"),
            ("b", Side.SELL, "1.77"),
            ("c", Side.SELL, "1E+15"),
        ]:
            order = make_order(f"{name}{number}", quantity, side=side, bar=number - 1)
            assert the_report(bench.approve(order)).status is OrderStatus.ACCEPTED
        the_portfolio(bench.give(make_bar(number, price, volume=volume)))
    assert bench.stepper.counters["invalid"] == 0
    assert bench.agent.desk.fills > 0


def test_symbols_keep_their_own_orders(bench: Bench) -> None:
    bench.give(make_bar(0, "50", symbol="IBM"))
    bench.approve(make_order("a", "10"))
    bench.approve(make_order("b", "20", symbol="IBM"))
    report = the_report(bench.give(make_bar(1, "50", symbol="IBM")))
    assert (report.order.order_id, report.last_price) == ("b", dec("50.05"))
    report = the_report(bench.give(make_bar(1)))
    assert report.order.order_id == "a"
    portfolio = bench.outputs[-1].message
    assert isinstance(portfolio, PortfolioUpdate)
    assert [(p.symbol, p.quantity) for p in portfolio.positions] == [("SPX", dec(10)), ("IBM", dec(20))]


def test_the_report_tells_the_book_and_the_trouble(bench: Bench) -> None:
    bench.approve(make_order(quantity="1500"))
    bench.give(make_bar(1))
    assert bench.agent.report() == {
        "cash": "899849.95",
        "equity": "999849.95",
        "fills": 1,
        "working": 1,
        "held": 1,
        "halt": "none",
        "halt_detail": "",
        "duplicate_approvals": 0,
        "forged_approvals": 0,
        "refused_commands": 0,
        "oddities": 0,
        "stopped": "",
        "impact_coefficient": 1.0,
        "gaps": 0,
    }


def test_a_lapsed_message_of_another_kind_is_nothing(bench: Bench) -> None:
    bench.agent.lapse(make_bar(1))
    assert not bench.agent.outbox


def test_an_approval_is_on_the_disk_before_it_works() -> None:
    assert OrderApproved in Execution.DURABLE


def test_valid_until_is_inclusive(bench: Bench) -> None:
    at_the_end, past_it = (make_approval(make_order(f"o{n}"), bench.now_ns - n) for n in range(2))
    assert the_report(bench.give(at_the_end)).status is OrderStatus.ACCEPTED
    assert the_report(bench.give(past_it)).status is OrderStatus.REFUSED


def test_a_new_budget_begins_a_new_peak_and_tells_the_book(bench: Bench) -> None:
    bench.approve(make_order(quantity="100"))
    bench.give(make_bar(1, "110", close="120"))
    portfolio = the_portfolio(bench.give(make_bar(2, "110", close="90")))
    assert portfolio.peak_equity > portfolio.equity
    lease = RiskLease(state=LeaseState.ACTIVE, expires_ns=10**15, reason="", budget=1)
    portfolio = the_portfolio(bench.give(lease, sender="risk"))
    assert portfolio.peak_equity == portfolio.equity
    assert bench.give(lease, sender="risk") == []


def test_an_approval_that_has_long_been_void_is_not_answered(bench: Bench) -> None:
    void = make_approval(make_order(), bench.now_ns - 1)
    bench.wait(59.9)
    assert the_report(bench.give(void)).reason == "the approval is no longer valid"
    old = make_approval(make_order("o2"), bench.now_ns - 60 * 10**9 - 1)
    (alert,) = bench.give(old)
    assert isinstance(alert, RiskAlert)
    assert alert.reason == "order o2 was approved before and has long been void: not worked twice"


def test_a_replayed_approval_is_caught_as_long_as_it_could_be_believed(bench: Bench) -> None:
    approval = make_approval(make_order(quantity="10"), bench.now_ns + 10**9)
    bench.give(approval)
    for number in range(1, 80):
        bench.wait(1.0)
        bench.lease()
        bench.give(make_bar(number))
        assert only(ExecutionReport, bench.give(approval)) == []
    assert bench.agent.duplicates == 79
    assert bench.agent.desk.book.quantity("SPX") == 10


def test_child_orders_need_a_fresh_lease_like_any_other() -> None:
    bench = Bench(plain_config(schedule="twap", horizon_bars=3))
    bench.lease()
    bench.give(make_bar(0))
    bench.approve(make_order(quantity="30"))
    bench.wait(2.1)
    assert the_report(bench.give(make_bar(1))).filled == dec(10)
    assert only(ExecutionReport, bench.give(make_bar(2))) == []
    assert bench.lease() == []
    assert the_report(bench.give(make_bar(3))).filled == dec(30)


def test_a_desk_that_was_stopped_goes_on_after_a_halt_and_a_resume() -> None:
    config = plain_config()
    broker = MeddledBroker(config.paper)
    bench = Bench(config, broker)
    bench.lease(seconds=1e6)
    bench.give(make_bar(0))
    broker.extra = {"SPX": dec(3)}
    for number in range(1, 4):
        bench.give(make_bar(number))
    report = the_report(bench.approve(make_order(bar=3)))
    assert report.reason.startswith("no order is taken until an operator's halt and resume: SPX: the book holds 0")
    assert bench.agent.report()["stopped"] == "SPX: the book holds 0 units, the broker 3"
    broker.extra = {}
    bench.give(make_bar(4))
    assert the_report(bench.approve(make_order("o2", bar=4))).status is OrderStatus.REFUSED
    for state in (LeaseState.HALTED, LeaseState.ACTIVE):
        bench.give(RiskLease(state=state, expires_ns=10**16, reason="drill", halt=1), sender="risk")
    assert the_report(bench.approve(make_order("o3", bar=4))).status is OrderStatus.ACCEPTED
