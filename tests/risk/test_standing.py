"""Whether the firm may trade: halts, the drawdown budget, a new one, and who may resume."""

import tomllib
from decimal import Decimal

import pytest

from bus.messages import Command, LeaseState, PortfolioUpdate, SystemCommand
from bus.plain import pack, unpack
from portfolio.history import Histories
from portfolio.limits import BookLimits
from risk.standing import Notice, Standing, Terms
from tests.gates.driver import LIMITS, bar_of, book_of, order

BOOK = BookLimits.model_validate(tomllib.loads(LIMITS.read_text(encoding="utf-8"))["book"])
ACTIVE, REDUCING, HALTED = LeaseState.ACTIVE, LeaseState.REDUCING, LeaseState.HALTED
SPENT = "RISK_002: drawdown 15.0100% of peak equity 100 is beyond the budget of 15.00%"  # one tick of a hundred


def fallen(drawdown: str, version: int = 1, *, held: int = 0, peak: str = "100") -> PortfolioUpdate:
    """A book that has lost so many percent of a hundred."""
    positions = {"A": held} if held else {}
    return book_of(version, "A", version, equity=100 - Decimal(drawdown), peak=peak, positions=positions)


def command(word: Command, reason: str = "", operator: str = "", *, is_new_budget: bool = False) -> SystemCommand:
    return SystemCommand(command=word, reason=reason, operator=operator, is_new_budget=is_new_budget)


HALT = command(Command.HALT, "fire", "ada")
RESUME = command(Command.RESUME, "out", "ada")
NEW_BUDGET = command(Command.RESUME, "mandate renewed", "ada", is_new_budget=True)


@pytest.fixture
def standing() -> Standing:
    """Standing before the first book."""
    return Standing(BOOK)


def test_a_halt_needs_nothing_and_a_resume_needs_name_and_reason(standing: Standing) -> None:
    assert standing.terms == Terms(ACTIVE, 0, 0)
    assert standing.obey(command(Command.HALT)) == (True, "halted: no reason given (unnamed)")
    assert standing.terms == Terms(HALTED, 1, 0)
    for reason, operator in (("", "ada"), ("fixed", ""), (" ", " ")):
        answer = standing.obey(command(Command.RESUME, reason, operator, is_new_budget=True))
        assert answer == (False, "resume needs a reason and the name of an operator")
        assert standing.terms == Terms(HALTED, 1, 0)
    is_done, detail = standing.obey(command(Command.RESUME, "fixed", "ada"))
    assert is_done
    assert detail == "ada resumes: fixed; it was halted: no reason given (unnamed); the state is active"
    assert standing.terms == Terms(ACTIVE, 1, 0)


def test_a_second_halt_keeps_the_first_reason_and_is_no_other_halt(standing: Standing) -> None:
    standing.obey(HALT)
    assert standing.obey(command(Command.HALT, "flood", "bob")) == (True, "halted: fire (ada)")
    assert (standing.reason, standing.halts) == ("fire (ada)", 1)
    standing.obey(RESUME)
    standing.obey(command(Command.HALT, "flood", "bob"))
    assert (standing.reason, standing.halts) == ("flood (bob)", 2)


def test_what_is_not_halted_cannot_resume_and_other_words_are_refused(standing: Standing) -> None:
    assert standing.obey(NEW_BUDGET) == (False, "not halted; the state is active")
    assert standing.budgets == 0
    assert standing.obey(command(Command.ASK)) == (False, "risk does not know ask; it knows halt and resume")


def test_a_tier_is_told_when_it_is_entered_and_when_it_is_left(standing: Standing) -> None:
    path = ("7.99", "8", "8.01", "12", "10", "9.99", "6", "5.99")
    told = [standing.take(fallen(drawdown, version)) for version, drawdown in enumerate(path, 1)]
    assert told == [
        [],
        [Notice(0.1, "drawdown 8.00% enters tier 1: position limit cut by 10%")],
        [],
        [Notice(0.25, "drawdown 12.00% enters tier 2: position limit cut by 25%")],
        [],
        [Notice(0.1, "drawdown 9.99% leaves tier 2 for 1: position limit cut by 10%")],
        [],
        [Notice(0.0, "drawdown 5.99% leaves tier 1 for 0: position limit cut by 0%")],
    ]


def test_at_the_budget_only_reductions_go_and_one_tick_beyond_it_the_firm_halts(standing: Standing) -> None:
    assert standing.take(fallen("15")) == [Notice(0.5, "drawdown 15.00% enters tier 3: position limit cut by 50%")]
    assert standing.terms == Terms(REDUCING, 0, 0)
    assert standing.reason == "drawdown tier 3 is reduce only, drawdown 15.00%"
    assert standing.take(fallen("15.01", 2)) == [Notice(1.0, f"{SPENT}; the firm is halted, to be flattened")]
    assert standing.terms == Terms(HALTED, 1, 0)
    assert standing.reason == SPENT


def test_a_halt_by_the_budget_is_latched_and_counted_once(standing: Standing) -> None:
    standing.take(fallen("16"))
    assert standing.take(fallen("17", 2)) == []
    told = standing.take(fallen("1", 3))
    assert [notice.severity for notice in told] == [0.0]
    assert standing.terms == Terms(HALTED, 1, 0)


def test_a_halt_of_an_operator_outlasts_recovery_and_keeps_its_reason_beyond_the_budget(standing: Standing) -> None:
    standing.obey(HALT)
    assert [notice.severity for notice in standing.take(fallen("16"))] == [0.5]
    assert standing.terms == Terms(HALTED, 1, 0)
    assert standing.reason == "fire (ada)"
    standing.take(fallen("12", 2))
    assert standing.obey(RESUME)[0]
    assert standing.terms == Terms(REDUCING, 1, 0)
    standing.take(fallen("11.99", 3))
    assert (standing.state, standing.reason) == (ACTIVE, "")


def test_while_the_budget_is_spent_only_a_new_one_ends_the_halt(standing: Standing) -> None:
    standing.take(fallen("15.01"))
    is_done, detail = standing.obey(RESUME)
    assert not is_done
    assert detail == (
        "drawdown 15.0100% of peak equity 100 is beyond the budget of 15.00%; only a resume with a new budget ends "
        "this halt"
    )
    assert standing.terms == Terms(HALTED, 1, 0)
    is_done, detail = standing.obey(NEW_BUDGET)
    assert is_done
    assert detail == f"ada resumes: mandate renewed; it was halted: {SPENT}; the state is reducing"
    assert standing.terms == Terms(REDUCING, 1, 1)


def test_it_does_not_halt_again_on_a_book_of_the_old_budget(standing: Standing) -> None:
    standing.take(fallen("16"))
    standing.obey(NEW_BUDGET)
    assert standing.reason == "drawdown budget 1 begins with the book that shows its peak"
    assert standing.take(fallen("17", 2)) == []
    assert standing.terms == Terms(REDUCING, 1, 1)
    told = standing.take(fallen("17", 3, peak="83"))
    assert [notice.severity for notice in told] == [0.0]
    assert standing.terms == Terms(ACTIVE, 1, 1)
    assert standing.take(fallen("29.46", 4, peak="83")) != []
    assert standing.terms == Terms(HALTED, 2, 1)


def test_the_budget_begins_anew_where_equity_has_climbed_beyond_the_old_peak(standing: Standing) -> None:
    """The book of the new peak was lost: what comes then is above the old one, and no book of that budget."""
    standing.take(fallen("16"))
    standing.obey(NEW_BUDGET)
    standing.take(fallen("-5", 3, peak="106"))
    assert standing.terms == Terms(ACTIVE, 1, 1)


@pytest.mark.parametrize("book", [
    fallen("16", 2, held=5),
    book_of(2, "A", 2, equity=84, peak=100, working=[order()]),
])  # fmt: skip
def test_a_spent_budget_begins_anew_only_with_a_flat_book(standing: Standing, book: PortfolioUpdate) -> None:
    """Until then what is held is being sold, and would be kept."""
    standing.take(book)
    is_done, detail = standing.obey(NEW_BUDGET)
    assert not is_done
    assert detail.endswith("and the book is not flat yet; resume once it is")
    assert standing.terms == Terms(HALTED, 1, 0)
    standing.take(fallen("16", 3))
    assert standing.obey(NEW_BUDGET)[0]


def test_a_new_budget_may_begin_at_any_resume_and_waits_for_nothing_at_the_peak(standing: Standing) -> None:
    standing.take(fallen("0", held=5))
    standing.obey(HALT)
    assert standing.obey(NEW_BUDGET)[0]
    assert standing.terms == Terms(ACTIVE, 1, 1)
    standing.take(fallen("13", 2, held=5))
    standing.obey(HALT)
    assert standing.obey(NEW_BUDGET)[0]
    assert standing.terms == Terms(REDUCING, 2, 2)
    standing.take(fallen("13", 3, held=5, peak="87"))
    assert standing.terms == Terms(ACTIVE, 2, 2)


def test_a_new_budget_ends_the_deadlock_of_a_flat_firm_in_its_last_tier(standing: Standing) -> None:
    standing.take(fallen("15"))
    standing.obey(HALT)
    standing.obey(RESUME)
    assert standing.terms == Terms(REDUCING, 1, 0)
    standing.obey(HALT)
    standing.obey(NEW_BUDGET)
    standing.take(fallen("15", 2, peak="85"))
    assert standing.terms == Terms(ACTIVE, 2, 1)


def test_days_are_dated_and_their_loss_is_measured(standing: Standing) -> None:
    histories = Histories(5)
    for bar in (1, 2):
        histories.append(bar_of("A", bar, 100))
        standing.take(fallen(str(4 * bar), bar))
    assert [(dated.day, dated.book.version, dated.tier) for dated in standing.date(histories)] == [(1, 1, 0), (2, 2, 1)]
    histories.append(bar_of("A", 3, 100))
    standing.take(fallen("54", 3))
    standing.date(histories)
    assert standing.daily.fraction == Decimal("0.5")


@pytest.mark.parametrize("path", [
    (fallen("9"), HALT),
    (fallen("16"),),
    (fallen("16"), NEW_BUDGET),
    (fallen("16", held=3),),
])  # fmt: skip
def test_a_restored_standing_goes_on_alike(
    standing: Standing, path: tuple[PortfolioUpdate | SystemCommand, ...]
) -> None:
    for step in path:
        standing.take(step) if isinstance(step, PortfolioUpdate) else standing.obey(step)
    other = Standing(BOOK)
    other.restore(unpack(pack(standing.snapshot())))
    assert (other.terms, other.reason, other.ladder.cut) == (standing.terms, standing.reason, standing.ladder.cut)
    histories = Histories(5)
    histories.append(bar_of("A", 1, 100))
    for each in (standing, other):
        each.date(histories)
    assert other.daily.snapshot() == standing.daily.snapshot()
    rest = (
        RESUME,
        NEW_BUDGET,
        fallen("17", 2),
        RESUME,
        NEW_BUDGET,
        fallen("17", 3, peak="83"),
        fallen("30", 4, peak="83"),
    )
    for step in rest:
        found = [
            each.take(step) if isinstance(step, PortfolioUpdate) else each.obey(step) for each in (standing, other)
        ]
        assert found[0] == found[1]
        assert other.terms == standing.terms
    assert pack(other.snapshot()) == pack(standing.snapshot())
