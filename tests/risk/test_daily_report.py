"""The daily report: which book and which bars a day is measured on, and what is compared with what."""

import itertools
import math
from decimal import Decimal

import numpy as np
import pytest

from bus.messages import PortfolioUpdate, RiskReport
from bus.plain import pack, unpack
from kernels.arrays import Floats
from portfolio.forecast import forecast
from portfolio.history import Histories
from portfolio.tail import START
from risk import daily_report
from risk.daily_report import EARLY_BARS, FREEDOM_DAYS, DailyReport, DayEnd
from risk.dating import DatedBook
from tests.gates.driver import DAY_NS, bar_of, book_of, closes_from

WINDOW = 160
SYMBOLS = ("AAA", "BBB")
DAYS = 420


def market(seed: int = 5) -> dict[str, list[float]]:
    """Closes of two symbols with one common cause and fat tails."""
    rng = np.random.default_rng(seed)
    common = rng.standard_t(4, DAYS)
    return {symbol: closes_from((0.006 * (common + rng.standard_t(4, DAYS))).tolist()) for symbol in SYMBOLS}


CLOSES = market()


def show(histories: Histories, day: int, symbols: tuple[str, ...] = SYMBOLS) -> None:
    for symbol in symbols:
        histories.append(bar_of(symbol, day, CLOSES[symbol][day]))


def held(day: int, units: dict[str, int], equity: float = 100_000.0) -> DatedBook:
    """The last book of a day; what is not held in units is money, so that equity is given."""
    prices = {symbol: Decimal(repr(CLOSES[symbol][day])) for symbol in units}
    exact = Decimal(repr(equity))
    book = book_of(day, "AAA", day, positions=units, prices=prices, equity=exact, peak=max(exact, Decimal(120_000)))
    return DatedBook(day, book, 1)


def run(days: int, units: dict[str, int]) -> list[DayEnd]:
    """The ends of the first days of a firm that holds the same units all the time."""
    report, histories, equity = DailyReport(WINDOW), Histories(WINDOW), 100_000.0
    ends = []
    for day in range(days):
        show(histories, day)
        if day:
            equity += sum(n * (CLOSES[symbol][day] - CLOSES[symbol][day - 1]) for symbol, n in units.items())
        end = report.enter(held(day, units, equity), histories)
        if end is not None:
            ends.append(end)
    return ends


def returns_before(end: int, most: int) -> Floats:
    """Joint returns of the last bars of the days before ``end``."""
    closes = np.array([CLOSES[symbol][max(end - most, 0) : end] for symbol in SYMBOLS])
    returns: Floats = closes[:, 1:] / closes[:, :-1] - 1.0
    return returns


def test_a_day_is_measured_on_its_own_book_and_its_own_bars() -> None:
    units, day = {"AAA": 500, "BBB": -200}, 300
    report = run(day + 2, units)[-1].report
    values = np.array([units[symbol] * CLOSES[symbol][day] for symbol in SYMBOLS])
    sample = returns_before(day + 1, WINDOW - EARLY_BARS)
    ahead = forecast(sample, values / float(report.equity), 1.0)
    assert (report.day, report.version, report.tier) == (day, day, 1)
    assert report.value_at_risk == pytest.approx(ahead.at_risk, rel=1e-12)
    assert report.tail.historical == pytest.approx(ahead.tail.historical, rel=1e-12)
    assert report.tail.filtered == pytest.approx(ahead.tail.filtered, rel=1e-12)
    assert report.tail.student == pytest.approx(ahead.tail.student, rel=0.02)
    assert ahead.pair is not None
    assert (report.pair, report.tail_dependence) == (("AAA", "BBB"), ahead.pair.counted)
    assert report.drawdown == pytest.approx(1 - float(report.equity) / max(float(report.equity), 120_000.0))


def test_what_came_early_of_the_next_day_changes_nothing() -> None:
    found = []
    for early in (0, 1, EARLY_BARS - 2):
        report, histories = DailyReport(WINDOW), Histories(WINDOW)
        for day in range(200):
            show(histories, day)
        report.enter(held(199, {"AAA": 500, "BBB": 300}), histories)
        for minute in range(early + 1):
            opened = 200 * DAY_NS + minute * 60 * 10**9
            for symbol in SYMBOLS[: 1 if minute == early else 2]:
                histories.append(bar_of(symbol, 200 + minute, 50 + minute, opened))
        end = report.enter(held(200, {}), histories)
        assert end is not None
        found.append(end.report)
    assert found[0] == found[1] == found[2]
    assert found[0].tail.student is not None


def test_the_loss_of_a_day_is_compared_with_the_forecast_of_the_day_before() -> None:
    ends = [end.report for end in run(DAYS, {"AAA": 500, "BBB": 300})]
    compared = []
    for before, after in itertools.pairwise(ends):
        assert after.loss == pytest.approx(1 - float(after.equity / before.equity), abs=1e-12)
        if before.value_at_risk is not None:
            compared.append((after.loss, before.value_at_risk, before.tail.filtered))
        recent = np.array(compared[-250:], np.float64).reshape(-1, 3)
        assert after.days == len(recent)
        assert after.exceedances == (recent[:, 0] > recent[:, 1]).sum()
        assert (after.z2 is None) == (after.light == "") == (len(recent) < 100)
    assert ends[0].loss is None
    beyond = recent[:, 0] > recent[:, 1]
    assert ends[-1].z2 == pytest.approx(1 - (recent[:, 0] / recent[:, 2])[beyond].sum() / (250 * 0.025))


def test_flat_days_are_not_compared() -> None:
    report = run(DAYS, {})[-1].report
    assert (report.value_at_risk, report.days, report.light, report.pair) == (0.0, 0, "", ())
    assert report.tail.student == 0.0


def test_too_little_history_forecasts_nothing_and_says_so() -> None:
    needed = START + 100 + 2
    ends = [end.report for end in run(needed + 1, {"AAA": 500})]
    assert [report.value_at_risk is None for report in ends] == [True] * (needed - 1) + [False]
    assert ends[-2].tail.historical is None
    assert ends[-1].days == 0


def test_without_equity_or_without_bars_nothing_is_measured() -> None:
    report, histories = DailyReport(WINDOW), Histories(WINDOW)
    for day in range(150):
        show(histories, day)
    report.enter(held(149, {"AAA": 500}, equity=-1.0), histories)
    ruined = report.enter(held(150, {"AAA": 500}), histories)
    assert ruined is not None
    assert (ruined.report.value_at_risk, ruined.report.tail.historical) == (None, None)
    histories.clear()
    lost = report.enter(held(151, {"AAA": 500}), histories)
    assert lost is not None
    assert (lost.report.value_at_risk, lost.report.loss) == (None, None)


def test_a_book_of_a_day_that_is_over_belongs_to_the_one_at_hand() -> None:
    report, histories = DailyReport(WINDOW), Histories(WINDOW)
    report.enter(held(5, {}), histories)
    assert report.enter(held(4, {}, equity=90_000.0), histories) is None
    end = report.enter(held(6, {}), histories)
    assert end is not None
    assert (end.report.day, end.report.equity) == (5, Decimal("90000.0"))


def test_degrees_of_freedom_are_fitted_every_21_forecasts(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = []

    def watched(returns: Floats, held: Floats, bars_per_day: float, freedom: float | None) -> object:
        if held.size and returns.shape[1] >= START + 100:
            fitted.append(freedom is None)
        return forecast(returns, held, bars_per_day, freedom)

    monkeypatch.setattr(daily_report, "forecast", watched)
    run(200, {"AAA": 500})
    assert len(fitted) > 3 * FREEDOM_DAYS
    assert [place for place, is_new in enumerate(fitted) if is_new] == list(range(0, len(fitted), FREEDOM_DAYS))


def test_turning_red_is_told_once() -> None:
    """A firm that forecasts from calm days and is then struck every tenth day by more than it foresaw."""
    report, histories, rng = DailyReport(WINDOW), Histories(WINDOW), np.random.default_rng(1)
    reds: list[DayEnd] = []
    lights: list[str] = []
    close = 100.0
    for day in range(320):
        struck = day > 130 and day % 10 == 0
        close *= 1.0 + (-0.08 if struck else 0.001 * float(rng.standard_normal()))
        histories.append(bar_of("AAA", day, close))
        price = Decimal(repr(close))
        equity = Decimal(50_000) + 500 * price
        book = book_of(day, "AAA", day, positions={"AAA": 500}, prices={"AAA": price}, equity=equity, peak=200_000)
        end = report.enter(DatedBook(day, book, 0), histories)
        if end is not None:
            lights.append(end.report.light)
            reds += [end] if end.has_turned_red else []
    assert lights[-1] == "red"
    assert len(reds) == 1
    first = lights.index("red")
    assert reds[0].report.day == first
    assert reds[0].words == (
        f"Z2 is {reds[0].report.z2:.2f}; {reds[0].report.exceedances} of {reds[0].report.days} days lost more than "
        "value at risk"
    )


@pytest.mark.parametrize("at", [0, 1, 130, 260])
def test_a_restored_report_goes_on_alike(at: int) -> None:
    report, histories, other = DailyReport(WINDOW), Histories(WINDOW), DailyReport(WINDOW)
    found: list[RiskReport] = []
    for day in range(300):
        if day == at:
            other.restore(unpack(pack(report.snapshot())))
        show(histories, day)
        dated = held(day, {"AAA": 500, "BBB": 200 if day < 200 else -100}, 100_000.0 * math.exp(-day / 1e4))
        end = report.enter(dated, histories)
        if day >= at:
            again = other.enter(dated, histories)
            assert again == end
            found += [] if end is None else [end.report]
    assert pack(other.snapshot()) == pack(report.snapshot())
    assert len(found) == 300 - max(at, 1)
    assert found[-1].days > 100


def test_a_book_is_kept_whole_in_a_snapshot() -> None:
    report = DailyReport(WINDOW)
    report.enter(held(5, {"AAA": 1}), Histories(WINDOW))
    restored = DailyReport(WINDOW)
    restored.restore(unpack(pack(report.snapshot())))
    assert isinstance(unpack(pack(report.snapshot()))["last"][1], PortfolioUpdate)
    assert restored.enter(held(6, {}), Histories(WINDOW)) is not None
