"""docs/faults.md, as written from a run that has just ended, and from nothing else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bus.errors import Fatal
from research.chaos.report import alert_line, markdown, summary
from research.chaos.run import PROGRESS, Run

_METHOD: Final = """\
# Faults

What becomes of a firm that is broken again and again while it works. This page is written by the run whose table it
holds; nobody edits it.

## Method

A firm of real processes, on ZeroMQ and an embedded Redis, works through real daily bars of the S&P 500 and the NASDAQ,
as fast as it concludes them. A schedule drawn from a seed injects faults into it, alone and in pairs, a few rounds
after it has got over the one before. When the bars of one run are used up, the run is judged, and the schedule goes on
in the next one.

**Undisturbed.** The same firm first runs over the same bars with no fault at all. Its ledger is what every other one is
held against.

**In three settings.** In one, Redis is a child of the supervisor. In another it is somebody else's, behind a wire that
can be cut, or can swallow everything and say nothing. In these two the test itself starts what it has ended, at once,
so that no wait of a supervisor is in the figures. In the third, `boardroom up` is a process of its own: it is killed,
and the next one must take over the same agents. Where the user may mount one, the run directory is a small disk of its
own, which is really full when it is.

**Injected is what shows.** A fault counts when it has been seen: the process is gone or stands still, its exit status
says that the disk was full, the log tells of the torn record or of the snapshot passed over, every agent has read the
clock that jumped, the second process was refused, each forged frame was counted. One that does not show fails the run.

**Lost** is a row of the ledger that the undisturbed run has and this one has not, a broadcast that an agent never
handled although it handled a later one, and an alert of a flood that is not in the ledger.

**Duplicated** is a row that only the disturbed run has; an input that a journal holds twice; and a decision, or a step
of an order at a gate or at execution, that was told in two messages.

**Changed** is a row with other values. Only ids of messages and times by the wall clock may differ.

What a run has lost, doubled or changed is charged to the fault in force before the first round that went wrong. Every
journal is then verified, and replayed from its first record, and every output must be the recorded one byte for byte.

**Recovery** is the time from the end of the fault (the process started again, the wire whole, the clock right) until
{progress} more rounds are concluded and whoever was started is at work. It holds the start of a Python process where
one was started. Recovery of single faults only; pairs have a row of their own.

**Patience.** Deadlines, validities and time limits that a part down for a minute would miss are long here, because
missing them is no fault: a firm then rightly decides otherwise. They are in
[research/chaos/scene.py](../research/chaos/scene.py). The lease of the risk gate is as short as ever.

**Clocks** jump by 1 s to 30 s for every process at once, as on one machine: `time.time_ns` of each is moved by what a
file says, through `sitecustomize`; the firm has no hook for it.

## Run it

```console
$ make chaos        # all of it; writes this page when nothing was lost, doubled or changed
$ make chaos-ci     # fewer of each kind
$ python -m research.chaos --seed {seed} --faults {faults} --bars {bars}
$ python -m research.chaos --faults 20 --kinds kill,torn,redis-cut
```

The seed fixes which faults, done to whom, how large, in what order and pairs. At which round each falls depends on how
fast the machine is; what the ledger holds afterwards may not.

## The last full run

{summary}.

{table}

{alert}
"""


def write(path: Path, runs: Sequence[Run], *, seed: int, faults: int, bars: int) -> None:
    """Write the page.

    Raises
    ------
    Fatal
        It cannot be written there.
    """
    try:
        path.write_text(page(runs, seed=seed, faults=faults, bars=bars), encoding="utf-8")
    except OSError as error:
        raise Fatal(f"{path}: {error.strerror}; give another file") from None


def page(runs: Sequence[Run], *, seed: int, faults: int, bars: int) -> str:
    """Return the page: method, command, table."""
    records = sum(run.records for run in runs)
    replayed = f"{records:,} records of {sum(bool(run.records) for run in runs)} runs were verified and replayed"
    text = _METHOD.format(
        progress=PROGRESS,
        seed=seed,
        faults=faults,
        bars=bars,
        summary=f"Seed {seed}: {summary(runs, 0)}. {replayed}",
        table="\n".join(markdown(runs)),
        alert=f"{alert_line(runs)}." if alert_line(runs) else "",
    )
    return text.rstrip() + "\n"
