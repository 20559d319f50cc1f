"""Does at the desk what the halt asks for, and tells the firm how far it has come."""

from decimal import Decimal
from typing import Any, Final

from bus.message import Header
from bus.messages import HaltStage, HaltStatus, RiskAlert
from execution.desk import Desk
from execution.flattening import Sight, Step
from execution.halt import Halt
from execution.tray import ODD, SOURCE, Filed

_LOOKS: Final = 4
"""Looks in a row, while the broker answers at once."""


class Halting:
    """The halt beside the desk; every method returns what there is to tell, as the desk's do.

    Parameters
    ----------
    desk
        Where orders are sent, cancelled and ended.
    collar
        How far from the last close a flattening order may fill, as a fraction of that close.
    """

    def __init__(self, desk: Desk, collar: Decimal) -> None:
        self.desk = desk
        self.halt = Halt(collar)

    @property
    def status(self) -> HaltStatus | None:
        """What was said last; None before the first halt."""
        return self.halt.status

    def begin(self, number: int, reason: str, header: Header) -> list[Filed]:
        """Halt, or go on with the halt there is."""
        if self.halt.is_on and number == self.halt.number:
            return []
        filed = [] if self.halt.is_on else self.desk.cancel_all(f"halted by risk: {reason}")
        filed += self._do(self.halt.begin(number, reason, self._sight()), header)
        return _newest(filed + self.look(header))

    def end(self, header: Header) -> list[Filed]:
        """Go back to trading."""
        return self._do(self.halt.end(self._sight()), header) if self.halt.is_on else []

    def look(self, header: Header) -> list[Filed]:
        """Read the broker's account again and go on from there, as long as it answers at once."""
        filed: list[Filed] = []
        before: Sight | None = None
        for _ in range(_LOOKS):
            sight = None if self.halt.is_done else self._sight()
            if sight is None or sight == before:
                break
            filed += self._do(self.halt.look(sight), header)
            before = sight
        return _newest(filed)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return self.halt.snapshot()

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self.halt.restore(state)

    def _sight(self) -> Sight:
        desk = self.desk
        return Sight(desk.account(), desk.book.quantities, tuple(desk.live), dict(desk.marks), desk.last)

    def _do(self, step: Step, header: Header) -> list[Filed]:
        desk, filed = self.desk, []
        for order in step.opened:
            filed += desk.flatten(order, header, is_foreign=self.halt.is_foreign(order.order_id))
        for name in step.withdrawn:
            filed += desk.withdraw(name)
        for child in step.sent:
            filed += desk.send(child)
        for order_id in step.closed:
            filed += desk.close(order_id, "the halt sends no more of it")
        for reason in step.alerts:
            filed.append(Filed(RiskAlert(symbol="*", severity=ODD, source=SOURCE, reason=reason), header))
        if step.status is not None:
            filed.append(Filed(step.status, header))
        return filed


def _newest(filed: list[Filed]) -> list[Filed]:
    """Leave out what was said of a stage and is outdated already."""
    stages: list[HaltStage] = []
    kept = []
    for each in reversed(filed):
        if isinstance(each.message, HaltStatus):
            if each.message.stage in stages[-1:]:
                continue
            stages.append(each.message.stage)
        kept.append(each)
    return kept[::-1]
