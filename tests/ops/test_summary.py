"""The summary: figures of a run, losses as they are."""

from decimal import Decimal
from math import log

import numpy as np
import pytest

from bus.message import Envelope
from ops.curve import Path
from ops.summary import LEAST_BLOCKS, Refusal, skill, summarize
from tests.ops.conftest import MakeLedger
from tests.ops.story import DAY_NS, MEMBERS, Bus, bar, book, decision, record, story


def test_counts_what_happened(make_ledger: MakeLedger) -> None:
    summary = summarize(record(make_ledger(), story()))
    assert summary.symbols == ("IBM", "SPY")
    assert (summary.rounds, summary.quorate, summary.settled) == (24, 24, 22)
    assert summary.actions == (("BUY", 4), ("HOLD", 20))
    assert summary.orders == (("filled", 2), ("rejected", 2))
    assert summary.refusals == (Refusal(gate="compliance", rule="notional", orders=2),)
    assert (summary.trades, summary.fills, summary.fees) == (2, 4, Decimal("0.20"))
    assert summary.identity_error == 1e-12
    assert (summary.first_ns, summary.last_ns) == (0, 11 * DAY_NS)
    assert summary.losses == 1


def test_a_loss_is_a_loss(make_ledger: MakeLedger) -> None:
    """Equity falls by 10 an update: 99,980 after the first day's last update, 99,760 after the twelfth's."""
    firm = summarize(record(make_ledger(), story())).firm
    assert firm is not None
    assert firm.total_return == 99_760 / 99_980 - 1
    assert firm.max_drawdown == pytest.approx(-firm.total_return, abs=1e-15)


def test_the_window_begins_with_the_first_decision(make_ledger: MakeLedger) -> None:
    def told(first_decision: int) -> list[Envelope]:
        bus, envelopes = Bus(), []
        for number in range(5):
            envelopes.append(bus.stamp(bar("SPY", number), "market"))
            envelopes.append(bus.stamp(book(number + 1, "SPY", number, Decimal(100 * (number + 1))), "execution"))
            if number >= first_decision:
                envelopes.append(bus.stamp(decision("SPY", number), "pads"))
        return envelopes

    late = summarize(record(make_ledger("late"), told(2)))
    assert late.firm == Path(total_return=500 / 300 - 1, max_drawdown=0.0)
    assert late.buy_and_hold == Path(total_return=104.25 / 102.25 - 1, max_drawdown=0.0)
    early = summarize(record(make_ledger("early"), told(0)))
    assert early.buy_and_hold == Path(total_return=104.25 / 100.25 - 1, max_drawdown=0.0)


def test_members_are_measured_against_the_prior(make_ledger: MakeLedger) -> None:
    summary = summarize(record(make_ledger(), story(60)))
    by_name = {member.member: member for member in summary.members}
    assert tuple(by_name) == MEMBERS
    qar = by_name["qar"]
    wanted = [log(0.3 + 0.05 * ((4 + number) % 4)) - log(0.3) for number in range(59) for _ in "ab"]
    assert qar.skill.scored == 118
    assert qar.skill.excess == pytest.approx(sum(wanted) / 118, abs=1e-12)
    assert qar.skill.interval is not None
    assert qar.skill.interval[0] < sum(wanted) / 118 < qar.skill.interval[1]
    assert qar.weight == 0.1 + 0.01 * ((4 + 58) % 3)
    assert qar.profit == pytest.approx(2 * sum(0.4 - 0.03 * (number % 7) for number in range(59)))
    absent = by_name[MEMBERS[0]]
    assert (absent.skill.scored, absent.skill.excess, absent.skill.interval) == (0, None, None)
    assert absent.profit < 0
    assert summary.board.excess == pytest.approx(log(0.4) - log(0.3))
    assert summary.board.mean_block == 4.9


def test_the_same_seed_gives_the_same_figures(make_ledger: MakeLedger) -> None:
    ledger = record(make_ledger(), story(60))
    assert summarize(ledger, seed=5) == summarize(ledger, seed=5)
    assert summarize(ledger, seed=5) != summarize(ledger, seed=6)


def test_an_empty_ledger_has_no_figures(make_ledger: MakeLedger) -> None:
    summary = summarize(make_ledger())
    assert (summary.rounds, summary.firm, summary.buy_and_hold, summary.identity_error) == (0, None, None, None)
    assert (summary.members, summary.board.excess) == ((), None)


def test_blocks_are_as_long_as_horizons_overlap() -> None:
    excess = np.random.default_rng(0).normal(size=1_000)
    assert skill(excess, least_block=1, seed=0, draws=10).mean_block == 10.0
    assert skill(excess, least_block=25, seed=0, draws=10).mean_block == 25.0


def test_too_few_rounds_have_no_interval() -> None:
    excess = np.random.default_rng(0).normal(size=LEAST_BLOCKS * 4)
    assert skill(excess, least_block=4, seed=0, draws=10).interval is not None
    assert skill(excess[1:], least_block=4, seed=0, draws=10).interval is None


def test_no_skill_is_within_the_interval_of_noise() -> None:
    shown = skill(np.random.default_rng(1).normal(size=500), least_block=1, seed=0, draws=2_000)
    assert shown.interval is not None
    assert shown.interval[0] < 0.0 < shown.interval[1]
