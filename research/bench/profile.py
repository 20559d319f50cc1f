"""`python -m research.bench --profile`: a simulated round's time by agent, kind of message, module and function."""

import cProfile
import pstats
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console
from rich.table import Table

from bus.config import Settings
from bus.main import default_config
from research.bench.firm import minute_market
from research.bench.stopwatch import Spent, Watched, staged, watch

_LEAST_SHARE: Final = 0.005
_SHOWN: Final = 25
_SHOWN_INSIDE: Final = 50
_ROOT: Final = Path(__file__).parents[2]
_BUILT_IN: Final = "~"
_AGENTS: Final = ("qbmia/", "quasar/", "quantum_amos/", "pads/", "market/", "execution/", "risk/", "compliance/")


class Function(NamedTuple):
    """A function under the profiler, which makes small functions look larger; times are a round's share.

    ``own_us`` is without what it calls, except for compiled kernels and other code that is not Python's; ``whole_us``
    is with everything.
    """

    module: str
    name: str
    calls_a_round: float
    own_us: float
    whole_us: float


def show_profile() -> None:
    """Run the firm twice, under a stopwatch and under the profiler, and print where a round's time goes."""
    name, market = minute_market()
    with tempfile.TemporaryDirectory(prefix="bd-bench-") as folder:
        settings = Settings.load(default_config(), Path(folder)).elsewhere(Path(folder), {"market": market})
        watched = watch(settings)
        functions = profiled(settings)
    console = Console(width=100)
    console.print(f"{name}: {watched.rounds_per_s:,.0f} rounds a second under the stopwatch", highlight=False)
    for table in (
        _by_agent(watched),
        _by_kind(watched.spent),
        _by_module(functions),
        _by_function(functions[:_SHOWN], "by function, under the profiler"),
        _by_function(_inside_agents(functions), "inside agents, with what is called, under the profiler"),
    ):
        console.print(table)


def profiled(settings: Settings) -> list[Function]:
    """Return the functions of a run under the profiler, those with the most time of their own first."""
    profiler, found = cProfile.Profile(), []
    with staged(settings) as stage:
        rounds = profiler.runcall(stage.run)
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, object]] = vars(pstats.Stats(profiler))["stats"]
    for (file, line, function), (_, calls, own_s, whole_s, _) in stats.items():
        module = "built in" if file == _BUILT_IN else _relative(file)
        name = function if file == _BUILT_IN else f"{module}:{line} {function}"
        found.append(Function(module, name, calls / rounds, own_s / rounds * 1e6, whole_s / rounds * 1e6))
    return sorted(found, key=lambda each: -each.own_us)


def _relative(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else "/".join(path.parts[-2:])


def _by_agent(watched: Watched) -> Table:
    table = Table("agent", "us a round", "share", title="a round by agent", title_justify="left")
    agents = _sums((each.agent, each.round_us) for each in watched.spent)
    total = sum(agents.values())
    for name, spent_us in agents.items():
        table.add_row(name, f"{spent_us:.1f}", f"{spent_us / total:.1%}")
    table.add_row("all", f"{total:.1f}", "", style="bold")
    return table


def _by_kind(spent: list[Spent]) -> Table:
    table = Table("agent", "kind", "calls a round", "us a call, median", "us a round", title="by message",
                  title_justify="left")  # fmt: skip
    total = sum(each.round_us for each in spent)
    for each in spent:
        if each.round_us >= _LEAST_SHARE * total:
            table.add_row(each.agent, each.kind, f"{each.calls_a_round:.2f}", f"{each.call_us:.1f}",
                          f"{each.round_us:.1f}")  # fmt: skip
    return table


def _by_module(functions: list[Function]) -> Table:
    modules = _sums((each.module, each.own_us) for each in functions)
    table = Table("module", "own us a round", title="by module, under the profiler", title_justify="left")
    for name, own_us in list(modules.items())[:_SHOWN]:
        table.add_row(name, f"{own_us:.1f}")
    return table


def _by_function(functions: list[Function], title: str) -> Table:
    table = Table("function", "calls a round", "own us", "with calls, us", title=title, title_justify="left")
    for each in functions:
        table.add_row(each.name, f"{each.calls_a_round:.1f}", f"{each.own_us:.1f}", f"{each.whole_us:.1f}")
    return table


def _inside_agents(functions: list[Function]) -> list[Function]:
    """Return functions of agents and markets, those that take longest with what they call first."""
    inside = [each for each in functions if each.module.startswith(_AGENTS)]
    return sorted(inside, key=lambda each: -each.whole_us)[:_SHOWN_INSIDE]


def _sums(parts: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Return the sum of each name, the largest first."""
    sums: dict[str, float] = {}
    for name, value in parts:
        sums[name] = sums.get(name, 0.0) + value
    return dict(sorted(sums.items(), key=lambda item: -item[1]))
