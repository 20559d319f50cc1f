"""`boardroom halt`: stop trading, cancel and flatten, and say flat only when the broker does."""

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Final, NamedTuple

import typer

from bus.agent import Report
from bus.client import Client
from bus.config import Settings
from bus.errors import Invalid
from bus.messages import Command, CommandResult, HaltStage, SystemCommand
from cli.command import give
from cli.options import JsonOption, RunDirOption, console, print_json, saved

_LOOK_S: Final = 0.2
_PING_S: Final = 1.0

ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it is recorded.")]
OperatorOption = Annotated[str, typer.Option("--operator", help="Your name; it is recorded.")]


class Stage(NamedTuple):
    """What execution said of a halt, and how long after the command."""

    stage: str
    detail: str
    after_s: float


class Watch(NamedTuple):
    """How a halt went: its stages, what the market last said, and how many bars came meanwhile."""

    stages: list[Stage]
    market: Report
    bars: int

    def after(self, found: Mapping[str, Report], after_s: float) -> "Watch":
        """Return the watch after another look."""
        market = dict(found.get("market", self.market))
        shown = _published(market) - _published(self.market) if self.market else 0
        said = _stage(found.get("execution"), after_s)
        is_same = bool(self.stages) and self.stages[-1][:2] == said[:2]
        return Watch(self.stages if is_same else [*self.stages, said], market, self.bars + shown)

    @property
    def is_flat(self) -> bool:
        """Whether execution last said that the broker shows no order and no position."""
        return bool(self.stages) and self.stages[-1].stage == HaltStage.FLAT.value


def halt(
    reason: ReasonOption,
    operator: OperatorOption = "",
    timeout: Annotated[float, typer.Option(help="Seconds to wait until the firm is flat.")] = 60.0,
    run_dir: RunDirOption = None,
    json: JsonOption = False,
) -> None:
    """Halt the firm: no new order, everything cancelled and flattened; exit status 0 only once the broker says flat."""
    if not reason.strip():
        raise Invalid("--reason is empty: say why, it is recorded")
    settings = saved(run_dir)
    with Client(settings) as client:
        result = command(settings, client, SystemCommand(command=Command.HALT, reason=reason, operator=operator))
        show = _ignore if json else _print_stage
        if not json:
            console.print(result.detail, highlight=False, markup=False, soft_wrap=True)
        watch = follow(lambda: _reports(client), timeout, show)
    why = "" if watch.is_flat else explain(watch, timeout)
    if json:
        print_json({"detail": result.detail, "flat": watch.is_flat, "why_not": why, "stages": _plain(watch.stages)})
    elif why:
        console.print(why, style="red", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(0 if watch.is_flat else 1)


def command(settings: Settings, client: Client, order: SystemCommand) -> CommandResult:
    """Hand risk an operator's command and return its answer.

    Raises
    ------
    Fatal
        Risk does not run.
    Invalid
        Risk refuses; the message is its own.
    """
    absence = (
        f"risk does not run in {settings.run_dir}: without it no order leaves, but nothing is cancelled or "
        f"flattened either; start it with `boardroom up`, or give --run-dir"
    )
    return give(settings, client, "risk", order, absence)


def follow(look: Callable[[], Mapping[str, Report]], timeout_s: float, show: Callable[[Stage], None]) -> Watch:
    """Look at execution and market until execution says flat or the time is over; ``show`` is called at every change.

    ``look`` returns what each of them reports of itself; who gives no answer is absent.
    """
    begin = time.monotonic()
    watch = Watch([], {}, 0)
    while True:
        found = look()
        after_s = round(time.monotonic() - begin, 2)
        watch = watch.after(found, after_s)
        if watch.stages[-1].after_s == after_s:
            show(watch.stages[-1])
        if watch.is_flat or after_s > timeout_s:
            return watch
        time.sleep(_LOOK_S)


def explain(watch: Watch, waited_s: float) -> str:
    """Say in one line why the firm is not known to be flat, and what to do."""
    last = watch.stages[-1]
    words = [f"not flat after {waited_s:g} s", f"{last.stage}: {last.detail}"]
    if watch.market.get("done"):
        words.append("the market has shown its last bar, so nothing can fill any more")
    elif not watch.market:
        words.append("market gives no answer: is it running? without bars nothing can fill")
    elif not watch.bars:
        words.append("no bar came meanwhile, and without bars nothing can fill")
    return "; ".join(words) + "; the firm stays halted: see `boardroom status`, or close by hand at the broker"


def _reports(client: Client) -> dict[str, Report]:
    return {name: dict(status.report) for name, status in client.statuses(["execution", "market"], _PING_S).items()}


def _published(market: Report) -> int:
    return int(market.get("published", 0))


def _stage(report: Report | None, after_s: float) -> Stage:
    if report is None:
        return Stage("unknown", "execution gives no answer", after_s)
    return Stage(str(report.get("halt", HaltStage.NONE.value)), str(report.get("halt_detail", "")), after_s)


def _print_stage(stage: Stage) -> None:
    text = f"{stage.after_s:7.2f} s  {stage.stage:<10}  {stage.detail}"
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _ignore(_: Stage) -> None:
    pass


def _plain(stages: list[Stage]) -> list[dict[str, object]]:
    return [stage._asdict() for stage in stages]
