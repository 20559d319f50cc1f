"""Random days of a firm whose messages, agents and broker fail, under the eyes of a witness."""

import random
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from bus.config import Settings
from bus.keys import HOLDERS, Verifier
from bus.message import Header
from bus.messages import (
    Command,
    CorporateAction,
    LeaseState,
    MarketUpdate,
    Order,
    OrderApproved,
    OrderProposed,
    PortfolioUpdate,
    RiskLease,
    Side,
    SystemCommand,
    Urgency,
)
from execution.agent import Execution
from execution.config import ExecutionConfig
from execution.faulty import Fault, FaultyBroker
from execution.paper import PaperBroker
from portfolio.limits import book_limits
from tests.gates.driver import SECOND_NS
from tests.gates.firm import Firm, limits_without_hours, past
from tests.gates.witness import Witness
from tests.gates.world import BUILD, LATENCY_NS, punctual

CENT: Final = Decimal("0.0001")
NUISANCES: Final[Mapping[Fault, float]] = {
    Fault.SILENCE: 0.01, Fault.ECHO: 0.05, Fault.LOST_CANCEL: 0.2, Fault.REFUSAL: 0.05, Fault.DELAY: 0.1,
}  # fmt: skip
"""What a broker may do to us and still be right about what we hold."""
LIES: Final[Mapping[Fault, float]] = {
    **NUISANCES, Fault.FILL_AFTER_CANCEL: 0.2, Fault.STRANGER: 0.002, Fault.PHANTOM: 0.001,
}  # fmt: skip
TABLES: Final[Mapping[str, Any]] = {
    "risk": {"window": 200},
    "compliance": {"window": 200},
    "execution": {"lost_bars": 6, "paper": {"borrow_bps": 0, "reject_rate": 0.02, "cancel_race": 0.5}},
}
_LIMITS: Final = (
    ("drawdown", "0.02"),
    ("    { enter = 0.08, leave", "0.006, cut = 0.10 },"),
    ("    { enter = 0.12, leave", "0.010, cut = 0.25 },"),
    ("    { enter = 0.15, leave", "0.012, cut = 0.50 },"),
    ("daily_loss", "0.01"),
    ("sectors", '{ AAA = "one", BBB = "one", CCC = "one" }'),
    ("orders_per_bar", "6"),
    ("order_quantity", "5000"),
)


def limits() -> str:
    """Return the firm's own limits, with three symbols in one sector, and a drawdown that is soon spent."""
    text = limits_without_hours()
    for key, value in _LIMITS:
        text, count = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
        assert count, key
    for enter, sooner in (("0.08", "0.010"), ("0.12", "0.015"), ("0.15", "0.020")):
        text = text.replace(f"enter = {enter}", f"enter = {sooner}")
    return text


class Chaos(Firm):
    """A firm whose every step is drawn by lot."""

    symbols = ("AAA", "BBB", "CCC", "DDD")

    def __init__(self, folder: Path, seed: int, faults: Mapping[Fault, float]) -> None:
        def faulty(settings: Settings) -> Execution:
            config = settings.table("execution", ExecutionConfig)
            broker = FaultyBroker(PaperBroker(config.paper), faults, seed)
            return Execution(config, Verifier.load(settings.keys, HOLDERS), broker)

        super().__init__(folder, limits(), TABLES, {**BUILD, "execution": faulty})
        self.chance = random.Random(seed)
        is_honest = not {Fault.FILL_AFTER_CANCEL, Fault.STRANGER, Fault.PHANTOM} & faults.keys()
        self.watcher = self._watcher(is_honest)
        self.steps = 0
        self._is_honest = is_honest
        self._orders: list[Order] = []
        self._until_ns: dict[str, int] = {}
        for closes in zip(*(past(number) for number, _ in enumerate(self.symbols)), strict=True):
            self.day(*closes, seconds=0.001)
        self.run(1.0)

    def _watcher(self, is_honest: bool) -> Witness:
        watcher = Witness(book_limits(self.settings), lambda: self.agent("risk"), is_broker_honest=is_honest)
        self.witness = watcher.take
        return watcher

    def begin_again(self, state: bytes, seed: int) -> None:
        """Become the firm that gave ``state``, with other luck and a witness who has seen nothing but its book."""
        self.take_over(state)
        self.chance.seed(seed)
        self.watcher = self._watcher(self._is_honest)
        self.watcher.take(self.said[0])
        self._orders.clear()
        self._until_ns.clear()

    @property
    def book(self) -> PortfolioUpdate:
        """The last book that execution published."""
        assert self.watcher.book is not None
        return self.watcher.book

    def step(self, what: str = "") -> None:
        """Let one thing happen, drawn by lot unless told, and some time pass."""
        self.steps += 1
        happening = what or self.chance.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()))[0]
        HAPPENINGS[happening](self)
        self.run(self.chance.choice([0.0, 0.0005, 0.01, 0.3]))
        self.mend()
        self.forget()

    def forget(self) -> None:
        """Note what was never delivered, and drop what was said."""
        for envelope in self.undelivered:
            if isinstance(envelope.message, OrderProposed):
                self.watcher.lose(envelope.message.order)
        self.undelivered.clear()
        self.said.clear()

    def bar(self) -> None:
        """Show the next bar of some symbol: it moves, jumps, splits, pays, or comes after a hole."""
        chance = self.chance
        symbol = min(self.symbols, key=lambda each: (self.bars[each], chance.random()))
        if chance.random() < 0.1:
            symbol = chance.choice(self.symbols)
        move = chance.gauss(0.0002, 0.012)
        if chance.random() < 0.02:
            move += chance.choice([-0.2, -0.1, 0.1, 0.25])
        opening = self.prices[symbol] * Decimal(f"{1 + chance.gauss(0, 0.003):.6f}")
        close = self.prices[symbol] * Decimal(f"{max(0.5, 1 + move):.6f}")
        action, ratio = None, Decimal(1)
        if chance.random() < 0.004:
            ratio = Decimal(chance.choice(["2", "0.5", "3", "0.1"])) if 1 < close < 1000 else Decimal(1)
            action = CorporateAction(split=ratio, dividend=Decimal(chance.choice(["0", "0.25"])))
        skip = 1 if chance.random() < 0.001 else 0
        volume = Decimal(chance.choice([0, 500, 20_000, 1_000_000]))
        low = Decimal("0.5")
        update = self.show(
            symbol, max(low, close / ratio), open=max(low, opening / ratio), volume=volume, action=action, skip=skip
        )
        if action is not None:
            self.watcher.actions[symbol, update.bar] = action

    def place(self) -> None:
        """Propose an order: mostly of a size that may pass, some that may not."""
        chance, name = self.chance, f"o{self.steps}"
        symbol = chance.choice(self.symbols) if chance.random() < 0.98 else "ZZZ"
        side, held = chance.choice(list(Side)), self.held(symbol)
        price = self.prices.get(symbol, Decimal(100))
        room = self.book.equity / price
        kind = chance.random()
        if held and kind < 0.3:
            side = Side.SELL if held > 0 else Side.BUY
            quantity = abs(held) * Decimal(f"{chance.choice([0.25, 0.5, 1.0]):.2f}")
        elif kind < 0.85:
            quantity = room * Decimal(f"{chance.choice([0.005, 0.02, 0.05, 0.09]):.3f}")
        elif kind < 0.95:
            quantity = room * Decimal(f"{chance.uniform(0.09, 0.13):.4f}")
        else:
            quantity = Decimal(chance.choice(["0.00001", "1e9", "0.0001", "7.00005"]))
        lot = Decimal(1) if chance.random() < 0.8 else CENT
        if kind < 0.95 and quantity != abs(held):
            quantity = max(lot, quantity.quantize(lot))
        order = self.order(side, quantity, symbol, name=name, urgency=chance.choice(list(Urgency)))
        if chance.random() < 0.03:
            order = order.model_copy(update={"reference_price": order.reference_price * Decimal("1.2")})
        if chance.random() < 0.03:
            order = order.model_copy(update={"bar": order.bar + chance.choice([-5, -1, 1])})
        if chance.random() < 0.9:
            order = order.model_copy(update={"decision_id": f"{order.decision_id}-{self.steps}"})
        self._orders.append(order)
        self.watcher.proposed.setdefault(order.order_id, [])
        self.propose(order)

    def repeat(self) -> None:
        """Propose an order a second time."""
        if self._orders:
            self.propose(self.chance.choice(self._orders[-50:]))

    def restart(self) -> None:
        """Put an agent of the same state in the place of one."""
        self.rebuild(self.chance.choice(list(self.steppers)))

    def wait(self) -> None:
        """Let more time pass."""
        self.run(self.chance.uniform(0.5, 3.0))

    def trouble(self) -> None:
        """Begin a fault of the bus or of an agent, to be over some seconds later."""
        chance = self.chance
        name = chance.choice(list(self.steppers))
        until_ns = self.now_ns + round(chance.choice([0.2, 1.0, 2.5, 12.0]) * SECOND_NS)
        if chance.random() < 0.3:
            if not self.dead:
                self.kill(name)
                self._until_ns[name] = until_ns
            return
        kind = chance.choice([MarketUpdate, PortfolioUpdate, OrderProposed, RiskLease, OrderApproved, None])
        seconds = None if chance.random() < 0.02 else chance.choice([0.01, 0.5, 3.0, 11.0])
        word = None if kind is None else kind.KIND

        def bend(header: Header, to: str) -> float | None:
            return seconds if to == name and word in (None, header.kind) else 0.0

        self.bend = bend
        self._until_ns["bend"] = until_ns

    def operate(self) -> None:
        """Halt or resume, as an operator might; a halt from loss is ended with a new budget."""
        state = self.agent("risk").standing.state
        if state is LeaseState.HALTED:
            command = SystemCommand(
                command=Command.RESUME, reason="go on", operator="a person", is_new_budget=self.chance.random() < 0.7
            )
        elif self.agent("execution").report()["stopped"] or self.chance.random() < 0.05:
            command = SystemCommand(command=Command.HALT, reason="lunch", operator="a person")
        else:
            return
        self.command(command, "risk")

    def mend(self) -> None:
        """End the faults whose time is over."""
        for what, until_ns in list(self._until_ns.items()):
            if self.now_ns >= until_ns:
                del self._until_ns[what]
                if what == "bend":
                    self.bend = punctual
                else:
                    self.revive(what)

    def settle(self) -> None:
        """End every fault, and let pass all the time that anybody could wait, bars coming in."""
        self.bend = punctual
        for name in self.dead:
            self.revive(name)
        self._until_ns.clear()
        for _ in range(12):
            self.run(10.0)
            self.day(seconds=LATENCY_NS * 1e-8)
        self.forget()


HAPPENINGS: Final[Mapping[str, Callable[[Chaos], None]]] = {
    "bar": Chaos.bar,
    "place": Chaos.place,
    "repeat": Chaos.repeat,
    "restart": Chaos.restart,
    "trouble": Chaos.trouble,
    "operate": Chaos.operate,
    "wait": Chaos.wait,
}
WEIGHTS: Final = {"bar": 48, "place": 38, "repeat": 2, "restart": 2, "trouble": 1, "operate": 3, "wait": 4}
