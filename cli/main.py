"""The `boardroom` command: one file a verb."""

import sys
from typing import NoReturn

import typer
from rich.markup import escape

from bus.errors import BoardroomError
from cli.ablate import ablate
from cli.ask import ask
from cli.backtest import backtest
from cli.compact import compact
from cli.compliance import compliance
from cli.demo import demo
from cli.doctor import doctor
from cli.drill import drill
from cli.halt import halt
from cli.keys import keys
from cli.options import errors
from cli.prepare import prepare
from cli.replay import replay
from cli.report import report
from cli.resume import resume
from cli.review import review
from cli.start import start
from cli.status import status
from cli.stop import stop
from cli.up import up
from cli.verify import verify
from cli.violations import violations
from cli.why import why

app = typer.Typer(
    name="boardroom",
    help="A trading firm of agents: run it, ask it, stop it, and replay whatever it decided.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
VERBS = (
    *(demo, prepare, up, status, report, start, stop, halt, resume, drill),
    *(ask, why, violations, review, compliance, replay, verify, compact, backtest, ablate, keys, doctor),
)
for verb in VERBS:
    app.command()(verb)


def run() -> NoReturn:
    """Run the command; whatever this project refuses becomes one line and exit status 1."""
    try:
        app()
    except BoardroomError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or 'the operating system refuses'}: {error.strerror or error}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


def _fail(reason: str) -> NoReturn:
    errors.print(f"[bold red]boardroom:[/] {escape(reason)}", highlight=False, soft_wrap=True)
    sys.exit(1)
