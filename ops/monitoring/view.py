"""The firm as whoever watches it last saw it: what `status`, `report` and the exporter show."""

from typing import Annotated, Literal

from pydantic import Field, Strict

from bus.message import Part
from ops.monitoring.monitor import Health

Told = str | int | float
Watcher = Literal["supervisor", "observer", "nobody"]


class Mode(Part):
    """What the firm runs on: ``data`` is where its bars come from, ``broker`` who fills its orders."""

    bus: str
    transport: str
    redis: str
    data: str
    broker: str


class AgentView(Part):
    """One agent, or the Redis.

    ``age_s`` is the age of its process, ``answer_age_s`` that of its last answer; None where there is none. Rates and
    slopes are None until there is enough to tell: ``memory_slope`` is MB an hour, ``inbox_slope`` messages a second.
    ``clock_ahead_s`` is how far its clock is ahead of the watcher's.
    """

    name: str
    role: str
    priority: str
    health: Annotated[Health, Strict(False)]
    why: str = ""
    state: str = ""
    pid: int | None = None
    age_s: float | None = None
    answer_age_s: float | None = None
    incarnation: int = 0
    restarts: int = 0
    inputs: int = 0
    inputs_per_s: float | None = None
    inbox: int = 0
    inbox_slope: float | None = None
    memory_mb: float = 0.0
    memory_limit_mb: int = 0
    memory_slope: float | None = None
    cpu_percent: float = 0.0
    fds: int = 0
    clock_ahead_s: float | None = None
    trouble: dict[str, int] = Field(default_factory=dict)
    report: dict[str, Told] = Field(default_factory=dict)

    @property
    def gaps(self) -> int:
        """Holes in the streams it hears, repaired or not."""
        return self.trouble.get("gaps", 0)

    @property
    def drops(self) -> int:
        """Messages that found no room in its inbox, and broadcasts lost for good."""
        return sum(self.trouble.get(counter, 0) for counter in ("dropped", "refused", "lost"))


class FirmView(Part):
    """A firm at one moment, and its score over time.

    ``history`` is (nanoseconds since the epoch, score), oldest first. ``disk_free_mb`` is what is left where the run
    directory lies; None where nobody can say.
    """

    at_ns: int
    run_dir: str
    watcher: Watcher
    watcher_pid: int | None
    mode: Mode
    score: float
    failed: tuple[str, ...]
    failed_share: float
    is_emergency: bool
    disk_free_mb: float | None
    agents: tuple[AgentView, ...]
    history: tuple[tuple[int, float], ...] = ()
