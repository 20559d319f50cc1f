"""The chassis of a gate: it runs every rule, reports every word, and fails closed.

A rule that raises refuses. An order that cannot be judged in time is refused. An order that was passed on counts
against the limits until the book shows it, and is refused in public when its recipient never acknowledged it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final, NamedTuple, Protocol, TypeVar

from pydantic import TypeAdapter

from bus.agent import Agent, Answer, handles
from bus.errors import Invalid
from bus.in_flight import InFlight, Passed
from bus.message import Message
from bus.messages import (
    ExecutionReport,
    Gap,
    MarketUpdate,
    Order,
    OrderCleared,
    OrderProposed,
    OrderRejected,
    PortfolioUpdate,
    Severity,
    Undelivered,
    Verdict,
)

_VERDICT: Final = TypeAdapter(Verdict).validator
"""What the constructor calls, in two thirds of its time: a gate makes dozens of verdicts of every order."""
B = TypeVar("B", contravariant=True)
L = TypeVar("L", contravariant=True)


class Finding(NamedTuple):
    """What a rule found: its word, the measured value beside its limit, and why in a few words.

    ``remedy`` says what would help this order, where that is more than the rule's own standing advice.
    """

    passes: bool
    value: Decimal | float | None
    limit: Decimal | float | None
    detail: str
    remedy: str = ""


class Labelled(Protocol):
    """What a rule is called, and what its breach leads to."""

    @property
    def id(self) -> str:
        """Number in the register of rules."""

    @property
    def name(self) -> str:
        """Name under which refusals are reported and counted."""

    @property
    def severity(self) -> Severity:
        """What a breach leads to."""

    @property
    def unit(self) -> str:
        """Unit of value and limit."""

    @property
    def remedy(self) -> str:
        """What helps against a breach."""


class Rule(Labelled, Protocol[B, L]):
    """One reason to refuse an order."""

    def check(self, order: Order, book: B, limits: L) -> Finding:
        """Judge ``order`` against ``book``; raising refuses it."""


def judge(gate: str, rules: Sequence[Rule[B, L]], order: Order, book: B, limits: L) -> tuple[Verdict, ...]:
    """Return the verdict of every rule, in order; none is skipped because another refused."""
    return tuple([_verdict(gate, rule, order, book, limits) for rule in rules])


def refusal(gate: str, rule: str, detail: str, number: str = "") -> Verdict:
    """Return the verdict of a rule that refuses without a measurement."""
    return Verdict(gate=gate, rule=rule, passes=False, value=None, limit=None, unit="", detail=detail, id=number)


def refusals(verdicts: Sequence[Verdict]) -> str:
    """Return why the verdicts refuse, rule by rule; empty when all pass."""
    return "; ".join(f"{verdict.rule}: {verdict.detail}" for verdict in verdicts if verdict.refuses)


def _verdict(gate: str, rule: Rule[B, L], order: Order, book: B, limits: L) -> Verdict:
    try:
        passes, value, limit, detail, remedy = rule.check(order, book, limits)
        fields = {
            "gate": gate,
            "rule": rule.name,
            "passes": passes,
            "value": None if value is None else float(value),
            "limit": None if limit is None else float(limit),
            "unit": rule.unit,
            "detail": detail,
            "id": rule.id,
            "severity": rule.severity,
            "remedy": "" if passes else remedy or rule.remedy,
        }
        found: Verdict = _VERDICT.validate_python(fields)
        return found
    except Exception as error:
        return refusal(
            gate, rule.name, f"cannot judge: {type(error).__name__}: {' '.join(str(error).split())}", rule.id
        )


class Gate(Agent, ABC):
    """Base of both gates: the book as execution last told it, orders in flight, and orders seen before.

    Parameters
    ----------
    name
        Name of the gate, as it stands in verdicts.
    remembered_orders
        How many recent orders a repetition is recognised among.
    """

    passes_on: ClassVar[type[Message]]

    def __init__(self, name: str, remembered_orders: int) -> None:
        super().__init__(name)
        self.portfolio: PortfolioUpdate | None = None
        self.is_book_whole = False
        self.in_flight = InFlight()
        self.passed = self.refused = 0
        self._remembered = remembered_orders
        self._seen: dict[str, None] = {}
        self._booked: dict[str, int] = {}
        self._splits: dict[str, int] = {}

    @abstractmethod
    def last_bar(self, symbol: str) -> int | None:
        """Return the last bar seen of a symbol; None when it never had one."""

    @abstractmethod
    def forget_market(self) -> None:
        """Drop every window of bars: some were lost, and nobody knows of which symbol."""

    def book_changed(self, book: PortfolioUpdate) -> None:
        """Take note of a newer book; by default nothing hangs on it."""

    @handles(PortfolioUpdate)
    def take_book(self, book: PortfolioUpdate) -> Answer:
        """Keep the newest book, whole in itself whatever was lost before it."""
        if self.portfolio is not None and book.version <= self.portfolio.version:
            return None
        self.portfolio = book
        self.is_book_whole = True
        self._booked[book.symbol] = book.bar
        if book.bar >= self._splits.get(book.symbol, book.bar + 1):
            del self._splits[book.symbol]
        if self.in_flight:
            self.in_flight.settle(book, self.conversation.sent_ns)
        self.book_changed(book)
        return None

    @handles(ExecutionReport)
    def take_report(self, report: ExecutionReport) -> Answer:
        """Stop counting an order that ended."""
        self.in_flight.take_report(report)
        return None

    @handles(Gap)
    def lose(self, gap: Gap) -> Answer:
        """Trust neither the book nor the bars after a loss, until they are whole again."""
        if gap.stream == PortfolioUpdate.KIND:
            self.is_book_whole = False
        elif gap.stream == MarketUpdate.KIND:
            self.forget_market()
        return None

    @handles(Undelivered)
    def give_up(self, notice: Undelivered) -> Answer:
        """Refuse in public an order that was not acknowledged; the notice belongs to the conversation of the order."""
        if notice.kind != self.passes_on.KIND:
            return None
        correlation_id = self.conversation.correlation_id
        if not correlation_id:
            raise Invalid(f"{notice.kind} {notice.message_id} was not delivered, but its notice names no conversation")
        passed = self.in_flight.pop_conversation(correlation_id)
        if passed is not None:
            detail = f"{notice.recipient} did not acknowledge the order"
            self.refuse(passed.order, (*passed.verdicts, refusal(self.name, "delivery", detail)))
        return None

    def lapse(self, message: Message) -> None:
        """Refuse an order whose bar or book did not arrive in time."""
        if isinstance(message, OrderProposed | OrderCleared):
            order, earlier = message.order, message.verdicts if isinstance(message, OrderCleared) else ()
            detail = f"bar {order.bar} and portfolio {message.portfolio_version} were not both here in time"
            self.remember(order)
            self.refuse(order, (*earlier, refusal(self.name, "deadline", detail)))

    def note_split(self, update: MarketUpdate) -> None:
        """Take note of a split: until a book shows it, its units are not those that the prices are of."""
        is_split = update.action is not None and update.action.split != 1
        if is_split and update.bar > self._booked.get(update.symbol, -1):
            self._splits[update.symbol] = update.bar

    def must_wait(self, order: Order, portfolio_version: int) -> bool:
        """Tell whether a bar or a book that the order is judged by is still on its way; an unknown symbol is not."""
        bar = self.last_bar(order.symbol)
        if bar is None:
            return False
        if bar < order.bar or self._splits:
            return True
        return self.portfolio is None or self.portfolio.version < portfolio_version

    def refuse(self, order: Order, verdicts: tuple[Verdict, ...]) -> None:
        """Publish that an order ends here, with every rule's word."""
        self.refused += 1
        reason = refusals(verdicts)
        self.publish(OrderRejected(order=order, rejected_by=self.name, reason=reason, verdicts=verdicts))

    def let_go(self, order: Order, verdicts: tuple[Verdict, ...], until_ns: int) -> None:
        """Count an order that is being passed on."""
        self.passed += 1
        self.in_flight.add(Passed(order, verdicts, self.conversation.correlation_id, until_ns))

    def remember(self, order: Order) -> None:
        """Note an order and its decision, so that neither comes twice."""
        for key in _keys(order):
            self._seen[key] = None
        while len(self._seen) > 2 * self._remembered:
            del self._seen[next(iter(self._seen))]

    def has_seen(self, order: Order) -> bool:
        """Tell whether this order, or another of its decision, symbol and side, was judged before."""
        return any(key in self._seen for key in _keys(order))

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "portfolio": self.portfolio,
            "is_book_whole": self.is_book_whole,
            "in_flight": self.in_flight.snapshot(),
            "passed": self.passed,
            "refused": self.refused,
            "seen": list(self._seen),
            "booked": dict(self._booked),
            "splits": dict(self._splits),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.portfolio = state["portfolio"]
        self.is_book_whole = state["is_book_whole"]
        self.in_flight.restore(state["in_flight"])
        self.passed, self.refused = state["passed"], state["refused"]
        self._seen = dict.fromkeys(state["seen"])
        self._booked, self._splits = dict(state["booked"]), dict(state["splits"])


def _keys(order: Order) -> tuple[str, str]:
    return f"order {order.order_id}", f"decision {order.decision_id} {order.side} {order.symbol}"
