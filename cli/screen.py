"""The firm on a screen: a header, a line an agent, and in words what is wrong; as much as the width has room for."""

from collections.abc import Callable
from typing import Final, NamedTuple

from rich import box
from rich.console import Console, ConsoleOptions, Group, JustifyMethod, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from ops.monitoring.monitor import REDIS, Health
from ops.monitoring.report import number, span
from ops.monitoring.trouble import WORDS
from ops.monitoring.view import AgentView, FirmView

_ABSENT: Final = "-"
_COLOURS: Final = {
    Health.HEALTHY: "green",
    Health.STARTING: "cyan",
    Health.STOPPED: "dim",
    Health.RECOVERING: "yellow",
    Health.HUNG: "bold red",
    Health.DOWN: "bold red",
    Health.LOST: "bold red",
}


class _Column(NamedTuple):
    """A column: its head, the width of the screen from which it is shown, and what it shows of an agent."""

    head: str
    width: int
    show: Callable[[AgentView], str | Text]
    is_right: bool = True


class FirmScreen:
    """A view of a firm, laid out for whatever width it is drawn in."""

    def __init__(self, view: FirmView) -> None:
        self.view = view

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay it out."""
        parts: list[RenderableType] = [*_header(self.view), _table(self.view, options.max_width)]
        yield Group(*parts, *_troubles(self.view))


def _header(view: FirmView) -> list[Text]:
    score = Text.assemble("score ", (f"{view.score:.0%}", _grade(view)), f"   {_watcher(view)}")
    mode = view.mode
    lines = [
        Text(f"firm in {view.run_dir}", overflow="fold"),
        score,
        Text(f"bus {mode.bus} {mode.transport}   redis {mode.redis}   data {mode.data}   broker {mode.broker}"),
    ]
    if view.is_emergency:
        lines.append(Text(f"EMERGENCY: {view.failed_share:.0%} has failed: {', '.join(view.failed)}", style="bold red"))
    progress = _progress(view)
    return [*lines, Text(progress)] if progress else lines


def _grade(view: FirmView) -> str:
    return "bold red" if view.is_emergency else "green" if view.score == 1.0 else "yellow"


def _watcher(view: FirmView) -> str:
    if view.watcher == "nobody":
        return "watched by nobody: what ends stays down"
    return f"watched by its {view.watcher} (pid {view.watcher_pid})"


def _progress(view: FirmView) -> str:
    """Say how far the market is and how the book stands, as market and execution tell it."""
    told = {agent.name: agent.report for agent in view.agents}
    market, book = told.get("market", {}), told.get("execution", {})
    parts = []
    if "published" in market:
        parts.append(f"bar {market['published']} of {market.get('total', _ABSENT)}")
    if "equity" in book:
        parts.append(f"equity {book['equity']}")
    if "halt" in book:
        detail = f": {book['halt_detail']}" if book.get("halt_detail") else ""
        parts.append(f"halt {book['halt']}{detail}")
    return "   ".join(parts)


def _table(view: FirmView, width: int) -> Table:
    columns = [column for column in _COLUMNS if column.width <= width]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, expand=_TELLS in columns)
    for column in columns:
        justify: JustifyMethod = "right" if column.is_right else "left"
        table.add_column(column.head, justify=justify, no_wrap=True, ratio=1 if column is _TELLS else None)
    for agent in view.agents:
        table.add_row(*(column.show(agent) for column in columns))
    return table


def _state(agent: AgentView) -> str:
    if agent.state or agent.name == REDIS:
        return agent.state or _ABSENT
    return "not running" if agent.pid is None else "no answer"


def _told(agent: AgentView) -> str:
    return ", ".join(f"{key} {value}" for key, value in agent.report.items())


_TELLS: Final = _Column("tells", 160, lambda agent: Text(_told(agent), overflow="ellipsis"), is_right=False)
"""What an agent tells of its work: the one column that takes the room left over, and is cut where it is too little."""
_COLUMNS: Final = (
    _Column("agent", 0, lambda agent: Text(agent.name), is_right=False),
    _Column("health", 0, lambda agent: Text(agent.health.value, style=_COLOURS[agent.health]), is_right=False),
    _Column("state", 100, _state, is_right=False),
    _Column("age", 0, lambda agent: span(agent.age_s)),
    _Column("inputs", 100, lambda agent: f"{agent.inputs:,}"),
    _Column("inputs/s", 0, lambda agent: number(agent.inputs_per_s, ",.1f")),
    _Column("waiting", 0, lambda agent: str(agent.inbox)),
    _Column("gaps", 0, lambda agent: str(agent.gaps)),
    _Column("drops", 0, lambda agent: str(agent.drops)),
    _Column("restarts", 0, lambda agent: str(agent.restarts)),
    _Column("starts", 120, lambda agent: str(agent.incarnation or _ABSENT)),
    _Column("pid", 120, lambda agent: str(agent.pid or _ABSENT)),
    _Column("MB", 120, lambda agent: number(agent.memory_mb or None, ".0f")),
    _Column("cpu %", 150, lambda agent: number(agent.cpu_percent if agent.memory_mb else None, ".0f")),
    _Column("files", 150, lambda agent: str(agent.fds or _ABSENT)),
    _TELLS,
)
_QUIET: Final = frozenset({"gaps"})
"""Counters with a column of their own."""


def _troubles(view: FirmView) -> list[Text]:
    """Say in words what is wrong, once where it is the same with several."""
    said: dict[str, list[AgentView]] = {}
    for agent in view.agents:
        why = [agent.why] if agent.why else []
        counts = [f"{count:,} {WORDS[key]}" for key, count in agent.trouble.items() if key not in _QUIET]
        if why or counts:
            said.setdefault("; ".join([*why, *counts]), []).append(agent)
    lines = [Text.assemble(*_names(agents), f": {words}") for words, agents in said.items()]
    return [Text(""), *lines] if lines else []


def _names(agents: list[AgentView]) -> list[Text]:
    named = [Text(agent.name, style=_COLOURS[agent.health]) for agent in agents]
    return [Text(", ").join(named)]
