"""The kinds of fault: what each does, how often it is drawn, and what it cannot share with another one."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

CLOCK: Final = "clock"
CONFIG: Final = "configuration"
REDIS: Final = "redis"
ALL: Final = "everything"
"""What a fault lays hold of; two that lay hold of the same are never in force at once."""


class Site(StrEnum):
    """How the firm that a fault is for is set up."""

    EMBEDDED = "embedded"
    """Redis is a child of the supervisor."""
    REMOTE = "remote"
    """Redis is somebody else's, behind a wire that can be cut."""
    KEPT = "kept"
    """A supervisor in a process of its own looks after everything."""


class Kind(StrEnum):
    """One way in which things break; the value is its name on the command line."""

    KILL = "kill"
    TORN = "torn"
    SNAPSHOT = "snapshot"
    STOP = "stop"
    PAUSE = "pause"
    SLOW = "slow"
    FILE_LIMIT = "file-limit"
    DISK_FULL = "disk-full"
    DUPLICATE = "duplicate"
    CONFIG = "config"
    STRANGER = "stranger"
    FLOOD = "flood"
    FLOOD_ALERT = "flood-100000"
    CLOCK_FORWARD = "clock-forward"
    CLOCK_BACK = "clock-back"
    REDIS_KILL = "redis-kill"
    REDIS_STALL = "redis-stall"
    REDIS_CUT = "redis-cut"
    REDIS_HOLE = "redis-hole"
    REDIS_CUT_LONG = "redis-cut-30"
    SUPERVISOR = "supervisor"


class Trait(NamedTuple):
    """What the schedule must know of a kind.

    ``weight`` is how many of about a hundred and twenty faults are of this kind. ``sizes`` bounds what is drawn for
    each: seconds in force, seconds of clock, or frames. ``site`` is the only one where it can happen, or None.
    """

    what: str
    weight: int
    sizes: tuple[float, float]
    has_victim: bool = True
    site: Site | None = None
    holds: tuple[str, ...] = ()


TRAITS: Final[Mapping[Kind, Trait]] = MappingProxyType(
    {
        Kind.KILL: Trait("an agent killed (SIGKILL), started again", 18, (0.0, 0.0)),
        Kind.TORN: Trait("an agent killed, half a record at the end of its journal", 9, (0.0, 0.0)),
        Kind.SNAPSHOT: Trait("an agent killed, a byte of its newest snapshot flipped", 5, (0.0, 0.0)),
        Kind.STOP: Trait("an agent stopped in order (SIGTERM), its peers without it, back again", 9, (0.1, 0.5)),
        Kind.PAUSE: Trait("an agent stopped in its tracks (SIGSTOP), then continued", 13, (0.2, 1.0)),
        Kind.SLOW: Trait("an agent that runs a fifth of the time (slow consumer)", 7, (0.5, 1.0)),
        Kind.FILE_LIMIT: Trait("no room for the journal of one agent (RLIMIT_FSIZE)", 6, (5_000.0, 5_000.0)),
        Kind.DISK_FULL: Trait("no room on the disk of the run directory (ENOSPC)", 2, (0.2, 0.2), False, None, (ALL,)),
        Kind.DUPLICATE: Trait("an agent started a second time", 5, (0.0, 0.0)),
        Kind.CONFIG: Trait(
            "firm.toml and limits.toml changed, then an agent killed", 5, (0.0, 0.0), True, None, (CONFIG,)
        ),
        Kind.STRANGER: Trait("garbage and forged frames on an agent's socket", 9, (100.0, 500.0)),
        Kind.FLOOD: Trait(
            "a burst of stale market updates to everybody", 7, (1_000.0, 5_000.0), False, None, (ALL,)
        ),
        Kind.FLOOD_ALERT: Trait(
            "100,000 stale market updates with an alert in the middle", 1, (1e5, 1e5), False, None, (ALL,)
        ),
        Kind.CLOCK_FORWARD: Trait("the machine's clock jumps ahead, then back", 7, (1.0, 30.0), False, None, (CLOCK,)),
        Kind.CLOCK_BACK: Trait("the machine's clock jumps back, then ahead", 7, (1.0, 30.0), False, None, (CLOCK,)),
        Kind.REDIS_KILL: Trait(
            "Redis killed (SIGKILL), another one started", 4, (0.0, 0.0), False, Site.EMBEDDED, (REDIS,)
        ),
        Kind.REDIS_STALL: Trait("Redis stopped in its tracks (SIGSTOP)", 3, (0.3, 1.5), False, Site.EMBEDDED, (REDIS,)),
        Kind.REDIS_CUT: Trait(
            "every connection to Redis cut, new ones refused", 4, (0.0, 1.0), False, Site.REMOTE, (REDIS,)
        ),
        Kind.REDIS_HOLE: Trait(
            "the wire to Redis swallows everything and says nothing", 3, (0.3, 2.0), False, Site.REMOTE, (REDIS,)
        ),
        Kind.REDIS_CUT_LONG: Trait("Redis cut off for 30 s", 1, (30.0, 30.0), False, Site.REMOTE, (REDIS,)),
        Kind.SUPERVISOR: Trait(
            "the supervisor killed (SIGKILL), another one takes the agents over", 4, (0.0, 0.5), False, Site.KEPT
        ),
    }
)  # fmt: skip


_KEPT_TOO: Final = (Kind.KILL, Kind.PAUSE, Kind.SLOW, Kind.STRANGER)
"""What can happen beside the end of a supervisor: no other takes away what it is for."""


class Injection(NamedTuple):
    """One fault to inject: ``victim`` is the agent it is done to, empty where it is done to none in particular."""

    kind: Kind
    victim: str = ""
    size: float = 0.0

    def __str__(self) -> str:
        """Return a short name for a log: kind, victim, size."""
        size = f" {self.size:g}" if self.size else ""
        return f"{self.kind.value}{f' {self.victim}' if self.victim else ''}{size}"


class Step(NamedTuple):
    """Faults in force at once, injected when ``rounds`` more rounds have been decided."""

    injections: tuple[Injection, ...]
    rounds: int
    site: Site

    def __str__(self) -> str:
        """Name the faults."""
        return " + ".join(map(str, self.injections))


def are_compatible(one: Injection, other: Injection) -> bool:
    """Tell whether two faults can be in force at once, and be told apart."""
    traits = TRAITS[one.kind], TRAITS[other.kind]
    sites = {trait.site for trait in traits if trait.site is not None}
    if Site.KEPT in sites and not {one.kind, other.kind} <= {Kind.SUPERVISOR, *_KEPT_TOO}:
        return False
    if len(sites) > 1 or one.kind is other.kind or (one.victim and one.victim == other.victim):
        return False
    if any(ALL in trait.holds for trait in traits):
        return False
    return not set(traits[0].holds) & set(traits[1].holds)
