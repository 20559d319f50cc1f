"""One fall of a market through a firm that holds as much as it may: true gates, true execution, virtual time."""

import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from bus.config import LIMITS_FILE, Settings
from bus.keys import make_keys
from bus.message import Envelope
from bus.messages import (
    ExecutionReport,
    HaltStatus,
    OrderRejected,
    PortfolioUpdate,
    RiskAlert,
    RiskLease,
    RiskReport,
)
from bus.simulation import Simulation
from research.drawdown.holder import Holder
from research.firm import build_agent, simulate
from research.sessions import make_sessions

GATES: Final = ("execution", "risk", "compliance")
WARM_BARS: Final = 130
"""Bars before the firm buys: risk refuses to speak of a tail on less."""
BUY_SHARE: Final = Decimal("0.98")
"""The rest pays for the costs of buying, so that nothing is bought on credit."""
_SETTLING_S: Final = 120.0


@dataclass
class Fall:
    """All that was said in one run, in the order in which it was said."""

    books: list[PortfolioUpdate] = field(default_factory=list)
    alerts: list[RiskAlert] = field(default_factory=list)
    leases: list[RiskLease] = field(default_factory=list)
    reports: list[RiskReport] = field(default_factory=list)
    executions: list[ExecutionReport] = field(default_factory=list)
    rejections: list[OrderRejected] = field(default_factory=list)
    halts: list[HaltStatus] = field(default_factory=list)

    def take(self, envelope: Envelope) -> None:
        """Keep what is of interest."""
        found = self._places.get(type(envelope.message))
        if found is not None:
            found.append(envelope.message)

    def __post_init__(self) -> None:
        self._places: Mapping[type, list[Any]] = {
            PortfolioUpdate: self.books,
            RiskAlert: self.alerts,
            RiskLease: self.leases,
            RiskReport: self.reports,
            ExecutionReport: self.executions,
            OrderRejected: self.rejections,
            HaltStatus: self.halts,
        }

    @property
    def closes(self) -> list[PortfolioUpdate]:
        """The last book of each bar."""
        return list({(book.symbol, book.bar): book for book in self.books}.values())


def drawdown(book: PortfolioUpdate) -> float:
    """Return the fall of equity from its peak, of the peak."""
    return float(1 - book.equity / book.peak_equity)


def exposure(book: PortfolioUpdate) -> float:
    """Return the value of what is held, long or short, of equity."""
    held = sum((abs(each.quantity) * each.last_price for each in book.positions), Decimal(0))
    return float(held / book.equity)


def configured(folder: Path, run_dir: Path, market: Mapping[str, Any], **book: Any) -> Settings:
    """Return the firm's own configuration, with room for one position as large as the firm.

    Parameters
    ----------
    folder
        Folder of the configuration whose limits.toml is taken.
    run_dir
        Where keys are kept.
    market
        The [market] table.
    book
        Keys of the [book] table to replace beside those that one large position needs.
    """
    limits = tomllib.loads((folder / LIMITS_FILE).read_text(encoding="utf-8"))
    limits["book"] |= {"position_weight": 1.0, "sector_weight": 1.0, **book}
    limits["compliance"] |= {"concentration": 1.0, "order_notional": 10_000_000}
    tables = {"agents": {name: {} for name in (*GATES, "market")}, "market": dict(market)}
    return Settings(folder, run_dir, tables, limits)


def fall(settings: Settings) -> Fall:
    """Let the market of a configuration run through a firm that buys on bar ``WARM_BARS`` and then only watches."""
    return fallen(settings)[1]


def fallen(settings: Settings) -> tuple[Simulation, Fall]:
    """Return the firm as it stands once its market is over and what was at work has ended, and all that was said."""
    settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    make_keys(settings.keys, time.time_ns())
    make_sessions(settings)
    agents = [build_agent(settings, name) for name in (*GATES, "market")]
    market = agents[-1]
    simulation, found = simulate(settings, [*agents, Holder(WARM_BARS, BUY_SHARE)]), Fall()
    simulation.observe(found.take)
    simulation.run(until=lambda: bool(market.report()["done"]))
    simulation.run(until_ns=simulation.now_ns + round(_SETTLING_S * 1e9))
    return simulation, found
