"""`boardroom ablate`: what each part of the firm is worth."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import joblib
import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bus.config import Settings
from bus.errors import Fatal, Invalid
from cli.options import ConfigOption, console, errors, load
from research.ablation.report import Grid, about, effects, markdown, members, notes, placed, sentences
from research.ablation.run import ablate as run_all
from research.ablation.study import Study
from research.ablation.variant import chosen, variants

_WIDTH: Final = 100
_DEFAULT_JOBS: Final = -1


def ablate(
    config: ConfigOption = None,
    csv: Annotated[list[str] | None, typer.Option(metavar="SYMBOL=FILE", help="A symbol's bars; repeatable.")] = None,
    symbol: Annotated[list[str] | None, typer.Option(help="Only this symbol of the source; repeatable.")] = None,
    first: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day.")] = None,
    bars: Annotated[int | None, typer.Option(help="Bars of each symbol at most.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Components to switch off, such as 'qbmia*'; repeatable."),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Runs at once; -1 is one for each core.")] = _DEFAULT_JOBS,
    dask: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Scheduler of a Dask cluster to run on.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the intervals; the runs draw nothing.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Write all figures to this file.")] = None,
    markdown_file: Annotated[
        Path | None, typer.Option("--markdown", help="Write the tables to this file as Markdown.")
    ] = None,
    place: Annotated[
        str | None, typer.Option(help="Write into the --markdown file after <!-- ablation: PLACE --> only.")
    ] = None,
) -> None:
    """Run the configured market once with the whole firm and once without each part, and print what each is worth."""
    if jobs == 0 or jobs < _DEFAULT_JOBS:
        raise Invalid(f"--jobs {jobs}: give a number of runs at once, or -1 for one on each core")
    if place is not None and markdown_file is None:
        raise Invalid("--place names a place in a page: give the page with --markdown")
    page = _page(markdown_file, place)
    settings = _over_market(load(config, None), csv or [], symbol or [], first, bars)
    components = chosen(variants(settings), only or [])
    started = time.monotonic()
    with _cluster(dask), _bar() as progress:
        task = progress.add_task("running the firm without each part", total=None)
        found = run_all(
            settings,
            components,
            seed=seed,
            jobs=None if dask and jobs == _DEFAULT_JOBS else jobs,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    seconds = time.monotonic() - started
    if json is not None:
        json.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
    if markdown_file is not None:
        text = markdown(found)
        markdown_file.write_text(text if place is None else placed(page, place, text), encoding="utf-8")
    show(found)
    console.print(f"{len(components) + 1} runs in {seconds:.1f} s", highlight=False)


def show(study: Study) -> None:
    """Print a study."""
    console.print(about(study), highlight=False, markup=False, width=_WIDTH)
    for grid in (members(study), effects(study)):
        console.print(_table(grid), width=_WIDTH)
    for line in sentences(study):
        console.print(f"- {line}", highlight=False, markup=False, width=_WIDTH)
    for note in notes(study):
        console.print(f"\n{note}", highlight=False, markup=False, width=_WIDTH)


def _table(grid: Grid) -> Table:
    table = Table()
    for number, column in enumerate(grid.columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=bool(number))
    for row in grid.rows:
        is_total = grid.has_total and row is grid.rows[-1]
        table.add_row(*(escape(cell) for cell in row), style="bold" if is_total else None)
    return table


def _over_market(
    settings: Settings, csv: list[str], symbols: list[str], first: datetime | None, bars: int | None
) -> Settings:
    """Return the firm over the market that the options name; what they leave open stays as configured."""
    asked: dict[str, Any] = {
        "symbols": symbols or None,
        "first": first.date() if first else None,
        "bars": bars,
    }
    market = {key: value for key, value in asked.items() if value is not None}
    if not csv:
        return settings.overridden({"market": market})
    paths = dict(_file(option, settings.folder) for option in csv)
    return settings.elsewhere(settings.run_dir, {"market": {"source": "csv", "paths": paths, **market}})


def _file(option: str, folder: Path) -> tuple[str, str]:
    """Return the symbol and its file as the configuration in ``folder`` would name it."""
    name, separator, path = option.partition("=")
    if not (separator and name and path):
        raise Invalid(f"--csv {option}: give SYMBOL=FILE, such as SPY=data/SPY.csv")
    return name, os.path.relpath(Path(path).resolve(), folder.resolve())


def _page(path: Path | None, place: str | None) -> str:
    """Return the page to write into; what does not fit is said before anything runs."""
    if path is None or place is None:
        return ""
    page = path.read_text(encoding="utf-8")
    placed(page, place, "")
    return page


@contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    """Let joblib use a Dask cluster while the context lasts, where one is named."""
    if address is None:
        yield
        return
    try:
        from dask.distributed import Client
    except ImportError:
        raise Fatal("--dask needs the package distributed: pip install 'dask[distributed]'") from None
    with Client(address), joblib.parallel_config(backend="dask", wait_for_workers_timeout=30):
        yield


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=errors)
