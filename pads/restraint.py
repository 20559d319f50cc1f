"""Sides of an instrument on which a position may not grow for some bars, and why: leaving is never restrained."""

from typing import Any, Final

from bus.messages import OrderRejected, Side

OF_TIME: Final = frozenset({"deadline", "delivery", "message_rate", "trading_hours"})
"""Rules of the gates that are only about when an order came: the same order may pass at the next bar."""


class Restraint:
    """By side, the last bar of the restraint and its reason; a later one takes the place of an earlier one."""

    def __init__(self) -> None:
        self._until: dict[str, tuple[int, str]] = {}

    def __bool__(self) -> bool:
        """Whether there ever was a restraint."""
        return bool(self._until)

    def impose(self, side: Side, until: int, why: str) -> None:
        """Let nothing grow on a side up to bar ``until``."""
        if until > self._until.get(side.value, (-1, ""))[0]:
            self._until[side.value] = until, why

    def why(self, side: Side, bar: int) -> str:
        """Return why nothing may grow on a side at a bar; empty where it may."""
        until, why = self._until.get(side.value, (-1, ""))
        return f"{why}: no more {side.value} before bar {until + 1}" if bar <= until else ""

    def snapshot(self) -> dict[str, list[Any]]:
        """Return the state as plain data."""
        return {side: list(imposed) for side, imposed in self._until.items()}

    def restore(self, state: dict[str, list[Any]]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._until = {side: (until, why) for side, (until, why) in state.items()}


def lasting_refusal(rejected: OrderRejected) -> str:
    """Return why a gate refused an order for what it is; empty where it was only a matter of when it came."""
    rules = [verdict.rule for verdict in rejected.verdicts if verdict.refuses and verdict.rule not in OF_TIME]
    return f"{rejected.rejected_by} refused growth at bar {rejected.order.bar} ({', '.join(rules)})" if rules else ""
