"""The tail of a book, and what an order makes of it: one-day expected shortfall at 97.5 %, of equity, a loss positive.

Three estimators on the same bars, those of `kernels.shortfall`: plain history, history at today's volatility (EWMA,
the one that limits apply to), and Student's t. All take the book as it may become: a holding with open orders counts at
the worst corner of what they may fill. A day is as many bars as the market has in one, by the square root of time.

The number of degrees of freedom of Student's t, one for all books of jointly t returns, is fitted with the first
question of each UTC date of the bars; location and scale are fitted with every question. What cannot be measured, as
with fewer bars than the kernels need or prices that stood still and then moved, is None, never a guess.
"""

import math
from collections.abc import Iterable
from decimal import ROUND_DOWN, Decimal
from functools import cached_property
from typing import Any, Final

import numpy as np

from bus.messages import Order, PortfolioUpdate, Tail
from kernels.align import common_times, values_at
from kernels.arrays import Floats
from kernels.marginal import BookTail
from kernels.shortfall import LEAST_OBSERVATIONS, filtered_returns, fit_student, refit_student
from kernels.tail import expected_shortfall
from portfolio.history import Histories
from portfolio.holdings import Holdings
from portfolio.joint import Joint
from portfolio.simulation import Simulation

LEVEL: Final = 0.975
DECAY: Final = 0.94
"""Weight of a bar's square relative to the next one's, in volatility and in correlation (RiskMetrics)."""
START: Final = 20
"""Joint returns that only start the forecast of volatility; no estimator counts them as observations."""
UNMEASURED: Final = Tail(historical=None, filtered=None, student=None)
EMPTY: Final = Tail(historical=0.0, filtered=0.0, student=0.0)
_DAY_NS: Final = 86_400 * 1_000_000_000
_KEPT: Final = 8
_HALVINGS: Final = 40
_SMALLEST: Final = Decimal("0.000001")


class Scenarios:
    """What one bar may bring to a set of symbols, as it came and at today's volatility.

    Parameters
    ----------
    joint
        Their joint returns.
    """

    def __init__(self, joint: Joint) -> None:
        self._joint, self._version = joint, joint.version
        self.joint = np.ascontiguousarray(joint.returns)
        self.observations: int = max(0, self.joint.shape[1] - START)
        """Joint returns that losses can be simulated from."""
        self.scale = math.sqrt(joint.bars_per_day)
        self.day = joint.last_ns // _DAY_NS

    def shows(self, joint: Joint) -> bool:
        """Tell whether these are still the scenarios of ``joint``."""
        return self._joint is joint and self._version == joint.version

    @cached_property
    def historical(self) -> Floats:
        """Returns as they came, shape (symbols, observations)."""
        return np.ascontiguousarray(self.joint[:, START:])

    @cached_property
    def filtered(self) -> Floats | None:
        """Returns at today's volatility, same shape; None where there is no volatility to measure them by."""
        try:
            return filtered_returns(self.joint, decay=DECAY, start=START)
        except ValueError:
            return None


class Stake:
    """A book and all symbols that one order puts at stake: those held or ordered, and its own.

    Parameters
    ----------
    gauge
        Keeps what outlives the book.
    holdings
        The book.
    symbols
        Symbols at stake.
    fractions
        What is held of each, its low and its high, as `Holdings.fractions` gives them.
    scenarios
        Their scenarios.
    """

    def __init__(
        self,
        gauge: "TailGauge",
        holdings: Holdings,
        symbols: tuple[str, ...],
        fractions: tuple[Floats, Floats, Floats],
        scenarios: Scenarios,
    ) -> None:
        self._gauge = gauge
        self._holdings = holdings
        self._row = {symbol: row for row, symbol in enumerate(symbols)}
        self._scenarios = scenarios
        self._held, self._low, self._high = fractions
        self._correlated: dict[int, list[float]] = {}
        self._is_empty = not (self._held.any() or self._low.any() or self._high.any())

    @property
    def observations(self) -> int:
        """Joint returns that losses can be simulated from."""
        return self._scenarios.observations

    @cached_property
    def historical(self) -> Simulation | None:
        """The book over history as it came; None without history."""
        return self._simulation(self._scenarios.historical) if self.observations else None

    @cached_property
    def filtered(self) -> Simulation | None:
        """The book over history at today's volatility; None where that cannot be told."""
        returns = self._scenarios.filtered
        return None if returns is None else self._simulation(returns)

    def _simulation(self, returns: Floats) -> Simulation:
        return Simulation(returns, self._held, self._low, self._high, LEVEL)

    @property
    def shortfall(self) -> float | None:
        """Expected shortfall by the estimator that limits apply to."""
        if self._is_empty:
            return 0.0
        return None if self.filtered is None else self.filtered.before * self._scenarios.scale

    def shortfall_after(self, order: Order) -> float | None:
        """Return the expected shortfall with the order filled, by the estimator that limits apply to."""
        change = self._holdings.fraction(order)
        return None if self.filtered is None or change is None else self._after(self.filtered, change, order)

    def _after(self, simulation: Simulation, change: float, order: Order) -> float:
        return simulation.after(self._row[order.symbol], change) * self._scenarios.scale

    @cached_property
    def tail(self) -> Tail:
        """Expected shortfall by all estimators."""
        if self._is_empty:
            return EMPTY
        scale, historical = self._scenarios.scale, self.historical
        return Tail(
            historical=None if historical is None else historical.before * scale,
            filtered=self.shortfall,
            student=self._student(0, 0.0),
        )

    def tail_after(self, order: Order) -> Tail:
        """Return the expected shortfall by all estimators with the order filled."""
        change, historical = self._holdings.fraction(order), self.historical
        if change is None:
            return UNMEASURED
        return Tail(
            historical=None if historical is None else self._after(historical, change, order),
            filtered=self.shortfall_after(order),
            student=self._student(self._row[order.symbol], change),
        )

    def _student(self, row: int, change: float) -> float | None:
        if self.historical is None:
            return None
        losses = self.historical.widest(row, change)
        try:
            freedom = self._gauge.freedom(self._scenarios.day, losses)
            found = refit_student(losses, freedom).shortfall(LEVEL) * self._scenarios.scale
        except ValueError:
            return None
        return found if math.isfinite(found) else None

    def largest(self, order: Order, limit: float) -> Decimal:
        """Return the largest part of an order's quantity that keeps the shortfall within ``limit``, 0 where none does.

        Expected shortfall is convex in the quantity, so where the book itself is within the limit, all that is less
        passes too. By bisection, rounded down to a millionth of a unit.
        """
        simulation, before, whole = self.filtered, self.shortfall, self._holdings.fraction(order)
        if simulation is None or before is None or whole is None or before > limit:
            return Decimal(0)
        passing, failing = 0.0, 1.0
        if self._after(simulation, whole, order) <= limit:
            return order.quantity
        for _ in range(_HALVINGS):
            middle = 0.5 * (passing + failing)
            if self._after(simulation, whole * middle, order) <= limit:
                passing = middle
            else:
                failing = middle
        return (order.quantity * Decimal(passing)).quantize(_SMALLEST, ROUND_DOWN)

    def correlation(self, order: Order) -> float:
        """Return the correlation of what an order earns with what the rest of the book earns, by EWMA, in [-1, 1].

        The rest is everything but the order's symbol: as held, and with every open order filled; the larger counts.
        0 where there is no rest.

        Raises
        ------
        ValueError
            Too few returns, or the rest or the symbol does not move: a correlation is undefined.
        """
        sign = 1.0 if order.signed_quantity > 0 else -1.0
        return max([sign * each for each in self._correlations(self._row[order.symbol])], default=0.0)

    def _correlations(self, row: int) -> list[float]:
        found = self._correlated.get(row)
        if found is None:
            filled = self._low + self._high - self._held
            books = [self._held] if np.array_equal(filled, self._held) else [self._held, filled]
            if self.historical is None:
                raise ValueError("no joint return")
            found = [self.historical.correlation(row, book, DECAY) for book in books if np.delete(book, row).any()]
            self._correlated[row] = found
        return found


class TailGauge:
    """Measures books against the bars seen, and keeps between orders what no bar and no book has changed.

    Parameters
    ----------
    histories
        The bars seen.
    """

    def __init__(self, histories: Histories) -> None:
        self._histories = histories
        self._holdings: Holdings | None = None
        self._stakes: dict[tuple[str, ...], Stake | None] = {}
        self._asked: dict[str | None, Stake | None] = {}
        self._scenarios: dict[tuple[str, ...], Scenarios] = {}
        self._day: int | None = None
        self._freedom = 0.0

    def holdings(self, book: PortfolioUpdate, in_flight: Iterable[Order]) -> Holdings:
        """Return a book in money at the last prices."""
        found, in_flight = self._holdings, tuple(in_flight)
        if found is None or not found.shows(book, in_flight, self._histories):
            found = self._holdings = Holdings(book, in_flight, self._histories)
            self._stakes, self._asked = {}, {}
        return found

    def stake(self, holdings: Holdings, symbol: str | None = None) -> Stake | None:
        """Return the book beside what an order in ``symbol`` puts at stake, or by itself.

        None where nothing can be measured: a symbol at stake never had a bar, or equity is not positive.
        """
        if holdings is not self._holdings:
            raise ValueError("these holdings are out of date: ask the gauge for those of now")
        if symbol not in self._asked:
            symbols = holdings.symbols if symbol is None else holdings.with_symbol(symbol)
            if symbols not in self._stakes:
                self._stakes[symbols] = self._stake(holdings, symbols)
            self._asked[symbol] = self._stakes[symbols]
        return self._asked[symbol]

    def _stake(self, holdings: Holdings, symbols: tuple[str, ...]) -> Stake | None:
        joint = self._histories.joint(symbols)
        fractions = None if joint is None else holdings.fractions(symbols)
        if joint is None or fractions is None:
            return None
        scenarios = self._scenarios.get(symbols)
        if scenarios is None or not scenarios.shows(joint):
            if len(self._scenarios) == _KEPT:
                self._scenarios.clear()
            scenarios = self._scenarios[symbols] = Scenarios(joint)
        return Stake(self, holdings, symbols, fractions, scenarios)

    def freedom(self, day: int, losses: Floats) -> float:
        """Return the degrees of freedom of the day, fitted to ``losses`` where they are the first of that day.

        Raises
        ------
        ValueError
            Nothing can be fitted to these losses.
        """
        if self._day is None or day > self._day:
            self._freedom = fit_student(losses).freedom
            self._day = day
        return self._freedom

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self._day, self._freedom]

    def restore(self, state: list[Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._day, self._freedom = state
        self._holdings, self._stakes, self._asked, self._scenarios = None, {}, {}, {}


def load_kernels() -> None:
    """Compile or load what the first order will call, so that it need not wait for that."""
    moves = 0.01 * np.sin(np.arange(2.0 * (START + LEAST_OBSERVATIONS))).reshape(2, -1)
    none, some = np.zeros(2), np.full(2, 0.01)
    scenarios = filtered_returns(moves, decay=DECAY, start=START)
    BookTail(scenarios, some, LEVEL).after(0, 0.01)
    book = Simulation(scenarios, some, none, some, LEVEL)
    book.after(0, 0.01)
    book.correlation(0, some, DECAY)
    losses = book.widest(0, 0.01)
    expected_shortfall(losses, LEVEL)
    refit_student(losses, fit_student(losses).freedom).shortfall(LEVEL)
    times = np.arange(2)
    values_at(common_times(times, times), none, times)
