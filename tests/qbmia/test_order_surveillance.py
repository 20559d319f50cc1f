"""Detectors over orders and trades: each on its pattern, on its honest look-alike, and on nothing."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from bus.errors import Invalid
from qbmia.surveillance.event import BUY, CANCELLED, PLACED, SELL, Orders, Suspicion, Trades, check, graded, lives
from qbmia.surveillance.front_running import front_running
from qbmia.surveillance.layering import layering
from qbmia.surveillance.spoofing import spoofing
from qbmia.surveillance.wash_trading import wash_trading

Detector = Callable[[Orders, Trades], Suspicion]
DETECTORS: list[Detector] = [spoofing, layering, wash_trading, front_running]
OrderEvent = tuple[float, int, int, int, int, float, float]
TradeEvent = tuple[float, int, int, int, int, float, float]


def orders(*events: OrderEvent) -> Orders:
    columns = list(zip(*sorted(events), strict=True)) or [()] * 7
    kinds = (float, int, int, int, int, float, float)
    return Orders(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))


def trades(*events: TradeEvent) -> Trades:
    columns = list(zip(*sorted(events), strict=True)) or [()] * 7
    kinds = (float, int, int, int, int, float, float)
    return Trades(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))


def order(
    start: float, end: float | None, number: int, trader: int, side: int, price: float, size: float
) -> list[OrderEvent]:
    placed = (start, PLACED, number, trader, side, price, size)
    return [placed] if end is None else [placed, (end, CANCELLED, number, trader, side, price, size)]


def crowd() -> list[OrderEvent]:
    return [event for k in range(20) for event in order(5.0 * k, 5.0 * k + 60, 1_000 + k, k, BUY, 99.0, 1.0)]


def of(found: Suspicion, trader: int) -> float:
    return float(found.scores[found.traders.tolist().index(trader)])


def spoofed(count: int, *, life_s: float = 3.0, size: float = 8.0, filled: bool = False) -> tuple[Orders, Trades]:
    events, done = crowd(), []
    for k in range(count):
        start = 10.0 + 20 * k
        events += order(start, start + life_s, k, 50, BUY, 99.0, size)
        done.append((start + 1.0, 51, 50, -1, -1, 100.0, 1.0))
        if filled:
            done.append((start + 2.0, 50, 52, k, -1, 99.0, size / 2))
    return orders(*events), trades(*done)


def test_a_spoofer_is_seen_and_the_more_the_more_often() -> None:
    scores = [of(spoofing(*spoofed(count)), 50) for count in (1, 2, 5)]
    assert scores == pytest.approx([1 / 1.1 * n / (n + 1) for n in (1, 2, 5)])
    assert scores[-1] > 0.7
    assert of(spoofing(*spoofed(5)), 3) == 0.0


@pytest.mark.parametrize("look", [{"life_s": 30.0}, {"size": 2.0}, {"filled": True}])
def test_an_order_that_stays_is_small_or_trades_is_no_spoof(look: dict[str, float]) -> None:
    assert of(spoofing(*spoofed(5, **look)), 50) == 0.0  # type: ignore[arg-type]


def layered(levels: int, *, both_sides: bool = False) -> tuple[Orders, Trades]:
    events, done = crowd(), []
    for k in range(4):
        start = 10.0 + 20 * k
        for level in range(levels):
            events += order(start, start + 4.0, 100 * k + level, 50, SELL, 101.0 + level, 1.0)
            if both_sides:
                events += order(start, start + 4.0, 100 * k + level + 50, 50, BUY, 98.0 - level, 1.0)
        done.append((start + 1.0, 50, 51, -1, -1, 100.0, 1.0))
    return orders(*events), trades(*done)


def test_layers_are_seen_and_a_maker_s_ladder_is_not() -> None:
    assert of(layering(*layered(3)), 50) == pytest.approx(1 / 1.05 * 4 / 5)
    assert of(layering(*layered(2)), 50) == 0.0
    assert of(layering(*layered(4, both_sides=True)), 50) == 0.0


def test_wash_trades_are_seen_alone_and_in_pairs() -> None:
    honest = [(float(t), t % 7, 10 + t % 5, -1, -1, 100.0 + t, 1.0) for t in range(40)]
    alone = trades(*honest, *((50.0 + t, 60, 60, -1, -1, 100.0, 2.0) for t in range(4)))
    assert of(wash_trading(orders(*crowd()), alone), 60) == pytest.approx(1 / 1.1 * 4 / 5)
    pair = [(50.0 + 10 * t, *((60, 61) if t % 2 else (61, 60)), -1, -1, 100.0, 2.0) for t in range(6)]
    found = wash_trading(orders(*crowd()), trades(*honest, *pair))
    assert of(found, 60) == of(found, 61) == pytest.approx(1 / 1.1 * 3 / 4)
    assert of(found, 3) == 0.0
    late = trades((0.0, 60, 61, -1, -1, 100.0, 2.0), (90.0, 61, 60, -1, -1, 100.0, 2.0))
    assert not wash_trading(orders(), late).scores.any()
    dear = trades((0.0, 60, 61, -1, -1, 100.0, 2.0), (9.0, 61, 60, -1, -1, 101.0, 2.0))
    assert not wash_trading(orders(), dear).scores.any()


def sandwiched(count: int, *, exits: int = SELL) -> Trades:
    events: list[TradeEvent] = [(7.0 * t, t % 7, 10 + t % 5, -1, -1, 100.0, 1.0) for t in range(60)]
    for k in range(count):
        start = 500.0 + 60 * k
        events.append((start, 60, 20, -1, -1, 100.0, 1.0))
        events.append((start + 2.0, 30 + k, 20, -1, -1, 100.1, 9.0))
        events.append((start + 8.0, *((21, 60) if exits == SELL else (60, 21)), -1, -1, 100.2, 1.0))
    return trades(*events)


def test_a_front_runner_is_seen() -> None:
    scores = [of(front_running(orders(), sandwiched(count)), 60) for count in (1, 3)]
    assert scores == pytest.approx([1 / 1.05 * n / (n + 1) for n in (1, 3)])
    assert of(front_running(orders(), sandwiched(3, exits=BUY)), 60) == 0.0


@pytest.mark.parametrize("detect", DETECTORS)
def test_nothing_happened_nobody_is_suspected(detect: Detector) -> None:
    found = detect(orders(), trades())
    assert found.traders.size == found.scores.size == 0
    quiet = detect(orders(*crowd()), trades())
    assert quiet.traders.tolist() == list(range(20))
    assert not quiet.scores.any()


@pytest.mark.parametrize("detect", DETECTORS)
def test_scores_lie_in_the_unit_interval(detect: Detector) -> None:
    for events in (spoofed(6), layered(5), (orders(*crowd()), sandwiched(6))):
        scores = detect(*events).scores
        assert ((scores >= 0.0) & (scores <= 1.0)).all()


def test_lives_follow_an_order_to_its_end() -> None:
    events = orders(*order(1.0, 4.0, 5, 9, BUY, 10.0, 3.0), *order(2.0, None, 6, 9, SELL, 11.0, 2.0))
    book = lives(events, trades((3.0, 9, 8, 5, -1, 10.0, 1.0), (3.5, 7, 9, -1, 6, 11.0, 2.0)))
    assert book.ends_s.tolist() == [4.0, np.inf]
    assert book.filled.tolist() == [1.0, 2.0]


def test_a_share_is_graded_by_size_and_number() -> None:
    assert graded(0.0, 0.1, 5.0) == 0.0
    assert graded(0.1, 0.1, 1.0) == pytest.approx(0.25)
    assert graded(1.0, 0.1, 1e9) == pytest.approx(1 / 1.1)


@pytest.mark.parametrize(
    "flaw",
    [
        {"times_s": np.array([2.0, 1.0])}, {"times_s": np.array([1.0])}, {"prices": np.array([1.0, np.nan])},
        {"quantities": np.array([1.0, 0.0])}, {"kinds": np.array([0, 7])}, {"sides": np.array([1, 0])},
        {"orders": np.array([1, 1])},
    ],
)  # fmt: skip
def test_events_that_do_not_fit_are_refused(flaw: dict[str, Sequence[float]]) -> None:
    sound = orders(*order(1.0, None, 1, 1, BUY, 1.0, 1.0), *order(2.0, None, 2, 1, BUY, 1.0, 1.0))
    check(sound, trades())
    with pytest.raises(Invalid):
        check(sound._replace(**flaw), trades())  # type: ignore[arg-type]
