"""Halts a small firm on paper again and again, each time with a broker that errs in its own way."""

import time
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

from bus.command import sign_command
from bus.config import Settings
from bus.errors import Fatal
from bus.keys import HOLDERS, Signer, Verifier, make_keys
from bus.lawful import OPERATOR
from bus.message import Envelope
from bus.messages import Command, CommandResult, ExecutionReport, HaltStage, HaltStatus, RiskAlert, Side, SystemCommand
from bus.plain import pack, unpack
from bus.simulation import Simulation
from execution.agent import Execution
from execution.config import ExecutionConfig
from execution.faulty import SILENT_BARS, Fault, FaultyBroker
from execution.money import as_text
from execution.paper import PaperBroker
from portfolio.limits import book_limits
from research.drill.scenario import SCENARIOS, Claim, Outcome, Scenario
from research.drill.trader import Trader
from research.firm import build_agent, simulate
from risk.config import RiskLimits

DRILL: Final = "drill"
RISK: Final = "risk"
SEED: Final = 1
_SIDES: Final = {"AAA": Side.BUY, "BBB": Side.SELL, "CCC": Side.BUY}
_WARM_BARS: Final = 30
"""Bars beyond those that the gates must have seen before they let an order go."""
_TAKE_UP_BARS: Final = 20
_HALT_BARS: Final = 60
_WORKING: Final = 2
_BAR_S: Final = 1.0
_WEIGHT: Final = Decimal("0.6")
"""Share of the largest position that the trader takes, so that no price moves it over the limit."""
_NS: Final = 1_000_000_000
_MARKET: Final[dict[str, Any]] = {
    "source": "synthetic",
    "symbols": list(_SIDES),
    "speed": 1.0 / _BAR_S * len(_SIDES),
    "synthetic": {
        "seed": 7,
        "volume": 60.0,
        "regimes": [{"name": "calm", "drift": 0.0, "volatility": 0.008, "mean_bars": 120, "weight": 1.0}],
    },
}
_EXECUTION: Final[dict[str, Any]] = {"schedule": "immediate", "expire_bars": 12, "paper": {"expire_bars": 12}}
"""Whole orders go to the broker, and rest there for bars: what a halt must cancel."""


class Truth(NamedTuple):
    """What is so at the venue, whatever it tells."""

    working: tuple[str, ...]
    positions: tuple[tuple[str, str], ...]


def drill(
    settings: Settings,
    folder: Path,
    scenarios: Iterable[Scenario] = SCENARIOS,
    progress: Callable[[str], object] = lambda _: None,
) -> list[Outcome]:
    """Play each scenario with the firm's own gates, limits and execution.

    Parameters
    ----------
    settings
        Configuration of the firm; its market and board are not used.
    folder
        Where the keys of the drill's gates go.
    scenarios
        What to play.
    progress
        Called with the name of each before it begins.

    Raises
    ------
    Fatal
        No position could be taken to begin with.
    """
    first_bar = settings.limits("risk", RiskLimits).observations + _WARM_BARS
    market = {**_MARKET, "bars": first_bar + _TAKE_UP_BARS + 2 * _HALT_BARS}
    of_drill = settings.elsewhere(folder, {"market": market}).overridden({"execution": _EXECUTION, "bus": {"keys": ""}})
    make_keys(of_drill.keys, time.time_ns())
    outcomes = []
    for scenario in scenarios:
        progress(scenario.name)
        outcomes.append(_Play(of_drill, scenario, first_bar).run())
    return outcomes


class _Play:
    """One scenario from the first bar to the last."""

    def __init__(self, settings: Settings, scenario: Scenario, first_bar: int) -> None:
        self.settings = settings
        self.config = settings.table("execution", ExecutionConfig)
        self.scenario = scenario
        self.first_bar = first_bar
        limits = book_limits(settings)
        self.trader = Trader(_SIDES, limits.position_weight * _WEIGHT, first_bar)
        self.risk, self.market = build_agent(settings, RISK), build_agent(settings, "market")
        self.operator = Signer.load(settings.keys, OPERATOR)
        self.broker = self._line({})
        agents = [self._make_execution(), self.risk, build_agent(settings, "compliance"), self.market, self.trader]
        self.simulation: Simulation = simulate(settings, agents)
        self.simulation.observe(self._hear)
        self.claims: list[Claim] = []
        self.alerts: list[str] = []
        self.fills = 0
        self.restarted: list[HaltStage] = []
        self.halted_ns = 0
        self.halted_bars = 0
        self.halted_s = 0.0

    @property
    def execution(self) -> Execution:
        """Execution as it is now."""
        agent = self.simulation.stepper("execution").agent
        assert isinstance(agent, Execution)
        return agent

    def run(self) -> Outcome:
        """Take positions, halt, and watch until it is flat or the time is over; then resume."""
        self._take_up()
        self._restart(self.scenario.faults)
        self._bars(1)
        before = self._truth()
        if self.scenario.is_mended:
            self._restart({})
        self._command(Command.HALT, "drill")
        self.simulation.run(until=self._is_over, until_ns=self.halted_ns + self._ns(_HALT_BARS))
        claims, alerts = tuple(self.claims), tuple(self.alerts)
        again = self._resume() if self.is_flat else None
        return Outcome(
            scenario=self.scenario,
            orders=len(before.working),
            positions=len(before.positions),
            claims=claims,
            alerts=alerts,
            restarts=len(self.restarted),
            trades_again=again,
        )

    @property
    def is_flat(self) -> bool:
        """Whether execution's last word is flat."""
        return bool(self.claims) and self.claims[-1].stage is HaltStage.FLAT

    def _take_up(self) -> None:
        """Run until there are positions, and orders at work."""
        end_ns = self._ns(self.first_bar + _TAKE_UP_BARS)
        self.simulation.run(until=self._is_taken_up, until_ns=end_ns)
        if not self._truth().positions:
            raise Fatal(
                f"the drill could not take a position in {_TAKE_UP_BARS} bars: {self.trader.proposed} orders proposed, "
                f"{self.risk.report()}; loosen what refuses them for the drill, with --config"
            )

    def _is_taken_up(self) -> bool:
        truth = self._truth()
        return len(truth.positions) == len(_SIDES) and len(truth.working) >= _WORKING

    def _command(self, command: Command, reason: str) -> CommandResult:
        self.halted_ns, self.halted_s = self.simulation.now_ns, time.perf_counter()
        self.halted_bars = int(self.market.report()["published"])
        order = SystemCommand(command=command, reason=reason, operator=DRILL)
        signed = sign_command(self.operator, order, RISK, self.halted_ns, command.value)
        mailbox = self.simulation.mailbox(DRILL)
        self.simulation.inject(signed, sender=DRILL, to=RISK)
        self.simulation.run(until=lambda: bool(mailbox))
        answer = mailbox.pop().message
        assert isinstance(answer, CommandResult)
        return answer

    def _is_over(self) -> bool:
        """Restart where the scenario wants it; tell whether it is flat."""
        stage = self.claims[-1].stage if self.claims else HaltStage.NONE
        if self.scenario.is_restarted and stage not in self.restarted:
            self.restarted.append(stage)
            self._restart(self.scenario.faults)
        return self.is_flat

    def _restart(self, faults: Mapping[Fault, float]) -> None:
        """Replace execution by one that knows only what the old one wrote down, with these faults from now on."""
        kept = unpack(pack(self.execution.snapshot()))
        self.broker = self._line(faults)
        fresh = self._make_execution()
        fresh.restore(kept)
        self.simulation.stepper("execution").agent = fresh

    def _line(self, faults: Mapping[Fault, float]) -> FaultyBroker:
        return FaultyBroker(PaperBroker(self.config.paper), faults, SEED)

    def _make_execution(self) -> Execution:
        return Execution(self.config, Verifier.load(self.settings.keys, HOLDERS), self.broker)

    def _resume(self) -> bool:
        """Mend the broker, resume, and tell whether anything is bought or sold again."""
        self._restart({})
        self._bars(SILENT_BARS + 1)
        if not self._command(Command.RESUME, "the drill is over").is_done:
            return False
        before = self.fills
        self.simulation.run(until=lambda: self.fills > before, until_ns=self.simulation.now_ns + self._ns(_HALT_BARS))
        return self.fills > before

    def _hear(self, envelope: Envelope) -> None:
        message = envelope.message
        if isinstance(message, HaltStatus):
            self.claims.append(self._claim(message))
        elif isinstance(message, RiskAlert) and self.halted_ns:
            self.alerts.append(f"{message.source}: {message.reason}")
        elif isinstance(message, ExecutionReport) and message.last_quantity:
            self.fills += 1

    def _claim(self, status: HaltStatus) -> Claim:
        truth = self._truth()
        return Claim(
            stage=status.stage,
            bars=int(self.market.report()["published"]) - self.halted_bars,
            market_s=round((self.simulation.now_ns - self.halted_ns) / _NS, 3),
            wall_s=round(time.perf_counter() - self.halted_s, 6),
            working=status.working,
            positions=tuple((symbol, as_text(units)) for symbol, units in status.positions),
            true_working=truth.working,
            true_positions=truth.positions,
            detail=status.detail,
        )

    def _truth(self) -> Truth:
        """Ask the venue behind the faults, which always answers, and count what the faults made up."""
        account = self.broker.broker.account()
        assert account is not None
        held = dict(account.positions)
        for symbol, units in self.broker.snapshot()["phantoms"].items():
            held[symbol] = held.get(symbol, Decimal(0)) + units
        positions = tuple((symbol, as_text(units)) for symbol, units in sorted(held.items()) if units)
        return Truth(tuple(account.working), positions)

    def _bars(self, count: int) -> None:
        self.simulation.run(until_ns=self.simulation.now_ns + self._ns(count))

    def _ns(self, bars: int) -> int:
        return round(bars * _BAR_S * _NS)
