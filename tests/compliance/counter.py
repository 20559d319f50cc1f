"""A desk for one order, fine but for what a test says."""

import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from bus.gate import Finding
from bus.in_flight import InFlight, Passed
from bus.messages import DataReport, Order, PortfolioUpdate, Side
from compliance.availability import Availability
from compliance.config import ComplianceLimits
from compliance.costs import Costs
from compliance.desk import Desk
from compliance.rules import OrderRule
from compliance.tape import Tape
from compliance.view import View
from portfolio.history import Histories
from portfolio.tail import TailGauge
from tests.gates.driver import LIMITS, bar_of, book_limits_of, book_of, calm, order

BUY, SELL = Side.BUY, Side.SELL
LAST: Final = 149
SOUND: Final = DataReport(symbol="AAA", source="made", rows=100, accepted=100, rejected=())


def limits_of(**changes: Any) -> ComplianceLimits:
    """Return the firm's own limits, some of them changed."""
    stated = tomllib.loads(LIMITS.read_text(encoding="utf-8"), parse_float=Decimal)["compliance"]
    return ComplianceLimits.model_validate(stated | changes)


def taped(
    closes: Sequence[int | str] = (100,) * (LAST + 1), capacity: int = 20, skip: Sequence[int] = (), step_ns: int = 0
) -> Tape:
    """Return a tape of daily bars, or of others; those in ``skip`` never come."""
    tape = Tape(capacity, 250)
    for bar, close in enumerate(closes):
        if bar not in skip:
            tape.append(bar_of("AAA", bar, close, bar * step_ns if step_ns else None))
    return tape


def histories_of(symbols: Mapping[str, float] | None = None, bars: int = LAST + 1) -> Histories:
    """Return calm bars of symbols, each ending at its price."""
    histories = Histories(500)
    for seed, (symbol, price) in enumerate((symbols or {"AAA": 100.0, "BBB": 100.0}).items()):
        for bar, close in enumerate(calm(bars, seed, price)):
            histories.append(bar_of(symbol, bar, close))
    return histories


def asked(side: Side = BUY, quantity: int | str = 10, price: int | str = 100, bar: int = LAST) -> Order:
    """Return an order in AAA."""
    return order(side, quantity, price=price, bar=bar)


def desk_of(
    judged: Order,
    *,
    positions: Mapping[str, int | str] | None = None,
    working: Sequence[Order] = (),
    in_flight: Sequence[Order] = (),
    equity: int | str = 100_000,
    peak: int | str | None = None,
    shared: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Desk:
    """Return the desk."""
    flying = InFlight()
    for each in in_flight:
        flying.add(Passed(each, (), "", 2**62))
    given: dict[str, Any] = {
        "order": judged,
        "sender": "pads",
        "is_repeat": False,
        "tape": taped(),
        "source": SOUND,
        "portfolio": book_of(1, "AAA", LAST, positions=positions, working=working, equity=equity, peak=peak),
        "is_whole": True,
        "in_flight": flying,
        "gauge": TailGauge(histories_of()),
        "costs": Costs(20),
        "shared": book_limits_of(**(shared or {})),
        "sessions": {},
    }
    return Desk(**(given | changes))


def found(rule: OrderRule, limits: ComplianceLimits, judged: Order, **changes: Any) -> Finding:
    """Judge an order by one rule."""
    return rule.check(judged, desk_of(judged, **changes), limits)


def view_of(book: PortfolioUpdate, *, shared: Mapping[str, Any] | None = None, **changes: Any) -> View:
    """Return a view of a book."""
    given: dict[str, Any] = {
        "book": book,
        "shared": book_limits_of(**(shared or {})),
        "tapes": {},
        "sources": {},
        "costs": Costs(20),
        "histories": histories_of(),
        "availability": Availability((), 60.0),
        "now_ns": 0,
    }
    return View(**(given | changes))
