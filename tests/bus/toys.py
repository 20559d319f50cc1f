"""Small agents and kinds with which the bus is tested; they use the public surface only."""

from typing import Any

from bus.agent import DEFER, Agent, Answer, handles
from bus.message import Delivery, Header, Message, Overflow, Plane, Priority
from bus.messages import Gap, Started, Undelivered


class Question(Message, kind="TEST_QUESTION", plane=Plane.DIRECT, ttl_s=2.0):
    """Asked of an answerer; it answers once it knows fact number ``needs``."""

    number: int
    needs: int = 0


class Reply(Message, kind="TEST_REPLY", plane=Plane.DIRECT, delivery=Delivery.DEADLINE):
    """Twice the number asked."""

    doubled: int


class Fact(Message, kind="TEST_FACT", plane=Plane.BROADCAST, priority=Priority.LOW):
    """Something everybody hears."""

    number: int


class Alarm(Message, kind="TEST_ALARM", plane=Plane.BROADCAST, priority=Priority.HIGH):
    """Something everybody must hear first."""

    number: int


class Quote(
    Message,
    kind="TEST_QUOTE",
    plane=Plane.BROADCAST,
    priority=Priority.LOW,
    overflow=Overflow.LATEST,
    key="symbol",
):
    """Something of which only the newest matters when there is no room."""

    symbol: str
    number: int


class Tick(Message, kind="TEST_TICK"):
    """A timer."""

    number: int


class Order(Message, kind="TEST_ORDER", plane=Plane.DIRECT, ttl_s=5.0):
    """What an operator tells a talker to do: ask ``ask`` questions of ``to``, publish ``facts`` and ``alarms``."""

    to: str = ""
    ask: int = 0
    needs: int = 0
    facts: int = 0
    alarms: int = 0
    ticks: tuple[float, ...] = ()


class Talker(Agent):
    """Does as told; remembers what came back."""

    def __init__(self, name: str = "talker") -> None:
        super().__init__(name)
        self.replies: list[int] = []
        self.headers: list[Header] = []
        self.ticks: list[int] = []
        self.undelivered: list[str] = []
        self.asked = 0
        self.published = 0

    @handles(Order)
    def obey(self, order: Order) -> Answer:
        for _ in range(order.ask):
            self.asked += 1
            self.send(Question(number=self.asked, needs=order.needs), to=order.to)
        for _ in range(order.facts):
            self.published += 1
            self.publish(Fact(number=self.published))
        for number in range(order.alarms):
            self.publish(Alarm(number=number))
        for number, seconds in enumerate(order.ticks):
            self.after(seconds, Tick(number=number))
        return None

    @handles(Reply)
    def hear(self, reply: Reply) -> Answer:
        self.replies.append(reply.doubled)
        self.headers.append(self.conversation)
        return None

    @handles(Tick)
    def tick(self, tick: Tick) -> Answer:
        self.ticks.append(tick.number)
        return None

    @handles(Undelivered)
    def note(self, notice: Undelivered) -> Answer:
        self.undelivered.append(notice.kind)
        return None

    def snapshot(self) -> dict[str, Any]:
        return {
            "replies": list(self.replies),
            "ticks": list(self.ticks),
            "undelivered": list(self.undelivered),
            "asked": self.asked,
            "published": self.published,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.replies, self.ticks = list(state["replies"]), list(state["ticks"])
        self.undelivered = list(state["undelivered"])
        self.asked, self.published = state["asked"], state["published"]


class Answerer(Agent):
    """Answers questions, hears facts and alarms, and remembers the order of everything."""

    def __init__(self, name: str = "answerer") -> None:
        super().__init__(name)
        self.started = 0
        self.questions: list[int] = []
        self.headers: list[Header] = []
        self.heard: list[str] = []
        self.facts = 0
        self.gaps: list[tuple[int, int]] = []
        self.lapsed: list[int] = []

    def lapse(self, message: Message) -> None:
        assert isinstance(message, Question)
        self.lapsed.append(message.number)

    @handles(Started)
    def begin(self, _: Started) -> Answer:
        self.started += 1
        return None

    @handles(Question)
    def answer(self, question: Question) -> Answer:
        if self.facts < question.needs:
            return DEFER
        self.questions.append(question.number)
        self.headers.append(self.conversation)
        return Reply(doubled=2 * question.number)

    @handles(Fact)
    def hear(self, fact: Fact) -> Answer:
        self.facts = fact.number
        self.heard.append(f"fact {fact.number}")
        return None

    @handles(Alarm)
    def wake(self, alarm: Alarm) -> Answer:
        self.heard.append(f"alarm {alarm.number}")
        return None

    @handles(Gap)
    def miss(self, gap: Gap) -> Answer:
        self.gaps.append((gap.first, gap.last))
        return None

    def snapshot(self) -> dict[str, Any]:
        return {
            "started": self.started,
            "questions": list(self.questions),
            "heard": list(self.heard),
            "facts": self.facts,
            "gaps": list(self.gaps),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.started, self.facts = state["started"], state["facts"]
        self.questions, self.heard = list(state["questions"]), list(state["heard"])
        self.gaps = [tuple(gap) for gap in state["gaps"]]
