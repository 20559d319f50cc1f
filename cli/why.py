"""`boardroom why`: explain a decision or an order back to the bar."""

from contextlib import closing
from typing import Annotated

import typer

from cli.options import JsonOption, RunDirOption, console, print_json, saved
from cli.render import print_chain, to_json
from ops.explain import explain
from ops.ledger import Ledger
from ops.recorder.config import ledger_url


def why(
    decision: Annotated[str, typer.Argument(help="A decision (SPX-250) or an order (SPX-250-o1).")],
    run_dir: RunDirOption = None,
    json: JsonOption = False,
) -> None:
    """Show the chain: fill, order, verdicts, board, each belief, the bar."""
    settings = saved(run_dir)
    with closing(Ledger.open(ledger_url(settings))) as ledger:
        chain = explain(ledger, decision)
    if json:
        print_json(to_json(chain))
    else:
        print_chain(chain, console)
