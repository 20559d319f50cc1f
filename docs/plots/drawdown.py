"""The picture of docs/risk.md: the S&P 500 of 2007 and 2008 through a fully invested firm, under two budgets.

``python -m docs.plots.drawdown`` draws it anew from the series of the arch package.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bus.messages import OrderStatus
from market.bar import opened_at
from market.series import collect
from market.sources.packaged import read_packaged
from research.drawdown.fall import WARM_BARS, configured, drawdown, exposure, fall

HERE: Final = Path(__file__).parent
CONFIGS: Final = HERE.parent.parent / "configs"
MARKET: Final = {"source": "demo", "symbols": ["SPX"], "first": "2007-04-02", "bars": 480, "speed": 1.0}
BUDGETS: Final = (0.15, 0.20)
TIERS: Final = (0.08, 0.12, 0.15)
COLOURS: Final = ("white", "#F0E442", "#E69F00", "#D55E00")
"""No tier, then one to three; told apart by people of any colour vision (Okabe and Ito 2008)."""
_BLUE: Final = "#0072B2"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Course(NamedTuple):
    """What happened under one budget, day by day from the first purchase on; ``shrunk`` and ``flat`` are days."""

    days: list[datetime]
    equity: list[float]
    falls: list[float]
    held: list[float]
    tiers: list[int]
    shrunk: list[int]
    flat: int | None


def run(budget: float) -> Course:
    """Let the market fall under a budget."""
    with TemporaryDirectory() as folder:
        found = fall(configured(CONFIGS, Path(folder), MARKET, drawdown=budget))
    reports, books = found.reports[WARM_BARS:], {book.bar: book for book in found.closes}
    bars = range(WARM_BARS, WARM_BARS + len(reports))
    ended = {each.order.order_id: each.bar for each in found.executions if each.status is OrderStatus.FILLED}
    return Course(
        days=[_EPOCH + timedelta(days=report.day) for report in reports],
        equity=[float(report.equity) for report in reports],
        falls=[100 * drawdown(books[bar]) for bar in bars],
        held=[100 * exposure(books[bar]) for bar in bars],
        tiers=[report.tier for report in reports],
        shrunk=[bar - WARM_BARS for order_id, bar in ended.items() if "-r" in order_id],
        flat=next((bar - WARM_BARS for order_id, bar in ended.items() if "-x" in order_id), None),
    )


def draw() -> Figure:
    """Draw market and equity, drawdown, and what is held, under each budget."""
    figure = Figure(figsize=(12.0, 7.2), layout="constrained")
    panels = figure.subplots(3, len(BUDGETS), sharex=True, sharey="row", height_ratios=[4, 4, 3])
    closes = {opened_at(bar.opened_ns): float(bar.close) for bar in collect("SPX", read_packaged("SPX")).bars}
    for column, budget in enumerate(BUDGETS):
        course = run(budget)
        top, middle, bottom = (panels[row][column] for row in range(3))
        top.set_title(f"budget {budget:.0%}" + (", the firm's own" if not column else ""))
        _draw_money(top, course, closes)
        _draw_falls(middle, course, budget)
        _draw_held(bottom, course)
        for axes in (top, middle, bottom):
            _shade(axes, course)
        bottom.set_xlim(course.days[0], course.days[-1])
        bottom.tick_params(axis="x", rotation=30)
    for row, label in enumerate(("bought = 100", "drawdown, %", "held, % of equity")):
        panels[row][0].set_ylabel(label)
    figure.legend(handles=_handles(), loc="outside upper center", ncols=6, frameon=False)
    return figure


def _draw_money(axes: Axes, course: Course, closes: Mapping[datetime, float]) -> None:
    market = [closes[day] for day in course.days]
    axes.plot(course.days, [100 * each / market[0] for each in market], color="grey", linewidth=0.8)  # type: ignore[arg-type]
    axes.plot(course.days, [100 * each / course.equity[0] for each in course.equity], color="black", linewidth=1.1)  # type: ignore[arg-type]


def _draw_falls(axes: Axes, course: Course, budget: float) -> None:
    axes.plot(course.days, course.falls, color="black", linewidth=1.0)  # type: ignore[arg-type]
    for threshold in TIERS:
        axes.axhline(100 * threshold, color="grey", linewidth=0.6, linestyle=":")
    axes.axhline(100 * budget, color="#D55E00", linewidth=1.0)
    axes.set_ylim(24, 0)


def _draw_held(axes: Axes, course: Course) -> None:
    axes.step(course.days, course.held, where="post", color=_BLUE, linewidth=1.1)  # type: ignore[arg-type]
    _mark(axes, course, course.shrunk, "v")
    _mark(axes, course, [] if course.flat is None else [course.flat], "X")
    axes.set_ylim(-5, 105)


def _mark(axes: Axes, course: Course, places: Sequence[int], marker: str) -> None:
    days, held = [course.days[place] for place in places], [course.held[place] for place in places]
    axes.plot(days, held, marker, color="black", markersize=6)  # type: ignore[arg-type]


def _shade(axes: Axes, course: Course) -> None:
    """Colour the days of each tier."""
    start = 0
    for place in range(1, len(course.days) + 1):
        if place == len(course.days) or course.tiers[place] != course.tiers[start]:
            if course.tiers[start]:
                end = course.days[min(place, len(course.days) - 1)]
                axes.axvspan(course.days[start], end, color=COLOURS[course.tiers[start]], alpha=0.35, linewidth=0)  # type: ignore[arg-type]
            start = place


def _handles() -> list[Line2D | Patch]:
    tiers = [Patch(color=colour, alpha=0.35, label=f"tier {tier}") for tier, colour in enumerate(COLOURS) if tier]
    return [
        Line2D([], [], color="grey", label="S&P 500"),
        Line2D([], [], color="black", label="equity, drawdown"),
        *tiers,
        Line2D([], [], color="#D55E00", label="budget"),
        Line2D([], [], color="black", marker="v", linestyle="", label="risk shrinks"),
        Line2D([], [], color="black", marker="X", linestyle="", label="flattened"),
    ]


def main() -> None:
    """Write the picture beside this file."""
    draw().savefig(HERE / "drawdown.png", dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    main()
