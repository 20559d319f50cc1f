"""A crash at every step of an order's life: the broker saw each client order id once, and the book is the broker's."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from bus.codec import encode
from bus.message import Message
from bus.messages import ExecutionReport, LeaseState, MarketUpdate, RiskLease, Side
from bus.plain import pack, unpack
from execution.broker import Account, BrokerEvent, Charge, ChildOrder
from execution.config import ExecutionConfig
from execution.money import ZERO
from execution.paper import PaperBroker
from tests.execution.driver import SECOND_NS, Bench, make_approval, make_bar, make_order, plain_config

CONFIG = plain_config(
    schedule="twap", horizon_bars=3, lot="1", cancel_race=1.0, reject_rate=0.2, max_volume_share="0.1", seed=3
)
Input = tuple[Message, float]


def bar(number: int, volume: str = "10000") -> MarketUpdate:
    return make_bar(number, close="101" if number % 2 else "100", volume=volume)


def lease(state: LeaseState, halt: int = 0) -> Message:
    return RiskLease(state=state, expires_ns=10**15, reason="drill", halt=halt)


def approval(name: str, quantity: str, side: Side, number: int) -> Message:
    return make_approval(make_order(name, quantity, side=side, bar=number))


def life() -> list[Input]:
    """Orders that fill, fill in part and expire, are refused, replayed, withdrawn and flattened; one input a second."""
    buy, sell = approval("o1", "90", Side.BUY, 0), approval("o2", "6000", Side.SELL, 3)
    messages: list[Message] = [
        *(lease(LeaseState.ACTIVE), bar(0), buy, bar(1), buy, bar(2), bar(3), sell, bar(4)),
        *(approval("o3", "30", Side.SELL, 4), bar(5, "3000"), bar(6), bar(7, "0"), bar(8)),
        *(lease(LeaseState.REDUCING), approval("o4", "50", Side.SELL, 8), approval("o5", "50", Side.BUY, 8), bar(9)),
        *(bar(10), approval("o6", "900", Side.BUY, 10), lease(LeaseState.HALTED, 1), bar(11), bar(12), bar(13)),
        *(lease(LeaseState.ACTIVE, 1), approval("o7", "40", Side.BUY, 13), bar(14), bar(15), bar(16), bar(17)),
    ]
    return [(message, 1.0) for message in messages]


class RecordedBroker(PaperBroker):
    """A paper venue that keeps the ids it was sent, beside its state."""

    def __init__(self, config: ExecutionConfig) -> None:
        super().__init__(config.paper)
        self.sent: list[str] = []

    def submit(self, order: ChildOrder) -> None:
        self.sent.append(order.client_order_id)
        super().submit(order)


def bench_at(broker: Any) -> Bench:
    return Bench(CONFIG, broker)


def run(bench: Bench, inputs: list[Input]) -> list[bytes]:
    frames = []
    for message, seconds in inputs:
        bench.wait(seconds)
        before = len(bench.outputs)
        bench.give(message, sender="risk")
        frames += [encode(envelope.header, envelope.message) for envelope in bench.outputs[before:]]
    return frames


def successor(state: bytes, broker: Any, steps: int) -> Bench:
    """An agent that takes over a snapshot taken after ``steps`` inputs."""
    bench = bench_at(broker)
    bench.stepper.restore(unpack(state))
    bench.now_ns = SECOND_NS + steps * SECOND_NS
    bench._sent = steps
    return bench


def held(bench: Bench) -> dict[str, Decimal]:
    return {symbol: position.quantity for symbol, position in bench.agent.desk.book.positions.items()}


def test_the_life_has_every_end() -> None:
    bench = bench_at(RecordedBroker(CONFIG))
    run(bench, life())
    reports = [envelope.message for envelope in bench.outputs if isinstance(envelope.message, ExecutionReport)]
    assert {report.status.value for report in reports} == {
        "accepted", "partial", "filled", "expired", "refused", "cancelled",
    }  # fmt: skip
    assert bench.agent.duplicates == 1
    assert any(child for child in bench.agent.desk.broker.sent if child.endswith("-3"))  # type: ignore[attr-defined]
    assert bench.stepper.counters["invalid"] == 0


def test_a_successor_goes_on_to_the_byte_from_every_step() -> None:
    inputs = life()
    whole = bench_at(RecordedBroker(CONFIG))
    snapshots, frames, sent = [], [], []
    for step in inputs:
        snapshots.append(pack(whole.stepper.snapshot()))
        frames.append(run(whole, [step]))
        sent.append(list(whole.agent.desk.broker.sent))  # type: ignore[attr-defined]
    for at, snapshot in enumerate(snapshots):
        broker = RecordedBroker(CONFIG)
        bench = successor(snapshot, broker, at)
        assert run(bench, inputs[at:]) == [frame for step in frames[at:] for frame in step]
        before = sent[at - 1] if at else []
        assert max(Counter(before + broker.sent).values()) == 1
        account = broker.account()
        assert account.positions == held(bench)
        assert sorted(account.working) == sorted(bench.agent.desk.live)
        assert pack(bench.stepper.snapshot()) == pack(whole.stepper.snapshot())


class Venue:
    """A venue that goes on whatever becomes of the firm: the orders it took, and all that ever happened there."""

    def __init__(self) -> None:
        self.broker = PaperBroker(CONFIG.paper)
        self.taken: dict[str, list[ChildOrder]] = {}
        self.log: list[BrokerEvent] = []

    def submit(self, order: ChildOrder) -> None:
        self.taken.setdefault(order.client_order_id, []).append(order)
        self.broker.submit(order)
        self.log += self.broker.events()

    def advance(self, update: MarketUpdate) -> None:
        self.broker.on_bar(update)
        self.log += self.broker.events()


class Line:
    """The line to a venue across a network.

    What the venue answered is written down before it is used, as the journal does with every input, so that a successor
    that handles inputs again hears the same; what was not written down yet is asked for again. ``answers`` is that
    record and outlives the process; the number of the next answer is part of the snapshot.
    """

    def __init__(self, venue: Venue, answers: list[Any]) -> None:
        self._venue = venue
        self._answers = answers
        self._next = 0

    def submit(self, order: ChildOrder) -> None:
        self._venue.submit(order)

    def cancel(self, client_order_id: str) -> None:
        self._venue.broker.cancel(client_order_id)

    def amend(self, client_order_id: str, quantity: Decimal) -> None:
        self._venue.broker.amend(client_order_id, quantity)

    def on_bar(self, update: MarketUpdate) -> None:
        """The venue has the market already."""

    def events(self) -> list[BrokerEvent]:
        heard = sum(len(answer) for answer in self._answers if isinstance(answer, list))
        answer: list[BrokerEvent] = self._answer(self._venue.log[heard:])
        return list(answer)

    def charges(self) -> list[Charge]:
        return []

    def account(self) -> Account | None:
        account: Account = self._answer(self._venue.broker.account())
        return account

    def snapshot(self) -> dict[str, Any]:
        return {"next": self._next}

    def restore(self, state: dict[str, Any]) -> None:
        self._next = state["next"]

    def _answer(self, now: Any) -> Any:
        if self._next == len(self._answers):
            self._answers.append(now)
        self._next += 1
        return self._answers[self._next - 1]


@pytest.mark.parametrize("kept", ["none", "one", "all"])
def test_at_a_venue_across_a_network_a_crash_anywhere_loses_and_doubles_nothing(kept: str) -> None:
    """The process dies in each input in turn: ``kept`` of that input's answers were written down."""
    inputs = life()
    undisturbed = at_network(inputs, dies_in=None, kept=kept)
    for dies_in in range(len(inputs)):
        bench, venue = at_network(inputs, dies_in=dies_in, kept=kept)
        assert all(len(set(orders)) == 1 for orders in venue.taken.values())
        assert list(venue.taken) == list(undisturbed[1].taken)
        fills = Counter(event.fill_id for event in venue.log if event.quantity)
        assert bench.agent.desk.fills == len(fills)
        assert venue.broker.account().positions == held(bench) == held(undisturbed[0])
        assert bench.agent.desk.book.cash == undisturbed[0].agent.desk.book.cash
        assert bench.agent.desk.oddities == 0
        assert bench.agent.desk.auditor.is_clear


def at_network(inputs: list[Input], *, dies_in: int | None, kept: str) -> tuple[Bench, Venue]:
    """Run a life at a venue of its own; the process dies in one input and is followed from an older snapshot."""
    venue, answers = Venue(), list[Any]()
    bench = bench_at(Line(venue, answers))
    state, taken_at = pack(bench.stepper.snapshot()), 0
    for number, step in enumerate(inputs):
        if isinstance(step[0], MarketUpdate):
            venue.advance(step[0])
        if number % 5 == 0:
            state, taken_at = pack(bench.stepper.snapshot()), number
        written = len(answers)
        run(bench, [step])
        if number == dies_in:
            if kept != "all":
                del answers[written + (kept == "one") :]
            bench = successor(state, Line(venue, answers), taken_at)
            run(bench, inputs[taken_at : number + 1])
    return bench, venue


def test_the_market_of_the_network_is_that_of_the_paper_broker() -> None:
    paper = bench_at(RecordedBroker(CONFIG))
    run(paper, life())
    bench, _ = at_network(life(), dies_in=None, kept="all")
    assert held(bench) == held(paper)
    assert (bench.agent.desk.book.cash, bench.agent.desk.book.fees > ZERO) == (paper.agent.desk.book.cash, True)
