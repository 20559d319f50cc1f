"""The S&P 500 of 2007 and 2008 through a firm that is fully invested: what the drawdown budget does, in order."""

import itertools
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from bus.command import sign_command
from bus.keys import Signer
from bus.lawful import OPERATOR
from bus.messages import Command, CommandResult, HaltStage, LeaseState, OrderStatus, SystemCommand
from bus.simulation import Simulation
from research.drawdown.__main__ import course
from research.drawdown.fall import Fall, configured, drawdown, exposure, fallen

CONFIGS = Path(__file__).parent.parent.parent / "configs"
BARS = 400
BUDGET = 0.15


def run(folder: Path, bars: int = BARS, **book: float) -> tuple[Simulation, Fall]:
    market = {"source": "demo", "symbols": ["SPX"], "first": "2007-04-02", "bars": bars, "speed": 1.0}
    return fallen(configured(CONFIGS, folder, market, **book))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Fall:
    """The firm's own limits."""
    return run(tmp_path_factory.mktemp("fall"))[1]


@pytest.fixture(scope="module")
def deeper(tmp_path_factory: pytest.TempPathFactory) -> Fall:
    """A budget that leaves room below the last tier."""
    return run(tmp_path_factory.mktemp("fall"), drawdown=0.20)[1]


def tiers(of: Fall) -> list[str]:
    """What risk told of tiers, in order."""
    words = [alert.reason.split(": position limit ")[0] for alert in of.alerts if "tier" in alert.reason]
    return [word.partition("% ")[2] for word in words]


def shrunk(of: Fall) -> list[tuple[str, float]]:
    """Each of risk's own orders that was filled, and what was held after it, of equity."""
    done = [each for each in of.executions if each.status is OrderStatus.FILLED and "-r" in each.order.order_id]
    after = {book.bar: exposure(book) for book in of.closes}
    return [(each.order.order_id, round(after[each.bar], 4)) for each in done]


def test_it_is_fully_invested_before_the_fall(found: Fall) -> None:
    first = found.executions[1]
    assert (first.status, first.order.order_id) == (OrderStatus.FILLED, "SPX-130-1")
    held = {book.bar: exposure(book) for book in found.closes}
    assert held[130] == 0.0
    assert 0.975 < held[131] < 0.985


def test_tiers_fire_in_order(found: Fall) -> None:
    """Entered at 8 and 12 %, the first one left below 6 % and entered again; the third is where the firm halts."""
    assert tiers(found) == [
        "enters tier 1", "leaves tier 1 for 0", "enters tier 1", "enters tier 2", "enters tier 3",
    ]  # fmt: skip
    falls = [drawdown(book) for book in found.closes]
    enters = [next(fallen for fallen in falls if fallen >= threshold) for threshold in (0.08, 0.12, 0.15)]
    told = [float(alert.reason.split()[1].rstrip("%")) / 100 for alert in found.alerts if "enters" in alert.reason]
    assert [told[0], *told[2:]] == pytest.approx(enters, abs=5e-5)


def test_positions_shrink_as_stated_by_risks_own_orders(found: Fall, deeper: Fall) -> None:
    assert [order_id for order_id, _ in shrunk(found)] == ["SPX-161-r1", "SPX-201-r1"]
    assert [order_id for order_id, _ in shrunk(deeper)] == ["SPX-161-r1", "SPX-201-r1", "SPX-234-r1"]
    for (_, held), most in zip(shrunk(deeper), (0.90, 0.75, 0.50), strict=True):
        assert 0.9 * most < held <= most


def test_no_book_after_a_shrinking_order_is_over_the_limit_in_force(deeper: Fall) -> None:
    """On the bar on which a tier is entered the order is only on its way; from the next one on the limit is kept."""
    cuts = [0.0, 0.10, 0.25, 0.50]
    tier = {report.version: report.tier for report in deeper.reports}
    books = [book for book in deeper.closes if book.version in tier]
    for before, book in itertools.pairwise(books):
        assert exposure(book) <= 1.0 - cuts[min(tier[before.version], tier[book.version])] + 1e-9


def test_orders_that_shrink_pass_both_gates(found: Fall, deeper: Fall) -> None:
    for each in (found, deeper):
        assert each.rejections == []
        first = [report for report in each.executions if "-r" in report.order.order_id and report.report == 1]
        assert [report.order.order_id for report in first] == [order_id for order_id, _ in shrunk(each)]
        assert all({verdict.gate for verdict in report.verdicts} == {"compliance", "risk"} for report in first)


def test_beyond_the_budget_the_firm_halts_and_is_flat_on_the_next_bar(found: Fall) -> None:
    beyond = next(book for book in found.closes if drawdown(book) > BUDGET)
    halted = next(lease for lease in found.leases if lease.state is LeaseState.HALTED)
    assert (halted.halt, halted.reason[:8]) == (1, "RISK_002")
    assert found.leases[-1].state is LeaseState.HALTED
    flattening = [each for each in found.executions if each.order.order_id == f"SPX-{beyond.bar}-x1"]
    assert (flattening[-1].status, flattening[-1].bar) == (OrderStatus.FILLED, beyond.bar + 1)
    assert found.halts[-1].stage is HaltStage.FLAT
    assert all(exposure(book) == 0.0 for book in found.closes if book.bar > beyond.bar)


def test_the_drawdown_stays_within_the_budget_plus_one_bars_move(found: Fall) -> None:
    """The last bar within the budget, and what the bar that broke it and the sale at the next open cost."""
    falls = [drawdown(book) for book in found.closes]
    losses = [1.0 - float(b.equity / a.equity) for a, b in itertools.pairwise(found.closes)]
    assert BUDGET < max(falls) < BUDGET + max(losses)
    assert max(falls) == pytest.approx(0.1519, abs=1e-4)


def test_every_day_is_reported_and_every_loss_compared(found: Fall) -> None:
    days = [report.day for report in found.reports]
    assert len(days) == BARS - 1
    assert days == sorted(set(days))
    invested = [report for report in found.reports if report.value_at_risk]
    assert next(report.version for report in invested) > 130
    assert found.reports[-1].days == len(invested)
    assert found.reports[-1].value_at_risk == 0.0
    losses = {report.day: report.loss for report in found.reports}
    following = dict(itertools.pairwise(days))
    pairs = [(losses[following[report.day]], report.value_at_risk) for report in invested]
    exceeded = [loss for loss, at_risk in pairs if loss is not None and at_risk is not None and loss > at_risk]
    assert found.reports[-1].exceedances == len(exceeded)


def test_a_run_is_summed_up(found: Fall) -> None:
    summed = course(date(2007, 4, 2), found)
    assert (summed.has_bought, summed.tier, summed.is_halted) == (True, 3, True)
    assert summed.worst == max(drawdown(book) for book in found.closes)
    assert summed.worst_bar == pytest.approx(0.0287, abs=1e-4)


def test_money_is_never_borrowed(found: Fall) -> None:
    assert all(book.cash >= Decimal(0) for book in found.books)


def test_after_the_halt_only_a_new_budget_begins_and_its_peak_is_the_equity_of_that_moment(tmp_path: Path) -> None:
    simulation, found = run(tmp_path, bars=240)
    operator = Signer.load(tmp_path / "keys", OPERATOR)

    def resume(*, is_new_budget: bool) -> CommandResult:
        word = SystemCommand(command=Command.RESUME, reason="reviewed", operator="ada", is_new_budget=is_new_budget)
        signed = sign_command(operator, word, "risk", simulation.now_ns, str(is_new_budget))
        simulation.inject(signed, sender="cli", to="risk")
        simulation.run(until_ns=simulation.now_ns + 3 * 10**9)
        answer = simulation.mailbox("cli")[-1].message
        assert isinstance(answer, CommandResult)
        return answer

    assert found.leases[-1].state is LeaseState.HALTED
    assert not resume(is_new_budget=False).is_done
    assert found.leases[-1].state is LeaseState.HALTED
    old = found.books[-1]
    assert resume(is_new_budget=True).is_done
    new, lease = found.books[-1], found.leases[-1]
    assert new.version == old.version + 1
    assert new.peak_equity == new.equity == old.equity < old.peak_equity
    assert (lease.state, lease.halt, lease.budget) == (LeaseState.ACTIVE, 1, 1)
