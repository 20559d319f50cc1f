"""What is read off every process of a firm, again and again."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from bus.messages import AgentStatus
from ops.harness import Firm
from ops.monitoring.monitor import REDIS

_MB: Final = 1 << 20
_ASK_S: Final = 1.0
PARTS: Final = ("journal", "snapshots", "logs")
"""Folders of a run directory that grow; what is in none of them is the ledger and the rest."""
REST: Final = "ledger and rest"
TROUBLE: Final = ("gaps_lost", "lost", "undelivered", "dropped", "refused", "codec_errors", "unlawful", "held_overflow")


@dataclass(slots=True)
class Series:
    """What one process was like at each look; ``inbox`` is empty for Redis.

    ``rss_mb`` is all that is resident, ``own_mb`` what of it only this process can give back (Linux: anonymous pages).
    The rest is pages of files, which the kernel takes and reads again as it likes.
    """

    name: str
    pid: int
    seconds: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    own_mb: list[float] = field(default_factory=list)
    fds: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    inbox: list[int] = field(default_factory=list)
    trouble: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Samples:
    """Everything that was read: a series per process, and for the firm rounds concluded and bytes on the disk."""

    processes: dict[str, Series]
    seconds: list[float] = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)
    disk_mb: dict[str, list[float]] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    is_done: bool = False


def begin(firm: Firm) -> Samples:
    """Return no samples yet of every process that runs."""
    pids = {name: firm.supervisor.pid(name) for name in firm.supervisor.entries} | {REDIS: firm.supervisor.redis_pid}
    return Samples({name: Series(name, pid) for name, pid in pids.items() if pid is not None})


def look(firm: Firm, samples: Samples, at_s: float) -> None:
    """Take one sample of everything."""
    statuses = firm.supervisor.statuses(timeout_s=_ASK_S)
    for series in samples.processes.values():
        _look_at(series, statuses.get(series.name), at_s, samples.ended)
    market = statuses.get("market")
    if market is not None:
        report = dict(market.report)
        samples.is_done = report.get("done") == 1
        samples.seconds.append(at_s)
        samples.rounds.append(int(report.get("concluded", 0)))
        for part, size in disk_mb(firm.run_dir).items():
            samples.disk_mb.setdefault(part, []).append(size)


def disk_mb(run_dir: Path) -> dict[str, float]:
    """Return the size of each part of a run directory in MiB."""
    sizes = dict.fromkeys((*PARTS, REST), 0.0)
    for path in run_dir.rglob("*"):
        try:
            if path.is_file():
                top = path.relative_to(run_dir).parts[0]
                sizes[top if top in PARTS else REST] += path.stat().st_size / _MB
        except FileNotFoundError:
            continue  # rotated or pruned meanwhile
    return sizes


def _look_at(series: Series, status: AgentStatus | None, at_s: float, ended: list[str]) -> None:
    try:
        process = psutil.Process(series.pid)
        with process.oneshot():
            memory, fds, threads = process.memory_info(), process.num_fds(), process.num_threads()
    except psutil.NoSuchProcess:
        if series.name not in ended:
            ended.append(series.name)
        return
    series.seconds.append(at_s)
    series.rss_mb.append(memory.rss / _MB)
    series.own_mb.append((memory.rss - getattr(memory, "shared", 0)) / _MB)
    series.fds.append(fds)
    series.threads.append(threads)
    if status is not None:
        series.inbox.append(status.inbox)
        series.trouble = {name: count for name, count in status.counters if name in TROUBLE}


def take(firm: Firm, seconds: float, every_s: float, say: Callable[[Samples], object]) -> Samples:
    """Sample a running firm for so long, or until its market ends or a process does."""
    samples = begin(firm)
    began = time.monotonic()
    due = began
    while time.monotonic() - began < seconds and not samples.is_done and not samples.ended:
        look(firm, samples, time.monotonic() - began)
        say(samples)
        due += every_s
        firm.idle(max(0.0, due - time.monotonic()))
    return samples
