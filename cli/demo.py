"""`boardroom demo`: the firm over real market data, from the first bar to the summary."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import select

from bus.config import Settings
from bus.errors import Fatal
from bus.rundir import RunDir
from cli.options import ConfigOption, JsonOption, console, errors, load, print_json, remember
from cli.render import print_summary, to_json
from ops.ledger import Ledger
from ops.recorder.config import ledger_url
from ops.schema import trades
from ops.summary import summarize
from ops.supervision.adoption import wait_until_free
from ops.supervision.supervisor import Supervisor
from research.backtest import Backtest, backtest

_MARK: Final = "made-by-demo"
_STALL_S: Final = 60.0


def demo(
    config: ConfigOption = None,
    run_dir: Annotated[Path, typer.Option(help="Made anew each time.")] = Path("var/demo"),
    simulated: Annotated[bool, typer.Option("--simulated", help="One process on the simulated bus.")] = False,
    json: JsonOption = False,
) -> None:
    """Run the whole firm over real daily bars and print what it did."""
    settings = load(config, run_dir, {"ops": {"on_death": "stop"}})
    _renew(run_dir, settings.firm.enabled)
    remember(run_dir)
    started = time.monotonic()
    if simulated or settings.firm.bus.mode == "simulated":
        mode = "simulated bus, one process, virtual time"
        simulate_with_progress(settings)
    else:
        mode = f"{len(settings.firm.enabled)} processes, ZeroMQ and Redis, journaled"
        _run(settings)
    seconds = time.monotonic() - started
    with closing(Ledger.open(ledger_url(settings))) as ledger:
        summary = summarize(ledger)
        filled = ledger.read(select(trades.c.order_id).order_by(trades.c.order_id).limit(1))
    if json:
        print_json({"mode": mode, "seconds": round(seconds, 2), **to_json(summary)})
        return
    print_summary(summary, console)
    command = "boardroom" if shutil.which("boardroom") else os.path.relpath(sys.argv[0])
    example = filled[0].order_id if filled else "SPX-500"
    console.print(f"{mode}; {seconds:.1f} s; everything is in {run_dir}", highlight=False)
    console.print(f"next: {command} why {example}   {command} replay   {command} verify", highlight=False)


def _renew(run_dir: Path, agents: Iterable[str]) -> None:
    """Empty the run directory of an earlier demo; leave anything else alone."""
    if run_dir.exists():
        if not run_dir.is_dir():
            raise Fatal(f"{run_dir} is a file; give the demo another --run-dir")
        if RunDir(run_dir).lock("supervisor").is_held():
            raise Fatal(f"a firm runs in {run_dir}; `boardroom stop --run-dir {run_dir}` ends it")
        if any(run_dir.iterdir()) and not (run_dir / _MARK).exists():
            raise Fatal(f"{run_dir} holds something that is no demo; give the demo another --run-dir")
        wait_until_free(RunDir(run_dir), agents)
        shutil.rmtree(run_dir)
    run_dir.mkdir(parents=True, mode=0o700)
    (run_dir / _MARK).touch()


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=errors)


def _run(settings: Settings) -> None:
    supervisor = Supervisor(settings)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `boardroom stop` ends it as Ctrl-C does
    with _bar() as progress:
        task = progress.add_task("starting the firm", total=len(supervisor.entries) + 1)
        supervisor.start(lambda name: progress.update(task, advance=1, description=f"ready: {name}"))
        try:
            progress.update(task, description="deciding, bar by bar", completed=0, total=None)
            _follow(supervisor, lambda done, total: progress.update(task, completed=done, total=total or None))
            progress.update(task, description="stopping the firm")
        finally:
            codes = supervisor.stop()
    failed = {name: code for name, code in codes.items() if code != 0}
    if failed:
        raise Fatal(f"agents ended badly: {failed}; see {settings.run_dir}/logs")


def _follow(supervisor: Supervisor, show: Callable[[int, int], None]) -> None:
    """Wait until the market has nothing more to show and the recorder has written what was said."""
    last, since = -1, time.monotonic()
    while True:
        for event in supervisor.watch():
            errors.print(event, highlight=False, markup=False, soft_wrap=True)
        if supervisor.is_lost():
            raise Fatal(f"an agent is lost; see {supervisor.run_dir.root}/logs")
        status = supervisor.statuses(["market"]).get("market")
        report = {} if status is None else dict(status.report)
        done = int(report.get("concluded", 0))
        show(done, int(report.get("total", 0)))
        if report.get("done"):
            return
        if done != last:
            last, since = done, time.monotonic()
        elif time.monotonic() - since > _STALL_S:
            raise Fatal(f"no round was concluded for {_STALL_S:g} s; see {supervisor.run_dir.root}/logs")
        time.sleep(0.1)


def simulate_with_progress(settings: Settings) -> Backtest:
    """Run the firm on the simulated bus behind a progress bar."""
    settings.save()
    with _bar() as progress:
        task = progress.add_task("deciding, bar by bar", total=None)
        return backtest(settings, progress=lambda done, total: progress.update(task, completed=done, total=total))
