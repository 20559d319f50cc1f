"""What a small firm says over some bars: messages made by hand, with the headers a bus would give them."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from math import log

from bus.message import NEVER_EXPIRES, Envelope, Header, Message, Plane
from bus.messages import (
    Action,
    Command,
    CommandResult,
    ComplianceViolation,
    DataReport,
    DecisionMade,
    ExecutionCost,
    ExecutionReport,
    Gap,
    Grade,
    HaltStage,
    HaltStatus,
    Level,
    MarketUpdate,
    MemberView,
    Order,
    OrderRejected,
    OrderRisk,
    OrderStatus,
    Outcome,
    PerformanceFeedback,
    Phase,
    PhaseTransition,
    PortfolioUpdate,
    PositionLevels,
    PositionView,
    Rejection,
    RiskAlert,
    RiskReport,
    Score,
    Severity,
    Side,
    SystemCommand,
    Tail,
    Verdict,
    ViolationStatus,
    record_of,
)
from bus.stepper import Stepper
from ops.ledger import Ledger
from ops.recorder.agent import Recorder

DAY_NS = 86_400_000_000_000
MEMBERS = ("adaptability", "antifragility", "consensus", "market_maker", "qar", "qstar")
PRIOR = (0.3, 0.4, 0.3)


class Bus:
    """Stamps messages as the bus does; ``started_ns`` shifts every time by the wall clock."""

    def __init__(self, started_ns: int = 0) -> None:
        self._now_ns = started_ns
        self._counts: Counter[str] = Counter()

    def stamp(self, message: Message, sender: str) -> Envelope:
        """Return the message with a header of its sender."""
        self._now_ns += 1_000
        self._counts[sender] += 1
        stream = f"{sender} {message.KIND}"
        self._counts[stream] += 1
        name = f"{sender}:{self._counts[sender]}"
        sequence = self._counts[stream] if message.PLANE is Plane.BROADCAST else 0
        priority = int(message.PRIORITY)
        header = Header(name, name, "", message.KIND, sender, None, sequence, self._now_ns, NEVER_EXPIRES, priority)
        return Envelope(header, message)


def bar(symbol: str, number: int) -> MarketUpdate:
    """Return a bar that rises and falls by turns."""
    close = Decimal(100 + number % 5) + Decimal("0.25")
    return MarketUpdate(
        symbol=symbol,
        bar=number,
        opened_ns=number * DAY_NS,
        open=Decimal(100),
        high=Decimal(110),
        low=Decimal("99.5"),
        close=close,
        volume=Decimal("1e6"),
    )


def member(name: str, belief: tuple[float, float, float] | None = (0.2, 0.3, 0.5)) -> MemberView:
    """Return one member's part; without a belief it abstained."""
    stake = 0.0 if belief is None else 0.05
    return MemberView(
        member=name,
        belief=belief,
        confidence=stake and 0.5,
        weight=0.1,
        stake=stake,
        shares=(-0.1, 0.2, 1 / 3) if stake else (0.0, 0.0, 0.0),
        cost=-1.25 if stake else 0.0,
    )


def decision(symbol: str, number: int, order_id: str | None = None) -> DecisionMade:
    """Return a decision in which the first member abstained."""
    return DecisionMade(
        decision_id=f"{symbol}-{number}",
        symbol=symbol,
        bar=number,
        horizon=1,
        band=0.01,
        prior=PRIOR,
        price=(0.25, 0.35, 0.4),
        liquidity=100.0,
        members=tuple(member(name, None if seat == 0 else (0.2, 0.3, 0.5)) for seat, name in enumerate(MEMBERS)),
        is_quorate=True,
        action=Action.HOLD if order_id is None else Action.BUY,
        choice_reason="no edge" if order_id is None else "edge over the band",
        conviction=0.6,
        expected_return=0.001,
        target=Decimal(10),
        position=Decimal("-0.5"),
        phase=Phase.GROWTH,
        appetite=0.7,
        order_id=order_id,
    )


def feedback(symbol: str, number: int, settled: int) -> PerformanceFeedback:
    """Return the settlement of the decision of bar ``number`` one bar later."""
    scores = tuple(
        Score(
            member=name,
            log_score=None if seat == 0 else log(0.3 + 0.05 * ((seat + number) % 4)),
            profit=0.1 * seat - 0.03 * (number % 7),
            weight=0.1 + 0.01 * ((seat + number) % 3),
        )
        for seat, name in enumerate(MEMBERS)
    )
    return PerformanceFeedback(
        decision_id=f"{symbol}-{number}",
        symbol=symbol,
        bar=number + 1,
        settled=settled,
        outcome=Outcome.UP,
        realized_return=0.01,
        scores=scores,
        prior_log_score=log(0.3),
        board_log_score=log(0.4),
        identity_error=1e-12,
    )


def book(version: int, symbol: str, number: int, equity: Decimal = Decimal(100_000)) -> PortfolioUpdate:
    """Return the book after a bar: one short position beside cash."""
    held = PositionView(symbol=symbol, quantity=Decimal(-2), average_price=Decimal(100), last_price=Decimal(101))
    return PortfolioUpdate(
        version=version,
        symbol=symbol,
        bar=number,
        cash=equity + 202,
        equity=equity,
        peak_equity=Decimal(100_000),
        realized=Decimal("1.5"),
        fees=Decimal("0.1"),
        positions=(held,),
        working=(),
    )


def order(symbol: str, number: int) -> Order:
    """Return the order that follows the decision of a bar."""
    return Order(
        order_id=f"{symbol}-{number}-1",
        decision_id=f"{symbol}-{number}",
        symbol=symbol,
        side=Side.BUY,
        quantity=Decimal(10),
        reference_price=Decimal("101.25"),
        bar=number,
    )


def verdicts(*, passes: bool) -> tuple[Verdict, ...]:
    """Return the words of three rules, of which compliance's second may refuse."""
    collar = Verdict(gate="compliance", rule="price_collar", passes=True, value=0.01, limit=0.1, unit="1", detail="")
    limit = 2000.0 if passes else 1000.0
    notional = Verdict(
        gate="compliance", rule="notional", passes=passes, value=1012.5, limit=limit, unit="money", detail=""
    )
    shortfall = Verdict(gate="risk", rule="shortfall", passes=True, value=None, limit=0.05, unit="1", detail="")
    return (collar, notional, shortfall)


def report(of: Order, count: int, status: OrderStatus, quantity: str = "0", filled: str = "0") -> ExecutionReport:
    """Return an event of an order at the broker, a bar after its own if it is a fill."""
    is_fill = Decimal(quantity) > 0
    return ExecutionReport(
        order=of,
        client_order_id=f"c-{of.order_id}",
        report=count,
        status=status,
        bar=of.bar + is_fill,
        last_quantity=Decimal(quantity),
        last_price=Decimal("100.1") + count if is_fill else Decimal(0),
        fee=Decimal("0.05") if is_fill else Decimal(0),
        slippage=Decimal("-0.01") if is_fill else Decimal(0),
        filled=Decimal(filled),
        verdicts=verdicts(passes=True),
        reason="",
    )


def story(bars: int = 12, symbols: tuple[str, ...] = ("IBM", "SPY"), *, started_ns: int = 0) -> list[Envelope]:
    """Return all that a firm says over some bars: at bar 3 an order filled in parts, at 5 one refused."""
    bus, version = Bus(started_ns), 0
    told = [bus.stamp(data_report(symbol), "market") for symbol in symbols]
    for number in range(bars):
        for symbol in symbols:
            version += 1
            told.append(bus.stamp(bar(symbol, number), "market"))
            if number == 4:
                told += [bus.stamp(one, "execution") for one in _partial_fills(symbol)]
            told.append(bus.stamp(book(version, symbol, number, Decimal(100_000) - 10 * version), "execution"))
            if number >= 1:
                told.append(bus.stamp(feedback(symbol, number - 1, number), "pads"))
            has_order = number in (3, 5)
            told.append(bus.stamp(decision(symbol, number, f"{symbol}-{number}-1" if has_order else None), "pads"))
            if number == 3:
                told.append(bus.stamp(report(order(symbol, 3), 1, OrderStatus.ACCEPTED), "execution"))
            if number == 5:
                refused = OrderRejected(
                    order=order(symbol, 5), rejected_by="compliance", reason="notional", verdicts=verdicts(passes=False)
                )
                told.append(bus.stamp(refused, "compliance"))
    told.append(bus.stamp(RiskAlert(symbol="*", severity=0.9, source="risk", reason="drawdown 8 %"), "risk"))
    told.append(bus.stamp(phase("SPY", 6), "pads"))
    told += [bus.stamp(message, sender) for message, sender in _gates_and_costs()]
    told.append(bus.stamp(Gap(sender="market", stream="MARKET_UPDATE/1", first=3, last=4), "recorder"))
    return told


def violation(entry: int, status: ViolationStatus) -> ComplianceViolation:
    """Return an entry of the log of violations."""
    return ComplianceViolation(
        entry=entry,
        violation_id="CON_001-1",
        rule_id="CON_001",
        rule="sector_weight",
        severity=Severity.SERIOUS,
        symbol="*",
        bar=5,
        order_id=None,
        value=0.3,
        limit=0.25,
        unit="of equity",
        status=status,
        operator="",
        detail="index 30 %",
        remedy="sell index",
        previous="0" * 64,
        digest=f"{entry:064x}",
    )


def cost(of: Order) -> ExecutionCost:
    """Return what an order cost that filled at a price above the one it was decided on."""
    money = {"delay": "2.5", "trading": "5", "opportunity": "0", "fees": "1", "total": "8.5"}
    return ExecutionCost(
        order=of,
        status=OrderStatus.FILLED,
        schedule="adaptive",
        children=2,
        bar=of.bar + 1,
        filled=of.quantity,
        average_price=Decimal(102),
        decision_price=of.reference_price,
        arrival_price=Decimal("101.5"),
        end_price=Decimal(102),
        arrival_bps=49.3,
        twap_bps=10.0,
        vwap_bps=None,
        impact=0.001,
        coefficient=1.0,
        **{name: Decimal(amount) for name, amount in money.items()},
    )


def _gates_and_costs() -> list[tuple[Message, str]]:
    tail = Tail(historical=0.01, filtered=0.02, student=None)
    nothing = Tail(historical=None, filtered=None, student=None)
    risk = OrderRisk(
        order_id="SPY-3-1", symbol="SPY", bar=3, observations=120, before=nothing, after=tail, marginal=tail
    )
    report = RiskReport(
        day=5, version=12, equity=Decimal(99_000), drawdown=0.01, tier=0, value_at_risk=0.01, tail=tail,
        pair=("IBM", "SPY"), tail_dependence=0.4, copula_dependence=0.3, loss=0.002, days=0, exceedances=0, z2=None,
        light="", kupiec_p=None, christoffersen_p=None,
    )  # fmt: skip
    levels = PositionLevels(
        symbol="SPY", bar=6, side=Side.BUY, entry=Decimal(100), stop=Decimal(95), swing_start=Decimal(96),
        swing_end=Decimal(104), levels=(Level(kind="extension", ratio=Decimal("1.618"), price=Decimal("108.944")),),
        score=0.25, grade=Grade.LOW,
    )  # fmt: skip
    halt = HaltStatus(halt=1, stage=HaltStage.FLAT, working=0, positions=(), reason="drill", detail="")
    halted = CommandResult(is_done=True, detail="halted: drill (ann)")
    command = SystemCommand(command=Command.HALT, reason="drill", operator="ann")
    opened, closed = violation(1, ViolationStatus.OPEN), violation(2, ViolationStatus.REMEDIATED)
    return [
        *((cost(order("SPY", 3)), "execution"), (risk, "risk"), (report, "risk"), (levels, "pads")),
        (record_of(command, "guest-1", halted), "risk"),
        *((halt, "execution"), (opened, "compliance"), (closed, "compliance")),
    ]


def phase(symbol: str, number: int) -> PhaseTransition:
    """Return a change of phase."""
    return PhaseTransition(
        symbol=symbol, bar=number, previous=Phase.GROWTH, phase=Phase.RELEASE, reason="volatility in its top decile"
    )


def data_report(symbol: str) -> DataReport:
    """Return what a source with two bad rows held."""
    bad = Rejection(reason="high below low", rows=2, example="2008-10-10")
    return DataReport(symbol=symbol, source=f"{symbol}.csv", rows=14, accepted=12, rejected=(bad,))


def _partial_fills(symbol: str) -> list[ExecutionReport]:
    of = order(symbol, 3)
    return [report(of, 2, OrderStatus.PARTIAL, "4", "4"), report(of, 3, OrderStatus.FILLED, "6", "10")]


def tell(stepper: Stepper, told: Iterable[Envelope]) -> None:
    """Hand a story to a recorder."""
    for envelope in told:
        stepper.step(envelope, envelope.header.sent_ns + 500)


def record(ledger: Ledger, told: Iterable[Envelope]) -> Ledger:
    """Write a story into a ledger through a recorder."""
    tell(Stepper(Recorder(ledger, flush_s=1.0)), told)
    ledger.flush()
    return ledger
