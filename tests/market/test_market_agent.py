from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.agent import Agent, handles
from bus.config import Settings
from bus.errors import ConfigError, Fatal
from bus.message import Envelope, Header, Message
from bus.messages import DataReport, Gap, MarketUpdate, OrderStatus, RiskAlert
from bus.plain import pack, unpack
from bus.simulation import Simulation
from bus.stepper import Stepper
from market.agent import Market, build
from market.catalog import read_series
from market.config import MarketConfig
from tests.market.rounds import decision, execution, rejection

S = 10**9
CONFIG = MarketConfig(source="synthetic", symbols=("B", "A"), bars=3, history_bars=1)
ORDER_OF_BARS = ["A-0", "B-0", "A-1", "B-1", "A-2", "B-2", "A-3", "B-3"]


def market(**changes: Any) -> Market:
    config = CONFIG.model_copy(update=changes)
    return Market(read_series(config, Path()), config)


class Driver:
    """Drives a market through the stepper, and keeps what it said."""

    def __init__(self, agent: Market) -> None:
        self.agent = agent
        self.stepper = Stepper(agent)
        self.now_ns = 0
        self.outputs: list[Envelope] = []

    def start(self) -> None:
        self.outputs += self.stepper.start(self.now_ns)

    def hear(self, *messages: Message) -> None:
        for message in messages:
            header = Header("x:1", "c", "", message.KIND, "x", None, 1, self.now_ns, 0, 2)
            self.outputs += self.stepper.step(Envelope(header, message), self.now_ns)

    def fire(self) -> float:
        """Fire the next timer at its time; return that time in seconds."""
        timer = self.stepper.next_timer()
        assert timer is not None
        self.now_ns = max(self.now_ns, timer[0])
        self.outputs += self.stepper.fire(timer[1], self.now_ns)
        return self.now_ns / S

    def said(self, kind: type[Message]) -> list[Any]:
        return [envelope.message for envelope in self.outputs if isinstance(envelope.message, kind)]

    @property
    def bars(self) -> list[str]:
        return [f"{update.symbol}-{update.bar}" for update in self.said(MarketUpdate)]


@pytest.fixture
def lockstep() -> Driver:
    driver = Driver(market())
    driver.start()
    return driver


def test_the_start_tells_what_the_data_is_and_publishes_one_bar(lockstep: Driver) -> None:
    assert [type(envelope.message) for envelope in lockstep.outputs] == [DataReport, DataReport, MarketUpdate]
    reports = lockstep.said(DataReport)
    assert [report.symbol for report in reports] == ["A", "B"]
    assert all(report.source.startswith("synthetic seed 1") for report in reports)
    assert lockstep.bars == ["A-0"]


def test_each_conclusion_brings_exactly_one_bar_until_the_data_ends(lockstep: Driver) -> None:
    for number, awaited in enumerate(ORDER_OF_BARS, start=1):
        assert lockstep.bars == ORDER_OF_BARS[:number]
        assert lockstep.agent.report()["done"] == 0
        lockstep.hear(decision(awaited))
    assert lockstep.bars == ORDER_OF_BARS
    report = lockstep.agent.report()
    assert (report["published"], report["concluded"], report["total"], report["done"]) == (8, 8, 8, 1)


@pytest.mark.parametrize(
    "ending",
    [
        lambda bar: rejection(bar),
        lambda bar: execution(bar),
        lambda bar: execution(bar, status=OrderStatus.REFUSED),
    ],
    ids=["rejected by a gate", "accepted by execution", "refused by execution"],
)
def test_a_decision_with_an_order_waits_for_the_word_on_it(lockstep: Driver, ending: Callable[[str], Message]) -> None:
    lockstep.hear(decision("A-0", "o1"))
    assert lockstep.bars == ["A-0"]
    lockstep.hear(ending("A-0"))
    assert lockstep.bars == ["A-0", "B-0"]


def test_the_word_on_the_order_may_come_first(lockstep: Driver) -> None:
    lockstep.hear(execution("A-0"))
    assert lockstep.bars == ["A-0"]
    lockstep.hear(decision("A-0", "o1"))
    assert lockstep.bars == ["A-0", "B-0"]


def test_what_belongs_to_other_bars_moves_nothing(lockstep: Driver) -> None:
    lockstep.hear(decision("A-0"))
    late_fill = execution("A-0", status=OrderStatus.FILLED, report=2)
    lockstep.hear(decision("A-0"), late_fill, rejection("A-0"), decision("A-1"), decision("B-1"), execution("A-1"))
    assert lockstep.bars == ["A-0", "B-0"]


def test_updates_open_conversations_of_their_own(lockstep: Driver) -> None:
    lockstep.hear(decision("A-0"))
    headers = [envelope.header for envelope in lockstep.outputs if isinstance(envelope.message, MarketUpdate)]
    assert all(header.correlation_id == header.id for header in headers)
    assert [header.sequence for header in headers] == [1, 2]


def test_a_stall_is_alerted_once_and_waited_out(lockstep: Driver) -> None:
    assert lockstep.fire() == 60.0
    assert lockstep.said(RiskAlert) == [
        RiskAlert(
            symbol="A",
            severity=0.5,
            source="market",
            reason="bar 0 of A not concluded after 60.0 s: still waiting; are pads and the gates running?",
        )
    ]
    assert lockstep.stepper.next_timer() is None
    assert lockstep.agent.report()["stalls"] == 1
    lockstep.hear(decision("A-0"))
    assert lockstep.bars == ["A-0", "B-0"]
    assert lockstep.fire() == 120.0
    assert lockstep.agent.report()["stalls"] == 2


def test_one_timer_watches_however_many_bars(lockstep: Driver) -> None:
    for awaited in ORDER_OF_BARS[:4]:
        lockstep.now_ns += 10 * S
        lockstep.hear(decision(awaited))
    assert [lockstep.fire(), lockstep.fire()] == [60.0, 100.0]
    assert [alert.symbol for alert in lockstep.said(RiskAlert)] == ["A"]


def test_no_timer_stays_when_all_is_done(lockstep: Driver) -> None:
    lockstep.hear(*map(decision, ORDER_OF_BARS))
    lockstep.fire()
    assert lockstep.stepper.next_timer() is None
    assert lockstep.said(RiskAlert) == []


def gap(stream: str = "DECISION_MADE/1") -> Gap:
    return Gap(sender="pads", stream=stream, first=1, last=1)


def test_a_lost_conclusion_is_given_up_when_overdue(lockstep: Driver) -> None:
    lockstep.hear(gap())
    assert lockstep.bars == ["A-0"]
    lockstep.fire()
    assert lockstep.bars == ["A-0", "B-0"]
    assert [alert.reason.split(": ")[1] for alert in lockstep.said(RiskAlert)] == [
        "still waiting; are pads and the gates running?",
        "its conclusion may be among lost broadcasts, going on without it; are pads and the gates running?",
    ]
    report = lockstep.agent.report()
    assert (report["stalls"], report["lost"], report["concluded"]) == (1, 1, 0)
    lockstep.hear(decision("A-0"))
    assert lockstep.bars == ["A-0", "B-0"]


def test_a_gap_that_is_told_after_the_stall_gives_up_at_once(lockstep: Driver) -> None:
    lockstep.fire()
    lockstep.hear(gap("EXECUTION_REPORT/1"))
    assert lockstep.bars == ["A-0", "B-0"]


def test_a_gap_of_an_earlier_bar_or_another_stream_gives_up_nothing(lockstep: Driver) -> None:
    lockstep.hear(gap(), decision("A-0"), gap("AGENT_STATUS/1"))
    lockstep.fire()
    assert lockstep.bars == ["A-0", "B-0"]
    assert lockstep.agent.report()["lost"] == 0


def test_a_fixed_speed_waits_for_nobody() -> None:
    driver = Driver(market(speed=4.0))
    driver.start()
    driver.hear(decision("A-0"))
    assert driver.bars == ["A-0"]
    times = [driver.fire() for _ in range(7)]
    assert times == [0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]
    assert driver.bars == ORDER_OF_BARS
    assert (driver.agent.report()["done"], driver.agent.report()["concluded"]) == (1, 1)
    driver.hear(*map(decision, ORDER_OF_BARS))
    assert driver.agent.report()["concluded"] == 8
    driver.fire()
    assert driver.stepper.next_timer() is None
    assert driver.said(RiskAlert) == []


def test_the_report_says_what_the_data_is(lockstep: Driver) -> None:
    report = lockstep.agent.report()
    assert str(report["source"]).startswith("synthetic")
    assert len(str(report["digest"])) == 12
    assert (report["speed"], report["total"], report["history"]) == ("lockstep", 8, 2)


def resumed(driver: Driver) -> Driver:
    """Return a fresh market that takes over where the other one stands, through bytes."""
    copy = Driver(market(speed=driver.agent.report()["speed"]))
    copy.stepper.restore(unpack(pack(driver.stepper.snapshot())))
    copy.now_ns = driver.now_ns
    return copy


Act = Callable[[Driver], object]
ACTS: Sequence[Act] = (
    lambda driver: driver.hear(decision("A-0", "o1")),
    lambda driver: driver.hear(execution("A-0")),
    lambda driver: driver.hear(rejection("B-0", "o2")),
    lambda driver: driver.hear(decision("B-0", "o2")),
    lambda driver: driver.hear(gap()),
    lambda driver: driver.fire(),
    lambda driver: driver.hear(decision("B-1")),
    lambda driver: driver.fire(),
    lambda driver: driver.hear(decision("A-2")),
    lambda driver: driver.hear(decision("B-2")),
)


@pytest.mark.parametrize("speed", ["lockstep", 4.0])
@given(cut=st.integers(0, len(ACTS)))
def test_a_restored_market_goes_on_exactly_as_the_other(speed: str | float, cut: int) -> None:
    whole = Driver(market(speed=speed))
    whole.start()
    for act in ACTS[:cut]:
        act(whole)
    said_before = len(whole.outputs)
    other = resumed(whole)
    for act in ACTS[cut:]:
        act(whole)
        act(other)
    assert other.outputs == whole.outputs[said_before:]
    assert other.agent.report() == whole.agent.report()
    assert pack(other.stepper.snapshot()) == pack(whole.stepper.snapshot())


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"bars": 4}, r"snapshot was taken on data of sha256 \w{64}, the data is now \w{64}: restore the files"),
        ({"speed": 2.0}, "snapshot was taken at speed lockstep, market.speed is now 2.0"),
    ],
)
def test_other_data_or_another_speed_is_fatal(lockstep: Driver, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(Fatal, match=complaint):
        market(**changes).restore(lockstep.agent.snapshot())


class Board(Agent):
    """Decides on every bar at once, and orders on every second one, which execution accepts."""

    def __init__(self) -> None:
        super().__init__("board")

    @handles(MarketUpdate)
    def decide(self, update: MarketUpdate) -> None:
        decision_id = f"{update.symbol}-{update.bar}"
        order_id = f"order-{decision_id}" if update.bar % 2 else None
        if order_id is not None:
            self.publish(execution(decision_id, order_id))
        self.publish(decision(decision_id, order_id))


def test_a_whole_lockstep_run_ends_by_itself_in_virtual_time() -> None:
    agent = market(bars=200, history_bars=0)
    simulation = Simulation([agent, Board()])
    simulation.run()
    report = agent.report()
    assert (report["published"], report["concluded"], report["done"], report["stalls"]) == (400, 400, 1, 0)


def test_build_reads_the_table_and_the_data(tmp_path: Path) -> None:
    (tmp_path / "limits.toml").write_text("")
    (tmp_path / "firm.toml").write_text(
        '[agents.market]\n[market]\nsource = "csv"\nspeed = 3\n[market.paths]\nSPX = "spx.csv"\n'
    )
    (tmp_path / "spx.csv").write_text("date,open,high,low,close,volume\n2008-09-15,10,12,9,11,1000\n")
    agent = build(Settings.load(tmp_path, tmp_path / "run"))
    report = agent.report()
    assert (agent.name, report["total"], report["speed"]) == ("market", 1, 3.0)
    (tmp_path / "spx.csv").unlink()
    with pytest.raises(ConfigError, match=r"spx.csv: no such file"):
        build(Settings.load(tmp_path, tmp_path / "run"))
