"""An agent: a deterministic state machine that takes one message at a time and does no input or output.

Effects go to an outbox that the runtime releases after the input is in the journal, so the same inputs at the same
times give the same bytes, live, in simulation and in replay.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, ClassVar, Final, TypeVar

from bus.message import Header, Message

Report = dict[str, str | int | float]


class Deferral(Enum):
    """The answer of a handler that cannot answer yet."""

    DEFER = "defer"


DEFER: Final = Deferral.DEFER
"""Return this, before any effect, to be handed the same message again after each later input until it expires."""

Answer = Message | None | Deferral
M = TypeVar("M", bound=Message)
A = TypeVar("A", bound="Agent")
Handler = Callable[[Any, Any], Answer]


def handles(kind: type[M]) -> Callable[[Callable[[A, M], Answer]], Callable[[A, M], Answer]]:
    """Mark a method as the handler of one kind of message."""

    def mark(method: Callable[[A, M], Answer]) -> Callable[[A, M], Answer]:
        method.__handles__ = kind  # type: ignore[attr-defined]
        return method

    return mark


class Outbox:
    """What a handler wants done; the runtime reads it after the handler returns."""

    def __init__(self) -> None:
        self.messages: list[tuple[Message, str | None, Header | None, float | None]] = []
        self.timers: list[tuple[float, Message, Header | None]] = []

    def __bool__(self) -> bool:
        return bool(self.messages or self.timers)

    def clear(self) -> None:
        """Forget everything asked for."""
        self.messages.clear()
        self.timers.clear()


class Agent:
    """Base of every agent: subclass it, mark handlers with ``@handles``, keep state in attributes.

    ``snapshot`` and ``restore`` exchange the whole state as plain data and arrays; an agent restored from a snapshot
    must go on exactly as the one that took it.
    """

    handlers: ClassVar[dict[type[Message], Handler]] = {}
    DURABLE: ClassVar[tuple[type[Message], ...]] = ()
    """Kinds whose arrival must be on the disk, not only written, before any effect of it leaves."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.now_ns = 0
        self.header: Header | None = None
        self.outbox = Outbox()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Collect the marked handlers, those of base classes first."""
        super().__init_subclass__(**kwargs)
        cls.handlers = {
            method.__handles__: method
            for base in reversed(cls.__mro__)
            for method in vars(base).values()
            if hasattr(method, "__handles__")
        }

    def send(self, message: Message, *, to: str, about: Header | None = None, ttl_s: float | None = None) -> None:
        """Send a direct message to one agent; ``about`` files it under an earlier conversation."""
        self.outbox.messages.append((message, to, about, ttl_s))

    def publish(self, message: Message, *, about: Header | None = None) -> None:
        """Broadcast a message; ``about`` files it under an earlier conversation."""
        self.outbox.messages.append((message, None, about, None))

    def after(self, seconds: float, message: Message, *, about: Header | None = None) -> None:
        """Hand ``message`` to this agent's own handler once ``seconds`` have passed."""
        self.outbox.timers.append((seconds, message, about))

    @property
    def conversation(self) -> Header:
        """Header of the message being handled: who sent it and which conversation it belongs to."""
        if self.header is None:
            raise RuntimeError(f"{self.name}: no message is being handled, so there is no conversation")
        return self.header

    def lapse(self, message: Message) -> None:
        """Take note that a deferred message expired before it could be answered; by default it is only counted."""

    def report(self) -> Report:
        """Return what an observer should see of this agent beside the runtime's own counters; no effects."""
        return {}

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as plain data (numbers, strings, Decimals, lists, dicts, arrays, messages)."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        if state:
            raise ValueError(f"{self.name}: a snapshot with state, but no restore() to take it")
