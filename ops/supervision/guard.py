"""What the loss of agents means for the firm: whether trading halts, and when everything ends.

Pure: it is told what was seen, and answers with steps for others to take.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from bus.config import AgentEntry
from bus.messages import HaltStage
from ops.config import OpsConfig
from ops.monitoring.monitor import FIRM

RISK: Final = "risk"
EXECUTION: Final = "execution"
_CRITICAL: Final = "critical"
_GATE: Final = "gate"
_SEAT: Final = "seat"


class Sight(NamedTuple):
    """The firm at one moment.

    ``lost`` says of each agent that was given up why; ``failed`` and ``failed_share`` are the monitor's; ``stage`` and
    ``detail`` are execution's last word on a halt, empty where it gave none.
    """

    lost: Mapping[str, str]
    is_emergency: bool
    failed: tuple[str, ...]
    failed_share: float
    stage: str
    detail: str


class Step(NamedTuple):
    """Something to tell, under one word, of one agent or the firm."""

    event: str
    subject: str
    detail: str


class Guard:
    """Follows one firm from its first loss to its end.

    Parameters
    ----------
    entries
        The process list.
    config
        The [ops] table.
    """

    def __init__(self, entries: Mapping[str, AgentEntry], config: OpsConfig) -> None:
        self.halt_reason = ""
        """Why risk is to halt the firm; empty while it is not."""
        self.is_over = False
        """Whether an emergency has run its course, and everything is to be stopped."""
        self._entries = entries
        self._config = config
        self._told: set[str] = set()
        self._emergency_s: float | None = None

    @property
    def is_emergency(self) -> bool:
        """Whether the firm is being shut down."""
        return self._emergency_s is not None

    def look(self, sight: Sight, now_s: float) -> list[Step]:
        """Say what the sight calls for at ``now_s`` of the monotonic clock."""
        self._told &= set(sight.lost)
        steps = [self._loss(name, why) for name, why in sorted(sight.lost.items()) if name not in self._told]
        self._told |= set(sight.lost)
        if sight.is_emergency and self._emergency_s is None:
            steps.append(self._begin(sight, now_s))
        if self._emergency_s is not None and not self.is_over:
            steps += self._pursue(sight, now_s - self._emergency_s)
        return steps

    def is_critical(self, name: str) -> bool:
        """Tell whether the firm may not trade without an agent."""
        entry = self._entries.get(name)
        return entry is None or entry.priority == _CRITICAL or entry.role == _GATE or name == EXECUTION

    def _loss(self, name: str, why: str) -> Step:
        if name == RISK:
            lapse = "its lease lapses, no order leaves execution, and nothing can be flattened until it is back"
            return Step("gate_lost", name, f"{name} cannot be kept up: {lapse}; {why}")
        if self.is_critical(name):
            self.halt_reason = self.halt_reason or f"{name} cannot be kept up"
            return Step("halting", name, f"{name} cannot be kept up: trading is to be halted; {why}")
        if name in self._entries and self._entries[name].role == _SEAT:
            return Step("left_out", name, f"the board decides without {name} while its quorum holds; {why}")
        return Step("left_out", name, f"the firm goes on without {name}; {why}")

    def _begin(self, sight: Sight, now_s: float) -> Step:
        self._emergency_s = now_s
        share = f"{100 * sight.failed_share:.0f} % of the firm's weight has failed ({', '.join(sight.failed)})"
        self.halt_reason = self.halt_reason or share
        return Step("shutdown", FIRM, f"{share}: halt, flatten for at most {self._config.flatten_s:g} s, stop")

    def _pursue(self, sight: Sight, waited_s: float) -> list[Step]:
        """Wait until execution says flat, as long as that may still come."""
        if sight.stage == HaltStage.FLAT.value:
            self.is_over = True
            return [Step("flat", FIRM, f"flat after {waited_s:.1f} s; everything is stopped")]
        gone = [name for name in (RISK, EXECUTION) if name in sight.lost]
        if not gone and waited_s < self._config.flatten_s:
            return []
        self.is_over = True
        last = f"{sight.stage}: {sight.detail}" if sight.stage else "execution gave no answer"
        why = f"{' and '.join(gone)} cannot be kept up" if gone else f"{waited_s:.0f} s have passed"
        return [Step("not_flat", FIRM, f"not known to be flat, {why} ({last}); close by hand at the broker")]
