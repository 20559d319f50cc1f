"""What a process says of single messages: enough to find them again, never a flood, nothing secret."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.typing import FilteringBoundLogger

from bus.agent import Agent, handles
from bus.codec import encode
from bus.config import BusConfig
from bus.errors import Invalid
from bus.incident import MOST, TOLD, WINDOW_NS, Incidents
from bus.log import open_log
from bus.message import Envelope, Header, registry
from bus.messages import OrderApproved, OrderRejected, RiskAlert
from tests.bus.samples import messages
from tests.bus.toys import Answerer, Fact, Order, Question, Talker
from tests.bus.worlds import MemoryWorld

NOW_NS = 1_700_000_000_000_000_000
HEADER = Header("talker:7", "market:3", "pads:5", "TEST_FACT/1", "talker", None, 1, NOW_NS, 0, 3)


class Lines:
    """A log whose lines can be read."""

    def __init__(self) -> None:
        self.text: list[str] = []
        chain: list[Any] = [structlog.processors.add_log_level, structlog.processors.JSONRenderer()]
        wrapper = structlog.make_filtering_bound_logger(0)
        self.log = cast("FilteringBoundLogger", structlog.wrap_logger(self, processors=chain, wrapper_class=wrapper))

    def info(self, line: str) -> None:
        self.text.append(line)

    warning = info

    def of(self, what: str) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, self.text) if line["event"] == what]


@pytest.fixture
def lines() -> Lines:
    return Lines()


class Watchman(Agent):
    """Refuses odd facts and raises an alert for even ones."""

    def __init__(self) -> None:
        super().__init__("watchman")

    @handles(Fact)
    def hear(self, fact: Fact) -> None:
        if fact.number % 2:
            raise Invalid(f"{fact.number} is odd")
        self.publish(RiskAlert(symbol="SPX", severity=0.25, source=self.name, reason=f"{fact.number} is even"))


def test_what_goes_wrong_is_said_with_all_its_ids(lines: Lines) -> None:
    Incidents(lines.log).tell("unlawful", HEADER, NOW_NS, "talker may not send it", "risk")
    assert lines.of("unlawful") == [
        {
            "event": "unlawful", "level": "warning", "kind": "TEST_FACT/1", "message_id": "talker:7",
            "correlation_id": "market:3", "causation_id": "pads:5", "sender": "talker",
            "reason": "talker may not send it", "origin": "risk",
        }
    ]  # fmt: skip


def test_a_flood_is_told_by_its_first_lines_and_by_how_many_were_left_unsaid(lines: Lines) -> None:
    incidents = Incidents(lines.log)
    for _ in range(100_000):
        incidents.tell("unlawful", HEADER, NOW_NS)
    incidents.tell("expired", HEADER, NOW_NS)
    incidents.tell("unlawful", HEADER, NOW_NS + WINDOW_NS - 1)
    assert (len(lines.of("unlawful")), len(lines.of("expired"))) == (MOST, 1)
    incidents.tell("unlawful", HEADER, NOW_NS + WINDOW_NS)
    incidents.tell("unlawful", HEADER, NOW_NS + WINDOW_NS)
    assert [line.get("unsaid") for line in lines.of("unlawful")[MOST:]] == [100_001 - MOST, None]


def test_a_line_stays_one_short_line_whatever_a_stranger_writes(lines: Lines) -> None:
    hostile = HEADER._replace(id="x" * 5_000, sender="a\nb\x1b[31m", correlation_id='"}{')
    Incidents(lines.log).tell("unlawful", hostile, NOW_NS, "y" * 5_000, "z" * 5_000)
    (text,) = lines.text
    assert len(text) < 1_500
    assert text.isprintable()
    assert json.loads(text)["sender"] == "a\nb\x1b[31m"


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_a_line_about_an_order_never_holds_a_signature_or_a_key(data: st.DataObject) -> None:
    lines = Lines()
    kind = data.draw(st.sampled_from(sorted(TOLD, key=lambda kind: kind.KIND)))
    message = data.draw(messages(kind))
    Incidents(lines.log).note(Envelope(HEADER._replace(kind=kind.KIND), message), NOW_NS)
    (line,) = map(json.loads, lines.text)
    assert line["correlation_id"] == "market:3"
    assert not {"signature", "key", "nonce", "approval", "approvals", "verdicts"} & set(line)
    order = getattr(message, "order", None)
    assert line.get("order_id") == (None if order is None else order.order_id)


def test_what_is_told_are_the_steps_of_orders_alerts_and_commands() -> None:
    assert {OrderApproved, OrderRejected, RiskAlert} <= TOLD
    assert set(registry().values()) >= TOLD


def test_an_input_that_an_agent_refuses_is_said_with_the_conversation_it_belongs_to(
    tmp_path: Path, lines: Lines
) -> None:
    world = MemoryWorld([], tmp_path)
    world.log = lines.log
    for agent in (talker := Talker(), Watchman()):
        world.start(agent, ["talker", "watchman"])
    world.tell("talker", Order(facts=2))
    world.until(lambda: bool(lines.of("risk alert")))
    (refused,), (alert,) = lines.of("invalid input"), lines.of("risk alert")
    assert talker.published == 2
    assert refused["reason"] == "1 is odd"
    assert (refused["message_id"], refused["sender"]) == ("talker:1", "talker")
    assert refused["correlation_id"] == alert["correlation_id"] == "operator:1"
    assert (alert["symbol"], alert["severity"], alert["reason"]) == ("SPX", 0.25, "2 is even")
    assert (alert["message_id"], alert["causation_id"]) == ("watchman:1", "talker:2")
    world.crash("watchman")
    world.start(Watchman(), ["talker", "watchman"])
    assert len(lines.of("invalid input")) == len(lines.of("risk alert")) == 1
    world.close()


def test_what_is_lost_or_late_is_said(tmp_path: Path, lines: Lines) -> None:
    config = BusConfig(heartbeat_s=0.02, retry_s=0.02, gap_timeout_s=0.2)
    world = MemoryWorld([], tmp_path, fate=lambda _: 0, config=config)
    world.log = lines.log
    process = world.start(Talker(), ["talker", "answerer"])
    header = Header("operator:1", "operator:1", "", Order.KIND, "operator", "talker", 0, process.now(), 60_000, 2)
    process.post._arrive(encode(header, Order(to="answerer", ask=1)), "", process.now())
    world.until(lambda: bool(lines.of("undelivered")))
    (lost,) = lines.of("undelivered")
    assert (lost["kind"], lost["message_id"], lost["recipient"]) == (Question.KIND, "talker:1", "answerer")
    assert lost["correlation_id"] == "operator:1"
    late = header._replace(id="operator:2", sent_ns=0, ttl_ms=1)
    process.post._arrive(encode(late, Order()), "", process.now())
    process.post._arrive(b"\x00 no frame", "risk", process.now())
    stranger = header._replace(id="x:1", kind=Fact.KIND, sender="nobody", recipient=None, sequence=1)
    process.post._arrive(encode(stranger, Fact(number=1)), "", process.now())
    assert lines.of("expired")[0]["message_id"] == "operator:2"
    assert lines.of("not a message")[0]["origin"] == "risk"
    assert lines.of("stranger")[0]["sender"] == "nobody"
    world.close()


def test_a_hole_that_cannot_be_repaired_is_said(tmp_path: Path, lines: Lines) -> None:
    world = MemoryWorld([], tmp_path, config=BusConfig(heartbeat_s=0.02, retry_s=0.02, gap_timeout_s=0.1))
    world.log = lines.log
    process = world.start(Answerer(), ["answerer", "talker"])
    ahead = Header("talker:9", "talker:9", "", Fact.KIND, "talker", None, 1, process.now(), 0, 3)
    for sequence in (1, 5):
        process.post._arrive(encode(ahead._replace(sequence=sequence), Fact(number=sequence)), "", process.now())
    world.until(lambda: bool(lines.of("gap lost")))
    assert lines.of("gap lost")[0]["reason"] == "TEST_FACT/1 2 to 4 by talker"
    world.close()


def test_the_log_of_a_process_is_one_json_object_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    Incidents(open_log("risk")).tell("unlawful", HEADER, NOW_NS)
    (line,) = map(json.loads, capfd.readouterr().err.splitlines())
    assert (line["agent"], line["level"], line["event"]) == ("risk", "warning", "unlawful")
    assert line["timestamp"].endswith("Z")


def test_a_process_without_a_log_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    incidents = Incidents()
    incidents.tell("unlawful", HEADER, NOW_NS)
    alert = RiskAlert(symbol="*", severity=0.5, source="risk", reason="r")
    incidents.note(Envelope(HEADER._replace(kind=alert.KIND), alert), NOW_NS)
    assert capfd.readouterr() == ("", "")
