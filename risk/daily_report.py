"""The daily risk report: what the next day may bring to the book, and how earlier forecasts fared.

A day ends with the first book of a later one. It is measured on its own last book and on the bars that opened before
its end, so that what has already come of the next day changes nothing.
"""

import math
from decimal import Decimal
from typing import Any, Final, NamedTuple

import numpy as np

from bus.messages import PortfolioUpdate, RiskReport
from kernels.arrays import Floats, Ints
from portfolio.budget import drawdown
from portfolio.forecast import Forecast, forecast
from portfolio.history import Histories
from portfolio.tail import LEVEL
from risk.backtesting import ForecastRecord, Outcome
from risk.dating import DAY_NS, DatedBook

FREEDOM_DAYS: Final = 21
"""How long degrees of freedom are kept: they change slowly, and fitting them is most of a day's work."""
EARLY_BARS: Final = 16
"""Bars of the next day that may have come before a day is measured, without pushing one out of its window."""
RED: Final = "red"
_ZERO: Final = Decimal(0)


class DayEnd(NamedTuple):
    """The report of a day that ended, and whether its light has just turned red."""

    report: RiskReport
    has_turned_red: bool

    @property
    def words(self) -> str:
        """How the forecasts fared, in words."""
        report = self.report
        return f"Z2 is {report.z2:.2f}; {report.exceedances} of {report.days} days lost more than value at risk"


class DailyReport:
    """Forecasts at the end of each day, and their back-test.

    Parameters
    ----------
    window
        Bars held per symbol.
    """

    def __init__(self, window: int) -> None:
        self._most = max(window - EARLY_BARS, 1)
        self._record = ForecastRecord(LEVEL)
        self._last: DatedBook | None = None
        self._equity: Decimal | None = None
        self._forecast: tuple[float, float] | None = None
        self._freedom: float | None = None
        self._freedom_days = 0
        self._light = ""

    def enter(self, dated: DatedBook, histories: Histories) -> DayEnd | None:
        """Take the next book; return the end of the day before, where it is the first of a day.

        A book of a day that is over belongs to the one at hand.
        """
        last, self._last = self._last, dated
        if last is None:
            return None
        if dated.day <= last.day:
            self._last = dated._replace(day=last.day)
            return None
        return self._close(last, histories)

    def _close(self, last: DatedBook, histories: Histories) -> DayEnd:
        book = last.book
        loss = 1.0 - float(book.equity / self._equity) if self._equity else None
        if loss is not None and self._forecast is not None:
            self._record.add(loss, *self._forecast)
        self._equity = max(book.equity, _ZERO)
        ahead, held = self._look_ahead(last, histories)
        outcome, before = self._record.outcome(), self._light
        self._light = outcome.light
        return DayEnd(_report(last, loss, ahead, held, outcome), outcome.light == RED != before)

    def _look_ahead(self, last: DatedBook, histories: Histories) -> tuple[Forecast, tuple[str, ...]]:
        """Forecast the day after, and keep what it will be compared with."""
        held, shares = _shares(last.book)
        returns, bars_per_day = self._sample(held, (last.day + 1) * DAY_NS, histories)
        is_fresh = self._freedom is not None and self._freedom_days < FREEDOM_DAYS
        ahead = forecast(returns, shares, bars_per_day, self._freedom if is_fresh else None)
        if ahead.freedom is not None:
            self._freedom, self._freedom_days = ahead.freedom, self._freedom_days + 1 if is_fresh else 1
        at_risk, shortfall = ahead.at_risk, ahead.tail.filtered
        self._forecast = None if at_risk is None or shortfall is None else (at_risk, shortfall)
        return ahead, held

    def _sample(self, held: tuple[str, ...], end_ns: int, histories: Histories) -> tuple[Floats, float]:
        """Return joint returns between bars that opened before a time, and bars in a day; none without any bar.

        Each symbol counts from as many bars before that time as are held of it however many came since.
        """
        joint = histories.joint(held)
        if joint is None or not joint.times.size:
            return np.empty((len(held), 0)), 1.0
        rows = [history.times for symbol in held if (history := histories.get(symbol)) is not None]
        first_ns = max(_oldest(times, end_ns, self._most) for times in rows)
        begin, end = np.searchsorted(joint.times, (first_ns, end_ns))
        return joint.returns[:, begin + 1 : end], joint.bars_per_day

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "record": self._record.snapshot(),
            "last": None if self._last is None else tuple(self._last),
            "equity": self._equity,
            "forecast": self._forecast,
            "freedom": self._freedom,
            "freedom_days": self._freedom_days,
            "light": self._light,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._record.restore(state["record"])
        last, ahead = state["last"], state["forecast"]
        self._last = None if last is None else DatedBook(*last)
        self._forecast = None if ahead is None else tuple(ahead)
        self._equity, self._light = state["equity"], state["light"]
        self._freedom, self._freedom_days = state["freedom"], state["freedom_days"]


def _oldest(times: Ints, end_ns: int, most: int) -> int:
    """Return the first of the last ``most`` times before ``end_ns``."""
    count = int(np.searchsorted(times, end_ns))
    return int(times[max(count - most, 0)])


def _shares(book: PortfolioUpdate) -> tuple[tuple[str, ...], Floats]:
    """Cross what is held from Decimal to float64: symbols, and their signed values as fractions of equity.

    Without equity there is nothing to be a fraction of, and every share is not a number.
    """
    held = sorted((each for each in book.positions if each.quantity), key=lambda position: position.symbol)
    values = [position.quantity * position.last_price for position in held]
    shares = [float(value / book.equity) if book.equity > 0 else math.nan for value in values]
    return tuple(position.symbol for position in held), np.array(shares)


def _report(
    last: DatedBook, loss: float | None, ahead: Forecast, held: tuple[str, ...], outcome: Outcome
) -> RiskReport:
    day, book, tier = last
    pair = ahead.pair
    return RiskReport(
        day=day,
        version=book.version,
        equity=book.equity,
        drawdown=float(drawdown(book.equity, book.peak_equity)),
        tier=tier,
        value_at_risk=ahead.at_risk,
        tail=ahead.tail,
        pair=() if pair is None else (held[pair.first], held[pair.second]),
        tail_dependence=None if pair is None else pair.counted,
        copula_dependence=None if pair is None else pair.copula,
        loss=loss,
        **outcome._asdict(),
    )
