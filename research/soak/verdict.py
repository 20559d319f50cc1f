"""What a soak found of each process and of the firm, and which of the stated criteria it fails."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from research.soak.sample import Samples, Series
from research.soak.trend import BLOCKS, Trend, trend

WARM_SHARE: Final = 0.25
WARM_ROUNDS: Final = 15_000
"""While fewer rounds are concluded, or less of the time is over, memory may grow: windows and rings of sent messages
fill, kernels load, the first snapshots are taken."""
MOST_WARM_SHARE: Final = 0.6
"""Warm-up beyond this share of the time leaves too little to judge by."""
GROWTH_MB: Final = 4.0
GROWTH_SHARE: Final = 0.02
"""A process's own memory may not surely grow, per hour, by more than the larger of so many MiB and this share."""
FDS: Final = 2
THREADS: Final = 1
INBOX: Final = 32
"""Two batches of the loop: what may wait at any look without being a backlog."""
LASTS: Final = 0.95
_THIRD: Final = 3


class Grown(NamedTuple):
    """What one process did after the warm-up: means in MiB, and trends in MiB per hour.

    ``own`` is judged; ``rss`` has the pages of files in it, which come and go.
    """

    name: str
    own_mb: float
    own: Trend
    rss_mb: float
    rss: Trend
    fds: tuple[int, int]
    threads: tuple[int, int]
    inbox: tuple[float, float]
    complaints: tuple[str, ...]


class Verdict(NamedTuple):
    """What the whole firm did; ``disk_mb`` is growth per 1,000 rounds by part of the run directory."""

    seconds: float
    rounds: int
    rounds_per_s: float
    grown: tuple[Grown, ...]
    disk_mb: dict[str, float]
    complaints: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether every criterion is met."""
        return not self.complaints and not any(each.complaints for each in self.grown)


def judge(samples: Samples, wanted_s: float) -> Verdict:
    """Judge what was sampled, the warm-up left out."""
    lasted = samples.seconds[-1] if samples.seconds else 0.0
    complaints = [f"{name} ended in the middle" for name in samples.ended]
    if lasted < LASTS * wanted_s and not samples.ended:
        why = "the market had no more bars: give a larger --rate" if samples.is_done else "nobody answered any more"
        complaints.append(f"it lasted {lasted:.0f} s instead of {wanted_s:.0f} s: {why}")
    rounds = samples.rounds[-1] - samples.rounds[0] if samples.rounds else 0
    if not rounds:
        complaints.append("no round was concluded")
    warm_s = max(WARM_SHARE * lasted, _when(samples, WARM_ROUNDS))
    if warm_s > MOST_WARM_SHARE * lasted:
        complaints.append(
            f"{rounds} rounds are too few to judge memory by: the first {WARM_ROUNDS} must be over in "
            f"{MOST_WARM_SHARE:.0%} of the time; give more --minutes"
        )
        return Verdict(lasted, rounds, rounds / lasted if lasted else 0.0, (), {}, tuple(complaints))
    grown = []
    for series in samples.processes.values():
        if sum(at_s >= warm_s for at_s in series.seconds) < BLOCKS:
            complaints.append(f"{series.name} was looked at too seldom to judge: sample more often, or for longer")
        else:
            grown.append(_grown(series, warm_s))
    disk = {part: (sizes[-1] - sizes[0]) / rounds * 1_000 for part, sizes in samples.disk_mb.items()} if rounds else {}
    return Verdict(lasted, rounds, rounds / lasted if lasted else 0.0, tuple(grown), disk, tuple(complaints))


def _when(samples: Samples, rounds: int) -> float:
    """Return when so many rounds had been concluded, in seconds; never is infinity."""
    reached = (at_s for at_s, count in zip(samples.seconds, samples.rounds, strict=True) if count >= rounds)
    return next(reached, float("inf"))


def _grown(series: Series, warm_s: float) -> Grown:
    first = next(place for place, at_s in enumerate(series.seconds) if at_s >= warm_s)
    own, rss = (trend(series.seconds[first:], values[first:]) for values in (series.own_mb, series.rss_mb))
    level = statistics.fmean(series.own_mb[first:])
    fds, threads = _ends(series.fds[first:], max), _ends(series.threads[first:], max)
    inbox = _ends(series.inbox[first:], statistics.median)
    complaints = []
    allowed = max(GROWTH_MB, GROWTH_SHARE * level)
    if own.low > allowed:
        complaints.append(f"memory grows by {own.low:.1f} to {own.high:.1f} MiB an hour, more than {allowed:.1f}")
    if fds[1] > fds[0] + FDS:
        complaints.append(f"descriptors rose from {fds[0]} to {fds[1]}")
    if threads[1] > threads[0] + THREADS:
        complaints.append(f"threads rose from {threads[0]} to {threads[1]}")
    if inbox[1] > inbox[0] + INBOX:
        complaints.append(f"the inbox grew from {inbox[0]:g} to {inbox[1]:g}")
    complaints += [f"{count} {what}" for what, count in series.trouble.items() if count]
    return Grown(
        series.name,
        level,
        own,
        statistics.fmean(series.rss_mb[first:]),
        rss,
        (int(fds[0]), int(fds[1])),
        (int(threads[0]), int(threads[1])),
        inbox,
        tuple(complaints),
    )


def _ends(values: Sequence[float], by: Callable[[Sequence[float]], float]) -> tuple[float, float]:
    """Return what the first and the last third come to."""
    if not values:
        return 0.0, 0.0
    third = max(1, len(values) // _THIRD)
    return by(values[:third]), by(values[-third:])


def as_data(verdict: Verdict) -> dict[str, Any]:
    """Return everything, for JSON."""
    return {
        "passed": verdict.is_good,
        "seconds": round(verdict.seconds, 1),
        "rounds": verdict.rounds,
        "rounds_per_s": round(verdict.rounds_per_s, 1),
        "disk_mb_per_1000_rounds": {part: round(size, 3) for part, size in verdict.disk_mb.items()},
        "complaints": list(verdict.complaints),
        "processes": [
            each._asdict() | {"own": each.own._asdict(), "rss": each.rss._asdict()} for each in verdict.grown
        ],
    }
