"""`boardroom backtest`: the whole firm on the simulated bus."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from bus.errors import Fatal
from cli.demo import simulate_with_progress
from cli.options import ConfigOption, JsonOption, console, load, print_json, remember
from cli.render import print_summary, to_json
from ops.ledger import Ledger
from ops.recorder.config import ledger_url
from ops.summary import summarize


def backtest(
    config: ConfigOption = None,
    run_dir: Annotated[Path, typer.Option(help="Where the ledger goes; must not hold one yet.")] = Path("var/backtest"),
    json: JsonOption = False,
) -> None:
    """Run every agent in one process in virtual time over the configured market, as fast as it goes."""
    settings = load(config, run_dir)
    ledger_path = run_dir / "ledger.sqlite"
    if ledger_path.exists():
        raise Fatal(f"{ledger_path} exists; move it aside or give another --run-dir")
    result = simulate_with_progress(settings)
    remember(run_dir)
    with closing(Ledger.open(ledger_url(settings))) as ledger:
        summary = summarize(ledger)
    if json:
        print_json({"rounds_per_s": round(result.rounds_per_s, 1), "inputs": result.inputs, **to_json(summary)})
        return
    print_summary(summary, console)
    console.print(
        f"simulated bus, virtual time; {result.rounds} rounds in {result.seconds:.1f} s, "
        f"{result.rounds_per_s:,.0f} a second",
        highlight=False,
    )
