"""The tail of a book and of what an order makes of it, by three estimators."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.messages import Order, Side, Tail
from bus.plain import pack, unpack
from kernels.shortfall import filtered_shortfall, fit_student, refit_student
from kernels.tail import expected_shortfall
from portfolio.history import Histories
from portfolio.holdings import Holdings
from portfolio.tail import DECAY, EMPTY, LEVEL, START, Stake, TailGauge, load_kernels
from tests.gates.driver import DAY_NS, bar_of, book_of, closes_from, order

SYMBOLS = ("AAA", "BBB", "CCC")
BARS = 180
EQUITY = 100_000
MOVES = np.random.default_rng(7).standard_t(4, (3, BARS)) * np.array([[0.01], [0.02], [0.005]])
MOVES[1] += 0.8 * MOVES[0]
BUY, SELL = Side.BUY, Side.SELL


def seen(moves: Sequence[Sequence[float]], symbols: Sequence[str] = SYMBOLS, capacity: int = 500) -> Histories:
    """Histories of daily bars that end at a close of about 100, so that units are shares of a thousandth of equity."""
    histories = Histories(capacity)
    for symbol, row in zip(symbols, moves, strict=True):
        closes = closes_from(row)
        for bar, close in enumerate(closes):
            histories.append(bar_of(symbol, bar, close * 100 / closes[-1]))
    return histories


@pytest.fixture(scope="module")
def histories() -> Histories:
    return seen(MOVES.tolist())


def gauged(
    histories: Histories, symbol: str | None = None, gauge: TailGauge | None = None, **book: Any
) -> tuple[Holdings, Stake]:
    """Holdings on these bars and what an order puts at stake."""
    gauge = gauge or TailGauge(histories)
    flying = book.pop("in_flight", ())
    holdings = gauge.holdings(book_of(1, "AAA", BARS, **{"equity": EQUITY, **book}), flying)
    stake = gauge.stake(holdings, symbol)
    assert stake is not None
    return holdings, stake


def asked(side: Side, quantity: float | str, symbol: str = "AAA", order_id: str = "o1") -> Order:
    return order(side, Decimal(str(quantity)), symbol=symbol, order_id=order_id, bar=BARS)


def losses_of(weights: Mapping[str, float], *, start: int = START) -> Any:
    """Losses of a book of weights, computed at once."""
    return -sum(weight * MOVES[SYMBOLS.index(symbol), start:] for symbol, weight in weights.items())


HELD = {"AAA": 80, "BBB": -30}
WEIGHTS = {"AAA": 0.08, "BBB": -0.03}


def filtered_of(weights: Mapping[str, float]) -> float:
    """Each symbol at today's volatility, then the book."""
    rows = []
    for symbol, weight in weights.items():
        moves, variance, mass, scaled = MOVES[SYMBOLS.index(symbol)], 0.0, 0.0, []
        for move in moves:
            scaled.append(math.sqrt(variance / mass) if mass else math.nan)
            variance, mass = DECAY * variance + move**2, DECAY * mass + 1.0
        today = math.sqrt(variance / mass)
        rows.append(-weight * moves[START:] * today / np.array(scaled[START:]))
    return expected_shortfall(np.sum(rows, axis=0), LEVEL)


def test_before_and_after_are_those_of_a_calculation_from_scratch(histories: Histories) -> None:
    for side, symbol, quantity in product((BUY, SELL), SYMBOLS, (20, 200)):
        _, stake = gauged(histories, symbol, positions=HELD)
        change = quantity / 1000 * (1 if side is BUY else -1)
        after = WEIGHTS | {symbol: WEIGHTS.get(symbol, 0.0) + change}
        found = stake.tail_after(asked(side, quantity, symbol))
        assert stake.observations == BARS - START
        assert stake.tail.historical == pytest.approx(expected_shortfall(losses_of(WEIGHTS), LEVEL), rel=1e-9)
        assert stake.tail.filtered == stake.shortfall == pytest.approx(filtered_of(WEIGHTS), rel=1e-9)
        assert found.historical == pytest.approx(expected_shortfall(losses_of(after), LEVEL), rel=1e-9)
        assert found.filtered == pytest.approx(filtered_of(after), rel=1e-9)
        again = [stake.shortfall_after(asked(side, quantity, symbol)) for _ in range(4)]
        assert again == [found.filtered] * 4


def test_one_holding_is_filtered_as_its_losses_are(histories: Histories) -> None:
    _, stake = gauged(histories, positions={"BBB": 100})
    losses = -0.1 * MOVES[1]
    expected = filtered_shortfall(losses, LEVEL, decay=DECAY, start=START)
    assert stake.shortfall == pytest.approx(expected, rel=1e-9)


def test_student_is_fitted_to_each_book_with_the_freedom_of_the_day(histories: Histories) -> None:
    gauge = TailGauge(histories)
    _, stake = gauged(histories, "CCC", gauge, positions=HELD)
    before, after = stake.tail, stake.tail_after(asked(BUY, 400, "CCC"))
    fitted = fit_student(losses_of(WEIGHTS))
    assert before.student == pytest.approx(fitted.shortfall(LEVEL), rel=1e-6)
    filled = losses_of({**WEIGHTS, "CCC": 0.4})
    assert after.student == pytest.approx(refit_student(filled, fitted.freedom).shortfall(LEVEL), rel=1e-6)
    day, freedom = gauge.snapshot()
    assert (day, freedom) == (BARS, pytest.approx(fitted.freedom, rel=1e-4))


def test_freedom_is_fitted_anew_when_a_day_is_over_and_never_for_an_older_one() -> None:
    histories = seen(MOVES.tolist())
    gauge = TailGauge(histories)
    _, stake = gauged(histories, None, gauge, positions=HELD)
    assert stake.tail.student is not None
    first = gauge.snapshot()
    for late in (False, True):
        for place, symbol in enumerate(SYMBOLS[: 3 if late else 2]):
            histories.append(bar_of(symbol, BARS + 1 + late, 101 + place))
        _, stake = gauged(histories, None, gauge, positions=HELD | {"CCC": 10})
        assert stake.tail.student is not None
        assert (gauge.snapshot() == first) is not late
        if not late:
            histories.append(bar_of("CCC", BARS + 1, 99))
            continue
    assert gauge.snapshot()[0] == BARS + 2


def test_a_day_counts_its_bars_by_the_square_root_of_time() -> None:
    daily, hourly = seen(MOVES.tolist()), Histories(500)
    for symbol, row in zip(SYMBOLS, MOVES.tolist(), strict=True):
        closes = closes_from(row)
        for bar, close in enumerate(closes):
            opened = bar // 7 * DAY_NS + bar % 7 * DAY_NS // 24
            hourly.append(bar_of(symbol, bar, close * 100 / closes[-1], opened))
    (_, one), (_, other) = (gauged(each, "AAA", positions=HELD) for each in (daily, hourly))
    judged, root = asked(BUY, 50), math.sqrt(7)
    for before, scaled in ((one.tail, other.tail), (one.tail_after(judged), other.tail_after(judged))):
        for estimator in ("historical", "filtered", "student"):
            assert getattr(scaled, estimator) == pytest.approx(root * getattr(before, estimator), rel=1e-9)


OPEN = [("AAA", BUY, 100), ("BBB", BUY, 90), ("CCC", SELL, 300), ("AAA", SELL, 250)]


def test_open_orders_count_at_their_worst_corner(histories: Histories) -> None:
    """As found by looking at every subset of what may fill."""
    flying = [asked(side, quantity, symbol, f"f{n}") for n, (symbol, side, quantity) in enumerate(OPEN[:2])]
    working = [asked(side, quantity, symbol, f"w{n}") for n, (symbol, side, quantity) in enumerate(OPEN[2:])]
    _, stake = gauged(histories, "BBB", positions=HELD, working=working, in_flight=flying)
    judged, freedom = asked(SELL, 40, "BBB"), 0.0
    for found, change in ((stake.tail, 0.0), (stake.tail_after(judged), -0.04)):
        worst, widest = -math.inf, (-1.0, np.zeros(1))
        for fills in product((0, 1), repeat=4):
            weights = {"AAA": 0.08, "BBB": -0.03 + change, "CCC": 0.0}
            for is_filled, (symbol, side, quantity) in zip(fills, OPEN, strict=True):
                weights[symbol] += is_filled * quantity / 1000 * (1 if side is BUY else -1)
            losses = losses_of(weights)
            worst = max(worst, expected_shortfall(losses, LEVEL))
            widest = max(widest, (float(np.var(losses)), losses), key=lambda each: each[0])
        assert found.historical == pytest.approx(worst, rel=1e-9)
        freedom = freedom or fit_student(widest[1]).freedom
        assert found.student == pytest.approx(refit_student(widest[1], freedom).shortfall(LEVEL), rel=1e-6)


def test_more_open_holdings_than_are_searched_are_bounded_from_above() -> None:
    draw = np.random.default_rng(3)
    names = [f"S{place}" for place in range(9)]
    histories = seen(draw.normal(0, 0.01, (9, 140)).tolist(), names)
    working = [asked(BUY, 10 + place, name, name) for place, name in enumerate(names)]
    _, stake = gauged(histories, "S0", working=working)
    _, filled = gauged(histories, "S0", positions={name: 10 + place for place, name in enumerate(names)})
    assert stake.tail.historical is not None
    assert filled.tail.historical is not None
    assert stake.tail.historical >= filled.tail.historical
    assert stake.tail.student == pytest.approx(filled.tail.student, rel=0.3)


def test_an_empty_book_has_nothing_to_lose(histories: Histories) -> None:
    gauge = TailGauge(histories)
    holdings, stake = gauged(histories, "AAA", gauge)
    assert (stake.tail, stake.shortfall) == (EMPTY, 0.0)
    assert holdings.symbols == ()
    assert gauge.stake(holdings) is None
    after = stake.tail_after(asked(SELL, 100))
    assert after.historical == pytest.approx(expected_shortfall(-losses_of({"AAA": 0.1}), LEVEL), rel=1e-9)
    assert after.student == pytest.approx(fit_student(-losses_of({"AAA": 0.1})).shortfall(LEVEL), rel=1e-6)


def test_what_cannot_be_measured_is_none() -> None:
    """Too few bars, no bars, no equity, prices that never moved, and such as stood still and then moved."""
    gauge = TailGauge(Histories(500))
    for book in ({"positions": {"ZZZ": 5}}, {"positions": {"ZZZ": 5}, "equity": 0}):
        assert gauge.stake(gauge.holdings(book_of(1, "AAA", 0, **book), ())) is None
    histories = seen([[0.01, -0.02] * 59], ["AAA"])
    _, stake = gauged(histories, "AAA", positions={"AAA": 100})
    assert stake.observations == 98
    for tail, expected in ((stake.tail, 0.002), (stake.tail_after(asked(BUY, 100)), 0.004)):
        assert tail.historical == pytest.approx(expected)
        assert (tail.filtered, tail.student) == (None, None)
    assert stake.largest(asked(BUY, 100), 1.0) == 0
    _, frozen = gauged(seen([[0.0] * 130], ["AAA"]), "AAA", positions={"AAA": 100})
    assert frozen.tail == Tail(historical=0.0, filtered=0.0, student=None)
    _, woken = gauged(seen([[0.0] * 80 + [0.01, -0.02] * 30], ["AAA"]), "AAA", positions={"AAA": 100})
    assert woken.tail.historical == pytest.approx(0.002)
    assert (woken.tail.filtered, woken.shortfall_after(asked(BUY, 1))) == (None, None)


@given(
    held=st.integers(-150, 150), other=st.integers(-150, 150), opened=st.integers(0, 100),
    side=st.sampled_from(Side), limit=st.floats(0.001, 0.01),
)  # fmt: skip
@settings(deadline=None, max_examples=40)
def test_the_largest_that_passes_passes_and_the_next_does_not(
    held: int, other: int, opened: int, side: Side, limit: float
) -> None:
    working = [asked(BUY, opened, "CCC", "w")] if opened else []
    _, stake = gauged(WHOLE, "AAA", positions={"AAA": held, "BBB": other}, working=working)
    judged = asked(side, 400)
    largest = stake.largest(judged, limit)
    before = stake.shortfall
    assert before is not None
    if before > limit:
        assert largest == 0
        return
    for quantity, passes in ((largest, True), (largest + Decimal("0.000002"), False)):
        if 0 < quantity <= 400:
            after = stake.shortfall_after(asked(side, str(quantity)))
            assert after is not None
            assert (after <= limit) is passes


WHOLE = seen(MOVES.tolist())


def test_between_orders_nothing_is_measured_twice(histories: Histories) -> None:
    gauge, book = TailGauge(histories), book_of(1, "AAA", BARS, positions=HELD, equity=EQUITY)
    holdings = gauge.holdings(book, [])
    stake = gauge.stake(holdings, "AAA")
    assert gauge.holdings(book, []) is holdings
    assert gauge.stake(holdings, "BBB") is stake
    assert gauge.stake(holdings, "CCC") is not stake
    flying = asked(BUY, 1, order_id="f")
    other = gauge.holdings(book, [flying])
    assert gauge.stake(other, "AAA") is not stake
    with pytest.raises(ValueError, match="out of date"):
        gauge.stake(holdings, "AAA")


def test_cached_or_restored_the_answers_are_the_same_bits() -> None:
    """One gauge lives through all bars and books, another is restored before every question."""
    histories = Histories(150)
    living = TailGauge(histories)
    state = living.snapshot()
    closes = {symbol: closes_from(row) for symbol, row in zip(SYMBOLS, MOVES.tolist(), strict=True)}
    for bar in range(BARS + 1):
        for symbol in SYMBOLS:
            histories.append(bar_of(symbol, bar, closes[symbol][bar], bar * DAY_NS // 3))
            if bar < 140 or bar % 8:
                continue
            anew = Histories(150)
            anew.restore(unpack(pack(histories.snapshot())))
            fresh = TailGauge(anew)
            fresh.restore(unpack(pack(state)))
            answers = []
            for gauge, bars in ((living, histories), (fresh, anew)):
                positions = {"AAA": bar, "BBB": -30 + bar % 5}
                _, stake = gauged(bars, symbol, gauge, positions=positions)
                judged = asked(BUY, 10 + bar % 7, symbol)
                answers.append((stake.tail, stake.tail_after(judged), stake.correlation(judged), gauge.snapshot()))
            assert answers[0] == answers[1]
            assert None not in (answers[0][0].student, answers[0][1].filtered)
            state = living.snapshot()


def test_what_comes_later_changes_no_answer() -> None:
    whole, cut = seen(MOVES.tolist()), seen(MOVES[:, : BARS - 30].tolist())
    partial = Histories(500)
    for symbol, row in zip(SYMBOLS, MOVES.tolist(), strict=True):
        closes = closes_from(row)
        for bar in range(BARS - 29):
            partial.append(bar_of(symbol, bar, closes[bar]))
    answers = [gauged(each, "AAA", positions=HELD)[1].observations for each in (whole, cut, partial)]
    assert answers == [BARS - START, BARS - 30 - START, BARS - 30 - START]
    (one, _), (other, _) = ((each.joint(SYMBOLS), each) for each in (cut, partial))
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(one.returns, other.returns, rtol=1e-9, atol=1e-15)


def test_kernels_can_be_loaded_before_the_first_order() -> None:
    load_kernels()
