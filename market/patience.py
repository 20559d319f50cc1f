"""How long the bar last published has been waited for, and whether waiting on makes sense.

At most one check is under way at a time, however many bars pass in between: a check that finds a newer bar is put off.
"""

from typing import Any, Final

_NS: Final = 1_000_000_000


class Patience:
    """Waits ``stall_s`` for a conclusion, counts what took longer, and gives up only what may have been lost."""

    def __init__(self, stall_s: float) -> None:
        self.stalls = 0
        self.lost = 0
        self._stall_ns = round(stall_s * _NS)
        self._since_ns = 0
        self._is_checking = self._is_stalled = self._is_gapped = False

    def begin(self, now_ns: int) -> float | None:
        """Begin to wait; return the seconds after which to check, None when a check is under way already."""
        self._since_ns = now_ns
        self._is_stalled = self._is_gapped = False
        if self._is_checking:
            return None
        self._is_checking = True
        return self._stall_ns / _NS

    def check(self, now_ns: int, *, is_waiting: bool) -> float | None:
        """Count a stall when the wait is overdue; return the seconds after which to check again, None for not again."""
        remaining_ns = self._since_ns + self._stall_ns - now_ns
        self._is_checking = is_waiting and remaining_ns > 0
        if self._is_checking:
            return remaining_ns / _NS
        self._is_stalled = is_waiting
        self.stalls += int(is_waiting)
        return None

    def lose(self) -> None:
        """Take note that what is waited for may be lost for good."""
        self._is_gapped = True

    def gives_up(self) -> bool:
        """Return whether the wait is both overdue and perhaps in vain, and count it as lost."""
        is_in_vain = self._is_stalled and self._is_gapped
        self.lost += int(is_in_vain)
        return is_in_vain

    def waited_s(self, now_ns: int) -> float:
        """Return the seconds waited so far."""
        return (now_ns - self._since_ns) / _NS

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        flags = [self._is_checking, self._is_stalled, self._is_gapped]
        return {"since_ns": self._since_ns, "stalls": self.stalls, "lost": self.lost, "flags": flags}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a state that ``snapshot`` gave."""
        self._since_ns, self.stalls, self.lost = state["since_ns"], state["stalls"], state["lost"]
        self._is_checking, self._is_stalled, self._is_gapped = state["flags"]
