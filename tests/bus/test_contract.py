"""What the bus promises, run alike over the simulated bus, memory, and Redis with ZeroMQ by unix sockets and by tcp."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bus.agent import Agent
from tests.bus.toys import Answerer, Order, Talker
from tests.bus.worlds import MemoryWorld, SimulatedWorld, SocketWorld, TcpWorld, World

Open = Callable[..., World]


@pytest.fixture(params=["simulated", "memory", "sockets", "tcp"])
def open_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    worlds: list[World] = []

    def opened(*agents: Agent) -> World:
        world: World
        if request.param == "simulated":
            world = SimulatedWorld(agents)
        elif request.param == "memory":
            world = MemoryWorld(agents, tmp_path)
        else:
            kind = TcpWorld if request.param == "tcp" else SocketWorld
            world = kind(agents, request.getfixturevalue("short_dir"), request.getfixturevalue("shared_redis"))
        worlds.append(world)
        return world

    yield opened
    for world in worlds:
        world.close()


def test_an_answer_echoes_the_conversation_and_names_its_cause(open_world: Open) -> None:
    talker, answerer = Talker(), Answerer()
    world = open_world(talker, answerer)
    world.tell("talker", Order(ask=1, to="answerer"))
    world.until(lambda: talker.replies == [2])
    question, reply = answerer.headers[0], talker.headers[0]
    assert reply.correlation_id == question.correlation_id
    assert reply.causation_id == question.id
    assert reply.sender == "answerer"
    assert reply.recipient == "talker"


def test_every_question_is_answered_once_and_in_order(open_world: Open) -> None:
    talker, answerer = Talker(), Answerer()
    world = open_world(talker, answerer)
    world.tell("talker", Order(ask=200, to="answerer"))
    world.until(lambda: len(talker.replies) >= 200)
    world.idle(0.2)
    assert answerer.questions == list(range(1, 201))
    assert talker.replies == [2 * number for number in range(1, 201)]


def test_a_broadcast_reaches_every_subscriber_in_order(open_world: Open) -> None:
    talker, first, second = Talker(), Answerer("first"), Answerer("second")
    world = open_world(talker, first, second)
    world.tell("talker", Order(facts=300))
    expected = [f"fact {number}" for number in range(1, 301)]
    world.until(lambda: len(first.heard) >= 300 and len(second.heard) >= 300)
    assert first.heard == expected
    assert second.heard == expected


def test_a_deferred_question_is_answered_once_its_fact_is_known(open_world: Open) -> None:
    talker, answerer = Talker(), Answerer()
    world = open_world(talker, answerer)
    world.tell("talker", Order(ask=1, needs=3, to="answerer"))
    world.tell("talker", Order(facts=2))
    world.until(lambda: answerer.facts == 2)
    assert talker.replies == []
    world.tell("talker", Order(facts=1))
    world.until(lambda: talker.replies == [2])


def test_timers_fire_in_the_order_they_fall_due(open_world: Open) -> None:
    talker = Talker()
    world = open_world(talker, Answerer())
    world.tell("talker", Order(ticks=(0.09, 0.01, 0.05)))
    world.until(lambda: len(talker.ticks) == 3)
    assert talker.ticks == [1, 2, 0]


def test_a_reliable_message_to_nobody_is_reported_undelivered(open_world: Open) -> None:
    talker = Talker()
    world = open_world(talker, Answerer())
    world.tell("talker", Order(ask=1, to="nobody"))
    world.until(lambda: len(talker.undelivered) == 1)
    assert talker.undelivered == ["TEST_QUESTION/1"]


def test_an_agent_begins_its_life_once(open_world: Open) -> None:
    answerer = Answerer()
    world = open_world(Talker(), answerer)
    world.until(lambda: answerer.started > 0)
    world.idle(0.1)
    assert answerer.started == 1


def test_a_deferred_question_that_expires_is_looked_at_without_any_other_input(open_world: Open) -> None:
    talker, answerer = Talker(), Answerer()
    world = open_world(talker, answerer)
    world.tell("talker", Order(ask=1, needs=99, to="answerer"))
    world.until(lambda: answerer.lapsed == [1])
    assert talker.replies == []
