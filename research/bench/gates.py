"""The gate chain: an order from proposed to approved through compliance and risk, each a process of its own.

Both gates are the firm's own, on the live runtime with its journal synced to the disk, over ZeroMQ: all their rules,
both signatures, expected shortfall over 1,000 days of 50 symbols, all of them held. A client stands in for PADS and
another one, a process too, for execution. The time is from when the proposal leaves to when the approval is in the
hands of the second. Beside it two floors: agents that only pass a message of the same size on, over the same runtime,
and three sockets that pass the bytes on and do nothing else.
"""

import os
import signal
import statistics
import tempfile
import time
import tomllib
from collections.abc import Callable
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from bus.agent import Agent
from bus.approval import approve, objection
from bus.codec import encode
from bus.config import Settings
from bus.errors import Fatal
from bus.keys import Signer, Verifier, make_keys
from bus.main import default_config
from bus.message import Envelope, Header, Message
from bus.messages import (
    DataReport,
    MarketUpdate,
    Order,
    OrderApproved,
    OrderCleared,
    OrderProposed,
    OrderRejected,
    PortfolioUpdate,
    PositionView,
    Side,
)
from bus.stepper import Stepper
from research.bench import floor
from research.bench.gate_agents import Proposer, Relay, Taker
from research.bench.planes import children, drive, folder_with_redis, make_process
from research.firm import build_agent

DAYS: Final = 1_000
SYMBOLS: Final = 50
GATES: Final = ("compliance", "risk")
NAMES: Final = ("pads", *GATES, "execution")
_DAY_NS: Final = 86_400 * 1_000_000_000
_EQUITY: Final = Decimal(1_000_000)
_WEIGHT: Final = 0.02
_VERSION: Final = SYMBOLS
_TICK: Final = Decimal("0.01")
_CALLS: Final = 2_000
_SYNCS: Final = 200
_FAR_NS: Final = 10**18


class Chain(NamedTuple):
    """Milliseconds from proposed to approved at the median, of the gates and of both floors, and the rules that ran.

    ``sync_ms`` is what one journal record takes to be on this disk; each gate waits for it once, in the chain and in
    the first floor.
    """

    gates_ms: float
    runtime_ms: float
    sockets_ms: float
    sync_ms: float
    rules: int


class Signatures(NamedTuple):
    """Microseconds at the median to sign an order, and to check a signature of one."""

    sign_us: float
    verify_us: float


def symbol(number: int) -> str:
    """Return the name of a symbol."""
    return f"S{number:02d}"


def order(number: int) -> Order:
    """Return a small order on the last bar, of each symbol in turn."""
    name, close = symbol(number % SYMBOLS), _closes()[number % SYMBOLS, -1]
    decision_id = f"{name}-{DAYS - 1}-{number}"
    return Order(
        order_id=f"{decision_id}-o1", decision_id=decision_id, symbol=name, side=Side.BUY, quantity=Decimal(1),
        reference_price=Decimal(float(close)).quantize(_TICK), bar=DAYS - 1,
    )  # fmt: skip


def proposal(number: int) -> OrderProposed:
    """Return the proposal of an order, on the last book."""
    return OrderProposed(order=order(number), portfolio_version=_VERSION)


def gate_settings(folder: Path) -> Settings:
    """Return the firm's configuration for these symbols; keys are made, and every order is of the last bar."""
    source = default_config()
    limits = tomllib.loads((source / "limits.toml").read_text(encoding="utf-8"))
    limits["book"]["sectors"] = {symbol(number): f"sector {number % 10}" for number in range(SYMBOLS)}
    limits["compliance"]["orders_per_bar"] = 1_000_000
    tables = {
        "agents": {name: {} for name in GATES},
        "risk": {"window": DAYS},
        "compliance": {"window": DAYS},
    }
    settings = Settings(source, folder, tables, limits)
    make_keys(settings.keys, 0)
    return settings


def seasoned(settings: Settings, name: str) -> Agent:
    """Return a gate that has seen every bar, and the book of each symbol's last one."""
    agent = build_agent(settings, name)
    stepper = Stepper(agent)
    for number in range(SYMBOLS):
        _hand(
            stepper, DataReport(symbol=symbol(number), source="made", rows=DAYS, accepted=DAYS, rejected=()), "market"
        )
    for day, row in enumerate(_closes().T):
        for number, close in enumerate(row):
            _hand(stepper, _bar(symbol(number), day, float(close)), "market")
    for number in range(SYMBOLS):
        _hand(stepper, _book(number), "execution")
    return agent


def chain(count: int) -> Chain:
    """Measure ``count`` orders through the gates, then through both floors."""
    with folder_with_redis(NAMES) as (folder, url):
        settings = gate_settings(folder)
        cleared, approved = _spoken(settings)
        gates_s = _passages(folder, url, count, *((_serve_gate, (name, folder, url)) for name in GATES))
    with folder_with_redis(NAMES) as (folder, url):
        relays = ((_serve_relay, (name, cleared, approved, folder, url)) for name in GATES)
        runtime_s = _passages(folder, url, count, *relays)
    proposed = OrderProposed(order=approved.order, portfolio_version=_VERSION)
    sockets_s = _socket_passages([_frame(message) for message in (proposed, cleared, approved)], count)
    gates_ms, runtime_ms, sockets_ms = (
        statistics.median(each[count // 10 :]) * 1e3 for each in (gates_s, runtime_s, sockets_s)
    )
    return Chain(gates_ms, runtime_ms, sockets_ms, _sync_ms(len(_frame(cleared))), len(approved.verdicts))


def signatures(folder: Path) -> Signatures:
    """Measure one signature over an order, and one check of it."""
    settings, signed = gate_settings(folder), order(0)
    signer, verifier = Signer.load(settings.keys, "compliance"), Verifier.load(settings.keys)
    given = approve(signer, signed, _FAR_NS, 0)
    sign_us = _median_us(lambda: approve(signer, signed, _FAR_NS, 0))
    return Signatures(sign_us, _median_us(lambda: objection(verifier, given, signed, 0)))


def _median_us(call: Callable[[], object]) -> float:
    spent = []
    for _ in range(_CALLS):
        started = time.perf_counter()
        call()
        spent.append(time.perf_counter() - started)
    return statistics.median(spent) * 1e6


def _spoken(settings: Settings) -> tuple[OrderCleared, OrderApproved]:
    """Return what the gates say of one order."""
    said: list[Message] = [OrderProposed(order=order(0), portfolio_version=_VERSION)]
    for name, sender in zip(GATES, ("pads", "compliance"), strict=True):
        said.append(_passed_on(_hand(Stepper(seasoned(settings, name)), said[-1], sender)))
    _, cleared, approved = said
    assert isinstance(cleared, OrderCleared)
    assert isinstance(approved, OrderApproved)
    return cleared, approved


def _passed_on(answers: list[Envelope]) -> Message:
    """Return what a gate passed on."""
    for envelope in answers:
        if isinstance(envelope.message, OrderCleared | OrderApproved):
            return envelope.message
    reasons = [each.message.reason for each in answers if isinstance(each.message, OrderRejected)]
    raise Fatal(f"the gate refuses the bench's order: {'; '.join(reasons) or 'it says nothing'}")


def _passages(folder: Path, url: str, count: int, *gates: tuple[Callable[..., Any], tuple[Any, ...]]) -> list[float]:
    proposer = Proposer(proposal)
    with children(*gates, (_serve_taker, (folder, url))):
        process = make_process(proposer, NAMES, folder, url)
        drive(process, count, lambda: len(proposer.passages_s) == count)
        process.stop()
    return proposer.passages_s


def _serve_gate(name: str, folder: Path, url: str, ready: Connection) -> None:
    _serve(seasoned(gate_settings(folder), name), folder, url, ready)


def _serve_relay(
    name: str, cleared: OrderCleared, approved: OrderApproved, folder: Path, url: str, ready: Connection
) -> None:
    _serve(Relay(name, cleared, approved), folder, url, ready)


def _serve_taker(folder: Path, url: str, ready: Connection) -> None:
    _serve(Taker(), folder, url, ready)


def _serve(agent: Agent, folder: Path, url: str, ready: Connection) -> None:
    process = make_process(agent, NAMES, folder, url)
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    ready.send(True)
    while not stopping:
        process.turn()
    process.stop()


def _sync_ms(size: int) -> float:
    """Return how long a record takes to be on the disk."""
    record, spent = b"r" * size, []
    with tempfile.TemporaryDirectory(prefix="bd-bench-") as folder, (Path(folder) / "log").open("ab", 0) as file:
        for _ in range(_SYNCS):
            file.write(record)
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            spent.append(time.perf_counter() - started)
    return statistics.median(spent) * 1e3


def _socket_passages(frames: list[bytes], count: int) -> list[float]:
    """Send the first frame through two processes, each of which sends the next frame on; return seconds a passage."""
    with folder_with_redis(NAMES) as (folder, _), floor.zmq_end(folder, "execution") as end:
        relays = (("compliance", "risk", frames[1]), ("risk", "execution", frames[2]))
        with children(*((floor.zmq_relay, (folder, *relay)) for relay in relays)):
            return floor.zmq_passages(end, folder, "compliance", frames[0], count)


_RETURNS: Final = np.random.Generator(np.random.PCG64(1)).standard_t(5, (SYMBOLS, DAYS - 1)) * 0.008


def _closes() -> Any:
    """Return closes by symbol and day, whole cents."""
    return np.round(100.0 * np.exp(np.cumsum(np.pad(_RETURNS, ((0, 0), (1, 0))), axis=1)), 2)


def _bar(name: str, day: int, close: float) -> MarketUpdate:
    price = Decimal(close).quantize(_TICK)
    return MarketUpdate(
        symbol=name, bar=day, opened_ns=day * _DAY_NS, open=price, high=price, low=price, close=price,
        volume=Decimal(1_000_000),
    )  # fmt: skip


def _book(number: int) -> PortfolioUpdate:
    last = [Decimal(float(close)).quantize(_TICK) for close in _closes()[:, -1]]
    units = [(Decimal(_WEIGHT) * _EQUITY / price).quantize(Decimal(1)) for price in last]
    value = sum((each * price for each, price in zip(units, last, strict=True)), Decimal(0))
    views = tuple(
        PositionView(symbol=symbol(row), quantity=each, average_price=price, last_price=price)
        for row, (each, price) in enumerate(zip(units, last, strict=True))
    )
    return PortfolioUpdate(
        version=number + 1, symbol=symbol(number), bar=DAYS - 1, cash=_EQUITY - value, equity=_EQUITY,
        peak_equity=_EQUITY, realized=Decimal(0), fees=Decimal(0), positions=views, working=(),
    )  # fmt: skip


def _hand(stepper: Stepper, message: Message, sender: str) -> list[Envelope]:
    header = Header("", "", "", message.KIND, sender, None, 0, 0, 0, int(message.PRIORITY))
    return stepper.step(Envelope(header, message), 1)


def _frame(message: Message) -> bytes:
    return encode(Header("pads:1", "pads:1", "", message.KIND, "pads", "risk", 0, 0, 0, 2), message)
