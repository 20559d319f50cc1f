"""Speaks for ops: tells the ledger and the operator what happened, and has risk halt the firm."""

import math
import time
from collections.abc import Callable, Iterable
from typing import Final

from bus.command import sign_command
from bus.keys import Signer
from bus.message import OPS, Header
from bus.messages import Ack, Command, CommandResult, SystemCommand, SystemEvent
from ops.supervision.fleet import LAST_TO_STOP
from ops.supervision.guard import RISK, Step
from ops.supervision.keeper import Keeper
from ops.supervision.line import Line
from ops.supervision.outbox import Outbox

_HALT_S: Final = 2.0
_PAUSE_S: Final = 0.01
_MOST_WORDS: Final = 1_000


class Herald:
    """What ops says of itself.

    Parameters
    ----------
    line
        The way to the agents.
    outbox
        Events that the recorder has not got yet.
    signer
        The key of ops.
    keeper
        Who knows which agents can be spoken to.
    clock_ns
        Nanoseconds since the epoch.
    """

    def __init__(
        self, line: Line, outbox: Outbox, signer: Signer, keeper: Keeper, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self.line = line
        self.outbox = outbox
        self._signer = signer
        self._keeper = keeper
        self._clock_ns = clock_ns
        self._lines: list[str] = []
        self._halt_due_s = 0.0
        self._halt_ids: set[str] = set()
        self._is_halted = False
        if outbox.trouble:
            self.say(Step("events_lost", OPS, outbox.trouble))

    def say(self, step: Step) -> None:
        """Tell operator and ledger of something."""
        detail = step.detail[:_MOST_WORDS]
        self.record(SystemEvent(event=step.event, subject=step.subject, detail=detail, at_ns=self._clock_ns()))
        self.show(step.detail)

    def say_all(self, steps: Iterable[Step]) -> None:
        """Tell operator and ledger of several things."""
        for step in steps:
            self.say(step)

    def record(self, event: SystemEvent) -> None:
        """Tell the ledger alone."""
        self.outbox.add(event)

    def show(self, line: str) -> None:
        """Tell the operator alone."""
        self._lines.append(line)

    def lines(self) -> list[str]:
        """Return what the operator has not been shown yet."""
        shown, self._lines = self._lines, []
        return shown

    def halt(self, reason: str, now_s: float) -> None:
        """Have risk halt the firm, again and again until it has; an empty reason wants no halt."""
        if not reason:
            self._is_halted = False
            return
        if self._is_halted or now_s < self._halt_due_s or not self._keeper.is_there(RISK):
            return
        self._halt_due_s = now_s + _HALT_S
        now_ns = self._clock_ns()
        order = SystemCommand(command=Command.HALT, reason=reason[:_MOST_WORDS], operator=OPS)
        self._halt_ids.add(self.line.tell(RISK, sign_command(self._signer, order, RISK, now_ns, f"{OPS}-{now_ns}")))

    def post(self, now_s: float) -> None:
        """Hand the recorder what it is to have now, and keep on disk what it has not got."""
        if self._keeper.is_there(LAST_TO_STOP):
            for message_id, event in self.outbox.due(now_s):
                self.line.tell(LAST_TO_STOP, event, message_id)
        self.line.flush()
        self.outbox.save()

    def take_ack(self, header: Header, ack: Ack) -> None:
        """Forget what the recorder has."""
        if header.sender == LAST_TO_STOP:
            self.outbox.acknowledge(ack.ids)

    def take_result(self, header: Header, result: CommandResult) -> None:
        """Take risk's answer to a halt."""
        if header.sender != RISK or header.correlation_id not in self._halt_ids:
            return
        self._halt_ids.clear()
        self._is_halted = result.is_done
        word = "halted" if result.is_done else "not_halted"
        self.say(Step(word, RISK, f"risk answers to the halt of {OPS}: {result.detail}"))

    def drain(self, patience_s: float) -> None:
        """Wait until the recorder has everything, at most ``patience_s``; what it does not take stays on disk."""
        for _ in range(round(patience_s / _PAUSE_S)):
            if not len(self.outbox) or not self._keeper.is_there(LAST_TO_STOP):
                break
            self.post(math.inf)  # everything is due, once
            time.sleep(_PAUSE_S)
            for header, message, _ in self.line.receive():
                if isinstance(message, Ack):
                    self.take_ack(header, message)
        self.outbox.save()

    def close(self) -> None:
        """Give up all sockets."""
        self.outbox.save()
        self.line.close()
