"""What every seat of the firm does, whatever it believes."""

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from bus.messages import (
    Action,
    CorporateAction,
    DecisionResponse,
    Gap,
    MarketUpdate,
    PerformanceFeedback,
    Phase,
)
from bus.plain import pack, unpack
from bus.stepper import Stepper
from kernels.arrays import Floats
from market.factors import LEAST_BARS
from market.seat import Seat
from qbmia.config import QbmiaStrategies
from tests.seats.driver import SEATS, SYMBOL, Table, bar, envelope, feedback, make, mirrored, request, walk

WINDOW = LEAST_BARS
OWN_RULE = "quantum_amos"
"""Chooses by its own intention: its actions and its parameters have tests of their own in tests/quantum_amos."""
ALTERNATIVES: dict[str, Any] = {
    "window_bars": 80,
    "initial_confidence": 0.5,
    "score_discount": 0.9,
    "memories_bars": (5,),
    "volatility_decay": 0.8,
    "payoff_discount": 0.9,
    "temperature": 0.5,
    "crowding": 0.5,
    "calibration": 1.0,
    "learning_rate": 0.3,
    "shrinkage": 0.1,
    "evidence_rounds": 5.0,
    "prior_variance": 0.1,
    "forgetting": 0.9,
    "noise_rounds": 5.0,
    "outlier_sigmas": 0.5,
    "alpha": 0.5,
    "quorum": 5,
    "quantum": False,
}
OWN_TESTS = {("quasar", field) for field in ("strategies", "qstar", "river", "qar", "quorum", "alert_severity")}
"""Tables with tests in tests/quasar, a quorum of strategies that always vote, and a severity that is always 0."""
OWN_TESTS |= {("qbmia", field) for field in ("strategies", *QbmiaStrategies.model_fields, "alert_severity", "quantum")}
"""Tables with tests in tests/qbmia, what changes alerts and no answer, and a switch that needs a crowd that herds."""
PARAMETERS = [
    (name, field)
    for name, (_, config) in SEATS.items()
    for field in config.model_fields
    if name != OWN_RULE and (name, field) not in OWN_TESTS
]


@pytest.fixture(params=list(SEATS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def table(name: str) -> Table:
    return Table(make(name, window_bars=WINDOW))


def answers(table: Table, rows: Floats) -> list[DecisionResponse]:
    return [table.play(row) for row in rows]


def warmed(name: str, rows: Floats) -> Table:
    table = Table(make(name, window_bars=WINDOW))
    answers(table, rows)
    return table


def steps(seat: Seat, order: str) -> list[DecisionResponse]:
    """Hand a warm seat bar 81 (b), its feedback (f) and the question about both (q) in the given order."""
    rows = walk(3, 82)
    table = Table(seat)
    for number in range(81):
        table.hand(bar(number, rows[number]))
    table.hand(request(80))
    messages = {"b": bar(81, rows[81]), "f": feedback(80, 81, 1, 0.01, 0.005), "q": request(81, settled=1)}
    said = [message for key in order for message in table.hand(messages[key])]
    assert table.stepper.deferred == 0
    return [message for message in said if isinstance(message, DecisionResponse)]


@pytest.mark.parametrize("order", ["bqf", "fbq", "fqb", "qbf", "qfb"])
def test_the_order_of_arrival_does_not_matter(name: str, order: str) -> None:
    expected = steps(make(name, window_bars=WINDOW), "bfq")
    assert len(expected) == 1
    assert steps(make(name, window_bars=WINDOW), order) == expected


def test_too_little_history_abstains(table: Table) -> None:
    for response in answers(table, walk(1, WINDOW - 1)):
        assert response.belief is None
        assert response.confidence == 0.0
        assert response.choice is Action.HOLD
        assert response.expected_return == 0.0
        assert response.reasons == (("history", 1.0),)
    assert table.play(walk(1, 1)[0]).belief is not None


def test_one_bar_abstains(table: Table) -> None:
    assert table.play((10.0, 10.0, 10.0, 10.0, 0.0)).belief is None


def test_a_belief_is_a_distribution_with_a_confidence(table: Table) -> None:
    for response in answers(table, walk(5, 300, persistence=0.4))[WINDOW:]:
        assert response.belief is not None
        assert sum(response.belief) == pytest.approx(1.0, abs=1e-12)
        assert min(response.belief) > 0.0
        assert 0.0 <= response.confidence <= 1.0
        assert math.isfinite(response.expected_return)


def test_evidence_moves_the_belief(table: Table) -> None:
    moved = [
        played.response.belief != played.request.prior
        for played in (answers(table, walk(5, 200)), table.played)[1]
        if played.response.belief is not None
    ]
    assert sum(moved) > 0.9 * len(moved)


def test_constant_prices_give_the_prior_and_hold(name: str) -> None:
    table = warmed(name, walk(7, 150))
    flat = (100.0, 101.0, 99.0, 100.0, 5_000.0)
    for _ in range(WINDOW):
        table.play(flat)
    for held in (Decimal(0), Decimal(5), Decimal(-5)):
        prior = (0.1, 0.2, 0.7)
        response = table.play(flat, prior=prior, position=held)
        assert response.belief == prior
        assert response.choice is Action.HOLD


def test_mirrored_prices_give_the_mirrored_belief(name: str) -> None:
    rows = walk(11, 400, persistence=0.3)
    ups, downs = warmed(name, rows), warmed(name, mirrored(rows))
    for one, other in zip(ups.played, downs.played, strict=True):
        if one.response.belief is not None and other.response.belief is not None:
            assert one.response.belief == pytest.approx(other.response.belief[::-1], abs=1e-12)
        assert one.response.confidence == pytest.approx(other.response.confidence, abs=1e-12)
        assert one.response.expected_return == pytest.approx(-other.response.expected_return, abs=1e-12)


def test_later_bars_change_nothing_before_them(name: str) -> None:
    rows = walk(13, 220)
    changed = rows.copy()
    changed[180:] = walk(14, 40) * 3.0
    whole = answers(Table(make(name, window_bars=WINDOW)), rows)
    other = answers(Table(make(name, window_bars=WINDOW)), changed)
    assert other[:180] == whole[:180]
    assert answers(Table(make(name, window_bars=WINDOW)), rows[:180]) == whole[:180]
    assert other[180:] != whole[180:]


def test_the_same_input_gives_the_same_answers(name: str) -> None:
    rows = walk(17, 250)
    first, second = (answers(Table(make(name, window_bars=WINDOW), horizon=3), rows) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("factor", [1.8, 0.2])
def test_a_jump_of_eighty_per_cent_is_answered(name: str, factor: float) -> None:
    table = warmed(name, walk(19, 120))
    for row in walk(23, 60) * np.array([factor] * 4 + [1.0]):
        belief = table.play(row).belief
        assert belief is not None
        assert min(belief) > 1e-3


def test_zero_volume_is_answered(name: str) -> None:
    rows = walk(29, 120)
    rows[:, 4] = 0.0
    for response in answers(Table(make(name, window_bars=WINDOW)), rows)[WINDOW:]:
        assert response.belief is not None


@pytest.mark.parametrize("price", [Decimal("1e-400"), Decimal("1e400")])
def test_a_price_that_has_no_float_is_a_hole_in_the_data(name: str, price: Decimal) -> None:
    table = warmed(name, walk(29, 100))
    update = MarketUpdate(
        symbol=SYMBOL, bar=100, opened_ns=100, open=price, high=price, low=price, close=price, volume=price
    )
    table.hand(update)
    assert [each.reasons for each in _responses(table, request(100, settled=99))] == [(("history", 1.0),)]


@pytest.mark.parametrize("horizon", [1, 5])
def test_a_restored_seat_goes_on_as_if_nothing_had_happened(name: str, horizon: int) -> None:
    rows = walk(31, 200)
    table = Table(make(name, window_bars=WINDOW), horizon=horizon)
    answers(table, rows[:120])
    state = unpack(pack(table.stepper.snapshot()))
    twin = make(name, window_bars=WINDOW)
    fresh = Stepper(twin)
    fresh.restore(state)
    expected = answers(table, rows[120:])
    # The twin takes the place of the seat at a table that remembers the same first 120 bars.
    again = Table(make(name, window_bars=WINDOW), horizon=horizon)
    answers(again, rows[:120])
    again.stepper = fresh
    assert answers(again, rows[120:]) == expected
    assert pack(fresh.snapshot()) == pack(table.stepper.snapshot())


def test_a_question_that_waits_survives_a_restart(name: str) -> None:
    rows = walk(31, 41)
    table = warmed(name, rows[:40])
    question = request(40, settled=40)
    assert table.hand(question) == []
    fresh = Stepper(make(name, window_bars=WINDOW))
    fresh.restore(unpack(pack(table.stepper.snapshot())))
    table.stepper = fresh
    assert table.hand(bar(40, rows[40])) == []
    said = table.hand(feedback(39, 40, 40, 0.0, 0.005))
    assert [type(message) for message in said] == [DecisionResponse]


def test_a_lost_bar_abstains_at_once_and_until_the_window_is_whole(name: str) -> None:
    rows = walk(37, 200)
    table = warmed(name, rows[:60])
    table.hand(Gap(sender="market", stream=MarketUpdate.KIND, first=61, last=61))
    assert [each.belief for each in _responses(table, request(60, settled=59))] == [None]
    for number in range(61, 61 + WINDOW - 1):
        table.hand(bar(number, rows[number]))
        assert [each.belief for each in _responses(table, request(number, settled=59))] == [None]
    table.hand(bar(61 + WINDOW - 1, rows[0]))
    assert [each.belief is None for each in _responses(table, request(61 + WINDOW - 1, settled=59))] == [False]


def test_a_bar_that_does_not_follow_begins_a_new_window(name: str) -> None:
    rows = walk(37, 120)
    table = warmed(name, rows[:60])
    table.hand(bar(70, rows[70]))
    assert [each.reasons for each in _responses(table, request(70, settled=59))] == [(("history", 1.0),)]


def test_a_split_begins_a_new_window_and_a_dividend_does_not(name: str) -> None:
    rows = walk(37, 120)
    for action, is_new in ((CorporateAction(split=Decimal(2)), True), (CorporateAction(dividend=Decimal(1)), False)):
        table = warmed(name, rows[:100])
        table.hand(bar(100, rows[100]).model_copy(update={"action": action}))
        table.hand(feedback(99, 100, 100, 0.0, 0.005))
        (said,) = _responses(table, request(100, settled=100))
        assert (said.reasons == (("history", 1.0),)) == is_new


def test_a_lost_feedback_abstains_at_once_until_the_next_arrives(name: str) -> None:
    rows = walk(41, 102)
    table = warmed(name, rows[:100])
    table.hand(Gap(sender="pads", stream=PerformanceFeedback.KIND, first=100, last=100))
    table.hand(bar(100, rows[100]))
    assert [each.reasons for each in _responses(table, request(100, settled=100))] == [(("gap", 1.0),)]
    table.hand(bar(101, rows[101]))
    table.hand(feedback(100, 101, 101, 0.0, 0.005))
    assert [each.belief is None for each in _responses(table, request(101, settled=101))] == [False]


def test_a_question_overtaken_by_a_later_bar_is_not_answered_with_it(name: str) -> None:
    rows = walk(43, 61)
    table = warmed(name, rows[:60])
    table.hand(bar(60, rows[60]))
    assert [each.reasons for each in _responses(table, request(59, settled=59))] == [(("overtaken", 1.0),)]


def test_rounds_of_other_symbols_change_nothing(name: str) -> None:
    """Their bars may: a symbol's correlation with the others is one of the factors."""
    rows, noise = walk(47, 150), walk(48, 150)
    quiet = Table(make(name, window_bars=WINDOW))
    alone = []
    for number, (row, other) in enumerate(zip(rows, noise, strict=True)):
        quiet.hand(bar(number, other, "NDX"), "market")
        alone.append(quiet.play(row))
    seat = make(name, window_bars=WINDOW)
    one, second = Table(seat), Table(seat, symbol="NDX")
    second.stepper = one.stepper
    together = [one.play(row) for row, other in zip(rows, noise, strict=True) if second.play(other)]
    assert together == alone


def test_rounds_that_never_settle_are_forgotten(name: str) -> None:
    table = warmed(name, walk(53, 60))
    table.hand(bar(60, walk(53, 1)[0]))
    table.hand(request(60, settled=59, horizon=1))
    assert table.stepper.agent.report()["open_rounds"] == 2
    table.hand(feedback(0, 70, 60, 0.0, 0.005))
    assert table.stepper.agent.report()["open_rounds"] == 0


@pytest.mark.parametrize("name", [name for name in SEATS if name != OWN_RULE])
def test_every_action_is_reached(name: str) -> None:
    table = warmed(name, walk(59, 100))
    reached = {table.play(row, **asked).choice for row, asked in zip(walk(61, 200), _questions(), strict=False)}
    assert reached == set(Action)


@pytest.mark.parametrize(("name", "field"), PARAMETERS)
def test_every_parameter_changes_an_answer(name: str, field: str) -> None:
    rows = walk(67, 120)
    usual = answers(Table(make(name, window_bars=WINDOW)), rows)
    assert answers(Table(make(name, **{"window_bars": WINDOW, field: ALTERNATIVES[field]})), rows) != usual


def test_the_record_moves_the_confidence(name: str) -> None:
    """A seat that is told it was always right ends more confident than one that is told it was always wrong."""
    ends = {}
    for sign in (1.0, -1.0):
        rows, table = walk(71, 180), warmed(name, walk(73, 100))
        for number in range(100, 180):
            table.hand(bar(number, rows[number]))
            (response,) = _responses(table, request(number, settled=number - 1, prior=(0.3, 0.4, 0.3)))
            assert response.belief is not None
            leaning = sign * (response.belief[2] - response.belief[0])
            realized = math.copysign(0.02, leaning)
            table.hand(feedback(number, number, number, realized, 0.005))
        ends[sign] = response.confidence
    assert ends[1.0] > ends[-1.0]


def _responses(table: Table, question: Any) -> list[DecisionResponse]:
    return [message for message in table.hand(question) if isinstance(message, DecisionResponse)]


def _questions() -> Iterator[dict[str, Any]]:
    """Ask, over and over, where each action lies."""
    while True:
        for position, prior, phase in (
            (0, (0.04, 0.2, 0.76), Phase.GROWTH),
            (0, (0.76, 0.2, 0.04), Phase.CONSERVATION),
            (5, (0.04, 0.2, 0.76), Phase.REORGANIZATION),
            (5, (0.76, 0.2, 0.04), Phase.GROWTH),
            (5, (0.42, 0.3, 0.28), Phase.GROWTH),
            (-5, (0.325, 0.3, 0.375), Phase.GROWTH),
            (5, (0.49, 0.3, 0.21), Phase.RELEASE),
            (5, (0.3, 0.4, 0.3), Phase.RELEASE),
        ):
            yield {"position": Decimal(position), "prior": prior, "phase": phase}


def test_a_duplicate_bar_is_ignored(name: str) -> None:
    rows = walk(79, 61)
    once, twice = warmed(name, rows[:60]), warmed(name, rows[:60])
    twice.hand(bar(59, rows[0]))
    assert twice.play(rows[60]) == once.play(rows[60])


def test_started_seats_say_nothing_on_their_own(name: str) -> None:
    stepper = Stepper(make(name))
    assert stepper.start(0) == []
    assert stepper.step(envelope(bar(0, walk(1, 1)[0]), 1), 1) == []
