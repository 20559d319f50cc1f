"""The outcome of a chaos run as a table, as a page, and as plain data."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from research.chaos.kind import TRAITS, Kind
from research.chaos.run import Played, Run

_SHOWN: Final = 10
PAIR: Final = "two of them at once"
HEAD: Final = ("fault", "what is done", "times", "lost", "duplicated", "changed", "recovery p50", "recovery max")


class Line(NamedTuple):
    """One row of the table; times are seconds, None where there is none."""

    name: str
    what: str
    times: int
    lost: int
    duplicated: int
    changed: int
    unrecovered: int
    p50_s: float | None
    max_s: float | None


def lines(runs: Sequence[Run]) -> list[Line]:
    """Return a row for each kind that was injected, alone or in a pair, one for the pairs, and one for all."""
    played = [each for run in runs for each in run.played]
    rows = []
    for kind in Kind:
        met = [each for each in played if any(injection.kind is kind for injection in each.step.injections)]
        if met:
            alone = [each for each in met if len(each.step.injections) == 1]
            rows.append(_line(kind.value, TRAITS[kind].what, len(met), met, alone))
    pairs = [each for each in played if len(each.step.injections) > 1]
    if pairs:
        rows.append(_line("pair", PAIR, len(pairs), pairs, pairs))
    total = sum(len(each.step.injections) for each in played)
    rows.append(_line("all", "every fault, pairs counted as two", total, played, played))
    unplayed = [run.losses for run in runs if not run.played]
    lost, duplicated, changed = (sum(len(losses[place]) for losses in unplayed) for place in range(3))
    rows[-1] = rows[-1]._replace(
        lost=rows[-1].lost + lost, duplicated=rows[-1].duplicated + duplicated, changed=rows[-1].changed + changed
    )
    return rows


def _line(name: str, what: str, times: int, met: Sequence[Played], timed: Sequence[Played]) -> Line:
    recovered = [each.recovery_s for each in timed if each.recovery_s is not None]
    return Line(
        name=name,
        what=what,
        times=times,
        lost=sum(len(each.losses.lost) for each in met),
        duplicated=sum(len(each.losses.duplicated) for each in met),
        changed=sum(len(each.losses.changed) for each in met),
        unrecovered=sum(bool(each.complaint) for each in met),
        p50_s=statistics.median(recovered) if recovered else None,
        max_s=max(recovered, default=None),
    )


def complaints(runs: Iterable[Run]) -> list[str]:
    """Return everything that is not as it should be, one line each."""
    found = []
    for run in runs:
        found += [f"run {run.number}: {each}" for each in run.complaints]
        found += [f"run {run.number}: {each.complaint}" for each in run.played if each.complaint]
        for word, some in zip(("lost", "duplicated", "changed"), run.losses, strict=True):
            found += [f"run {run.number}: {word}: {each.what}" for each in some[:_SHOWN]]
            if len(some) > _SHOWN:
                found.append(f"run {run.number}: {word}: and {len(some) - _SHOWN} more")
    return found


def cells(line: Line) -> tuple[str, ...]:
    """Return a row of the table as text."""
    counts = (line.times, line.lost, line.duplicated, line.changed)
    return (line.name, line.what, *(str(count) for count in counts), _seconds(line.p50_s), _seconds(line.max_s))


def summary(runs: Sequence[Run], unplayed: int) -> str:
    """Return in one sentence what was done and what came of it."""
    disturbed = [run for run in runs if run.played]
    total = lines(runs)[-1]
    kinds = len({injection.kind for run in runs for each in run.played for injection in each.step.injections})
    left = f"; {unplayed} faults were not reached in the time given" if unplayed else ""
    return (
        f"{total.times} faults of {kinds} kinds in {len(disturbed)} runs of {runs[0].rounds} rounds: "
        f"{total.lost} lost, {total.duplicated} duplicated, {total.changed} changed, "
        f"{total.unrecovered} without recovery{left}"
    )


def alert_line(runs: Iterable[Run]) -> str:
    """Say how long the alerts in the middle of a flood took; empty where there was none."""
    waits = [ms for run in runs for ms in run.alert_ms]
    if not waits:
        return ""
    return (
        f"{len(waits)} agents heard an alert from the middle of a flood of 100,000 market updates, after "
        f"{statistics.median(waits):.1f} ms (median), {max(waits):.1f} ms at most"
    )


def markdown(runs: Sequence[Run]) -> list[str]:
    """Return the table, line by line."""
    rows = [f"| {' | '.join(cells(line))} |" for line in lines(runs)]
    return [f"| {' | '.join(HEAD)} |", "|---|---|--:|--:|--:|--:|--:|--:|", *rows]


def as_data(runs: Sequence[Run], seed: int, unplayed: int) -> dict[str, Any]:
    """Return everything, for JSON."""
    return {
        "seed": seed,
        "passed": not complaints(runs),
        "summary": summary(runs, unplayed),
        "unplayed": unplayed,
        "table": [line._asdict() for line in lines(runs)],
        "complaints": complaints(runs),
        "runs": [_run(run) for run in runs],
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "number": run.number,
        "site": run.site.value,
        "seconds": round(run.seconds, 1),
        "rounds": run.rounds,
        "records": run.records,
        "alert_ms": [round(ms, 2) for ms in run.alert_ms],
        "steps": [
            {"faults": str(each.step), "round": each.round, "recovery_s": each.recovery_s, "complaint": each.complaint}
            for each in run.played
        ],
    }


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"
