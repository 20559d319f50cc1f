"""The report of a firm: how it is and has been, agent by agent, and what should be done about it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bus.message import Part
from ops.monitoring.advice import Advice, advise
from ops.monitoring.monitor import Health
from ops.monitoring.state import write_whole
from ops.monitoring.trouble import WORDS
from ops.monitoring.view import AgentView, FirmView

FOLDER: Final = "reports"
_WORST: Final = 3
_NS: Final = 1_000_000_000
_ABSENT: Final = "-"


class Scores(Part):
    """The score over time: ``worst`` are its lowest values, each once, with the time it was last so low."""

    now: float
    least: float
    mean: float
    since_ns: int
    worst: tuple[tuple[int, float], ...]


class Report(Part):
    """A firm, its score over time, and recommendations."""

    firm: FirmView
    scores: Scores
    advice: tuple[Advice, ...]


def report_of(firm: FirmView) -> Report:
    """Return the report of a firm."""
    return Report(firm=firm, scores=scores_of(firm), advice=advise(firm))


def scores_of(firm: FirmView) -> Scores:
    """Return what a firm's score was; the mean is over time, each score lasting until the next.

    Examples
    --------
    A firm that was whole for 30 s and half for 10 s has a mean of 0.875.
    """
    points = sorted(dict((*firm.history, (firm.at_ns, firm.score))).items())
    ends = [at_ns for at_ns, _ in points[1:]] + [points[-1][0]]
    spans = [end - at_ns for end, (at_ns, _) in zip(ends, points, strict=True)]
    whole_ns = sum(spans)
    weighted = sum(score * span for span, (_, score) in zip(spans, points, strict=True))
    latest = {score: at_ns for at_ns, score in points}
    worst = sorted((score, at_ns) for score, at_ns in latest.items() if score < 1.0)[:_WORST]
    return Scores(
        now=firm.score,
        least=min(score for _, score in points),
        mean=weighted / whole_ns if whole_ns else firm.score,
        since_ns=points[0][0],
        worst=tuple((at_ns, score) for score, at_ns in worst),
    )


def as_text(report: Report) -> str:
    """Return a report as text for a person, no line wider than its words ask for."""
    firm, scores = report.firm, report.scores
    mode = f"{firm.mode.bus} over {firm.mode.transport}, redis {firm.mode.redis}"
    past = f"since {_time(scores.since_ns)} at least {scores.least:.1%}, {scores.mean:.1%} on average"
    parts = [
        f"Report of the firm in {firm.run_dir}, {_time(firm.at_ns)}, watched by {_watcher(firm)}",
        f"bus {mode}, data {firm.mode.data}, broker {firm.mode.broker}",
        "",
        f"score {scores.now:.1%} now; {past}",
        *(f"  {score:.1%} at {_time(at_ns)}" for at_ns, score in scores.worst),
        _failures(firm),
        f"disk: {_disk(firm)}",
        "",
        *_table(firm),
        "",
        *_troubles(firm),
        "Recommendations" if report.advice else "Nothing to recommend.",
        *(f"  {each.subject}: {each.reason}.\n    {each.remedy}." for each in report.advice),
    ]
    return "\n".join(line.rstrip() for line in parts) + "\n"


def keep_report(report: Report, run_dir: Path, kept: int) -> Path:
    """Write a report as text and as JSON into the run directory, and remove the oldest beyond ``kept``.

    Raises
    ------
    OSError
        It cannot be written.
    """
    folder = run_dir / FOLDER
    stem = datetime.fromtimestamp(report.firm.at_ns / _NS, UTC).strftime("%Y%m%dT%H%M%SZ")
    path = folder / f"{stem}.txt"
    write_whole(folder / f"{stem}.json", report.model_dump_json(indent=1))
    write_whole(path, as_text(report))
    stems = sorted({each.stem for each in folder.iterdir() if each.suffix in (".txt", ".json")})
    for old in stems[:-kept]:
        for suffix in (".txt", ".json"):
            (folder / f"{old}{suffix}").unlink(missing_ok=True)
    return path


def _watcher(firm: FirmView) -> str:
    return firm.watcher if firm.watcher_pid is None else f"its {firm.watcher} (pid {firm.watcher_pid})"


def _failures(firm: FirmView) -> str:
    if not firm.failed:
        return "nothing has failed"
    word = ", an emergency" if firm.is_emergency else ""
    return f"failed: {', '.join(firm.failed)}, {firm.failed_share:.0%} of the weight{word}"


def _disk(firm: FirmView) -> str:
    return "unknown" if firm.disk_free_mb is None else f"{firm.disk_free_mb:,.0f} MB free"


_HEADS: Final = (
    *("agent", "health", "age", "starts", "restarts", "inputs", "a second", "waiting", "gaps", "drops"),
    *("MB", "MB/h", "cpu %", "files"),
)


def _table(firm: FirmView) -> list[str]:
    rows = [_HEADS, *(_row(agent) for agent in firm.agents)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADS))]
    lines = []
    for row in rows:
        words = (cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True)))
        lines.append("  ".join(words))
    return lines


def _row(agent: AgentView) -> tuple[str, ...]:
    return (
        *(agent.name, agent.health.value, span(agent.age_s), str(agent.incarnation or _ABSENT), str(agent.restarts)),
        *(f"{agent.inputs:,}", number(agent.inputs_per_s, ".1f"), str(agent.inbox), str(agent.gaps)),
        *(str(agent.drops), number(agent.memory_mb or None, ".0f"), number(agent.memory_slope, "+.1f")),
        *(number(agent.cpu_percent or None, ".0f"), str(agent.fds or _ABSENT)),
    )


def _troubles(firm: FirmView) -> list[str]:
    lines = []
    for agent in firm.agents:
        counts = [f"{count:,} {WORDS[counter]}" for counter, count in agent.trouble.items()]
        why = [agent.why] if agent.why and agent.health is not Health.HEALTHY else []
        if why or counts:
            lines.append(f"  {agent.name}: {'; '.join([*why, *counts])}")
    return ["Troubles", *lines, ""] if lines else []


def span(seconds: float | None) -> str:
    """Return a length of time in its two largest units.

    Examples
    --------
    >>> [span(each) for each in (None, 7.9, 190.0, 7_400.0, 200_000.0)]
    ['-', '7s', '3m10s', '2h03m', '2d07h']
    """
    if seconds is None:
        return _ABSENT
    whole = int(seconds)
    minutes, hours, days = whole // 60, whole // 3_600, whole // 86_400
    if days:
        return f"{days}d{hours % 24:02}h"
    if hours:
        return f"{hours}h{minutes % 60:02}m"
    return f"{minutes}m{whole % 60:02}s" if minutes else f"{whole}s"


def number(value: float | None, form: str) -> str:
    """Return a number in a form, or a dash where there is none."""
    return _ABSENT if value is None else format(value, form)


def _time(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / _NS, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
